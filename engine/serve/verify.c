/* Who may send: bearer tokens and MACs over raw bytes, compared in constant time. */
#include "engine/serve/verify.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

#define SECRETS_MAX 8
#define MAC_MAX 64

enum verify_kind { VERIFY_NONE, VERIFY_BEARER, VERIFY_HMAC };

struct verify {
	enum verify_kind kind;
	char *secrets[SECRETS_MAX];
	size_t n_secrets;
	char *algorithm, *header, *prefix; /* of a MAC; the header's name in lower case */
	bool base64;
};

void verify_free(struct verify *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n_secrets; i++) {
		explicit_bzero(v->secrets[i], strlen(v->secrets[i]));
		free(v->secrets[i]);
	}
	free(v->algorithm);
	free(v->header);
	free(v->prefix);
	free(v);
}

const char *verify_word(const struct verify *v)
{
	static const char *const words[] = {"none", "bearer", "hmac"};
	return words[v->kind];
}

const char *verify_header(const struct verify *v)
{
	return v->header;
}

/* ---- from the configuration ---- */

static int add_secret(struct verify *v, const json_t *secret, struct errmsg *msg)
{
	const char *text = json_string_value(secret);
	if (!text || !*text)
		return err_set(msg, ERR_INVALID, "the secret is %s", text ? "empty" : "missing");
	if (strlen(text) != json_string_length(secret))
		return err_set(msg, ERR_INVALID, "the secret has a NUL byte in it");
	if (v->n_secrets == SECRETS_MAX)
		return err_set(msg, ERR_INVALID, "at most %d secrets at a time", SECRETS_MAX);
	v->secrets[v->n_secrets++] = mem_strdup(text);
	return 0;
}

/* One, or a list of them; none at all would let everybody in, and is refused. */
static int add_secrets(struct verify *v, const json_t *secret, struct errmsg *msg)
{
	size_t i;
	json_t *one;
	if (!json_is_array(secret))
		return add_secret(v, secret, msg);
	json_array_foreach (secret, i, one) {
		int err = add_secret(v, one, msg);
		if (err)
			return err;
	}
	return v->n_secrets ? 0 : err_set(msg, ERR_INVALID, "the list of secrets is empty");
}

static int read_bearer(struct verify *v, const json_t *secret, struct errmsg *msg)
{
	v->kind = VERIFY_BEARER;
	int err = add_secrets(v, secret, msg);
	for (size_t i = 0; !err && i < v->n_secrets; i++)
		if (v->secrets[i][strcspn(v->secrets[i], " \t\r\n")])
			err = err_set(msg, ERR_INVALID, "the bearer token has blanks in it");
	return err;
}

static int check_header(const char *name, struct errmsg *msg)
{
	if (!name || !*name)
		return err_set(msg, ERR_INVALID,
			       "hmac needs header: the name of the header that has it");
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return err_set(msg, ERR_INVALID, "hmac: header is no name of a header");
	return 0;
}

