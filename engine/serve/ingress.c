/* The ways in. */
#include "engine/serve/ingress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/serve/adapter.h"
#include "engine/serve/cloudevent.h"
#include "engine/serve/handshake.h"
#include "engine/serve/media.h"
#include "engine/serve/native.h"
#include "engine/serve/pick.h"
#include "engine/serve/reply.h"
#include "engine/serve/several.h"

#define BY_BODY_MS (10 * 60 * 1000)
#define BATCH_MAX 1000
#define KIND_MAX 200
#define HEADERS_MAX 64
#define LOG_EVERY_MS 1000

void ingress_init(struct ingress *in)
{
	for (size_t i = 0; i < in->config->n_hooks; i++)
		(void)map_put(&in->hooks, in->config->hooks[i].path, &in->config->hooks[i]);
	in->adapters = adapters_new(in->config, loop_clock(in->loop), in->rng);
}

void ingress_done(struct ingress *in)
{
	map_done(&in->hooks);
	adapters_free(in->adapters);
	in->adapters = NULL;
}

/* ---- refusals ---- */

/* A flood of bad requests must not become a flood of lines. */
void ingress_refused(struct ingress *in, const struct server_req *r, const char *why)
{
	int64_t now = loop_boot_ms(in->loop);
	in->stats.refused++;
	if (in->logged_at && now - in->logged_at < LOG_EVERY_MS) {
		in->unlogged++;
		return;
	}
	log_line(LOG_WARN, "request_refused", "path", r->path, "peer", r->peer, "text", why, "more",
		 in->unlogged ? log_num(in->unlogged) : NULL, NULL);
	in->logged_at = now;
	in->unlogged = 0;
}

/* What a parser says may quote the body: that is for the sender, and not for the log. */
static void refuse(struct ingress *in, struct server_req *r, int err, const char *why)
{
	ingress_refused(in, r, err == ERR_PARSE ? "the body cannot be read" : why);
	reply_error(r, err, why);
}

static void not_allowed(struct ingress *in, struct server_req *r, const char *allow)
{
	char extra[64];
	(void)snprintf(extra, sizeof(extra), "Allow: %s\r\n", allow);
	ingress_refused(in, r, "method not allowed");
	reply_problem(r, 405, extra, "%s is not for %s", r->path, r->method);
}

static bool is_method(const struct server_req *r, const char *method)
{
	return strcmp(r->method, method) == 0;
}

/* ---- one delivery: what a request brought, until all of it is durable ---- */

struct delivery {
	struct ingress *in;
	struct server_req *req; /* NULL: the sender is gone */
	size_t n, open;
	bool batch, fresh;
	json_t *answer; /* of the hook or adapter; owned, or NULL */
	int err;
	struct id ids[];
};

static void on_gone(struct server_req *r)
{
	struct delivery *d = r->user;
	d->req = NULL;
}

/* One event, the usual case: its answer is built without a detour. */
static void answer_one(struct delivery *d)
{
	char text[64], id[ID_TEXT_LEN];
	int len = snprintf(text, sizeof(text), "{\"id\":\"%s\"}", id_format(d->ids[0], id));
	server_reply(d->req, d->fresh ? 202 : 200, "application/json", NULL, text, (size_t)len);
}

static void answer_batch(struct delivery *d)
{
	char id[ID_TEXT_LEN];
	json_t *ids = json_array();
	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(ids, json_string(id_format(d->ids[i], id)));
	reply_json(d->req, d->fresh ? 202 : 200, json_pack("{s:o}", "ids", ids));
}

/* What the hook's configuration says, for senders that want something of their own. */
static void answer_own(struct delivery *d)
{
	const char *type = json_str(d->answer, "type");
	const json_t *body = json_object_get(d->answer, "body");
	auto_free char *text = !body                  ? mem_strdup("")
			       : json_is_string(body) ? mem_strdup(json_string_value(body))
						      : json_text(body);
	server_reply(d->req, (int)json_int(d->answer, "status", 202),
		     type                   ? type
		     : json_is_string(body) ? "text/plain"
					    : "application/json",
		     NULL, text, strlen(text));
}

static void delivery_free(struct delivery *d)
{
	json_decref(d->answer);
	free(d);
}

