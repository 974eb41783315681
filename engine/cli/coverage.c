/* Ways through rules, added up over their tests. */
#include "engine/cli/coverage.h"

#include <string.h>

#include "engine/base/json.h"
#include "engine/trial/cover.h"

static bool has_mark(const json_t *result, const char *mark)
{
	json_t *v;
	size_t i;
	json_array_foreach (json_object_get(result, "marks"), i, v)
		if (strcmp(json_string_value(v), mark) == 0)
			return true;
	return false;
}

static bool is_taken(const struct suite *s, json_t *const *results, const struct plan *p,
		     const char *mark)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->trials[i].plan == p && has_mark(results[i], mark))
			return true;
	return false;
}

static json_t *of_plan(const struct suite *s, json_t *const *results, const struct plan *p)
{
	json_auto_t *ways = cover_ways(p);
	json_t *missed = json_array(), *way;
	size_t i;
	json_array_foreach (ways, i, way)
		if (!is_taken(s, results, p, json_str(way, "mark")))
			json_array_append_new(missed,
					      json_pack("{s:O, s:O}", "line",
							json_object_get(way, "line"), "text",
							json_object_get(way, "text")));
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "rule", p->rule, "file", p->file, "ways",
			 (json_int_t)json_array_size(ways), "taken",
			 (json_int_t)(json_array_size(ways) - json_array_size(missed)), "missed",
			 missed);
}

json_t *coverage_of(const struct suite *s, json_t *const *results)
{
	json_t *list = json_array();
	const struct plan *last = NULL;
	for (size_t i = 0; i < s->n; i++) {
		if (s->trials[i].plan != last)
			json_array_append_new(list, of_plan(s, results, s->trials[i].plan));
		last = s->trials[i].plan;
	}
	return list;
}

void coverage_say(struct buf *b, const json_t *coverage)
{
	json_t *rule, *way;
	size_t i, k;
	json_array_foreach ((json_t *)coverage, i, rule) {
		json_array_foreach (json_object_get(rule, "missed"), k, way)
			(void)buf_printf(
				b, "%s:%lld: no test takes this way: %s\n", json_str(rule, "file"),
				(long long)json_int(way, "line", 0), json_str(way, "text"));
		(void)buf_printf(b, "%s: %s: %lld of %lld ways\n", json_str(rule, "file"),
				 json_str(rule, "rule"), (long long)json_int(rule, "taken", 0),
				 (long long)json_int(rule, "ways", 0));
	}
}
