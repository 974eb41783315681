/* One call of an action outside of any run. */
#include "actions/ask.h"

#include "actions/merge.h"
#include "actions/split.h"

static void end(struct ask *q, int err, const struct errmsg *msg)
{
	q->err = err;
	if (err)
		q->msg = *msg;
	q->cb(q);
}

static void on_time(struct loop_timer *t)
{
	static const struct errmsg cancelled = {.code = ERR_CANCELLED, .text = "cancelled"};
	struct ask *q = container_of(t, struct ask, timer);
	if (q->cancelled)
		end(q, ERR_CANCELLED, &cancelled);
	else
		exchange_start(&q->x);
}

static void again(struct ask *q, int64_t wait_ms)
{
	q->timer.cb = on_time;
	loop_timer_start(q->x.services->loop, &q->timer, wait_ms);
}

/* Refused for its credentials: it had no effect, and may be sent with others. */
static bool renews(struct ask *q)
{
	bool first = !q->renewed;
	q->renewed = true;
	return first && q->x.answer.err == ERR_AUTH && pass_can_renew(&q->x.pass);
}

static void on_answer(struct exchange *x);

/* What was read is put under what is given, and that is sent. */
static void merge(struct ask *q)
{
	struct errmsg msg = {0};
	json_auto_t *current = json_incref(q->x.answer.result), *merged = NULL;
	q->reading = q->renewed = false;
	q->again = 0;
	exchange_for(&q->x, q->x.services, q->x.conn, q->action, PASS_PERSON, on_answer);
	int err = merge_body(q->action, current, q->given, &merged, &msg);
	if (!err)
		err = exchange_render(&q->x, merged, &msg);
	if (err)
		end(q, err, &msg);
	else
		again(q, 0);
}

static int render_page(struct ask *q, const json_t *params, struct errmsg *msg)
{
	request_done(&q->x.text);
	q->x.text = (struct http_request_text){0};
	return paging_render(q->action, params, q->place, q->x.conn->base_url, &q->x.text, msg);
}

static void ask_page(struct ask *q, json_t *place)
{
	struct errmsg msg = {0};
	json_decref(q->place);
	q->place = json_incref(place);
	q->renewed = false;
	q->again = 0;
	exchange_for(&q->x, q->x.services, q->x.conn, q->action, PASS_PERSON, on_answer);
	if (render_page(q, q->given, &msg) != 0)
		end(q, msg.code, &msg);
	else
		again(q, 0);
}

static void take_page(struct ask *q)
{
	struct errmsg msg = {0};
	json_auto_t *taken = NULL;
	int err = paging_take(q->action, q->given, q->place, q->x.conn->base_url,
			      q->x.answer.result, &taken, &msg);
	if (!err)
		err = paging_join_add(&q->join, taken, &msg);
	json_t *next = err ? NULL : json_object_get(taken, "next");
	if (next && (!q->pages_max || q->join.pages < q->pages_max)) {
		ask_page(q, next);
		return;
	}
	q->answered = true;
	q->result = q->joined = err ? NULL : paging_join_take(&q->join, q->action);
	end(q, err, &msg);
}

static void on_answer(struct exchange *x)
{
	struct ask *q = container_of(x, struct ask, x);
	const struct answer *r = &x->answer;
	int err = exchange_read(x, false);
	if (err) {
		end(q, err, &x->req.msg);
		return;
	}
	if (r->outcome == ANSWER_AGAIN && q->again++ < ASK_AGAIN_MAX) {
		again(q, r->wait_ms);
		return;
	}
	if (r->outcome == ANSWER_ERROR && renews(q)) {
		again(q, 0);
		return;
	}
	bool well = r->outcome == ANSWER_OK || r->outcome == ANSWER_PARTIAL;
	if (well && q->reading) {
		merge(q);
		return;
	}
	if (well && q->pages) {
		take_page(q);
		return;
	}
	q->answered = true;
	q->partial = r->outcome == ANSWER_PARTIAL;
	q->result = well ? r->result : NULL;
	end(q, well ? 0 : r->err, &r->msg);
}

