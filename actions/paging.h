/*
 * Lists that come in pages: where an answer has its items, and what the request of the next page is.
 *
 * A place in such a list is a JSON value that only this file reads and that may stand in a journal:
 * NULL or {} is the first page, the others are what paging_take() gave as `next`. Together with the
 * call's parameters it says all about the page's request, whatever was loaded anew in between.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "actions/catalogue.h"
#include "actions/request.h"
#include "engine/base/err.h"

#define PAGES_ITEMS_MAX 10000 /* of pages that are joined; more is for a loop over the pages */
#define PAGES_EMPTY_MAX 100 /* pages without an item in a row: nobody knows whether it ever ends */

/* Whether the action's answer is a list whose items are known, be it all in one answer. */
bool paging_is(const struct action *a);
/*
 * The request of the page at a place. Where the parameters do not say how large a page is, the largest is
 * asked for, to need few requests. As request_render(); ERR_INVALID too when the place leads to
 * another origin than base_url.
 */
int paging_render(const struct action *a, const json_t *params, const json_t *place,
		  const char *base_url, struct http_request_text *out, struct errmsg *msg);
/*
 * What the answer to the page at a place gives, a new reference in *ret: {items: the list, rest: the
 * answer without them (missing where the answer is the list), next: the place of the next page (missing
 * after the last)}. An empty page is not the last as long as the answer names another.
 * ERR_INVALID: there is no list where the action says, the next page leads to another origin, or to
 * where it was before. ERR_LIMIT: too many empty pages.
 */
int paging_take(const struct action *a, const json_t *params, const json_t *place,
		const char *base_url, const json_t *answer, json_t **ret, struct errmsg *msg);

/* Pages being joined into one answer; may be zeroed. */
struct paging_join {
	json_t *items; /* so far */
	json_t *rest;  /* of the last page */
	unsigned pages;
};

/* Adds what paging_take() gave; borrowed. ERR_LIMIT over PAGES_ITEMS_MAX items. */
int paging_join_add(struct paging_join *j, const json_t *taken, struct errmsg *msg);
/* One answer in the shape of a page, with the items of all of them; a new reference. Ends the join. */
json_t *paging_join_take(struct paging_join *j, const struct action *a);
void paging_join_done(struct paging_join *j);

/* How many pages a text asks for: "all" gives 0, "3" gives 3. ERR_INVALID. */
int paging_count_parse(const char *text, unsigned *ret, struct errmsg *msg);
