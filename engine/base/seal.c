/* AES-256-GCM through OpenSSL; keys from files and texts. */
#include "engine/base/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/hash.h"

/* version, key's mark, nonce, text, tag */
#define VERSION 1
#define MARK_LEN 8
#define NONCE_LEN 12
#define TAG_LEN 16
#define HEAD_LEN (1 + MARK_LEN + NONCE_LEN)
#define TEXT_MIN 32

/* ---- keys ---- */

int seal_key_text(const char *text, struct seal_key *ret, struct errmsg *msg)
{
	if (strlen(text) < TEXT_MIN)
		return err_set(
			msg, ERR_INVALID,
			"a key for sealing needs %d characters or more: openssl rand -hex 32",
			TEXT_MIN);
	auto_free char *long_text = mem_printf("pawl seal %s", text);
	sha256(long_text, strlen(long_text), ret->b);
	OPENSSL_cleanse(long_text, strlen(long_text));
	return 0;
}

void seal_key_done(struct seal_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

/* Tells keys apart without telling anything of them. */
static void mark_of(const struct seal_key *k, unsigned char out[MARK_LEN])
{
	unsigned char sum[64];
	(void)hmac("sha256", k->b, sizeof(k->b), "mark", 4, sum);
	memcpy(out, sum, MARK_LEN);
}

/* The folder's entry is durable too: what is sealed with a lost key is lost. */
static bool sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir =
		slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool well = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return well;
}

static bool write_key(int fd, const char *hex)
{
	size_t len = strlen(hex);
	return write(fd, hex, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
}

/* Written beside it and linked: the file is never there without its key. */
static int make_key(const char *path, struct rng *rng, struct errmsg *msg)
{
	struct seal_key k;
	char hex[2 * SEAL_KEY_LEN + 1];
	auto_free char *temporary = mem_printf("%s.XXXXXX", path);
	rng->fill(rng, k.b, sizeof(k.b));
	hex_encode(k.b, sizeof(k.b), hex);
	int fd = mkostemp(temporary, O_CLOEXEC); /* for its owner alone */
	bool well = fd >= 0 && write_key(fd, hex);
	if (fd >= 0)
		well &= close(fd) == 0;
	if (well && link(temporary, path) != 0 && errno != EEXIST)
		well = false;
	int err = well && sync_folder(path) ? 0
					    : err_set(msg, ERR_IO, "cannot write the key %s: %s",
						      path, strerror(errno));
	if (fd >= 0)
		(void)unlink(temporary);
	OPENSSL_cleanse(hex, sizeof(hex));
	seal_key_done(&k);
	return err;
}

static int read_key(int fd, const char *path, struct seal_key *ret, struct errmsg *msg)
{
	struct stat st;
	char hex[2 * SEAL_KEY_LEN + 2];
	if (fstat(fd, &st) != 0 || (st.st_mode & 077))
		return err_set(msg, ERR_INVALID,
			       "the key %s may be read by others: chmod 600 it, and log in anew if "
			       "somebody has",
			       path);
	ssize_t n = read(fd, hex, sizeof(hex));
	bool well = n >= 2 * SEAL_KEY_LEN && (n == 2 * SEAL_KEY_LEN || hex[n - 1] == '\n') &&
		    hex_decode(hex, 2 * SEAL_KEY_LEN, ret->b, sizeof(ret->b)) == SEAL_KEY_LEN;
	OPENSSL_cleanse(hex, sizeof(hex));
	return well ? 0
		    : err_set(msg, ERR_INVALID, "%s holds no key: 64 hex digits are wanted", path);
}

int seal_key_file(const char *path, struct rng *rng, struct seal_key *ret, struct errmsg *msg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && rng) {
		int err = make_key(path, rng, msg);
		if (err)
			return err;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set(msg, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			       "cannot read the key %s: %s", path, strerror(errno));
	int err = read_key(fd, path, ret, msg);
	(void)close(fd);
	return err;
}

/* ---- sealing ---- */

/* One pass over text with `what` authenticated. False: the tag does not fit. */
static bool cipher(const struct seal_key *k, bool sealing, const unsigned char *nonce,
		   const char *what, const unsigned char *in, int len, unsigned char *out,
		   unsigned char tag[TAG_LEN])
{
	int n = 0, last = 0, enc = sealing;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool well = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, k->b, nonce, enc) == 1 &&
		    EVP_CipherUpdate(c, NULL, &n, (const void *)what, (int)strlen(what)) == 1 &&
		    EVP_CipherUpdate(c, out, &n, in, len) == 1 &&
		    (sealing || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1) &&
		    EVP_CipherFinal_ex(c, out + n, &last) == 1 &&
		    (!sealing || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1);
	EVP_CIPHER_CTX_free(c);
	return well;
}

unsigned char *seal(const struct seal_key *k, struct rng *rng, const char *what, const void *text,
		    size_t len, size_t *ret_len)
{
	*ret_len = HEAD_LEN + len + TAG_LEN;
	unsigned char *out = mem_alloc(*ret_len), *nonce = out + 1 + MARK_LEN;
	out[0] = VERSION;
	mark_of(k, out + 1);
	rng->fill(rng, nonce, NONCE_LEN);
	/* It fails only when memory is out or the library is broken. */
	if (len > INT_MAX ||
	    !cipher(k, true, nonce, what, text, (int)len, out + HEAD_LEN, out + HEAD_LEN + len)) {
		fputs("pawl: AES-256-GCM does not work\n", stderr);
		abort();
	}
	return out;
}

char *unseal(const struct seal_key *k, const char *what, const void *sealed, size_t len,
	     size_t *ret_len, struct errmsg *msg)
{
	const unsigned char *in = sealed;
	unsigned char mark[MARK_LEN], tag[TAG_LEN];
	if (len < HEAD_LEN + TAG_LEN || len > INT_MAX || in[0] != VERSION) {
		(void)err_set(msg, ERR_PARSE, "what is sealed there is damaged");
		return NULL;
	}
	mark_of(k, mark);
	if (memcmp(mark, in + 1, MARK_LEN) != 0) {
		(void)err_set(msg, ERR_AUTH, "it is sealed with another key");
		return NULL;
	}
	*ret_len = len - HEAD_LEN - TAG_LEN;
	memcpy(tag, in + len - TAG_LEN, TAG_LEN);
	char *text = mem_alloc(*ret_len + 1);
	if (cipher(k, false, in + 1 + MARK_LEN, what, in + HEAD_LEN, (int)*ret_len, (void *)text,
		   tag))
		return text;
	OPENSSL_cleanse(text, *ret_len);
	free(text);
	(void)err_set(msg, ERR_PARSE, "what is sealed there is damaged, or of something else");
	return NULL;
}

void seal_free(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}
