/* Tests of the log: its forms, and what happens when nobody reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/log.h"

/* --- fixture: stderr is a pipe while a test runs --- */

static int ends[2], saved_stderr;

static int set_up(void **state)
{
	if (pipe2(ends, O_CLOEXEC) || fcntl(ends[0], F_SETFL, O_NONBLOCK))
		return -1;
	saved_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	log_setup(&(struct log_config){.level = LOG_INFO});
	return 0;
}

static int tear_down(void **state)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static char text[1 << 17]; /* what was logged last, with its time */

/* What was logged, without the time, which is checked to be one. */
static const char *logged(void)
{
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		return "";
	if (text[0] == '{') {
		assert_memory_equal(text, "{\"time\":\"20", 11);
		return text + strlen("{\"time\":\"2026-11-23T09:46:31.000Z\",");
	}
	assert_memory_equal(text, "time=20", 7);
	return text + strlen("time=2026-11-23T09:46:31.000Z ");
}

/* --- log_line --- */

static void values_are_quoted_where_they_must_be(void **state)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{"plain", "v=plain"},
		{"a/b:c-d_é", "v=a/b:c-d_é"},
		{"", "v=\"\""},
		{"two words", "v=\"two words\""},
		{"a=b", "v=\"a=b\""},
		{"say \"hi\"", "v=\"say \\\"hi\\\"\""},
		{"back\\slash", "v=\"back\\\\slash\""},
		{"line\nfeed\ttab\r", "v=\"line\\nfeed\\ttab\\r\""},
		{"\x1b[31m", "v=\"\\u001b[31m\""},
		{"\x7f\xc2\x9b", "v=\"\\u007f\\u009b\""},
		{"\xe2\x80\xae", "v=\"\\u202e\""},
		{"bad\xff\xc0\xaf", "v=\"bad\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\xa0\x80", "v=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"cut\xe2\x82", "v=\"cut\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char want[200];
		snprintf(want, sizeof(want), "level=info event=e %s\n", rows[i].want);
		log_line(LOG_INFO, "e", "v", rows[i].value, NULL);
		assert_string_equal(logged(), want);
	}
}

static void a_null_value_leaves_its_pair_out(void **state)
{
	log_line(LOG_ERROR, "e", "a", NULL, "b", "2", NULL);
	assert_string_equal(logged(), "level=error event=e b=2\n");
}

static void lower_levels_are_not_written(void **state)
{
	assert_false(log_enabled(LOG_DEBUG));
	log_line(LOG_DEBUG, "e", NULL);
	assert_string_equal(logged(), "");
	log_setup(&(struct log_config){.level = LOG_DEBUG});
	assert_true(log_enabled(LOG_DEBUG));
	log_line(LOG_DEBUG, "e", NULL);
	assert_string_equal(logged(), "level=debug event=e\n");
}

static void the_json_form_is_json(void **state)
{
	log_setup(&(struct log_config){.level = LOG_INFO, .json = true});
	log_line(LOG_WARN, "e", "v", "a \"b\"\n\x01\xff\\", "n", log_num(-5), NULL);
	assert_string_equal(logged(),
			    "\"level\":\"warn\",\"event\":\"e\","
			    "\"v\":\"a \\\"b\\\"\\n\\u0001\xef\xbf\xbd\\\\\",\"n\":\"-5\"}\n");
	struct errmsg msg;
	json_auto_t *v = NULL;
	assert_int_equal(json_parse(text, strlen(text), true, &v, &msg), 0);
	assert_string_equal(json_str(v, "v"), "a \"b\"\n\x01\xef\xbf\xbd\\");
}

static void long_values_are_cut_between_characters(void **state)
{
	char value[3001] = "x";
	for (int i = 1; i < 3000; i += 2)
		memcpy(value + i, "é", 2);
	value[2999] = '\0';
	log_line(LOG_INFO, "e", "v", value, NULL);
	const char *cut = logged() + strlen("level=info event=e v=\"");
	assert_int_equal(strlen(cut), 999 + strlen("…\"\n"));
	assert_string_equal(cut + 997, "é…\"\n");
}

static void pairs_that_do_not_fit_are_left_out_whole(void **state)
{
	char value[1001];
	memset(value, '\x01', 1000);
	value[1000] = '\0';
	for (int json = 0; json < 2; json++) {
		log_setup(&(struct log_config){.level = LOG_INFO, .json = json});
		log_line(LOG_INFO, "e", "a", value, "b", "2", NULL);
		assert_string_equal(logged(),
				    json ? "\"level\":\"info\",\"event\":\"e\",\"b\":\"2\"}\n"
					 : "level=info event=e b=2\n");
	}
}

static void a_full_pipe_drops_lines_and_says_so_later(void **state)
{
	for (int i = 0; i < 5000; i++)
		log_line(LOG_INFO, "filling_the_pipe", "n", log_num(i), NULL);
	(void)logged();
	log_line(LOG_INFO, "after", NULL);
	const char *note = strstr(logged(), "event=log_dropped lines=");
	assert_non_null(note);
	assert_non_null(strstr(note, "event=after\n"));
	log_line(LOG_INFO, "more", NULL);
	assert_string_equal(logged(), "level=info event=more\n");
}

static void a_closed_pipe_does_not_kill(void **state)
{
	signal(SIGPIPE, SIG_DFL);
	close(ends[0]);
	errno = 77;
	log_line(LOG_INFO, "e", NULL);
	log_line(LOG_INFO, "e", NULL);
	assert_int_equal(errno, 77);
	/* The next reader hears of what was lost. */
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	log_line(LOG_INFO, "e", NULL);
	assert_non_null(strstr(logged(), "event=log_dropped lines=2\n"));
}

/* Unlike a pipe's, a socket's write raises SIGPIPE although poll found nothing wrong. */
static void a_closed_socket_does_not_kill(void **state)
{
	int pair[2];
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	dup2(pair[1], STDERR_FILENO);
	close(pair[1]);
	close(pair[0]);
	log_line(LOG_INFO, "e", NULL);
	sigset_t pending;
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
	dup2(ends[1], STDERR_FILENO);
	log_line(LOG_INFO, "e", NULL);
	assert_non_null(strstr(logged(), "event=log_dropped lines="));
}

/* --- log_num --- */

static void eight_numbers_live_at_once(void **state)
{
	const char *n[8];
	for (int i = 0; i < 8; i++)
		n[i] = log_num(i * 1000000000000);
	assert_string_equal(n[0], "0");
	assert_string_equal(n[7], "7000000000000");
}

/* --- log_ring, log_ring_dump --- */

static void the_ring_keeps_the_last_64_lines(void **state)
{
	for (int i = 0; i < 100; i++)
		log_ring("move %d\n", i);
	log_ring("%0200d", 7);
	log_ring_dump(ends[1]);
	ssize_t n = read(ends[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_memory_equal(text, "move 37 \n", 9);
	assert_non_null(strstr(text, "move 99 \n000"));
	int lines = 0;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 64);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(values_are_quoted_where_they_must_be),
		TEST(a_null_value_leaves_its_pair_out),
		TEST(lower_levels_are_not_written),
		TEST(the_json_form_is_json),
		TEST(long_values_are_cut_between_characters),
		TEST(pairs_that_do_not_fit_are_left_out_whole),
		TEST(a_full_pipe_drops_lines_and_says_so_later),
		TEST(a_closed_pipe_does_not_kill),
		TEST(a_closed_socket_does_not_kill),
		TEST(eight_numbers_live_at_once),
		TEST(the_ring_keeps_the_last_64_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
