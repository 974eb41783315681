/* `log`: one line in the service's log. */
#include <stdlib.h>

#include "engine/base/json.h"
#include "engine/run/step.h"

struct log_args {
	struct tmpl *text;
};

static enum verdict log_start(struct act *a)
{
	const struct log_args *args = act_args(a);
	json_t *v;
	if (!act_eval(a, args->text, &v))
		return STEP_FAIL;
	char *text = json_is_string(v) || !v ? NULL : json_text(v);
	act_log(a, text ? text : v ? json_string_value(v) : "nil");
	free(text);
	return step_done(a, v);
}

static const struct param log_params[] = {
	{"log", P_TMPL, IN_WORD, true, offsetof(struct log_args, text), "what to write"},
	{0},
};

const struct step_kind kind_log = {
	.name = "log",
	.help = "writes a line to the log",
	.params = log_params,
	.args_size = sizeof(struct log_args),
	.start = log_start,
};