static int read_hmac(struct verify *v, const json_t *conf, struct errmsg *msg)
{
	const char *algorithm = json_str(conf, "algorithm"), *header = json_str(conf, "header");
	const char *encoding = json_str(conf, "encoding"), *prefix = json_str(conf, "prefix");
	unsigned char mac[MAC_MAX];
	v->kind = VERIFY_HMAC;
	v->algorithm = mem_strdup(algorithm ? algorithm : "sha256");
	if (!hmac(v->algorithm, "k", 1, "", 0, mac))
		return err_set(msg, ERR_INVALID, "hmac: algorithm must be sha256, sha512 or sha1");
	if (encoding && strcmp(encoding, "hex") != 0 && strcmp(encoding, "base64") != 0)
		return err_set(msg, ERR_INVALID, "hmac: encoding must be hex or base64");
	v->base64 = encoding && strcmp(encoding, "base64") == 0;
	int err = check_header(header, msg);
	if (err)
		return err;
	v->header = mem_strdup(header);
	for (char *p = v->header; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	v->prefix = mem_strdup(prefix ? prefix : "");
	return add_secrets(v, json_object_get(conf, "secret"), msg);
}

static int read_config(struct verify *v, const json_t *conf, struct errmsg *msg)
{
	static const char *const words = "none, {bearer: …} or {hmac: {…}}";
	if (json_is_string(conf) && strcmp(json_string_value(conf), "none") == 0)
		return 0;
	if (!json_is_object(conf) || json_object_size(conf) != 1)
		return err_set(msg, ERR_INVALID, "verify must be one of %s", words);
	json_t *bearer = json_object_get(conf, "bearer"), *mac = json_object_get(conf, "hmac");
	if (bearer)
		return read_bearer(v, bearer, msg);
	if (mac)
		return read_hmac(v, mac, msg);
	return err_set(msg, ERR_INVALID, "verify must be one of %s in this version", words);
}

struct verify *verify_new(const json_t *config, struct errmsg *msg)
{
	struct verify *v = mem_alloc(sizeof(*v));
	if (read_config(v, config, msg) == 0)
		return v;
	verify_free(v);
	return NULL;
}

/* ---- of a request ---- */

/* The header's one value. A header that came twice may have been added on the way: refused. */
static const char *only_header(const struct server_req *r, const char *name, struct errmsg *msg)
{
	size_t count;
	const char *value = server_req_header(r, name, &count);
	if (!value)
		(void)err_set(msg, ERR_AUTH, "the header %s is missing", name);
	else if (count > 1)
		(void)err_set(msg, ERR_AUTH, "the header %s came %zu times", name, count);
	return value && count == 1 ? value : NULL;
}

static bool token_fits(const char *header, const char *token)
{
	if (strncasecmp(header, "Bearer ", 7) != 0)
		return false;
	const char *given = header + 7 + strspn(header + 7, " ");
	return ct_equal(given, strlen(given), token, strlen(token));
}

bool verify_bearer(const struct server_req *r, const char *token)
{
	const char *header = only_header(r, "authorization", NULL);
	return header && token && *token && token_fits(header, token);
}

/* All secrets are tried, so that the time does not tell which one fits. */
static int verify_token(const struct verify *v, const struct server_req *r, struct errmsg *msg)
{
	const char *header = only_header(r, "authorization", msg);
	bool fits = false;
	if (!header)
		return ERR_AUTH;
	for (size_t i = 0; i < v->n_secrets; i++)
		fits |= token_fits(header, v->secrets[i]);
	return fits ? 0 : err_set(msg, ERR_AUTH, "the bearer token does not fit");
}

/* The MAC that the header has, as bytes; its length, or 0 when it is none. */
static size_t read_mac(const struct verify *v, const char *text, unsigned char out[MAC_MAX])
{
	size_t len;
	if (!v->base64) {
		int n = hex_decode(text, strlen(text), out, MAC_MAX);
		return n > 0 ? (size_t)n : 0;
	}
	auto_free unsigned char *bytes = base64_decode(text, strlen(text), &len);
	if (!bytes || len > MAC_MAX)
		return 0;
	memcpy(out, bytes, len);
	return len;
}

static int verify_mac(const struct verify *v, const struct server_req *r, struct errmsg *msg)
{
	unsigned char given[MAC_MAX], own[MAC_MAX];
	const char *header = only_header(r, v->header, msg);
	size_t prefix = strlen(v->prefix);
	bool fits = false;
	if (!header)
		return ERR_AUTH;
	if (strncmp(header, v->prefix, prefix) != 0)
		return err_set(msg, ERR_AUTH, "the header %s does not begin with %s", v->header,
			       v->prefix);
	size_t len = read_mac(v, header + prefix, given);
	for (size_t i = 0; i < v->n_secrets; i++) {
		size_t own_len = hmac(v->algorithm, v->secrets[i], strlen(v->secrets[i]), r->body,
				      r->body_len, own);
		fits |= len && ct_equal(given, len, own, own_len);
	}
	return fits ? 0 : err_set(msg, ERR_AUTH, "the signature in %s does not fit", v->header);
}

int verify_request(const struct verify *v, const struct server_req *r, struct errmsg *msg)
{
	switch (v->kind) {
	case VERIFY_NONE:
		return 0;
	case VERIFY_BEARER:
		return verify_token(v, r, msg);
	case VERIFY_HMAC:
	default:
		return verify_mac(v, r, msg);
	}
}
