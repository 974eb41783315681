/* Digests and MACs through OpenSSL; hex and base64 by hand. */
#include "engine/base/hash.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "engine/base/arena.h"

void sha256(const void *data, size_t len, unsigned char out[SHA256_LEN])
{
	/* It fails only when memory is out or the library is broken. */
	if (!EVP_Digest(len ? data : "", len, out, NULL, EVP_sha256(), NULL)) {
		fputs("pawl: SHA-256 does not work\n", stderr);
		abort();
	}
}

const char *sha256_hex(const void *data, size_t len, char out[HASH_HEX_LEN])
{
	unsigned char sum[SHA256_LEN];
	sha256(data, len, sum);
	hex_encode(sum, sizeof(sum), out);
	return out;
}

struct sha256_stream {
	EVP_MD_CTX *ctx;
};

static void sha256_must(int ok)
{
	if (ok)
		return;
	fputs("pawl: SHA-256 does not work\n", stderr);
	abort();
}

struct sha256_stream *sha256_begin(void)
{
	struct sha256_stream *s = mem_alloc(sizeof(*s));
	s->ctx = EVP_MD_CTX_new();
	sha256_must(s->ctx && EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL));
	return s;
}

void sha256_add(struct sha256_stream *s, const void *data, size_t len)
{
	sha256_must(EVP_DigestUpdate(s->ctx, len ? data : "", len));
}

void sha256_end(struct sha256_stream *s, char out[HASH_HEX_LEN])
{
	unsigned char sum[SHA256_LEN];
	sha256_must(EVP_DigestFinal_ex(s->ctx, sum, NULL));
	if (out)
		hex_encode(sum, sizeof(sum), out);
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

static const EVP_MD *algorithm(const char *name)
{
	static const struct {
		const char *name;
		const EVP_MD *(*get)(void);
	} algs[] = {{"sha1", EVP_sha1}, {"sha256", EVP_sha256}, {"sha512", EVP_sha512}};
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strcmp(name, algs[i].name) == 0)
			return algs[i].get();
	return NULL;
}

size_t hmac(const char *alg, const void *key, size_t key_len, const void *data, size_t len,
	    unsigned char out[64])
{
	const EVP_MD *md = algorithm(alg);
	unsigned int out_len = 0;
	if (!md || key_len > INT_MAX)
		return 0;
	/* A NULL key would mean "the one before" to OpenSSL. */
	if (!HMAC(md, key_len ? key : "", (int)key_len, len ? data : (const void *)"", len, out,
		  &out_len)) {
		fputs("pawl: HMAC does not work\n", stderr);
		abort();
	}
	return out_len;
}

size_t digest(const char *alg, const void *data, size_t len, unsigned char out[64])
{
	const EVP_MD *md = algorithm(alg);
	unsigned int out_len = 0;
	if (!md)
		return 0;
	if (!EVP_Digest(len ? data : "", len, out, &out_len, md, NULL)) {
		fputs("pawl: the digest does not work\n", stderr);
		abort();
	}
	return out_len;
}

static bool verify(EVP_PKEY *key, const EVP_MD *md, const unsigned char *signature,
		   size_t signature_len, const void *data, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && key && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature, signature_len, len ? data : "", len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

bool ed25519_verify(const unsigned char key[ED25519_KEY_LEN],
		    const unsigned char signature[ED25519_SIGNATURE_LEN], const void *data,
		    size_t len)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY_LEN);
	return verify(k, NULL, signature, ED25519_SIGNATURE_LEN, data, len);
}

static EVP_PKEY *rsa_key(const unsigned char *n, size_t n_len, const unsigned char *e, size_t e_len)
{
	EVP_PKEY *key = NULL;
	BIGNUM *bn = BN_bin2bn(n, (int)n_len, NULL), *be = BN_bin2bn(e, (int)e_len, NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	if (bn && be && b && ctx && BN_num_bits(bn) >= 2048 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) &&
	    (params = OSSL_PARAM_BLD_to_param(b)) && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_free(bn);
	BN_free(be);
	return key;
}

bool rs256_verify(const unsigned char *n, size_t n_len, const unsigned char *e, size_t e_len,
		  const unsigned char *signature, size_t signature_len, const void *data,
		  size_t len)
{
	return verify(rsa_key(n, n_len, e, e_len), EVP_sha256(), signature, signature_len, data,
		      len);
}

bool ct_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || !CRYPTO_memcmp(a, b, a_len));
}

void hex_encode(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_decode(const char *text, size_t len, unsigned char *out, size_t max)
{
	if (len % 2 || len / 2 > max || len / 2 > INT_MAX)
		return -1;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_value(text[i]), low = hex_value(text[i + 1]);
		if (high < 0 || low < 0)
			return -1;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	return (int)(len / 2);
}

char *base64_encode(const void *data, size_t len, bool url)
{
	const char *digits =
		url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		    : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;
	char *text = mem_alloc(len / 3 * 4 + 5), *out = text;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)p[i] << 16;
		v |= n > 1 ? (unsigned)p[i + 1] << 8 : 0;
		v |= n > 2 ? (unsigned)p[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			if (k <= n)
				*out++ = digits[v >> (18 - 6 * k) & 63];
			else if (!url)
				*out++ = '=';
	}
	return text;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* The length without its padding, or -1 when padding or length cannot be. */
static ssize_t base64_strip(const char *text, size_t len)
{
	size_t n = len;
	while (n > 0 && len - n < 2 && text[n - 1] == '=')
		n--;
	if (n % 4 == 1 || (n != len && len % 4))
		return -1;
	return (ssize_t)n;
}

unsigned char *base64_decode(const char *text, size_t len, size_t *ret_len)
{
	ssize_t n = base64_strip(text, len);
	if (n < 0)
		return NULL;
	unsigned char *data = mem_alloc((size_t)n / 4 * 3 + 4);
	size_t used = 0;
	unsigned v = 0, bits = 0;
	for (ssize_t i = 0; i < n; i++) {
		int d = base64_value(text[i]);
		if (d < 0)
			goto none;
		v = v << 6 | (unsigned)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			data[used++] = (unsigned char)(v >> bits);
			v &= (1u << bits) - 1;
		}
	}
	/* Bits that no byte takes must be 0: one value, one text. */
	if (v)
		goto none;
	*ret_len = used;
	return data;
none:
	free(data);
	return NULL;
}
