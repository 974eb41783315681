/* Files of runs: sealed before anybody hears of them, swept after a crash, and never opened by data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/store/files.h"

#define RUN "018f0000-0000-7000-8000-000000000001"
#define OTHER "018f0000-0000-7000-8000-000000000002"

static struct fixture {
	struct loop *l;
	struct files *files;
	char dir[64], store[96];
	int sealed;
} f;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	struct errmsg msg;
	f = (struct fixture){.l = loop_new(&clock_real, false)};
	snprintf(f.dir, sizeof(f.dir), "/tmp/test-files-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	snprintf(f.store, sizeof(f.store), "%s/pawl.db.files", f.dir);
	f.files = files_open(f.store, f.l, &rng_real, &msg);
	assert_non_null(f.files);
	return 0;
}

static int teardown(void **state)
{
	files_close(f.files);
	loop_free(f.l);
	return nftw(f.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- helpers ---- */

static void reopen(void)
{
	struct errmsg msg;
	files_close(f.files);
	f.files = files_open(f.store, f.l, &rng_real, &msg);
	assert_non_null(f.files);
}

static void on_sealed(struct files_job *j)
{
	f.sealed++;
}

static void seal(struct file_out *out)
{
	struct files_seal s = {.job.cb = on_sealed};
	int before = f.sealed;
	files_seal(&s, out);
	assert_int_equal(f.sealed, before); /* never from inside */
	while (f.sealed == before)
		(void)loop_run_once(f.l, true);
	assert_int_equal(s.job.err, 0);
}

static json_t *make(const char *owner, const char *text)
{
	struct file_out out;
	struct errmsg msg;
	assert_int_equal(files_create(f.files, owner, &out, &msg), 0);
	assert_int_equal(file_out_write(&out, text, strlen(text), &msg), 0);
	seal(&out);
	json_t *v = file_out_value(&out, "a.csv", "text/csv");
	file_out_drop(&out);
	return v;
}

static int find(const char *owner, const json_t *v)
{
	struct file_in in;
	struct errmsg msg;
	int err = files_find(f.files, owner, v, &in, &msg);
	file_in_done(&in);
	return err;
}

