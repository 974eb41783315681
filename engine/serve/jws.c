/* Detached JSON Web Signatures. */
#include "engine/serve/jws.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

#define KEYS_MAX 16
#define TOKEN_MAX 8192

struct key {
	char *id;
	unsigned char *n, *e;
	size_t n_len, e_len;
};

struct jwks {
	struct key keys[KEYS_MAX];
	size_t count;
};

void jwks_free(struct jwks *k)
{
	for (size_t i = 0; k && i < k->count; i++) {
		free(k->keys[i].id);
		free(k->keys[i].n);
		free(k->keys[i].e);
	}
	free(k);
}

static unsigned char *number(const json_t *v, const char *name, size_t *ret_len)
{
	const char *text = json_str(v, name);
	return text ? base64_decode(text, strlen(text), ret_len) : NULL;
}

static void add(struct jwks *k, const json_t *v)
{
	const char *type = json_str(v, "kty"), *use = json_str(v, "use"), *id = json_str(v, "kid");
	struct key *to = &k->keys[k->count];
	if (k->count == KEYS_MAX || !type || strcmp(type, "RSA") != 0 ||
	    (use && strcmp(use, "sig") != 0))
		return;
	to->n = number(v, "n", &to->n_len);
	to->e = number(v, "e", &to->e_len);
	if (to->n && to->e) {
		to->id = id ? mem_strdup(id) : NULL;
		k->count++;
		return;
	}
	free(to->n);
	free(to->e);
	*to = (struct key){0};
}

struct jwks *jwks_new(const char *text, struct errmsg *msg)
{
	json_auto_t *set = NULL;
	json_t *v;
	size_t i;
	struct jwks *k = mem_alloc(sizeof(*k));
	if (!text || json_parse(text, strlen(text), true, &set, NULL) != 0)
		(void)err_set(msg, ERR_INVALID, "jwks: needs the text of a key set, as by !file");
	json_array_foreach (json_object_get(set, "keys"), i, v)
		add(k, v);
	if (k->count)
		return k;
	if (set)
		(void)err_set(msg, ERR_INVALID, "jwks: the key set has no RSA key for signatures");
	jwks_free(k);
	return NULL;
}

/* The header's members; NULL when it is none of ours. */
static json_t *read_header(const char *token, size_t len, struct errmsg *msg)
{
	size_t n;
	json_t *v = NULL, *one;
	size_t i;
	auto_free unsigned char *text = base64_decode(token, len, &n);
	if (!text || json_parse((const char *)text, n, true, &v, NULL) != 0) {
		(void)err_set(msg, ERR_AUTH, "the signature's header cannot be read");
		return NULL;
	}
	const char *alg = json_str(v, "alg");
	bool ok = alg && strcmp(alg, "RS256") == 0;
	json_array_foreach (json_object_get(v, "crit"), i, one)
		ok &= json_is_string(one) && strcmp(json_string_value(one), "b64") == 0;
	if (json_object_get(v, "b64"))
		ok &= json_is_array(json_object_get(v, "crit"));
	if (ok)
		return v;
	(void)err_set(msg, ERR_AUTH, "the signature is of a kind that is not taken here");
	json_decref(v);
	return NULL;
}

/* header "." payload: as it is, or in base64url when the header does not say b64: false. */
static void signing_input(struct buf *b, const char *token, size_t len, const json_t *header,
			  const void *body, size_t body_len)
{
	(void)buf_add(b, token, len);
	(void)buf_putc(b, '.');
	if (!json_bool(header, "b64", true)) {
		(void)buf_add(b, body, body_len);
		return;
	}
	auto_free char *text = base64_encode(body, body_len, true);
	(void)buf_puts(b, text);
}

static bool fits(const struct jwks *k, const json_t *header, const struct buf *text,
		 const unsigned char *signature, size_t len)
{
	const char *id = json_str(header, "kid");
	bool ok = false;
	for (size_t i = 0; i < k->count; i++) {
		const struct key *key = &k->keys[i];
		if (id && key->id && strcmp(id, key->id) != 0)
			continue;
		ok |= rs256_verify(key->n, key->n_len, key->e, key->e_len, signature, len,
				   text->data, text->len);
	}
	return ok;
}

int jws_verify(const struct jwks *k, const char *token, const void *body, size_t len,
	       const char *stamp, int64_t *ret_stamp, struct errmsg *msg)
{
	const char *dots = strstr(token, "..");
	size_t signature_len = 0, head = dots ? (size_t)(dots - token) : 0;
	if (!dots || strlen(token) > TOKEN_MAX || strchr(dots + 2, '.'))
		return err_set(msg, ERR_AUTH, "the signature is no detached JWS");
	json_auto_t *header = read_header(token, head, msg);
	if (!header)
		return ERR_AUTH;
	auto_free unsigned char *signature =
		base64_decode(dots + 2, strlen(dots + 2), &signature_len);
	struct buf text = BUF_INIT;
	signing_input(&text, token, head, header, body, len);
	bool ok = signature && fits(k, header, &text, signature, signature_len);
	buf_done(&text);
	if (!ok)
		return err_set(msg, ERR_AUTH, "the signature does not fit");
	if (stamp && !json_is_integer(json_object_get(header, stamp)))
		return err_set(msg, ERR_AUTH, "the signature has no time");
	if (stamp)
		*ret_stamp = json_int(header, stamp, 0);
	return 0;
}