static void delivery_end(struct delivery *d)
{
	if (d->err)
		d->in->stats.busy++;
	if (!d->req) {
		delivery_free(d);
		return;
	}
	d->req->on_gone = NULL;
	if (d->err)
		reply_error(d->req, d->err, NULL);
	else if (d->answer)
		answer_own(d);
	else if (d->batch)
		answer_batch(d);
	else
		answer_one(d);
	delivery_free(d);
}

/* Which of the ids is meant is told by their order: verbs are carried out as they were submitted. */
static void on_accepted(void *arg, int err, bool duplicate, struct id id, const struct id *runs,
			size_t n_runs)
{
	struct delivery *d = arg;
	d->ids[d->n - d->open] = id;
	if (err) {
		d->err = err;
	} else if (duplicate) {
		d->in->stats.duplicates++;
	} else {
		d->in->stats.accepted++;
		d->fresh = true;
	}
	if (--d->open == 0)
		delivery_end(d);
}

static struct delivery *delivery_new(struct ingress *in, struct server_req *r, size_t n)
{
	struct delivery *d = mem_alloc(sizeof(*d) + n * sizeof(d->ids[0]));
	*d = (struct delivery){.in = in, .req = r, .n = n, .open = n};
	r->user = d;
	r->on_gone = on_gone;
	return d;
}

/* Takes the event. answer: of the hook, or NULL. */
static void deliver(struct ingress *in, struct server_req *r, struct event *e, const json_t *answer)
{
	struct delivery *d = delivery_new(in, r, 1);
	d->answer = json_incref((json_t *)answer);
	engine_accept(in->engine, e, on_accepted, d);
	event_unref(e);
}

/* Takes the events, of which there is one or more. */
static void deliver_batch(struct ingress *in, struct server_req *r, struct event **events, size_t n,
			  const json_t *answer)
{
	struct delivery *d = delivery_new(in, r, n);
	d->batch = true;
	d->answer = json_incref((json_t *)answer);
	for (size_t i = 0; i < n; i++) {
		engine_accept(in->engine, events[i], on_accepted, d);
		event_unref(events[i]);
	}
}

/* ---- hooks ---- */

/* What a rule may see of the headers: nothing that could be a credential or a signature. */
static bool is_shown(const char *name)
{
	static const char *const secret[] = {"signature", "auth", "token",    "cookie",    "secret",
					     "hmac",      "key",  "password", "credential"};
	if (strcmp(name, "content-type") == 0 || strcmp(name, "user-agent") == 0)
		return true;
	if (strncmp(name, "x-", 2) != 0)
		return false;
	for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
		if (strstr(name, secret[i]))
			return false;
	return true;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e || *text == '"' ||
		    *text == '\\')
			return false;
	return true;
}

static void add_text(struct buf *b, const char *text)
{
	if (is_plain(text)) {
		(void)buf_putc(b, '"');
		(void)buf_puts(b, text);
		(void)buf_putc(b, '"');
		return;
	}
	json_auto_t *v = json_string(text);
	if (!v || json_add_text(b, v) != 0)
		(void)buf_puts(b, "null"); /* no UTF-8 */
}

/* One that came several times is shown with its first value. */
static void add_headers(struct buf *b, const struct server_req *r, const char *own)
{
	const char *seen[HEADERS_MAX];
	size_t n = 0;
	(void)buf_puts(b, "{\"headers\":{");
	for (size_t i = 0; i < r->n_headers && n < HEADERS_MAX; i++) {
		const char *name = r->headers[i].name;
		bool known = !is_shown(name) || (own && strcmp(name, own) == 0) || !is_plain(name);
		for (size_t k = 0; k < n && !known; k++)
			known = strcmp(seen[k], name) == 0;
		if (known)
			continue;
		if (n)
			(void)buf_putc(b, ',');
		seen[n++] = name;
		add_text(b, name);
		(void)buf_putc(b, ':');
		add_text(b, r->headers[i].value);
	}
	(void)buf_putc(b, '}');
}

