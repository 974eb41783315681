/* A scheme inside: scheme.c reads it, judge.c applies it. Private to those two. */
#pragma once

#include "engine/serve/jws.h"
#include "engine/serve/scheme.h"

#define SECRETS_MAX 8
#define MAC_MAX 64

enum type { T_HMAC, T_HASH, T_ED25519, T_TOKEN, T_BASIC, T_JWS, TYPES };
enum stamp { STAMP_NONE, STAMP_UNIX, STAMP_UNIX_MS, STAMP_RFC3339 };

struct secret {
	char *text;           /* as given */
	unsigned char *bytes; /* as the key */
	size_t len;
};

struct scheme {
	enum type type;
	char *algorithm, *signed_text;
	char *header, *prefix, *list, *kv, *part; /* of the signature; the header in lower case */
	bool base64;
	char *id_header;
	char *stamp_header, *stamp_part;
	enum stamp stamp;
	int64_t tolerance_ms;
	json_t *url_decode;
	bool strip_port, add_port, escape_apostrophe;
	char *digest_query, *digest_algorithm;
	bool digest_base64;
	char *query, *user; /* token; basic */
	struct jwks *jwks;
	struct secret secrets[SECRETS_MAX];
	size_t n_secrets;
};
