/* Outgoing HTTP: libcurl's multi interface driven by the loop, with handles that are used again. */
#include "engine/io/http.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/io/exchange.h"

enum {
	TIMEOUT_MS = 30 * 1000, /* offline, of a request that says none */
	CONNECTIONS_MAX = 256,  /* open at once, and with them threads that resolve */
	EASIES_KEPT = 256,
};

struct http_socket {
	struct link link; /* in the list of spare ones */
	struct loop_watch watch;
	struct http *http;
	curl_socket_t fd;
};

struct http {
	CURLM *multi;
	struct loop *loop;
	struct loop_timer timer;
	struct link active, easies, sockets; /* requests under way; spare handles; spare sockets */
	size_t n_active, n_easies;
	bool closing;
	http_answer_cb answer; /* offline; or NULL */
	void *arg;
};

/* ---- libcurl's sockets and timer ---- */

static void reap(struct http *h);

static void on_socket(struct loop_watch *w, int events)
{
	struct http_socket *s = container_of(w, struct http_socket, watch);
	struct http *h = s->http;
	int mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		   (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
	int running;
	(void)curl_multi_socket_action(h->multi, s->fd, mask, &running);
	reap(h);
}

static void on_timer(struct loop_timer *t)
{
	struct http *h = container_of(t, struct http, timer);
	int running;
	(void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(h);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;
	if (timeout_ms < 0)
		loop_timer_stop(h->loop, &h->timer);
	else
		loop_timer_start(h->loop, &h->timer, timeout_ms);
	return 0;
}

static struct http_socket *socket_new(struct http *h, curl_socket_t fd)
{
	struct link *k = list_shift(&h->sockets);
	struct http_socket *s = k ? container_of(k, struct http_socket, link)
				  : mem_alloc(sizeof(struct http_socket));
	s->http = h;
	s->fd = fd;
	s->watch.cb = on_socket;
	(void)curl_multi_assign(h->multi, fd, s);
	return s;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http *h = arg;
	struct http_socket *s = socket_arg;
	if (what == CURL_POLL_REMOVE) {
		if (s) {
			loop_watch_set(h->loop, &s->watch, fd, 0);
			list_append(&h->sockets, &s->link);
		}
		return 0;
	}
	if (!s)
		s = socket_new(h, fd);
	loop_watch_set(h->loop, &s->watch, fd,
		       (what & CURL_POLL_IN ? LOOP_READ : 0) |
			       (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

/* ---- handles ---- */

static struct http_easy *easy_get(struct http *h)
{
	struct link *k = list_shift(&h->easies);
	if (k) {
		h->n_easies--;
		return container_of(k, struct http_easy, link);
	}
	return exchange_easy_new();
}

/*
 * Takes the handle from its request, out of libcurl's hands, for another one. Not after a failure:
 * libcurl counts the connections that died under a handle and stops repeating GETs on it.
 */
static void easy_put(struct http_req *r)
{
	struct http *h = r->http;
	struct http_easy *e = r->easy;
	if (!e)
		return;
	r->easy = NULL;
	CURLMcode rc = curl_multi_remove_handle(h->multi, e->curl);
	assert(rc == CURLM_OK); /* else we were called from inside libcurl */
	if (r->err || h->n_easies == EASIES_KEPT || h->closing) {
		exchange_easy_free(e);
		return;
	}
	list_append(&h->easies, &e->link);
	h->n_easies++;
}

/* ---- ends ---- */

/* The last thing done with a request: it may be gone afterwards. */
static void finish(struct http_req *r)
{
	struct http *h = r->http;
	easy_put(r);
	if (link_is_in(&r->link)) {
		list_remove(&r->link);
		h->n_active--;
		if (!h->answer)
			loop_release(h->loop);
	}
	r->cb(r);
}

static void on_task(struct loop_task *t)
{
	finish(container_of(t, struct http_req, task));
}

static void finish_later(struct http_req *r, int err)
{
	r->err = err;
	r->task.cb = on_task;
	loop_defer(r->http->loop, &r->task);
}

/* Callbacks may start and cancel requests: what libcurl queued is asked for anew each time. */
static void reap(struct http *h)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
		if (m->msg != CURLMSG_DONE)
			continue;
		char *private = NULL;
		CURLcode rc = m->data.result;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		struct http_req *r = (void *)private;
		exchange_judge(r, rc);
		finish(r);
	}
}

/* ---- offline ---- */

/* A download's bytes go where they would have gone. */
static void save_answer(struct http_req *r)
{
	if (r->save_fd <= 0 || r->err || r->status / 100 != 2)
		return;
	for (size_t at = 0; at < r->answer.len;) {
		ssize_t n = write(r->save_fd, r->answer.data + at, r->answer.len - at);
		if (n < 0) {
			r->err = err_set(&r->msg, ERR_IO, "the answer cannot be saved: %s",
					 strerror(errno));
			return;
		}
		at += (size_t)n;
	}
	r->saved = (int64_t)r->answer.len;
	buf_clear(&r->answer);
}

static void on_offline_end(struct loop_timer *t)
{
	finish(container_of(t, struct http_req, timer));
}

static void on_offline(struct loop_task *t)
{
	struct http_req *r = container_of(t, struct http_req, task);
	int64_t timeout = r->timeout_ms ? r->timeout_ms : TIMEOUT_MS;
	int64_t delay = r->http->answer(r->http->arg, r);
	if (delay > timeout) {
		delay = timeout;
		r->err = err_set(&r->msg, ERR_TIMEOUT, "no answer within %lld ms",
				 (long long)timeout);
		r->reach = HTTP_SENT;
	}
	save_answer(r);
	r->timer.cb = on_offline_end;
	loop_timer_start(r->http->loop, &r->timer, delay);
}

/* True when its end was not on its way already. */
static bool withdraw_offline(struct http_req *r)
{
	bool has_left = loop_timer_is_on(&r->timer);
	if (r->err == ERR_CANCELLED)
		return false;
	loop_timer_stop(r->http->loop, &r->timer);
	loop_undefer(&r->task);
	r->reach = has_left ? HTTP_SENT : HTTP_NOT_SENT;
	r->err = err_set(&r->msg, ERR_CANCELLED, "cancelled");
	return true;
}

struct http *http_new_offline(struct loop *l, http_answer_cb answer, void *arg)
{
	struct http *h = mem_alloc(sizeof(*h));
	h->loop = l;
	h->answer = answer;
	h->arg = arg;
	list_init(&h->active);
	list_init(&h->easies);
	list_init(&h->sockets);
	return h;
}

char *http_req_body(struct http_req *r, size_t *ret_len)
{
	char *text = mem_alloc(r->body_len + 1);
	*ret_len = 0;
	if (!r->read && r->body_len)
		memcpy(text, r->body, *ret_len = r->body_len);
	for (ssize_t n = 1; r->read && n > 0 && *ret_len < r->body_len; *ret_len += (size_t)n) {
		n = r->read(r, text + *ret_len, r->body_len - *ret_len);
		if (n <= 0)
			break;
	}
	text[*ret_len] = 0;
	return text;
}

/* ---- public ---- */

struct http *http_new(struct loop *l, size_t connections_max)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return NULL;
	CURLM *multi = curl_multi_init();
	if (!multi) {
		curl_global_cleanup();
		return NULL;
	}
	struct http *h = mem_alloc(sizeof(*h));
	h->multi = multi;
	h->loop = l;
	h->timer.cb = on_timer;
	list_init(&h->active);
	list_init(&h->easies);
	list_init(&h->sockets);
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, h);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, h);
	(void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
	(void)curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
				connections_max > CONNECTIONS_MAX ? (long)connections_max
								  : (long)CONNECTIONS_MAX);
	return h;
}