static int too_big(const struct action *a, const char *what, struct errmsg *msg)
{
	return err_set(msg, ERR_TOOBIG,
		       "%s is over %ld %s or %lld bytes, the most that one call takes: a rule's "
		       "call sends it in parts",
		       a->split->param, a->split->lines, what, (long long)a->split->bytes);
}

static int check_list(const struct action *a, const json_t *params, struct errmsg *msg)
{
	struct split cut;
	int err = split_list(params, a->split, &cut, msg);
	if (!err && cut.n > 1)
		err = too_big(a, "elements", msg);
	split_done(&cut);
	return err;
}

/* Nobody puts the answers of parts together here, and the API would drop the rest without a word. */
static int check_size(const struct action *a, const json_t *params, struct errmsg *msg)
{
	const json_t *v = a->split ? json_object_get(params, a->split->param) : NULL;
	const json_t *text = json_is_string(v) ? v : json_object_get(v, "text");
	if (json_is_array(v))
		return check_list(a, params, msg);
	if (json_is_string(text) &&
	    split_may_need(a->split, json_string_value(text), json_string_length(text)))
		return too_big(a, "lines", msg);
	return 0;
}

static int first_page(struct ask *q, const struct services *s, const struct connection *conn,
		      const json_t *params, struct errmsg *msg)
{
	if (!paging_is(q->action))
		return err_set(msg, ERR_INVALID, "%s.%s gives no list: there are no pages to join",
			       q->action->connector, q->action->name);
	int err = paging_count_parse(q->pages, &q->pages_max, msg);
	if (err)
		return err;
	q->given = json_incref((json_t *)params);
	exchange_for(&q->x, s, conn, q->action, PASS_PERSON, on_answer);
	return render_page(q, params, msg);
}

/* The request that goes first: the call's own, or the read of what it is merged with. */
static int first_request(struct ask *q, const struct services *s, const struct connection *conn,
			 const json_t *params, struct errmsg *msg)
{
	const struct action *a = q->action;
	if (q->pages)
		return first_page(q, s, conn, params, msg);
	if (!merge_applies(a, params)) {
		exchange_for(&q->x, s, conn, a, PASS_PERSON, on_answer);
		return exchange_render(&q->x, params, msg);
	}
	const struct action *read =
		s->catalogue ? catalogue_find(s->catalogue, a->connector, a->merge->read) : NULL;
	if (!read)
		return err_set(msg, ERR_INVALID, "there is no action '%s' to read with",
			       a->merge->read);
	int err = action_check_given(a, params, msg);
	q->read = err ? NULL : action_from_json(read->def, msg);
	if (!q->read)
		return msg->code;
	q->given = json_incref((json_t *)params);
	q->reading = true;
	json_auto_t *key = merge_read(a, params);
	exchange_for(&q->x, s, conn, q->read, PASS_PERSON, on_answer);
	return exchange_render(&q->x, key, msg);
}

int ask_start(struct ask *q, const struct services *s, const struct connection *conn,
	      const struct action *action, const json_t *params, void (*cb)(struct ask *q),
	      struct errmsg *msg)
{
	q->cb = cb;
	q->action = action_from_json(action->def, msg);
	if (!q->action)
		return msg->code;
	int err = check_size(q->action, params, msg);
	if (!err)
		err = first_request(q, s, conn, params, msg);
	if (!err)
		exchange_start(&q->x);
	return err;
}

void ask_cancel(struct ask *q)
{
	q->cancelled = true;
	if (loop_timer_is_on(&q->timer))
		again(q, 0);
	else if (q->reading || q->action->effect == EFFECT_READ || q->x.pass.at == PASS_ASKED)
		exchange_cancel(&q->x);
}

void ask_done(struct ask *q)
{
	exchange_done(&q->x);
	action_free(q->action);
	action_free(q->read);
	json_decref(q->given);
	json_decref(q->place);
	json_decref(q->joined);
	paging_join_done(&q->join);
	*q = (struct ask){0};
}