/* {headers, query, path} as JSON text, malloc'd. */
static char *extra_of(const struct config_hook *h, const struct server_req *r)
{
	struct buf b = BUF_INIT;
	add_headers(&b, r, verify_header(h->verify));
	json_auto_t *query = *r->query ? media_form(r->query, strlen(r->query)) : NULL;
	if (query && verify_query(h->verify))
		(void)json_object_del(query, verify_query(h->verify));
	if (query) {
		(void)buf_puts(&b, ",\"query\":");
		(void)json_add_text(&b, query);
	}
	(void)buf_puts(&b, ",\"path\":");
	add_text(&b, r->path);
	(void)buf_putc(&b, '}');
	return buf_take(&b);
}

/* One delivery to a hook. */
struct visit {
	struct ingress *in;
	const struct config_hook *hook;
	struct server_req *req;
	struct media media;
};

/* A kind that cannot be part of a type is none. */
static bool is_kind(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len && len <= KIND_MAX && text[len - 1] != '*';
}

/* "webhook:github", or "webhook:github#push" where the hook knows kinds. malloc'd. */
static char *type_of(const struct visit *v, const json_t *data)
{
	auto_free char *kind = v->hook->kind ? pick_text(v->hook->kind, v->req, data, NULL) : NULL;
	return kind && is_kind(kind) ? mem_printf("%s#%s", v->hook->type, kind)
				     : mem_strdup(v->hook->type);
}

/* The sender's id; of several events that share one, with the event's number. malloc'd, or NULL. */
static char *id_of(const struct visit *v, const json_t *data, size_t i, size_t n)
{
	bool whole = false;
	char *id = v->hook->id ? pick_text(v->hook->id, v->req, data, &whole) : NULL;
	if (!id || !whole || n == 1)
		return id;
	char *own = mem_printf("%s#%zu", id, i + 1);
	free(id);
	return own;
}

static struct event *hook_event(const struct visit *v, json_t *data, const char *text, size_t len,
				size_t i, size_t n)
{
	struct ingress *in = v->in;
	int64_t now = loop_wall_ms(in->loop);
	auto_free char *id = id_of(v, data, i, n), *type = type_of(v, data);
	struct event *e = event_new(id_new(loop_clock(in->loop), in->rng), type, v->hook->source,
				    NULL, id, now, now, json_incref(data), text, len);
	e->extra = extra_of(v->hook, v->req);
	if (id)
		event_dedupe_by_id(e, v->hook->dedupe_ms);
	else
		event_dedupe_by_body(e, BY_BODY_MS);
	return e;
}

/* All of its events, or one when nothing is where they should be. */
static void deliver_parts(const struct visit *v, const json_t *parts)
{
	size_t n = json_array_size(parts);
	struct event **events = mem_alloc(n * sizeof(struct event *));
	for (size_t i = 0; i < n; i++) {
		json_t *data = json_array_get(parts, i);
		auto_free char *text = json_text(data);
		events[i] = hook_event(v, data, text, strlen(text), i, n);
	}
	deliver_batch(v->in, v->req, events, n, v->hook->answer);
	free(events);
}

static void deliver_hook(struct visit *v)
{
	const struct media *m = &v->media;
	json_auto_t *parts = v->hook->split ? several_list(m->data, v->hook->split) : NULL;
	size_t n = json_array_size(parts);
	if (n > BATCH_MAX)
		refuse(v->in, v->req, ERR_INVALID, "a delivery has at most 1000 events");
	else if (n)
		deliver_parts(v, parts);
	else
		deliver(v->in, v->req, hook_event(v, m->data, m->text, m->len, 0, 1),
			v->hook->answer);
}

/* The query of a GET is its body: a link that somebody followed. */
static int read_query(const struct server_req *r, struct media *m, struct errmsg *msg)
{
	*m = (struct media){.data = media_form(r->query, strlen(r->query))};
	if (!m->data)
		return err_set(msg, ERR_PARSE, "the query is malformed");
	m->own = json_text(m->data);
	m->text = m->own;
	m->len = strlen(m->own);
	return 0;
}

static bool hook_takes(const struct config_hook *h, const struct server_req *r)
{
	return (h->post && is_method(r, "POST")) || (h->get && is_method(r, "GET"));
}

static int read_visit(struct visit *v, struct errmsg *msg)
{
	struct server_req *r = v->req;
	return is_method(r, "GET") ? read_query(r, &v->media, msg) : media_read(r, &v->media, msg);
}

static struct verify_at now_at(const struct ingress *in)
{
	return (struct verify_at){in->config->public_url, loop_wall_ms(in->loop)};
}

