/* The model of conversation events, as a table. */
#include "engine/serve/native.h"

#include <stdarg.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/timefmt.h"
#include "engine/rule/compile.h"

#define TOLD_MAX 10

enum type { T_TEXT, T_NUMBER, T_INTEGER, T_WORD, T_TIME, T_TEXTS, T_MAP, T_MAPS, T_FREE, T_ANY };

/* A row of a map. open: other fields may stand beside those that are known. */
struct field {
	const char *name;
	enum type type;
	bool required;
	const struct field *fields; /* MAP, MAPS; closed by a NULL name */
	bool open;
	const char *const *words; /* WORD */
	double min, max;          /* NUMBER, when they differ */
};

#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct field assignee[] = {
	{"type", T_WORD, true, .words = WORDS("bot", "agent", "team")},
	{"id", T_TEXT},
	{"name", T_TEXT},
	{0},
};
static const struct field conversation[] = {
	{"id", T_TEXT, true},
	{"channel", T_TEXT, true},
	{"status", T_WORD, .words = WORDS("open", "pending", "snoozed", "closed")},
	{"url", T_TEXT},
	{"assignee", T_MAP, .fields = assignee},
	{"labels", T_TEXTS},
	{"attributes", T_FREE},
	{0},
};
static const struct field participant[] = {
	{"role", T_WORD, true, .words = WORDS("customer", "bot", "agent", "system")},
	{"id", T_TEXT},
	{"name", T_TEXT},
	{"email", T_TEXT},
	{"phone", T_TEXT},
	{"external_id", T_TEXT},
	{0},
};
static const struct field choice[] = {{"id", T_TEXT, true}, {"title", T_TEXT}, {0}};
static const struct field attachment[] = {
	{"type", T_WORD, true,
	 .words = WORDS("image", "audio", "video", "file", "location", "contact", "link")},
	{"url", T_TEXT},
	{"ref", T_TEXT},
	{"mime", T_TEXT},
	{"name", T_TEXT},
	{"size", T_INTEGER},
	{0},
};
static const struct field message[] = {
	{"id", T_TEXT, true},
	{"text", T_TEXT},
	{"format", T_WORD, .words = WORDS("plain", "markdown", "html")},
	{"reply_to", T_TEXT},
	{"choice", T_MAP, .fields = choice, .open = true},
	{"attachments", T_MAPS, .fields = attachment},
	{"status", T_WORD, .words = WORDS("sent", "delivered", "read", "failed")},
	{0},
};
static const struct field alternative[] = {{"name", T_TEXT, true}, {0}};
static const struct field intent[] = {
	{"name", T_TEXT, true},
	{"confidence", T_NUMBER, .min = 0, .max = 1},
	{"alternatives", T_MAPS, .fields = alternative, .open = true},
	{0},
};
static const struct field entity[] = {
	{"name", T_TEXT, true},
	{"value", T_ANY, true},
	{"text", T_TEXT},
	{"confidence", T_NUMBER},
	{0},
};
static const struct field consent[] = {
	{"status", T_WORD, true, .words = WORDS("granted", "denied", "unknown")},
	{"at", T_TEXT},
	{"text", T_TEXT},
	{0},
};
static const struct field contact[] = {
	{"email", T_TEXT},
	{"phone", T_TEXT},
	{"first_name", T_TEXT},
	{"last_name", T_TEXT},
	{"name", T_TEXT},
	{"company", T_TEXT},
	{"consent", T_MAP, .fields = consent},
	{"custom", T_FREE},
	{0},
};
static const struct field sentiment[] = {
	{"score", T_NUMBER, .min = -1, .max = 1},
	{"magnitude", T_NUMBER},
	{"label", T_WORD, .words = WORDS("negative", "neutral", "positive")},
	{0},
};
static const struct field handoff[] = {{"to", T_TEXT}, {"reason", T_TEXT}, {0}};
static const struct field action[] = {
	{"name", T_TEXT, true},
	{"call_id", T_TEXT},
	{"arguments", T_FREE},
	{0},
};
static const struct field outcome[] = {
	{"code", T_TEXT},
	{"rating", T_NUMBER},
	{"remark", T_TEXT},
	{0},
};
static const struct field transcript[] = {{"url", T_TEXT}, {"ref", T_TEXT}, {0}};
static const struct field data[] = {
	{"platform", T_TEXT, true},
	{"account", T_TEXT, true},
	{"conversation", T_MAP, true, .fields = conversation},
	{"participant", T_MAP, .fields = participant},
	{"locale", T_TEXT},
	{"message", T_MAP, .fields = message},
	{"intent", T_MAP, .fields = intent},
	{"entities", T_MAPS, .fields = entity, .open = true},
	{"slots", T_FREE},
	{"contact", T_MAP, .fields = contact},
	{"sentiment", T_MAP, .fields = sentiment},
	{"handoff", T_MAP, .fields = handoff},
	{"action", T_MAP, .fields = action},
	{"outcome", T_MAP, .fields = outcome},
	{"transcript", T_MAP, .fields = transcript},
	{"changed", T_TEXTS},
	{0},
};
static const struct field envelope[] = {
	{"specversion", T_WORD, true, .words = WORDS("1.0")},
	{"id", T_TEXT, true},
	{"source", T_TEXT, true},
	{"type", T_WORD, true, .words = conversation_kinds},
	{"subject", T_TEXT, true},
	{"time", T_TIME, true},
	{"datacontenttype", T_WORD, true, .words = WORDS("application/json")},
	{"traceparent", T_TEXT},
	{"data", T_MAP, true, .fields = data},
	{0},
};

