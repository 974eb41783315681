/* What a memory operation does to a value: the same for every backend. */
#include "engine/store/memory.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/store/shared.h"

static void outcome_ok(struct store_memory *m, const char *value)
{
	m->outcome = mem_printf("{\"ok\":%s}", value);
}

static bool outcome_no(struct store_memory *m, const char *why)
{
	m->outcome = mem_printf("{\"no\":\"%s\"}", why);
	return false;
}

static json_t *number_of(const char *text)
{
	json_t *v = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	if (json_is_number(v))
		return v;
	json_decref(v);
	return NULL;
}

/* Whole numbers stay whole as long as they fit. NULL: the sum is no number. */
static json_t *sum_of(const json_t *a, const json_t *b)
{
	json_int_t n;
	if (json_is_integer(a) && json_is_integer(b) &&
	    !__builtin_add_overflow(json_integer_value(a), json_integer_value(b), &n))
		return json_integer(n);
	return json_real(json_number_value(a) + json_number_value(b));
}

static bool add(struct store_memory *m, const char *old, char **ret_new)
{
	json_auto_t *there = old ? number_of(old) : json_integer(0), *by = number_of(m->value);
	if (!there)
		return outcome_no(m, "what is kept there is no number");
	json_auto_t *sum = by ? sum_of(there, by) : NULL;
	if (!sum)
		return outcome_no(m, "the sum is no number");
	*ret_new = json_dumps(sum, JSON_ENCODE_ANY | JSON_COMPACT);
	outcome_ok(m, *ret_new);
	return true;
}

static bool first(struct store_memory *m, const char *old, char **ret_new)
{
	outcome_ok(m, old ? "false" : "true");
	if (old)
		return false;
	*ret_new = mem_strdup("true");
	return true;
}

bool store_memory(struct store_memory *m, const char *old, char **ret_new)
{
	*ret_new = NULL;
	switch (m->op) {
	case MEMORY_GET:
		outcome_ok(m, old ? old : "null");
		return false;
	case MEMORY_PUT:
		if (strlen(m->value) > STORE_MEMORY_MAX)
			return outcome_no(m, "the value is too large to be kept");
		*ret_new = mem_strdup(m->value);
		outcome_ok(m, m->value);
		return true;
	case MEMORY_ADD:
		return add(m, old, ret_new);
	case MEMORY_FIRST:
		return first(m, old, ret_new);
	case MEMORY_DROP:
		outcome_ok(m, old ? "true" : "false");
		return old != NULL;
	}
	return false;
}

char *store_fill(const char *body, size_t len, const char *outcome)
{
	const char *hole = memmem(body, len, STORE_MEMORY_HOLE, strlen(STORE_MEMORY_HOLE));
	if (!hole)
		return mem_strndup(body, len);
	const char *rest = hole + strlen(STORE_MEMORY_HOLE);
	return mem_printf("%.*s%s%.*s", (int)(hole - body), body, outcome,
			  (int)(len - (size_t)(rest - body)), rest);
}
