/* Lists that come in pages: their items, and the way from one page to the next. */
#include "actions/paging.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

#define CURSOR_MAX 16384 /* bytes; it stands in the journal once a page */
#define NUMBER_LEN 24

bool paging_is(const struct action *a)
{
	return a->paging.kind != PAGING_NONE;
}

/* ---- parameters of a page ---- */

/* A cursor or a number in the type that its parameter takes. */
static json_t *as_param(const struct action *a, const char *name, const char *text)
{
	const struct action_param *p = action_param(a, name);
	char *end;
	errno = 0;
	json_int_t n = strtoll(text, &end, 10);
	bool number = p && (p->schema->type == SCHEMA_INTEGER || p->schema->type == SCHEMA_NUMBER);
	if (number && *text && !*end && !errno)
		return json_integer(n);
	return json_string(text);
}

/* The parameters of the first page: with the largest size of a page, where that may be said. */
static json_t *first_params(const struct action *a, const json_t *params)
{
	const struct action_paging *p = &a->paging;
	struct errmsg msg;
	json_t *all = json_is_object(params) ? json_copy((json_t *)params) : json_object();
	if (!p->limit || p->limit_max <= 0 || json_object_get(all, p->limit))
		return all;
	json_object_set_new(all, p->limit, json_integer(p->limit_max));
	if (action_check_first(a, all, &msg) != 0)
		json_object_del(all, p->limit);
	return all;
}

static const char *cursor_of(const json_t *place)
{
	return json_str(place, "cursor");
}

static json_t *page_params(const struct action *a, const json_t *params, const char *cursor)
{
	const struct action_paging *p = &a->paging;
	json_t *all = first_params(a, params);
	const char *name = p->kind == PAGING_CURSOR   ? p->cursor_param
			   : p->kind == PAGING_PAGE   ? p->page_param
			   : p->kind == PAGING_OFFSET ? p->offset_param
						      : NULL;
	if (!cursor || !name)
		return all;
	json_object_set_new(all, name, as_param(a, name, cursor));
	if (p->back_param)
		json_object_del(all, p->back_param);
	return all;
}

/* ---- the request ---- */

static int next_url(const char *base_url, const char *link, char **ret, struct errmsg *msg)
{
	struct errmsg why;
	if (request_next_url(base_url, link, ret, &why) == 0)
		return 0;
	return err_set(msg, ERR_INVALID, "%.300s; the connection is at %.100s", why.text, base_url);
}

/* A link holds all parameters: nothing of the first request stays but its method and headers. */
static int follow(const char *link, const char *base_url, struct http_request_text *out,
		  struct errmsg *msg)
{
	size_t base = strlen(base_url);
	char *url;
	if (*link == '?') {
		url = mem_printf("%.*s%s", (int)strcspn(out->url, "?"), out->url, link);
	} else if (next_url(base_url, link, &url, msg) != 0) {
		request_done(out);
		return msg->code;
	}
	free(out->url);
	free(out->target);
	out->url = url;
	out->target = mem_strdup(strncmp(url, base_url, base) == 0 ? url + base : link);
	return 0;
}

int paging_render(const struct action *a, const json_t *params, const json_t *place,
		  const char *base_url, struct http_request_text *out, struct errmsg *msg)
{
	const char *cursor = cursor_of(place);
	if (params && !json_is_object(params))
		return request_render(a, params, base_url, out, msg);
	json_auto_t *all = page_params(a, params, cursor);
	int err = request_render(a, all, base_url, out, msg);
	if (!err && cursor && a->paging.kind == PAGING_LINK)
		err = follow(cursor, base_url, out, msg);
	return err;
}

/* ---- the items ---- */

/* The list where the action says, borrowed; NULL: there is none, which is a page without items. */
static int find_items(const struct action *a, const json_t *answer, const json_t **ret,
		      struct errmsg *msg)
{
	const char *path = a->paging.items;
	const json_t *v = *path ? json_path(answer, path) : answer;
	bool empty = !v || json_is_null(v) || (json_is_object(v) && !json_object_size(v));
	*ret = empty ? NULL : v;
	if (empty || json_is_array(v))
		return 0;
	return err_set(msg, ERR_INVALID, "%s%s is %s and no list of items",
		       *path ? "the answer's " : "the answer", path, json_type_word(v));
}

