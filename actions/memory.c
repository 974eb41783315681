/*
 * `memory`: small values that outlive the run, changed exactly once, in the commit of the record that
 * tells the outcome. Keys belong to the rule; those that begin with shared/ to all rules.
 */
#include <string.h>

#include "engine/base/json.h"
#include "engine/run/step.h"

#define SHARED "shared/"

struct memory_args {
	struct tmpl *get, *put, *add, *first, *drop; /* one of them: the key */
	struct tmpl *value, *by;
	int64_t for_ms;
};

static struct tmpl *key_of(const struct memory_args *args, enum store_memory_op *ret)
{
	struct tmpl *const words[] = {[MEMORY_GET] = args->get,
				      [MEMORY_PUT] = args->put,
				      [MEMORY_ADD] = args->add,
				      [MEMORY_FIRST] = args->first,
				      [MEMORY_DROP] = args->drop};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (words[i]) {
			*ret = (enum store_memory_op)i;
			return words[i];
		}
	return NULL;
}

/* A text, or a number as a text; malloc'd, NULL after step_fail. */
static char *eval_key(struct act *a, const struct tmpl *t)
{
	json_t *v;
	if (!act_eval(a, t, &v))
		return NULL;
	json_auto_t *owned = v;
	(void)owned;
	char *text = json_is_string(v)    ? mem_strdup(json_string_value(v))
		     : json_is_integer(v) ? json_text(v)
					  : NULL;
	if (text && *text && strlen(text) <= STORE_MEMORY_KEY_MAX)
		return text;
	free(text);
	(void)step_fail(a, ERR_INVALID, "memory needs a key, a text of 1 to %d bytes, not %s",
			STORE_MEMORY_KEY_MAX, v ? json_type_word(v) : "nil");
	return NULL;
}

/* The value of put, or by how much add changes it; malloc'd JSON text. */
static bool eval_value(struct act *a, enum store_memory_op op, char **ret)
{
	const struct memory_args *args = act_args(a);
	const struct tmpl *t = op == MEMORY_PUT ? args->value : op == MEMORY_ADD ? args->by : NULL;
	json_t *v = NULL;
	*ret = NULL;
	if (t && !act_eval(a, t, &v))
		return false;
	json_auto_t *owned = v;
	(void)owned;
	if (op == MEMORY_ADD && t && !json_is_number(v)) {
		(void)step_fail(a, ERR_INVALID, "by: needs a number, not %s",
				v ? json_type_word(v) : "nil");
		return false;
	}
	if (op == MEMORY_PUT || op == MEMORY_ADD)
		*ret = v ? json_text(v) : mem_strdup(op == MEMORY_ADD ? "1" : "null");
	return true;
}

static enum verdict memory_resume(struct act *a);

static enum verdict memory_start(struct act *a)
{
	const struct memory_args *args = act_args(a);
	struct store_memory m = {.for_ms = args->for_ms};
	const struct tmpl *t = key_of(args, &m.op);
	if (step_rec(a,
		     REC_DECISION)) /* it is done, and the process ended before its end was kept */
		return memory_resume(a);
	auto_free char *key = eval_key(a, t), *value = NULL;
	if (!key || !eval_value(a, m.op, &value))
		return STEP_FAIL;
	bool shared = strncmp(key, SHARED, sizeof(SHARED) - 1) == 0;
	m.key = key;
	m.scope = shared ? "" : act_plan(a)->rule;
	m.value = value;
	step_memory(a, &m);
	return step_barrier(a);
}

static enum verdict memory_resume(struct act *a)
{
	json_t *outcome = json_object_get(step_rec(a, REC_DECISION), "memory");
	const char *why = json_str(outcome, "no");
	if (why)
		return step_fail(a, ERR_INVALID, "memory: %s", why);
	json_t *ok = json_object_get(outcome, "ok");
	return step_done(a, ok && !json_is_null(ok) ? json_incref(ok) : NULL);
}

static void memory_check(struct plan_check *c, struct step *s)
{
	const struct memory_args *args = s->args;
	int n = (args->get != NULL) + (args->put != NULL) + (args->add != NULL) +
		(args->first != NULL) + (args->drop != NULL);
	if (n != 1)
		c->error(c, s->line, s->col, "memory does one of: get, put, add, first, drop");
	else if (args->put && !args->value)
		c->error(c, s->line, s->col, "put: needs a value:");
	else if ((args->value && !args->put) || (args->by && !args->add))
		c->error(c, s->line, s->col, "value: belongs to put:, and by: to add:");
	else if (args->for_ms && (args->get || args->drop))
		c->error(c, s->line, s->col, "for: belongs to put:, add: and first:");
}

static const struct param memory_params[] = {
	{"get", P_TMPL, IN_MAP, false, offsetof(struct memory_args, get),
	 "reads the value of a key"},
	{"put", P_TMPL, IN_MAP, false, offsetof(struct memory_args, put),
	 "keeps a value under a key"},
	{"add", P_TMPL, IN_MAP, false, offsetof(struct memory_args, add), "adds to a number"},
	{"first", P_TMPL, IN_MAP, false, offsetof(struct memory_args, first),
	 "true for the first run that asks, else false"},
	{"drop", P_TMPL, IN_MAP, false, offsetof(struct memory_args, drop), "forgets a key"},
	{"value", P_TMPL, IN_MAP, false, offsetof(struct memory_args, value), "what put keeps"},
	{"by", P_TMPL, IN_MAP, false, offsetof(struct memory_args, by), "how much add adds; 1"},
	{"for", P_DURATION, IN_MAP, false, offsetof(struct memory_args, for_ms),
	 "how long it is kept; ever, when it is left out"},
	{0},
};

const struct step_kind kind_memory = {
	.name = "memory",
	.help = "keeps small values beyond the run, each change exactly once",
	.params = memory_params,
	.args_size = sizeof(struct memory_args),
	.check = memory_check,
	.start = memory_start,
	.resume = memory_resume,
};
