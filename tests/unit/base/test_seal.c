/* Sealed secrets, and the keys that open them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/base/arena.h"
#include "engine/base/seal.h"

#define SECRET "canary-4f1c"

static struct rng rng;
static char dir[64];

static int setup(void **state)
{
	(void)state;
	rng_seeded_init(&rng, 7);
	snprintf(dir, sizeof(dir), "/tmp/pawl-seal-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	auto_free char *path = mem_printf("%s/a.key", dir);
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static struct seal_key key_of(const char *text)
{
	struct seal_key k;
	assert_int_equal(seal_key_text(text, &k, NULL), 0);
	return k;
}

/* ---- seal, unseal ---- */

static void what_is_sealed_comes_back_with_its_key_alone(void **state)
{
	struct seal_key k = key_of("0123456789abcdef0123456789abcdef"),
			other = key_of("0123456789abcdef0123456789abcdeg");
	struct errmsg msg = {0};
	size_t len, text_len;
	(void)state;
	auto_free unsigned char *sealed = seal(&k, &rng, "token/a", SECRET, strlen(SECRET), &len);
	assert_null(memmem(sealed, len, SECRET, 4));
	char *text = unseal(&k, "token/a", sealed, len, &text_len, &msg);
	assert_string_equal(text, SECRET);
	assert_int_equal(text_len, strlen(SECRET));
	seal_free(text);
	assert_null(unseal(&other, "token/a", sealed, len, &text_len, &msg));
	assert_int_equal(msg.code, ERR_AUTH);
	assert_null(strstr(msg.text, SECRET));
}

static void the_same_text_is_never_sealed_alike(void **state)
{
	struct seal_key k = key_of("0123456789abcdef0123456789abcdef");
	size_t len;
	(void)state;
	auto_free unsigned char *one = seal(&k, &rng, "a", SECRET, strlen(SECRET), &len);
	auto_free unsigned char *two = seal(&k, &rng, "a", SECRET, strlen(SECRET), &len);
	assert_memory_not_equal(one, two, len);
}

static void what_was_changed_or_moved_does_not_open(void **state)
{
	struct seal_key k = key_of("0123456789abcdef0123456789abcdef");
	struct errmsg msg;
	size_t len, text_len;
	(void)state;
	auto_free unsigned char *sealed = seal(&k, &rng, "token/a", SECRET, strlen(SECRET), &len);
	assert_null(unseal(&k, "token/b", sealed, len, &text_len, &msg));
	assert_int_equal(msg.code, ERR_PARSE);
	for (size_t i = 0; i < len; i++) {
		sealed[i] ^= 1;
		assert_null(unseal(&k, "token/a", sealed, len, &text_len, NULL));
		sealed[i] ^= 1;
		assert_null(unseal(&k, "token/a", sealed, i, &text_len, NULL));
	}
}

static void an_empty_text_can_be_sealed(void **state)
{
	struct seal_key k = key_of("0123456789abcdef0123456789abcdef");
	size_t len, text_len;
	(void)state;
	auto_free unsigned char *sealed = seal(&k, &rng, "a", "", 0, &len);
	char *text = unseal(&k, "a", sealed, len, &text_len, NULL);
	assert_string_equal(text, "");
	seal_free(text);
}

/* ---- seal_key_text ---- */

static void a_short_text_is_no_key(void **state)
{
	struct seal_key k;
	struct errmsg msg;
	(void)state;
	assert_int_equal(seal_key_text("secret", &k, &msg), ERR_INVALID);
	assert_null(strstr(msg.text, "secret"));
}

/* ---- seal_key_file ---- */

static void a_key_file_is_made_once_for_its_owner_alone(void **state)
{
	auto_free char *path = mem_printf("%s/a.key", dir);
	struct seal_key one, two;
	struct stat st;
	(void)state;
	assert_int_equal(seal_key_file(path, NULL, &one, NULL), ERR_NOT_FOUND);
	assert_int_equal(seal_key_file(path, &rng, &one, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(seal_key_file(path, &rng, &two, NULL), 0);
	assert_memory_equal(one.b, two.b, sizeof(one.b));
	assert_int_equal(st.st_nlink, 1);
}

static void a_key_file_that_others_may_read_is_refused(void **state)
{
	auto_free char *path = mem_printf("%s/a.key", dir);
	struct seal_key k;
	struct errmsg msg;
	(void)state;
	assert_int_equal(seal_key_file(path, &rng, &k, NULL), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(seal_key_file(path, &rng, &k, &msg), ERR_INVALID);
	assert_non_null(strstr(msg.text, "chmod 600"));
}

static void a_file_without_a_key_is_refused_and_left_alone(void **state)
{
	auto_free char *path = mem_printf("%s/a.key", dir);
	struct seal_key k;
	struct errmsg msg;
	(void)state;
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs("no key\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(seal_key_file(path, &rng, &k, &msg), ERR_INVALID);
	assert_int_equal(seal_key_file(path, NULL, &k, &msg), ERR_INVALID);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_sealed_comes_back_with_its_key_alone),
		T(the_same_text_is_never_sealed_alike),
		T(what_was_changed_or_moved_does_not_open),
		T(an_empty_text_can_be_sealed),
		T(a_short_text_is_no_key),
		T(a_key_file_is_made_once_for_its_owner_alone),
		T(a_key_file_that_others_may_read_is_refused),
		T(a_file_without_a_key_is_refused_and_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