/* A copy of the answer with another list at a dotted path; what is not on the way is shared. */
static json_t *put_items(const json_t *answer, const char *path, json_t *list)
{
	size_t len = strcspn(path, ".");
	if (!*path)
		return json_incref(list);
	json_t *copy = json_is_object(answer) ? json_copy((json_t *)answer) : json_object();
	auto_free char *name = mem_strndup(path, len);
	const json_t *inner = json_object_get(copy, name);
	json_object_set_new(copy, name, put_items(inner, path + len + (path[len] == '.'), list));
	return copy;
}

/* ---- the next page ---- */

/* Missing, null, false, 0 and "" say that there is nothing. */
static bool is_set(const json_t *v)
{
	if (json_is_string(v))
		return *json_string_value(v) != 0;
	if (json_is_number(v))
		return json_number_value(v) != 0;
	return v && !json_is_null(v) && !json_is_false(v);
}

static const json_t *first_set(const json_t *answer, const json_t *paths)
{
	const json_t *path;
	size_t i;
	json_array_foreach ((json_t *)paths, i, path) {
		const json_t *v = json_path(answer, json_string_value(path));
		if (is_set(v))
			return v;
	}
	return NULL;
}

static json_int_t number_of(const json_t *v, json_int_t otherwise)
{
	if (json_is_string(v) && *json_string_value(v))
		return strtoll(json_string_value(v), NULL, 10);
	return json_is_number(v) ? (json_int_t)json_number_value(v) : otherwise;
}

/* How many items a page holds when it is not the last; 0: unknown. */
static json_int_t size_asked(const struct action *a, const json_t *params)
{
	const struct action_paging *p = &a->paging;
	json_auto_t *all = first_params(a, params);
	json_int_t asked =
		number_of(p->limit ? json_object_get(all, p->limit) : NULL, p->limit_default);
	return p->limit_max > 0 && asked > p->limit_max ? p->limit_max : asked;
}

static bool is_short(const struct action *a, const json_t *params, size_t n)
{
	json_int_t asked = size_asked(a, params);
	return asked > 0 ? (json_int_t)n < asked : n == 0;
}

/* The number of the page (or item) at a place. */
static json_int_t number_at(const json_t *params, const json_t *place, const char *param,
			    json_int_t first)
{
	const char *cursor = cursor_of(place);
	return cursor ? strtoll(cursor, NULL, 10)
		      : number_of(json_object_get(params, param), first);
}

static char *number_text(json_int_t n)
{
	char text[NUMBER_LEN];
	snprintf(text, sizeof(text), "%lld", (long long)n);
	return mem_strdup(text);
}

static char *next_number(const struct action *a, const json_t *params, const json_t *place,
			 const json_t *answer, size_t n)
{
	const struct action_paging *p = &a->paging;
	const json_t *pages = p->pages ? json_path(answer, p->pages) : NULL;
	json_int_t next = number_at(params, place, p->page_param, p->first) + 1;
	bool last = p->more         ? !first_set(answer, p->more)
		    : is_set(pages) ? number_of(pages, 0) <= next - p->first
				    : is_short(a, params, n);
	return last ? NULL : number_text(next);
}

static char *next_offset(const struct action *a, const json_t *params, const json_t *place,
			 const json_t *answer, size_t n)
{
	const struct action_paging *p = &a->paging;
	json_int_t at = number_at(params, place, p->offset_param, 0);
	bool last = p->more ? !first_set(answer, p->more) : is_short(a, params, n);
	return last ? NULL : number_text(at + (json_int_t)n);
}

/* A link or cursor as text; NULL with an error when it is neither text nor number. */
static char *cursor_text(const json_t *v, struct errmsg *msg)
{
	const char *text = json_string_value(v);
	if (json_is_integer(v))
		return number_text(json_integer_value(v));
	if (text && strlen(text) < CURSOR_MAX && json_string_length(v) == strlen(text))
		return mem_strdup(text);
	(void)err_set(msg, ERR_INVALID,
		      text ? "the next page's cursor is too long or no text"
			   : "the next page's cursor is %s and no text",
		      json_type_word(v));
	return NULL;
}

/* The cursor of the page after the one at a place in *ret, NULL after the last. */
static int find_next(const struct action *a, const json_t *params, const json_t *place,
		     const json_t *answer, size_t n, char **ret, struct errmsg *msg)
{
	const struct action_paging *p = &a->paging;
	const json_t *v = NULL;
	*ret = NULL;
	switch (p->kind) {
	case PAGING_LINK:
		v = first_set(answer, p->link);
		break;
	case PAGING_CURSOR:
		v = p->cursor ? json_path(answer, p->cursor) : NULL;
		break;
	case PAGING_PAGE:
		*ret = next_number(a, params, place, answer, n);
		return 0;
	case PAGING_OFFSET:
		*ret = next_offset(a, params, place, answer, n);
		return 0;
	case PAGING_NONE:
	case PAGING_WHOLE:
	case PAGING_KINDS:
		return 0;
	}
	if (is_set(v))
		*ret = cursor_text(v, msg);
	return is_set(v) && !*ret ? msg->code : 0;
}

