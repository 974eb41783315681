/* What is known of values that no step's kind tells of: events, errors, names of other names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "engine/rule/compile.h"

#define PATH_MAX_LEN 256

static const char *const event_fields[] = {"id",   "type",    "source",  "subject",
					   "time", "headers", "trigger", "query",
					   "path", "change",  "data",    NULL};
static const char *const error_fields[] = {"name", "message", "status", "step", "key", NULL};

/* What the elements of its lists are is not told. */
static bool is_of_list(const char *path)
{
	for (const char *p = path; (p = strchr(p, '.')); p++)
		if (isdigit((unsigned char)p[1]))
			return true;
	return false;
}

static bool is_conversation_field(const char *path, char *near, size_t max)
{
	const char *const *values;
	return is_of_list(path) || conversation_field(path, &values, near, max) != FIELD_NONE;
}

/* An envelope may have more than these: only what is nearly one of them is doubted. */
static int doubted(const char *const *names, const char *dotted, char *near, size_t max)
{
	if (plan_has_name((void *)names, dotted, near, max))
		return 1;
	return *near ? -1 : 1;
}

static int has_event_field(void *conversation, const char *dotted, char *near, size_t max)
{
	char field[PATH_MAX_LEN] = "";
	if (conversation && !strncmp(dotted, "data.", 5)) {
		if (is_conversation_field(dotted + 5, field, sizeof(field)))
			return 1;
		snprintf(near, max, "%s%s", *field ? "data." : "", field);
		return -1;
	}
	return doubted(event_fields, dotted, near, max);
}

void typed_event(struct plan_check *check, const struct step *s, bool conversation)
{
	static bool yes = true;
	check->gives(check, s, has_event_field, conversation ? &yes : NULL);
}

static void doubt(struct compiler *c, const char *what, const char *field, const char *near,
		  int line, int col)
{
	c->check.warn(&c->check, line, col, "%s has no field '%s'%s%s%s", what, field,
		      *near ? "; did you mean '" : "", near, *near ? "'?" : "");
}

void typed_use_event(struct compiler *c, const char *rest, int line, int col)
{
	char near[PATH_MAX_LEN] = "";
	if (rest && doubted(event_fields, rest, near, sizeof(near)) < 0)
		doubt(c, "an event", rest, near, line, col);
}

void typed_use_error(struct compiler *c, const char *rest, int line, int col)
{
	char near[PATH_MAX_LEN] = "";
	if (rest && doubted(error_fields, rest, near, sizeof(near)) < 0)
		doubt(c, "an error", rest, near, line, col);
}

void typed_use_data(struct compiler *c, const char *rest, int line, int col)
{
	char near[PATH_MAX_LEN] = "";
	if (rest && c->conversation_data && !is_conversation_field(rest, near, sizeof(near)))
		doubt(c, "a conversation event", rest, near, line, col);
}

int typed_data_is_list(const struct compiler *c, const char *rest)
{
	char near[PATH_MAX_LEN], above[PATH_MAX_LEN];
	const char *const *values;
	if (!c->conversation_data || !rest || strlen(rest) >= sizeof(above))
		return -1;
	/* Below a list or an open map anything may be. */
	for (const char *dot = rest; (dot = strchr(dot, '.')); dot++) {
		snprintf(above, sizeof(above), "%.*s", (int)(dot - rest), rest);
		if (conversation_field(above, &values, near, sizeof(near)) != FIELD_MAP)
			return -1;
	}
	switch (conversation_field(rest, &values, near, sizeof(near))) {
	case FIELD_LIST:
		return 1;
	case FIELD_SCALAR:
	case FIELD_MAP:
		return 0;
	case FIELD_NONE:
	case FIELD_OPEN:
		break;
	}
	return -1;
}