/* ---- the check ---- */

struct check {
	struct buf *b;
	size_t n;
};

static void violation(struct check *c, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Only the first ones are told; all are counted. */
static void violation(struct check *c, const char *path, const char *fmt, ...)
{
	va_list ap;
	if (c->n++ >= TOLD_MAX)
		return;
	(void)buf_printf(c->b, "%s%s%s", c->n > 1 ? "; " : "", path, *path ? ": " : "");
	va_start(ap, fmt);
	(void)buf_vprintf(c->b, fmt, ap);
	va_end(ap);
}

static void check_map(struct check *c, const char *path, const json_t *v,
		      const struct field *fields, bool open);

static void check_word(struct check *c, const char *path, const json_t *v, const struct field *f)
{
	const char *word = json_string_value(v);
	struct buf all = BUF_INIT;
	for (size_t i = 0; f->words[i]; i++) {
		if (word && strcmp(f->words[i], word) == 0) {
			buf_done(&all);
			return;
		}
		(void)buf_printf(&all, "%s%s", i ? ", " : "", f->words[i]);
	}
	violation(c, path, "must be one of %s", buf_str(&all));
	buf_done(&all);
}

static void check_number(struct check *c, const char *path, const json_t *v, const struct field *f)
{
	double n = json_number_value(v);
	if (!json_is_number(v) || (f->type == T_INTEGER && !json_is_integer(v)))
		violation(c, path, "must be a number, not %s", json_type_word(v));
	else if (f->min < f->max && (n < f->min || n > f->max))
		violation(c, path, "is out of its range");
}

static void check_list(struct check *c, const char *path, const json_t *v, const struct field *f)
{
	size_t i;
	json_t *one;
	if (!json_is_array(v)) {
		violation(c, path, "must be a list, not %s", json_type_word(v));
		return;
	}
	json_array_foreach (v, i, one) {
		auto_free char *at = mem_printf("%s[%zu]", path, i);
		if (f->type == T_MAPS)
			check_map(c, at, one, f->fields, f->open);
		else if (!json_is_string(one))
			violation(c, at, "must be text, not %s", json_type_word(one));
	}
}

static void check_time(struct check *c, const char *path, const json_t *v)
{
	int64_t ms;
	if (!json_is_string(v) || time_parse(json_string_value(v), &ms, NULL) != 0)
		violation(c, path, "must be a time such as 2026-11-23T09:46:31Z");
}

static void check_field(struct check *c, const char *path, const json_t *v, const struct field *f)
{
	switch (f->type) {
	case T_TEXT:
		if (!json_is_string(v))
			violation(c, path, "must be text, not %s", json_type_word(v));
		else if (f->required && !json_string_length(v))
			violation(c, path, "is empty");
		break;
	case T_NUMBER:
	case T_INTEGER:
		check_number(c, path, v, f);
		break;
	case T_WORD:
		check_word(c, path, v, f);
		break;
	case T_TIME:
		check_time(c, path, v);
		break;
	case T_TEXTS:
	case T_MAPS:
		check_list(c, path, v, f);
		break;
	case T_MAP:
		check_map(c, path, v, f->fields, f->open);
		break;
	case T_FREE:
		if (!json_is_object(v))
			violation(c, path, "must be an object, not %s", json_type_word(v));
		break;
	case T_ANY:
		break;
	}
}

static char *below(const char *path, const char *name)
{
	return *path ? mem_printf("%s.%s", path, name) : mem_strdup(name);
}

static bool is_known(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return true;
	return false;
}

static void check_map(struct check *c, const char *path, const json_t *v,
		      const struct field *fields, bool open)
{
	const char *name;
	json_t *one;
	if (!json_is_object(v)) {
		violation(c, path, "must be an object, not %s", json_type_word(v));
		return;
	}
	for (const struct field *f = fields; f->name; f++) {
		auto_free char *at = below(path, f->name);
		one = json_object_get(v, f->name);
		if (one)
			check_field(c, at, one, f);
		else if (f->required)
			violation(c, at, "is missing");
	}
	json_object_foreach ((json_t *)v, name, one) {
		auto_free char *at = below(path, name);
		if (!open && !is_known(fields, name))
			violation(c, at, "is no field of the model");
	}
}

/* "/conversations/PLATFORM/ACCOUNT" */
static void check_source(struct check *c, const char *source)
{
	static const char start[] = "/conversations/";
	const char *platform = source + sizeof(start) - 1;
	bool ok = strncmp(source, start, sizeof(start) - 1) == 0;
	size_t len = ok ? strspn(platform, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;
	if (!len || platform[len] != '/' || !platform[len + 1])
		violation(c, "source", "must read /conversations/PLATFORM/ACCOUNT");
}

size_t native_check(const json_t *event, struct buf *b)
{
	struct check c = {.b = b};
	const char *source = json_str(event, "source"), *subject = json_str(event, "subject");
	check_map(&c, "", event, envelope, false);
	if (source)
		check_source(&c, source);
	if (subject && strlen(subject) < 3)
		violation(&c, "subject", "must read PLATFORM:ACCOUNT:CONVERSATION");
	return c.n;
}
