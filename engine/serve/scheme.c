/* Signature schemes, from their configuration. */
#include "engine/serve/scheme_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

#define TOLERANCE_S 300

void scheme_free(struct scheme *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_secrets; i++) {
		explicit_bzero(s->secrets[i].text, strlen(s->secrets[i].text));
		explicit_bzero(s->secrets[i].bytes, s->secrets[i].len);
		free(s->secrets[i].text);
		free(s->secrets[i].bytes);
	}
	char *const texts[] = {s->algorithm,  s->signed_text,  s->header,
			       s->prefix,     s->list,         s->kv,
			       s->part,       s->id_header,    s->stamp_header,
			       s->stamp_part, s->digest_query, s->digest_algorithm,
			       s->query,      s->user};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free(texts[i]);
	json_decref(s->url_decode);
	jwks_free(s->jwks);
	free(s);
}

bool scheme_wants_url(const struct scheme *s)
{
	return s->signed_text && strstr(s->signed_text, "{url}");
}

const char *scheme_header(const struct scheme *s)
{
	return s->header;
}

const char *scheme_query(const struct scheme *s)
{
	return s->query;
}

const char *scheme_secret(const struct scheme *s)
{
	return s->n_secrets ? s->secrets[0].text : NULL;
}

/* ---- from the configuration ---- */

static int bad(struct errmsg *msg, const char *what)
{
	return err_set(msg, ERR_INVALID, "%s", what);
}

