/* Digests, MACs and their encodings, by OpenSSL's EVP. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define HASH_HEX_LEN 65

void sha256(const void *data, size_t len, unsigned char out[SHA256_LEN]);
/* SHA-256 in hex with its NUL. Returns out. */
const char *sha256_hex(const void *data, size_t len, char out[HASH_HEX_LEN]);
/* The same over data that comes piece by piece. end frees it; out may be NULL to give up. */
struct sha256_stream;
struct sha256_stream *sha256_begin(void);
void sha256_add(struct sha256_stream *s, const void *data, size_t len);
void sha256_end(struct sha256_stream *s, char out[HASH_HEX_LEN]);
/* alg: "sha1", "sha256", "sha512". Returns the MAC's length, or 0 when the name is unknown. */
size_t hmac(const char *alg, const void *key, size_t key_len, const void *data, size_t len,
	    unsigned char out[64]);
/* The plain digest, by the same names. Returns its length, or 0 when the name is unknown. */
size_t digest(const char *alg, const void *data, size_t len, unsigned char out[64]);

#define ED25519_KEY_LEN 32
#define ED25519_SIGNATURE_LEN 64
/* RFC 8032. False also for a key that is none. */
bool ed25519_verify(const unsigned char key[ED25519_KEY_LEN],
		    const unsigned char signature[ED25519_SIGNATURE_LEN], const void *data,
		    size_t len);
/*
 * RSASSA-PKCS1-v1_5 with SHA-256 (RS256 of RFC 7518); n and e: big-endian numbers of the public key, of 2048
 * bits or more. False also for a key that is none.
 */
bool rs256_verify(const unsigned char *n, size_t n_len, const unsigned char *e, size_t e_len,
		  const unsigned char *signature, size_t signature_len, const void *data,
		  size_t len);
/* Constant time for equal lengths; different lengths are different. */
bool ct_equal(const void *a, size_t a_len, const void *b, size_t b_len);
void hex_encode(const void *data, size_t len, char *out); /* 2*len + NUL, lower case */
/* Either case. Returns bytes written, or -1. */
int hex_decode(const char *text, size_t len, unsigned char *out, size_t max);
/* malloc'd text; url selects the URL alphabet without padding. */
char *base64_encode(const void *data, size_t len, bool url);
/* Either alphabet, padding optional. malloc'd, *ret_len set; NULL when it is none. */
unsigned char *base64_decode(const char *text, size_t len, size_t *ret_len);