static int count(const char *owner)
{
	auto_free char *path = mem_printf("%s/%s", f.store, owner);
	DIR *d = opendir(path);
	int n = 0;
	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

/* ---- files_owners ---- */

static void the_runs_that_have_folders_are_told(void **state)
{
	size_t n = 7;
	assert_null(files_owners(f.files, &n));
	assert_int_equal(n, 0);
	json_decref(make(FILES_CALLS, "x"));
	json_decref(make(RUN, "x"));
	auto_free char *strange = mem_printf("%s/notes", f.store);
	assert_int_equal(mkdir(strange, 0700), 0);
	char **owners = files_owners(f.files, &n);
	assert_int_equal(n, 1);
	assert_string_equal(owners[0], RUN);
	free(owners[0]);
	free(owners);
}

/* ---- files_create, files_seal ---- */

static void a_sealed_file_is_found_and_read(void **state)
{
	json_auto_t *v = make(RUN, "hello");
	struct file_in in;
	struct errmsg msg;
	char text[16] = "";
	assert_int_equal(files_find(f.files, RUN, v, &in, &msg), 0);
	assert_int_equal(in.size, 5);
	assert_int_equal(file_in_read(&in, 1, text, sizeof(text), &msg), 4);
	assert_string_equal(text, "ello");
	file_in_done(&in);
	assert_string_equal(json_str(v, "sha256"),
			    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	reopen();
	assert_int_equal(find(RUN, v), 0);
}

static void nobody_else_may_look(void **state)
{
	json_auto_t *v = make(RUN, "secret");
	auto_free char *owner = mem_printf("%s/" RUN, f.store);
	auto_free char *file = mem_printf("%s/%s", owner, json_str(v, "file"));
	assert_int_equal(mode_of(f.store), 0700);
	assert_int_equal(mode_of(owner), 0700);
	assert_int_equal(mode_of(file), 0600);
}

static void what_is_not_sealed_is_not_there(void **state)
{
	struct file_out out;
	struct errmsg msg;
	assert_int_equal(files_create(f.files, RUN, &out, &msg), 0);
	assert_int_equal(file_out_write(&out, "abc", 3, &msg), 0);
	json_auto_t *v = json_pack("{s:s, s:i}", "file", out.id, "size", 3);
	assert_int_equal(find(RUN, v), ERR_INVALID);
	file_out_drop(&out);
	assert_int_equal(count(RUN), 0);
}

static void a_crash_leaves_nothing_unsealed(void **state)
{
	struct file_out out;
	struct errmsg msg;
	json_auto_t *v = make(RUN, "kept");
	json_decref(make(FILES_CALLS, "of a call"));
	assert_int_equal(files_create(f.files, RUN, &out, &msg), 0);
	assert_int_equal(file_out_write(&out, "half", 4, &msg), 0);
	assert_int_equal(count(RUN), 2);
	close(out.fd); /* as the kernel does */
	reopen();
	assert_int_equal(count(RUN), 1);
	assert_int_equal(count(FILES_CALLS), -1);
	assert_int_equal(find(RUN, v), 0);
}

static void a_full_disk_is_an_error(void **state)
{
	struct file_out out;
	struct errmsg msg;
	assert_int_equal(files_create(f.files, RUN, &out, &msg), 0);
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	assert_true(dup2(fileno(full), out.fd) >= 0);
	assert_int_equal(file_out_write(&out, "x", 1, &msg), ERR_IO);
	file_out_drop(&out);
	fclose(full);
	assert_int_equal(count(RUN), 0);
}

static void closing_waits_for_what_is_under_way(void **state)
{
	struct file_out out;
	struct errmsg msg;
	struct files_seal s = {.job.cb = on_sealed};
	assert_int_equal(files_create(f.files, RUN, &out, &msg), 0);
	files_seal(&s, &out);
	reopen();
	assert_int_equal(f.sealed, 1);
	assert_int_equal(s.job.err, 0);
	assert_int_equal(count(RUN), 1);
}

/* ---- files_find ---- */

static void a_value_that_looks_like_a_file_opens_nothing(void **state)
{
	static const char *const ids[] = {
		"",
		".",
		"..",
		"/etc/passwd",
		"../018f0000-0000-7000-8000-000000000001",
		"../../../etc/passwd",
		"..%2f..%2fetc%2fpasswd",
		"00000000000000000000000000000000",
		"0000000000000000000000000000000G",
		"ABCDEF00000000000000000000000000",
		"passwd",
	};
	json_auto_t *mine = make(RUN, "mine");
	auto_free char *outside = mem_printf("%s/outside", f.dir);
	FILE *file = fopen(outside, "w");
	assert_non_null(file);
	fclose(file);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		json_auto_t *v = json_pack("{s:s, s:i}", "file", ids[i], "size", 0);
		if (find(RUN, v) != ERR_INVALID)
			fail_msg("'%s' was opened", ids[i]);
	}
	json_auto_t *number = json_pack("{s:i}", "file", 1), *none = json_object();
	assert_int_equal(find(RUN, number), ERR_INVALID);
	assert_int_equal(find(RUN, none), ERR_INVALID);
	assert_int_equal(find("..", mine), ERR_INVALID);
	assert_int_equal(find("", mine), ERR_INVALID);
}

static void a_file_is_its_runs_alone(void **state)
{
	json_auto_t *v = make(RUN, "mine"), *other = make(OTHER, "its");
	assert_int_equal(find(RUN, v), 0);
	assert_int_equal(find(OTHER, v), ERR_INVALID);
	assert_int_equal(find(RUN, other), ERR_INVALID);
	assert_int_equal(find(FILES_CALLS, v), ERR_INVALID);
}

static void a_value_with_another_size_is_refused(void **state)
{
	json_auto_t *v = make(RUN, "mine");
	json_object_set_new(v, "size", json_integer(3));
	assert_int_equal(find(RUN, v), ERR_INVALID);
	json_object_del(v, "size");
	assert_int_equal(find(RUN, v), ERR_INVALID);
}

/* Somebody who can write into the folder could do worse; still no link is followed. */
static void links_are_not_followed(void **state)
{
	json_auto_t *v = make(RUN, "1234");
	const char *id = "0123456789abcdef0123456789abcdef";
	auto_free char *from = mem_printf("%s/" RUN "/%s", f.store, id);
	auto_free char *owner = mem_printf("%s/" OTHER, f.store);
	assert_int_equal(symlink(json_str(v, "file"), from), 0);
	assert_int_equal(symlink(RUN, owner), 0);
	json_auto_t *linked = json_pack("{s:s, s:i}", "file", id, "size", 4);
	assert_int_equal(find(RUN, linked), ERR_INVALID);
	assert_int_equal(find(OTHER, v), ERR_INVALID);
}

/* ---- files_remove ---- */

static void removing_takes_one_or_all(void **state)
{
	json_auto_t *a = make(RUN, "a"), *b = make(RUN, "b"), *c = make(OTHER, "c");
	files_remove(f.files, RUN, json_str(a, "file"));
	assert_int_equal(find(RUN, a), ERR_INVALID);
	assert_int_equal(find(RUN, b), 0);
	files_remove_all(f.files, RUN);
	assert_int_equal(count(RUN), -1);
	files_remove_all(f.files, "../x");
	assert_int_equal(find(OTHER, c), 0);
}

/* ---- files_open, files_temp ---- */

static void nothing_is_made_before_the_first_file(void **state)
{
	struct stat st;
	assert_int_not_equal(stat(f.store, &st), 0);
	json_decref(make(RUN, "a"));
	assert_int_equal(stat(f.store, &st), 0);
}

static void a_temporary_folder_goes_when_it_is_closed(void **state)
{
	struct errmsg msg;
	struct stat st;
	struct files *t = files_temp(f.l, &rng_real, &msg);
	struct file_out out;
	assert_non_null(t);
	auto_free char *dir = mem_strdup(files_dir(t));
	assert_int_equal(files_create(t, RUN, &out, &msg), 0);
	seal(&out);
	assert_int_equal(stat(dir, &st), 0);
	files_close(t);
	assert_int_not_equal(stat(dir, &st), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_runs_that_have_folders_are_told),
		T(a_sealed_file_is_found_and_read),
		T(nobody_else_may_look),
		T(what_is_not_sealed_is_not_there),
		T(a_crash_leaves_nothing_unsealed),
		T(a_full_disk_is_an_error),
		T(closing_waits_for_what_is_under_way),
		T(a_value_that_looks_like_a_file_opens_nothing),
		T(a_file_is_its_runs_alone),
		T(a_value_with_another_size_is_refused),
		T(links_are_not_followed),
		T(removing_takes_one_or_all),
		T(nothing_is_made_before_the_first_file),
		T(a_temporary_folder_goes_when_it_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
