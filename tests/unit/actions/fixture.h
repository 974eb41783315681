/* What the tests of actions/ share: the catalogue as it is shipped, and JSON written with single quotes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "actions/catalogue.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"

#define CC "constant_contact"

static struct catalogue *cat;

static int load_catalogue(void **state)
{
	struct errmsg msg = {0};
	(void)state;
	cat = catalogue_new();
	if (catalogue_load_dir(cat, "actions", &msg))
		print_error("%s\n", msg.text);
	return msg.code;
}

static int drop_catalogue(void **state)
{
	(void)state;
	catalogue_free(cat);
	cat = NULL;
	return 0;
}

static const struct action *get(const char *name)
{
	const struct action *a = catalogue_find(cat, CC, name);
	if (!a)
		print_error("there is no action %s\n", name);
	assert_non_null(a);
	return a;
}

/* A value from JSON text in which ' stands for ". */
static json_t *js(const char *text)
{
	auto_free char *copy = mem_strdup(text);
	struct errmsg msg = {0};
	json_t *v = NULL;
	for (char *p = copy; (p = strchr(p, '\''));)
		*p = '"';
	if (json_parse(copy, strlen(copy), false, &v, &msg))
		print_error("%s in %s\n", msg.text, copy);
	assert_non_null(v);
	return v;
}