static char *lower(const char *text)
{
	char *out = text ? mem_strdup(text) : NULL;
	for (char *p = out; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

static char *copy(const json_t *v, const char *key)
{
	const char *text = json_str(v, key);
	return text ? mem_strdup(text) : NULL;
}

static bool is_header_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return false;
	return *name;
}

/* A member that names a header: lower case in *ret, which stays NULL without it. */
static int read_header(const json_t *v, char **ret, struct errmsg *msg)
{
	const char *name = json_str(v, "header");
	if (name && !is_header_name(name))
		return err_set(msg, ERR_INVALID, "header: '%s' is no name of a header", name);
	*ret = lower(name);
	return 0;
}

static int read_encoding(const json_t *v, bool *ret_base64, struct errmsg *msg)
{
	const char *text = json_str(v, "encoding");
	*ret_base64 = text && strcmp(text, "base64") == 0;
	return !text || *ret_base64 || strcmp(text, "hex") == 0
		       ? 0
		       : bad(msg, "encoding must be hex or base64");
}

static int read_type(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	static const char *const words[TYPES] = {"hmac",  "hash",  "ed25519",
						 "token", "basic", "jws"};
	const char *type = json_str(conf, "type"), *algorithm = json_str(conf, "algorithm");
	unsigned char out[MAC_MAX];
	size_t i = 0;
	while (i < TYPES && (!type || strcmp(words[i], type) != 0))
		i++;
	if (i == TYPES)
		return bad(msg, "type must be hmac, hash, ed25519, token, basic or jws");
	s->type = (enum type)i;
	s->algorithm = mem_strdup(algorithm ? algorithm : "sha256");
	return digest(s->algorithm, "", 0, out)
		       ? 0
		       : bad(msg, "algorithm must be sha256, sha512 or sha1");
}

/* The tokens of `signed` are known ones. */
static int check_signed(const char *text, struct errmsg *msg)
{
	static const char *const tokens[] = {"{body}", "{timestamp}",   "{id}",     "{method}",
					     "{url}",  "{form_sorted}", "{secret}", NULL};
	bool any = false;
	for (const char *p = text; (p = strchr(p, '{'));) {
		size_t i = 0;
		while (tokens[i] && strncmp(p, tokens[i], strlen(tokens[i])) != 0)
			i++;
		if (!tokens[i])
			return err_set(
				msg, ERR_INVALID,
				"signed: %.20s is none of {body} {timestamp} {id} {method} {url} "
				"{form_sorted} {secret}",
				p);
		any |= i == 0 || i == 5;
		p += strlen(tokens[i]);
	}
	return any ? 0
		   : bad(msg,
			 "signed: without {body} or {form_sorted} anybody could change the body");
}

static int read_signature(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	const json_t *v = json_object_get(conf, "signature");
	const char *text = json_str(conf, "signed");
	int err = read_header(v, &s->header, msg);
	if (err)
		return err;
	if (!s->header)
		return bad(msg, "signature needs header: the name of the header that has it");
	s->prefix = copy(v, "prefix");
	s->list = copy(v, "list");
	s->kv = copy(v, "kv");
	s->part = copy(v, "part");
	if ((s->list && strlen(s->list) != 1) || (s->kv && strlen(s->kv) != 1))
		return bad(msg, "signature: list and kv are one character each");
	if (!s->kv != !s->part)
		return bad(msg, "signature: kv and part come together");
	s->signed_text = mem_strdup(text ? text : "{body}");
	err = s->type == T_JWS ? 0 : check_signed(s->signed_text, msg);
	return err ? err : read_encoding(v, &s->base64, msg);
}

static int read_stamp(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	const json_t *v = json_object_get(conf, "timestamp");
	const char *format = json_str(v, "format");
	if (!v)
		return s->signed_text && strstr(s->signed_text, "{timestamp}")
			       ? bad(msg, "signed: {timestamp} needs timestamp:")
			       : 0;
	s->stamp = !format || strcmp(format, "unix") == 0 ? STAMP_UNIX
		   : strcmp(format, "unix_ms") == 0       ? STAMP_UNIX_MS
		   : strcmp(format, "rfc3339") == 0       ? STAMP_RFC3339
							  : STAMP_NONE;
	if (!s->stamp)
		return bad(msg, "timestamp: format must be unix, unix_ms or rfc3339");
	s->tolerance_ms = json_int(v, "tolerance", TOLERANCE_S) * 1000;
	if (s->tolerance_ms <= 0)
		return bad(msg, "timestamp: tolerance is a number of seconds");
	s->stamp_part = copy(v, "part");
	int err = read_header(v, &s->stamp_header, msg);
	if (!err && !s->stamp_part == !s->stamp_header)
		err = bad(msg, "timestamp takes one of header: and part:");
	return err;
}

static int read_url(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	json_t *v;
	size_t i;
	s->url_decode = json_incref(json_object_get(conf, "url_decode"));
	json_array_foreach (json_object_get(conf, "url_variants"), i, v) {
		const char *word = json_string_value(v);
		bool *flag = !word                                    ? NULL
			     : strcmp(word, "strip-port") == 0        ? &s->strip_port
			     : strcmp(word, "add-port") == 0          ? &s->add_port
			     : strcmp(word, "escape-apostrophe") == 0 ? &s->escape_apostrophe
								      : NULL;
		if (flag)
			*flag = true;
		else if (!word || strcmp(word, "as-is") != 0)
			return bad(
				msg,
				"url_variants are as-is, strip-port, add-port and escape-apostrophe");
	}
	json_array_foreach (s->url_decode, i, v)
		if (!json_is_string(v) || json_string_length(v) != 3 ||
		    *json_string_value(v) != '%')
			return bad(msg, "url_decode is a list of escapes such as %3A");
	return 0;
}

static int read_digest(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	const json_t *v = json_object_get(conf, "body_digest");
	const char *algorithm = json_str(v, "algorithm");
	unsigned char out[MAC_MAX];
	if (!v)
		return 0;
	s->digest_query = copy(v, "query");
	s->digest_algorithm = mem_strdup(algorithm ? algorithm : "sha256");
	if (!s->digest_query || !digest(s->digest_algorithm, "", 0, out))
		return bad(msg, "body_digest takes {query: NAME, algorithm: sha256}");
	return read_encoding(v, &s->digest_base64, msg);
}

/* ---- keys ---- */

static unsigned char *decode_key(const char *text, const char *how, size_t *ret_len)
{
	size_t len = strlen(text);
	if (how && strcmp(how, "base64") == 0)
		return base64_decode(text, len, ret_len);
	unsigned char *out = mem_alloc(len + 1);
	if (!how || strcmp(how, "raw") == 0) {
		memcpy(out, text, len);
		*ret_len = len;
		return out;
	}
	int n = strcmp(how, "hex") == 0 ? hex_decode(text, len, out, len) : -1;
	*ret_len = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return out;
	free(out);
	return NULL;
}

static int add_secret(struct scheme *s, const json_t *conf, const json_t *secret,
		      struct errmsg *msg)
{
	const json_t *key = json_object_get(conf, "key");
	const char *text = json_string_value(secret), *strip = json_str(key, "strip_prefix");
	if (!text || !*text)
		return err_set(msg, ERR_INVALID, "the secret is %s", text ? "empty" : "missing");
	if (strlen(text) != json_string_length(secret))
		return bad(msg, "the secret has a NUL byte in it");
	if (s->n_secrets == SECRETS_MAX)
		return err_set(msg, ERR_INVALID, "at most %d secrets at a time", SECRETS_MAX);
	struct secret *to = &s->secrets[s->n_secrets];
	size_t skip = strip && strncmp(text, strip, strlen(strip)) == 0 ? strlen(strip) : 0;
	to->bytes = decode_key(text + skip, json_str(key, "decode"), &to->len);
	if (!to->bytes || !to->len) {
		free(to->bytes);
		return bad(msg, "the secret is not in the form that key: says");
	}
	to->text = mem_strdup(text);
	s->n_secrets++;
	if (s->type == T_ED25519 && to->len != ED25519_KEY_LEN)
		return err_set(msg, ERR_INVALID, "a public key of ed25519 has %d bytes",
			       ED25519_KEY_LEN);
	if (s->type == T_TOKEN && !s->header && !s->query && text[strcspn(text, " \t\r\n")])
		return bad(msg, "the bearer token has blanks in it");
	return 0;
}

/* One, or a list of them; none at all would let everybody in, and is refused. */
static int read_secrets(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	const json_t *secret = json_object_get(conf, "secret");
	size_t i;
	json_t *one;
	if (!json_is_array(secret))
		return add_secret(s, conf, secret, msg);
	json_array_foreach ((json_t *)secret, i, one) {
		int err = add_secret(s, conf, one, msg);
		if (err)
			return err;
	}
	return s->n_secrets ? 0 : bad(msg, "the list of secrets is empty");
}

static int read_jwks(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	s->jwks = jwks_new(json_str(conf, "jwks"), msg);
	return s->jwks ? 0 : msg->code;
}

static int read_token(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	s->query = copy(conf, "query");
	s->user = copy(conf, "user");
	if (s->type == T_BASIC && !s->user)
		return bad(msg, "basic needs user: and secret:");
	int err = s->type == T_TOKEN ? read_header(conf, &s->header, msg) : 0;
	return err ? err : read_secrets(s, conf, msg);
}

static int read_signed(struct scheme *s, const json_t *conf, struct errmsg *msg)
{
	int err = read_signature(s, conf, msg);
	if (!err)
		err = read_stamp(s, conf, msg);
	if (!err)
		err = read_header(json_object_get(conf, "id"), &s->id_header, msg);
	if (!err && strstr(s->signed_text, "{id}") && !s->id_header)
		err = bad(msg, "signed: {id} needs id: {header: NAME}");
	if (!err)
		err = read_url(s, conf, msg);
	if (!err)
		err = read_digest(s, conf, msg);
	if (err)
		return err;
	return s->type == T_JWS ? read_jwks(s, conf, msg) : read_secrets(s, conf, msg);
}

struct scheme *scheme_new(const json_t *conf, struct errmsg *msg)
{
	struct scheme *s = mem_alloc(sizeof(*s));
	int err = read_type(s, conf, msg);
	if (!err)
		err = s->type == T_TOKEN || s->type == T_BASIC ? read_token(s, conf, msg)
							       : read_signed(s, conf, msg);
	if (!err)
		return s;
	scheme_free(s);
	return NULL;
}
