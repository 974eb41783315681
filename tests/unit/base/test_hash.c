/* Tests of digests, MACs and encodings against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"

/* --- sha256 --- */

static void digests_are_those_of_the_standard(void **state)
{
	char hex[HASH_HEX_LEN];
	assert_string_equal(sha256_hex("abc", 3, hex),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(sha256_hex(NULL, 0, hex),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* --- hmac: RFC 2202 and 4231, test case 2 --- */

static void macs_are_those_of_the_rfcs(void **state)
{
	static const struct {
		const char *alg, *want;
	} rows[] = {
		{"sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{"sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"sha512", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			   "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	};
	static const char text[] = "what do ya want for nothing?";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char mac[64];
		char hex[129];
		size_t len = hmac(rows[i].alg, "Jefe", 4, text, strlen(text), mac);
		hex_encode(mac, len, hex);
		assert_string_equal(hex, rows[i].want);
	}
}

static void an_unknown_mac_is_none(void **state)
{
	unsigned char mac[64];
	assert_int_equal(hmac("md5", "k", 1, "t", 1, mac), 0);
	assert_int_equal(hmac("", "k", 1, "t", 1, mac), 0);
}

static void an_empty_key_is_a_key(void **state)
{
	unsigned char mac[64];
	char hex[129];
	assert_int_equal(hmac("sha256", "other", 5, "", 0, mac), 32);
	assert_int_equal(hmac("sha256", NULL, 0, NULL, 0, mac), 32);
	hex_encode(mac, 32, hex);
	assert_string_equal(hex,
			    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* --- ct_equal --- */

static void equal_means_same_length_and_bytes(void **state)
{
	assert_true(ct_equal("abc", 3, "abc", 3));
	assert_true(ct_equal(NULL, 0, "", 0));
	assert_false(ct_equal("abc", 3, "abd", 3));
	assert_false(ct_equal("abc", 3, "abcd", 4));
}

/* --- hex_encode, hex_decode --- */

static void hex_is_read_in_either_case(void **state)
{
	unsigned char out[4];
	assert_int_equal(hex_decode("00fFA5", 6, out, sizeof(out)), 3);
	assert_memory_equal(out, "\x00\xff\xa5", 3);
	assert_int_equal(hex_decode("", 0, out, sizeof(out)), 0);
	assert_int_equal(hex_decode("0", 1, out, sizeof(out)), -1);
	assert_int_equal(hex_decode("0g", 2, out, sizeof(out)), -1);
	assert_int_equal(hex_decode("0011223344", 10, out, sizeof(out)), -1);
}

/* --- base64: RFC 4648, section 10 --- */

static void base64_goes_there_and_back(void **state)
{
	static const struct {
		const char *plain, *text, *url;
	} rows[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"fooba", "Zm9vYmE=", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"\xfb\xff\xfe", "+//+", "-__-"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].plain);
		for (int url = 0; url < 2; url++) {
			const char *want = url ? rows[i].url : rows[i].text;
			char *text = base64_encode(rows[i].plain, len, url);
			assert_string_equal(text, want);
			size_t back_len;
			unsigned char *back = base64_decode(text, strlen(text), &back_len);
			assert_non_null(back);
			assert_int_equal(back_len, len);
			assert_memory_equal(back, rows[i].plain, len);
			free(back);
			free(text);
		}
	}
}

static void what_is_no_base64_is_refused(void **state)
{
	static const char *const rows[] = {"Z",     "Zg=",    "Zg===", "=",    "====", "Zm9v=",
					   "Zm 9v", "Zm9v\n", "Z===",  "Zh==", "Zm9=", "Zg==Zg=="};
	size_t len;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_null(base64_decode(rows[i], strlen(rows[i]), &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_those_of_the_standard),
		cmocka_unit_test(macs_are_those_of_the_rfcs),
		cmocka_unit_test(an_unknown_mac_is_none),
		cmocka_unit_test(an_empty_key_is_a_key),
		cmocka_unit_test(equal_means_same_length_and_bytes),
		cmocka_unit_test(hex_is_read_in_either_case),
		cmocka_unit_test(base64_goes_there_and_back),
		cmocka_unit_test(what_is_no_base64_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
