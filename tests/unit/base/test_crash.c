/* Notes of a crash: what a dying process writes, the next one reads. */
#include "engine/base/crash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[] = "/tmp/pawl-crash-XXXXXX";

static void on_fatal(int signo)
{
	crash_note();
	_exit(signo);
}

/* A process that ends by a signal while it is at this. */
static void die_at(const char *name)
{
	pid_t pid = fork();
	if (pid == 0) {
		(void)signal(SIGSEGV, on_fatal);
		if (crash_open(path) != 0)
			_exit(1);
		crash_about(name);
		(void)raise(SIGSEGV);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), SIGSEGV);
}

static int setup(void **state)
{
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	return close(fd);
}

static int teardown(void **state)
{
	crash_close();
	(void)unlink(path);
	return snprintf(path, sizeof(path), "/tmp/pawl-crash-XXXXXX") < 0;
}

/* ---- crash_note, crash_count ---- */

static void each_crash_counts_for_what_it_was_about(void **state)
{
	die_at("one");
	die_at("two");
	die_at("one");
	die_at(NULL);
	die_at("on");
	assert_int_equal(crash_open(path), 0);
	assert_int_equal(crash_count("one"), 2);
	assert_int_equal(crash_count("two"), 1);
	assert_int_equal(crash_count("on"), 1);
	assert_int_equal(crash_count("o"), 0);
	assert_int_equal(crash_count(""), 0);
}

static void a_long_name_is_cut(void **state)
{
	char name[100], cut[64];
	snprintf(name, sizeof(name), "%090d", 7);
	snprintf(cut, sizeof(cut), "%063d", 0);
	die_at(name);
	assert_int_equal(crash_open(path), 0);
	assert_int_equal(crash_count(cut), 1);
}

/* ---- crash_open, crash_close ---- */

static void a_clean_end_forgets(void **state)
{
	die_at("one");
	assert_int_equal(crash_open(path), 0);
	crash_close();
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(crash_open(path), 0);
	assert_int_equal(crash_count("one"), 0);
}

static void without_notes_there_is_no_file(void **state)
{
	assert_int_equal(crash_open(path), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_not_equal(crash_open("/nowhere/there"), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_crash_counts_for_what_it_was_about),
		T(a_long_name_is_cut),
		T(a_clean_end_forgets),
		T(without_notes_there_is_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