/* ---- places ---- */

static bool is_power_of_2(json_int_t n)
{
	return (n & (n - 1)) == 0;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/*
 * A list that leads back to where it was would never end. One cursor is remembered, that of the page
 * whose number is the last power of 2: a circle of any length meets it within thrice its length.
 */
static int make_place(const json_t *place, const char *cursor, size_t n, json_t **ret,
		      struct errmsg *msg)
{
	json_int_t page = json_int(place, "page", 1), empty = json_int(place, "empty", 0);
	const char *mark = is_power_of_2(page) ? cursor_of(place) : json_str(place, "mark");
	if (same(cursor, cursor_of(place)) || same(cursor, mark))
		return err_set(msg, ERR_INVALID,
			       "page %lld leads back to a page that was there before",
			       (long long)page);
	empty = n ? 0 : empty + 1;
	if (empty >= PAGES_EMPTY_MAX)
		return err_set(msg, ERR_LIMIT, "%d pages in a row have no items", PAGES_EMPTY_MAX);
	*ret = json_pack("{s:I, s:s, s:s*}", "page", page + 1, "cursor", cursor, "mark", mark);
	if (empty)
		json_object_set_new(*ret, "empty", json_integer(empty));
	return 0;
}

/* Checked now, so that the error tells of the answer it was in. */
static int check_cursor(const struct action *a, const char *base_url, const char *cursor,
			struct errmsg *msg)
{
	char *url = NULL;
	if (a->paging.kind != PAGING_LINK || *cursor == '?')
		return 0;
	int err = next_url(base_url, cursor, &url, msg);
	free(url);
	return err;
}

int paging_take(const struct action *a, const json_t *params, const json_t *place,
		const char *base_url, const json_t *answer, json_t **ret, struct errmsg *msg)
{
	const json_t *items;
	json_t *next = NULL;
	char *cursor = NULL;
	*ret = NULL;
	int err = find_items(a, answer, &items, msg);
	size_t n = json_array_size(items);
	if (!err)
		err = find_next(a, params, place, answer, n, &cursor, msg);
	if (!err && cursor)
		err = check_cursor(a, base_url, cursor, msg);
	if (!err && cursor)
		err = make_place(place, cursor, n, &next, msg);
	free(cursor);
	if (err)
		return err;
	json_auto_t *none = json_array();
	*ret = json_object();
	json_object_set(*ret, "items", items ? (json_t *)items : none);
	if (*a->paging.items)
		json_object_set_new(*ret, "rest", put_items(answer, a->paging.items, none));
	if (next)
		json_object_set_new(*ret, "next", next);
	return 0;
}

/* ---- joining ---- */

int paging_join_add(struct paging_join *j, const json_t *taken, struct errmsg *msg)
{
	json_t *items = json_object_get(taken, "items");
	if (!j->items)
		j->items = json_array();
	j->pages++;
	if (json_array_size(j->items) + json_array_size(items) > PAGES_ITEMS_MAX)
		return err_set(
			msg, ERR_LIMIT,
			"the pages hold more than %d items: go through them one by one, with "
			"each: {call: …}",
			PAGES_ITEMS_MAX);
	json_array_extend(j->items, items);
	json_decref(j->rest);
	j->rest = json_incref(json_object_get(taken, "rest"));
	return 0;
}

json_t *paging_join_take(struct paging_join *j, const struct action *a)
{
	json_auto_t *items = j->items ? j->items : json_array();
	j->items = NULL;
	json_t *answer = put_items(j->rest, a->paging.items, items);
	paging_join_done(j);
	return answer;
}

void paging_join_done(struct paging_join *j)
{
	json_decref(j->items);
	json_decref(j->rest);
	*j = (struct paging_join){0};
}

int paging_count_parse(const char *text, unsigned *ret, struct errmsg *msg)
{
	size_t len = strlen(text);
	*ret = 0;
	if (strcmp(text, "all") == 0)
		return 0;
	if (len && len < 6 && strspn(text, "0123456789") == len)
		*ret = (unsigned)strtoul(text, NULL, 10);
	if (*ret)
		return 0;
	return err_set(msg, ERR_INVALID, "pages: takes all or a number of pages, not '%.40s'",
		       text);
}
