/* The service under test and its client. */
#include "tests/unit/serve/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "tests/unit/io/peer.h"

static char *rules_path(const struct web *w)
{
	return mem_printf("%s/rules.yaml", w->dir);
}

void web_rules(struct web *w, const char *rules)
{
	auto_free char *path = rules_path(w);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(rules, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void load_config(struct web *w, const char *config)
{
	struct findings f = {0};
	auto_free char *text =
		mem_printf("listen: 127.0.0.1:0\nrules: ['%s']\n%s", w->dir, config ? config : "");
	w->config = config_load_text("pawl.yaml", text, strlen(text), NULL, &f);
	for (size_t i = 0; i < f.n; i++)
		print_error("%d:%d: %s\n", f.at[i].line, f.at[i].col, f.at[i].text);
	assert_non_null(w->config);
	findings_done(&f);
}

static void start(struct web *w, const char *config, const char *rules, bool sandbox)
{
	struct errmsg msg = {0};
	*w = (struct web){.dir = "/tmp/pawl-web-XXXXXX"};
	log_setup(&(struct log_config){.level = LOG_ERROR});
	assert_non_null(mkdtemp(w->dir));
	if (rules)
		web_rules(w, rules);
	load_config(w, config);
	w->config->sandbox = sandbox;
	w->loop = loop_new(&clock_real, false);
	w->store = store_mem_new(w->loop, &clock_real);
	w->service = service_new_with(
		w->config, &(struct service_seams){.loop = w->loop, .store = w->store}, &msg);
	if (!w->service || service_start(w->service, &msg) != 0)
		print_error("%s\n", msg.text);
	assert_non_null(w->service);
	assert_true(service_port(w->service) > 0);
}

void web_start(struct web *w, const char *config, const char *rules)
{
	start(w, config, rules, false);
}

void web_start_sandbox(struct web *w, const char *config, const char *rules)
{
	start(w, config, rules, true);
}

void web_stop(struct web *w)
{
	auto_free char *path = rules_path(w);
	web_settle(w);
	service_free(w->service);
	store_close(w->store);
	loop_free(w->loop);
	config_free(w->config);
	(void)unlink(path);
	(void)rmdir(w->dir);
	json_decref(w->body);
	buf_done(&w->head);
	buf_done(&w->text);
}

void web_settle(struct web *w)
{
	peer_turn(w->loop, 50);
}

int web_connect(const struct web *w)
{
	int fd = peer_connect(service_port(w->service));
	assert_true(fd >= 0);
	return fd;
}

/* The body's length, once the whole answer has come; -1 before. */
static long answer_len(const char *text, size_t len)
{
	const char *end = strstr(text, "\r\n\r\n"),
		   *field = strcasestr(text, "\r\ncontent-length:");
	if (!end)
		return -1;
	long body = field && field < end ? strtol(field + 17, NULL, 10) : 0;
	return (long)len >= end + 4 - text + body ? body : -1;
}

static void take_answer(struct web *w, const char *text, long body_len)
{
	const char *end = strstr(text, "\r\n\r\n") + 4;
	buf_clear(&w->head);
	buf_clear(&w->text);
	json_decref(w->body);
	w->body = NULL;
	(void)buf_add(&w->head, text, (size_t)(end - text));
	(void)buf_add(&w->text, end, (size_t)body_len);
	w->status = (int)strtol(text + 9, NULL, 10);
	(void)json_parse(buf_str(&w->text), w->text.len, false, &w->body, NULL);
}

int web_ask(struct web *w, const char *method, const char *path, const char *headers,
	    const char *body)
{
	struct buf b = BUF_INIT, in = BUF_INIT;
	int fd = web_connect(w);
	long len = -1;
	bool host = headers && strcasestr(headers, "host:");
	(void)buf_printf(&b,
			 "%s %s HTTP/1.1\r\n%s%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			 method, path, host ? "" : "Host: localhost\r\n", headers ? headers : "",
			 body ? strlen(body) : 0, body ? body : "");
	assert_int_equal(send(fd, b.data, b.len, MSG_NOSIGNAL), (ssize_t)b.len);
	for (int i = 0; i < 20000 && len < 0; i++) {
		(void)loop_run_once(w->loop, false);
		(void)peer_read(fd, &in);
		len = answer_len(buf_str(&in), in.len);
	}
	assert_true(len >= 0);
	take_answer(w, buf_str(&in), len);
	close(fd);
	buf_done(&b);
	buf_done(&in);
	return w->status;
}

int web_post(struct web *w, const char *path, const char *json)
{
	auto_free char *body = mem_strdup(json);
	for (char *p = body; (p = strchr(p, '\''));)
		*p = '"';
	return web_ask(w, "POST", path, "Content-Type: application/json\r\n", body);
}

int web_get(struct web *w, const char *path)
{
	return web_ask(w, "GET", path, NULL, NULL);
}

const char *web_str(const struct web *w, const char *path)
{
	const json_t *v = json_path(w->body, path);
	if (!json_is_string(v))
		print_error("no text at %s of %s\n", path, buf_str(&w->text));
	assert_true(json_is_string(v));
	return json_string_value(v);
}