/* True when the request's end was not on its way already. */
static bool withdraw(struct http_req *r)
{
	if (r->http->answer)
		return withdraw_offline(r);
	if (!r->easy)
		return false;
	r->reach = exchange_has_left(r) ? HTTP_SENT : HTTP_NOT_SENT;
	(void)err_set(&r->msg, ERR_CANCELLED, "cancelled");
	r->err = ERR_CANCELLED;
	easy_put(r);
	return true;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	h->closing = true;
	for (struct link *k; (k = h->active.next) != &h->active;) {
		struct http_req *r = container_of(k, struct http_req, link);
		(void)withdraw(r);
		loop_undefer(&r->task);
		finish(r);
	}
	for (struct link *k; (k = list_shift(&h->easies));)
		exchange_easy_free(container_of(k, struct http_easy, link));
	if (h->answer) {
		free(h);
		return;
	}
	(void)curl_multi_cleanup(h->multi);
	for (struct link *k; (k = list_shift(&h->sockets));) {
		struct http_socket *s = container_of(k, struct http_socket, link);
		loop_watch_done(&s->watch);
		free(s);
	}
	loop_timer_stop(h->loop, &h->timer);
	curl_global_cleanup();
	free(h);
}

static void clear_results(struct http_req *r)
{
	r->err = r->status = r->save_errno = 0;
	r->msg = (struct errmsg){0};
	r->reach = HTTP_NOT_SENT;
	r->saved = 0;
	r->body_at = 0;
	r->refused = r->too_big = r->head_done = r->unread = false;
	buf_clear(&r->answer);
	buf_clear(&r->answer_headers);
}

void http_start(struct http *h, struct http_req *r)
{
	assert(!link_is_in(&r->link));
	clear_results(r);
	r->http = h;
	if (h->closing) {
		finish_later(r, err_set(&r->msg, ERR_CANCELLED, "cancelled"));
		return;
	}
	list_append(&h->active, &r->link);
	h->n_active++;
	if (!h->answer)
		loop_hold(h->loop);
	int rc = exchange_check(r);
	if (!rc && h->answer) {
		r->task.cb = on_offline;
		loop_defer(h->loop, &r->task);
		return;
	}
	if (!rc) {
		r->easy = easy_get(h);
		rc = exchange_prepare(r);
	}
	if (!rc && curl_multi_add_handle(h->multi, r->easy->curl))
		rc = err_set(&r->msg, ERR_NOMEM, "libcurl takes no more requests");
	if (!rc)
		return;
	r->err = rc;
	easy_put(r);
	finish_later(r, rc);
}

void http_cancel(struct http_req *r)
{
	if (link_is_in(&r->link) && withdraw(r))
		finish_later(r, ERR_CANCELLED);
}

void http_req_done(struct http_req *r)
{
	assert(!link_is_in(&r->link));
	buf_done(&r->answer);
	buf_done(&r->answer_headers);
}

const char *http_answer_header(const struct http_req *r, const char *name, char *out, size_t max)
{
	size_t len = strlen(name);
	for (const char *p = buf_str(&r->answer_headers), *end; (end = strchr(p, '\n'));
	     p = end + 1) {
		if (strncmp(p, name, len) != 0 || p[len] != ':')
			continue;
		snprintf(out, max, "%.*s", (int)(end - p - (ptrdiff_t)len - 2), p + len + 2);
		return out;
	}
	return NULL;
}

size_t http_inflight(const struct http *h)
{
	return h->n_active;
}