/* True when it was a handshake: some come before anything is verified. */
static bool shakes_hands(const struct visit *v, bool after_auth)
{
	return v->hook->challenge && handshake_answer(v->hook->challenge, v->hook->verify, v->req,
						      v->media.data, after_auth);
}

static void visit(struct visit *v)
{
	const struct config_hook *h = v->hook;
	const struct verify_at at = now_at(v->in);
	struct errmsg msg = {0};
	int err = v->req->body_len > h->body_max
			  ? err_set(&msg, ERR_TOOBIG, "the body is over %zu bytes", h->body_max)
			  : 0;
	if (!err)
		err = verify_request(h->verify, v->req, &at, &msg);
	if (!err)
		err = read_visit(v, &msg);
	if (err)
		refuse(v->in, v->req, err, msg.text);
	else if (!shakes_hands(v, true))
		deliver_hook(v);
	media_done(&v->media);
}

void ingress_hook(struct ingress *in, struct server_req *r, const char *path)
{
	struct visit v = {.in = in, .hook = map_get(&in->hooks, path), .req = r};
	const struct config_hook *h = v.hook;
	if (!h)
		refuse(in, r, ERR_NOT_FOUND, "there is no such hook");
	else if (handshake_options(r) || shakes_hands(&v, false))
		return;
	else if (!hook_takes(h, r))
		not_allowed(in, r, h->post && h->get ? "POST, GET" : h->post ? "POST" : "GET");
	else
		visit(&v);
}

/* ---- events from outside ---- */

/* One of the two ways to make an event of its JSON; NULL with msg. */
struct reader {
	struct event *(*read)(struct ingress *in, const json_t *v, struct errmsg *msg);
};

static struct event *read_cloudevent(struct ingress *in, const json_t *v, struct errmsg *msg)
{
	struct event *e = cloudevent_read(v, id_new(loop_clock(in->loop), in->rng),
					  loop_wall_ms(in->loop), msg);
	if (!e || cloudevent_check_free(e, msg) == 0)
		return e;
	event_unref(e);
	return NULL;
}

static struct event *read_native(struct ingress *in, const json_t *v, struct errmsg *msg)
{
	struct buf violations = BUF_INIT;
	struct event *e = NULL;
	if (native_check(v, &violations))
		(void)err_set(msg, ERR_INVALID, "%s", buf_str(&violations));
	else
		e = cloudevent_read(v, id_new(loop_clock(in->loop), in->rng),
				    loop_wall_ms(in->loop), msg);
	buf_done(&violations);
	return e;
}

static const struct reader cloudevents = {read_cloudevent}, natives = {read_native};

static void drop_events(struct event **events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		event_unref(events[i]);
	free(events);
}

/* All of them are good, or none is taken. */
static void take_batch(struct ingress *in, struct server_req *r, const json_t *list,
		       const struct reader *by)
{
	struct errmsg msg;
	size_t n = json_array_size(list);
	if (!n || n > BATCH_MAX) {
		refuse(in, r, ERR_INVALID,
		       n ? "a batch has at most 1000 events" : "the batch is empty");
		return;
	}
	struct event **events = mem_alloc(n * sizeof(struct event *));
	for (size_t i = 0; i < n; i++) {
		events[i] = by->read(in, json_array_get(list, i), &msg);
		if (events[i])
			continue;
		err_wrap(&msg, "[%zu]", i);
		refuse(in, r, msg.code, msg.text);
		drop_events(events, i);
		return;
	}
	deliver_batch(in, r, events, n, NULL);
	free(events);
}

static void take_json(struct ingress *in, struct server_req *r, const struct reader *by)
{
	struct errmsg msg;
	json_auto_t *v = NULL;
	if (json_parse(r->body, r->body_len, true, &v, &msg) != 0) {
		err_wrap(&msg, "the body is no JSON");
		refuse(in, r, ERR_PARSE, msg.text);
		return;
	}
	if (json_is_array(v)) {
		take_batch(in, r, v, by);
		return;
	}
	struct event *e = by->read(in, v, &msg);
	if (e)
		deliver(in, r, e, NULL);
	else
		refuse(in, r, msg.code, msg.text);
}

