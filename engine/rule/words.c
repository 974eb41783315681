/* The words of the language that belong to no kind of step, and what may be a name. */
#include <ctype.h>
#include <string.h>

#include "engine/base/suggest.h"
#include "engine/rule/compile.h"

const char *const words_rule[] = {"api",     "rule",   "about",   "when",    "if",
				  "vars",    "do",     "catch",   "finally", "retry",
				  "timeout", "result", "enabled", "tests",   "budget",
				  "limit",   "once",   "collect", "cancel",  NULL};
/* Words of the language that this version does not do yet: not to be taken for typing errors. */
const char *const words_rule_later[] = {NULL};
/* Those of these that are a kind of step by now are never looked up here. */
const char *const words_step_later[] = {"all",  "any",  "while", "http",  "next", "break", "choose",
					"each", "lua",  "set",   "reply", "emit", "try",   "undo",
					"call", "wait", "if",    "log",   "stop", "fail",  NULL};
const char *const words_step[] = {"id",    "as",   "if",    "retry", "timeout",
				  "catch", "undo", "about", NULL};
/* Parameters of the same sort, as "word.parameter". */
const char *const words_param_later[] = {"emit.source", "reply.to", NULL};
const char *const words_errors[] = {
	"throttled", "quota_exceeded", "network", "timeout", "5xx",      "auth",  "forbidden",
	"not_found", "conflict",       "exists",  "invalid", "rejected", "limit", "in_doubt",
	"script",    "cancelled",      "failed",  "too_big", "poison",   NULL};
/* What `steps.NAME` tells of a step. */
const char *const words_step_meta[] = {"outcome", "status",     "attempts", "tries",
				       "adopted", "started",    "ended",    "errors",
				       "cached",  "connection", NULL};
/* Below the words of a rule. */
const char *const words_trigger[] = {"where", "id", "about", "awaited", NULL};
const char *const words_catch[] = {"error", "if", "do", "about", NULL};
const char *const words_choice[] = {"if", "do", "else", NULL};
const char *const words_retry[] = {"attempts", "first",  "factor", "cap",
				   "within",   "jitter", "error",  NULL};
const char *const words_budget[] = {"share", "reserve", NULL};
const char *const words_once[] = {"key", "for", NULL};
const char *const words_limit[] = {"key", "max", "then", "rate", NULL};
const char *const words_collect[] = {"key", "for", "quiet", "max", NULL};
const char *const words_cancel[] = {"event", "conversation", "webhook", "run", "where", NULL};
const char *const words_run[] = {"id", "rule", "attempt", "started", "elapsed", "url", NULL};

static const char *const reserved[] = {"event", "events", "data",    "vars", "steps", "error",
				       "run",   "now",    "secrets", "it",   NULL};
static const char *const keywords[] = {"and",   "break", "do",       "else",  "elseif", "end",
				       "false", "for",   "function", "goto",  "if",     "in",
				       "local", "nil",   "not",      "or",    "repeat", "return",
				       "then",  "true",  "until",    "while", NULL};

bool word_in(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

size_t word_count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

const char *word_near(const char *word, const char *const *a, const char *const *b)
{
	const char *all[256];
	size_t n = 0;
	for (; a && *a && n < 256; a++)
		all[n++] = *a;
	for (; b && *b && n < 256; b++)
		all[n++] = *b;
	return suggest(word, all, n);
}

bool word_is_reserved(const char *word)
{
	return word_in(reserved, word);
}

bool word_is_keyword(const char *word)
{
	return word_in(keywords, word);
}

bool word_is_identifier(const char *word)
{
	if (!isalpha((unsigned char)*word) && *word != '_')
		return false;
	for (; *word; word++)
		if (!isalnum((unsigned char)*word) && *word != '_')
			return false;
	return true;
}
