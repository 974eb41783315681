/* A sign-in server on the test's own loop, which answers as told, and a connection that uses it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions/catalogue.h"
#include "actions/connections.h"
#include "actions/token.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/io/http.h"
#include "engine/io/server.h"
#include "engine/store/store.h"

#define T0 1795426000000LL
#define KEY_A "0123456789abcdef0123456789abcdef"
#define KEY_B "fedcba9876543210fedcba9876543210"
#define ASKED_MAX 64

/* One request to the server. */
struct asked {
	int64_t at; /* boot ms */
	char *path, *form, *authorization;
};

struct signin {
	struct clock_virtual clock;
	struct loop *loop;
	struct http *http;
	struct store *store;
	struct rng rng;
	struct server *server;
	struct catalogue *cat;
	struct connections *conns;
	struct tokens *tokens;
	const char *key_text;
	char *key_file;
	/* the script: each request takes the next one, the last one stays; "503" is a status alone */
	const char *answers[ASKED_MAX];
	size_t n_answers;
	struct asked asked[ASKED_MAX];
	size_t n_asked;
	void (*on_request)(struct signin *s);
	unsigned logins; /* how often on_login was called */
};

static inline void signin_handle(void *arg, struct server_req *r)
{
	struct signin *s = arg;
	const char *text = "503", *authorization = server_req_header(r, "authorization", NULL);
	size_t n = s->n_asked;
	assert_true(n < ASKED_MAX);
	s->asked[s->n_asked++] = (struct asked){loop_boot_ms(s->loop), mem_strdup(r->path),
						mem_strndup(r->body, r->body_len),
						mem_strdup(authorization ? authorization : "")};
	if (s->n_answers)
		text = s->answers[n < s->n_answers ? n : s->n_answers - 1];
	if (s->on_request)
		s->on_request(s);
	long status = strtol(text, NULL, 10);
	const char *body = strchr(text, '{');
	auto_free char *json = mem_strdup(body ? body : "{}");
	for (char *p = json; (p = strchr(p, '\''));)
		*p = '"';
	server_reply(r, status ? (int)status : 200, "application/json", NULL, json, strlen(json));
}

static inline void signin_on_login(void *arg, const char *connection)
{
	(void)connection;
	((struct signin *)arg)->logins++;
}

static inline void signin_open(struct signin *s)
{
	s->tokens = tokens_new(&(struct tokens_config){.loop = s->loop,
						       .http = s->http,
						       .store = s->store,
						       .rng = &s->rng,
						       .key_text = s->key_text,
						       .key_file = s->key_file,
						       .on_login = signin_on_login,
						       .arg = s});
}

/* more: further members of oauth2, as "'scopes': ['a']"; or NULL. */
static inline void signin_connect(struct signin *s, const char *name, const char *more)
{
	struct errmsg msg = {0};
	int port = server_port(s->server);
	auto_free char *text =
		mem_printf("{'base_url': 'http://127.0.0.1:1', 'auth': {"
			   "'oauth2': {'client_id': 'me', 'token': 'http://127.0.0.1:%d/token', "
			   "'device': 'http://127.0.0.1:%d/device', "
			   "'authorize': 'http://127.0.0.1:%d/authorize'%s%s}, "
			   "'partner': {'client_id': 'us', 'client_secret': 'hush', 'prefix': '', "
			   "'token': 'http://127.0.0.1:%d/partner'}}}",
			   port, port, port, more ? ", " : "", more ? more : "", port);
	for (char *p = text; (p = strchr(p, '\''));)
		*p = '"';
	json_t *conf = NULL;
	assert_int_equal(json_parse(text, strlen(text), true, &conf, &msg), 0);
	if (connections_add(s->conns, s->cat, name, conf, &msg) != 0)
		fail_msg("%s", msg.text);
	json_decref(conf);
}

static inline const struct connection *signin_conn(struct signin *s, const char *name)
{
	return connections_find(s->conns, name);
}

static inline int signin_setup(void **state)
{
	struct signin *s = mem_alloc(sizeof(*s));
	struct errmsg msg;
	clock_virtual_init(&s->clock, T0);
	rng_seeded_init(&s->rng, 3);
	s->loop = loop_new(&s->clock.clock, true);
	s->http = http_new(s->loop, 4);
	s->store = store_mem_new(s->loop, &s->clock.clock);
	s->key_text = KEY_A;
	s->key_file = mem_strdup("/nowhere/pawl.key");
	s->server = server_new(
		s->loop,
		&(struct server_config){.listen = "127.0.0.1:0", .handle = signin_handle, .arg = s},
		&msg);
	assert_non_null(s->server);
	s->cat = catalogue_new();
	s->conns = connections_new();
	signin_connect(s, "shop", NULL);
	signin_open(s);
	*state = s;
	return 0;
}

static inline int signin_teardown(void **state)
{
	struct signin *s = *state;
	http_free(s->http);
	server_free(s->server);
	store_close(s->store);
	tokens_free(s->tokens);
	connections_free(s->conns);
	catalogue_free(s->cat);
	loop_free(s->loop);
	for (size_t i = 0; i < s->n_asked; i++) {
		free(s->asked[i].path);
		free(s->asked[i].form);
		free(s->asked[i].authorization);
	}
	free(s->key_file);
	free(s);
	return 0;
}

struct signin_pause {
	struct loop_timer timer;
	bool over;
};

static inline void signin_on_pause(struct loop_timer *t)
{
	container_of(t, struct signin_pause, timer)->over = true;
}

/* Turns the loop for so long on its clock. */
static inline void signin_run(struct signin *s, int64_t ms)
{
	struct signin_pause pause = {.timer = {.cb = signin_on_pause}};
	loop_timer_start(s->loop, &pause.timer, ms);
	while (!pause.over)
		(void)loop_run_once(s->loop, true);
}