static void take_binary(struct ingress *in, struct server_req *r)
{
	struct errmsg msg;
	struct event *e = cloudevent_binary(r, id_new(loop_clock(in->loop), in->rng),
					    loop_wall_ms(in->loop), &msg);
	if (e && cloudevent_check_free(e, &msg) == 0) {
		deliver(in, r, e, NULL);
		return;
	}
	event_unref(e);
	refuse(in, r, msg.code, msg.text);
}

void ingress_events(struct ingress *in, struct server_req *r)
{
	if (handshake_options(r))
		return;
	if (!is_method(r, "POST"))
		not_allowed(in, r, "POST");
	else if (media_is(r, "application/cloudevents+json") ||
		 media_is(r, "application/cloudevents-batch+json"))
		take_json(in, r, &cloudevents);
	else if (cloudevent_is_binary(r))
		take_binary(in, r);
	else
		refuse(in, r, ERR_REJECTED,
		       "send application/cloudevents+json, application/"
		       "cloudevents-batch+json, or attributes in ce- headers");
}

/* ---- conversations ---- */

static int may_converse(const struct ingress *in, const struct config_conversation *c,
			const struct server_req *r, enum trust trust, struct errmsg *msg)
{
	const struct verify_at at = now_at(in);
	if (trust == TRUST_ADMIN)
		return 0;
	if (c && c->verify)
		return verify_request(c->verify, r, &at, msg);
	if (trust == TRUST_LOCAL)
		return 0;
	return err_set(msg, ERR_AUTH,
		       "this needs the admin token, or verify: in the configuration");
}

static bool is_native_type(const struct server_req *r)
{
	return media_is(r, "application/json") || media_is(r, "application/cloudevents+json") ||
	       media_is(r, "application/cloudevents-batch+json");
}

/* All events of a platform's delivery are good, or none is taken. */
static void take_adapted(struct ingress *in, struct server_req *r, const json_t *out)
{
	const json_t *list = json_object_get(out, "events"), *said = json_object_get(out, "answer");
	json_auto_t *answer = said ? json_pack("{s:i, s:O}", "status", 200, "body", said) : NULL;
	size_t n = json_array_size(list);
	struct errmsg msg;
	if (n > BATCH_MAX) {
		refuse(in, r, ERR_INVALID, "a delivery has at most 1000 events");
		return;
	}
	if (!n) {
		reply_json(r, 200, said ? json_incref((json_t *)said) : json_pack("{s:[]}", "ids"));
		return;
	}
	struct event **events = mem_alloc(n * sizeof(struct event *));
	for (size_t i = 0; i < n; i++) {
		events[i] = read_native(in, json_array_get(list, i), &msg);
		if (events[i])
			continue;
		err_wrap(&msg, "event %zu", i + 1);
		refuse(in, r, msg.code, msg.text);
		drop_events(events, i);
		return;
	}
	deliver_batch(in, r, events, n, answer);
	free(events);
}

static void take_platform(struct ingress *in, struct server_req *r, const char *platform,
			  const struct config_conversation *c)
{
	struct media m = {0};
	struct errmsg msg = {0};
	json_auto_t *out = NULL;
	int err = media_read(r, &m, &msg);
	bool asked = !err && c && c->challenge &&
		     handshake_answer(c->challenge, c->verify, r, m.data, true);
	if (!err && !asked)
		err = adapters_read(in->adapters, platform, r, m.data, &out, &msg);
	if (err)
		refuse(in, r, err, msg.text);
	else if (!asked)
		take_adapted(in, r, out);
	media_done(&m);
}

void ingress_conversation(struct ingress *in, struct server_req *r, const char *platform,
			  enum trust trust)
{
	const struct config_conversation *c = config_conversation(in->config, platform);
	bool native = strcmp(platform, "native") == 0;
	struct errmsg msg;
	if (c && c->challenge && handshake_answer(c->challenge, c->verify, r, NULL, false))
		return;
	if (!is_method(r, "POST"))
		not_allowed(in, r, "POST");
	else if (may_converse(in, c, r, trust, &msg) != 0)
		refuse(in, r, ERR_AUTH, msg.text);
	else if (!native)
		take_platform(in, r, platform, c);
	else if (!is_native_type(r))
		refuse(in, r, ERR_REJECTED,
		       "send application/json or application/cloudevents+json");
	else
		take_json(in, r, &natives);
}
