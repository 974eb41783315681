/* What lua-language-server is told of the library and of the actions that scripts call. */
#include "engine/cli/lua_stubs.h"

#include <string.h>

#include "engine/base/arena.h"

/* Made of library.lua. */
extern const char lua_library[];

static void add_type(struct buf *b, const struct schema *s);

/* "a"|"b"; what is no text is left to the type. */
static bool add_choice(struct buf *b, const struct schema *s)
{
	size_t i;
	json_t *v;
	if (!s->values || s->type != SCHEMA_STRING)
		return false;
	json_array_foreach (s->values, i, v)
		(void)buf_printf(b, "%s\"%s\"", i ? "|" : "", json_string_value(v));
	return i > 0;
}

static void add_list(struct buf *b, const struct schema *s)
{
	(void)buf_putc(b, '(');
	if (s->items)
		add_type(b, s->items);
	else
		(void)buf_puts(b, "any");
	(void)buf_puts(b, ")[]");
}

static void add_type(struct buf *b, const struct schema *s)
{
	static const char *const names[] = {
		[SCHEMA_STRING] = "string", [SCHEMA_INTEGER] = "integer",
		[SCHEMA_NUMBER] = "number", [SCHEMA_BOOLEAN] = "boolean",
		[SCHEMA_OBJECT] = "table",  [SCHEMA_LIST] = NULL,
		[SCHEMA_FILE] = "any",      [SCHEMA_TYPES] = NULL,
	};
	if (add_choice(b, s))
		return;
	if (s->type == SCHEMA_LIST)
		add_list(b, s);
	else
		(void)buf_puts(b, s->type != SCHEMA_ANY && names[s->type] ? names[s->type] : "any");
}

/* The first line of a text: a comment ends with its line. */
static void add_line(struct buf *b, const char *text)
{
	(void)buf_printf(b, "%.*s\n", text ? (int)strcspn(text, "\n") : 0, text ? text : "");
}

static void add_class(struct buf *b, const struct action *a, const char *full)
{
	const struct schema *s = a->params;
	(void)buf_puts(b, "\n---");
	add_line(b, a->title);
	(void)buf_printf(b, "---@class %s\n", full);
	for (size_t i = 0; i < s->n_fields; i++) {
		bool must = s->fields[i]->required && !a->merge;
		(void)buf_printf(b, "---@field %s%s ", s->names[i], must ? "" : "?");
		add_type(b, s->fields[i]);
		(void)buf_putc(b, ' ');
		add_line(b, s->fields[i]->about);
	}
}

static void each_name(struct buf *b, struct buf *overloads, const struct action *a,
		      const json_t *connections)
{
	const char *name;
	json_t *connector;
	json_object_foreach ((json_t *)connections, name, connector) {
		if (strcmp(json_string_value(connector), a->connector) != 0)
			continue;
		auto_free char *full = mem_printf("%s.%s", name, a->name);
		add_class(b, a, full);
		(void)buf_printf(overloads, "---@overload fun(action: \"%s\", with: %s): any\n",
				 full, full);
	}
}

void lua_stubs(struct buf *b, const struct catalogue *cat, const json_t *connections)
{
	struct buf overloads = BUF_INIT;
	const struct action *a;
	(void)buf_puts(b, lua_library);
	(void)buf_puts(b, "\n-- ---- actions ----\n");
	for (size_t i = 0; (a = catalogue_next(cat, &i));)
		each_name(b, &overloads, a, connections);
	(void)buf_puts(b, "\n---One action of the catalogue; its error is raised.\n"
			  "---@param action string a literal text\n---@param with? table\n"
			  "---@return any answer\n");
	(void)buf_puts(b, buf_str(&overloads));
	(void)buf_puts(b, "function call(action, with) end\n");
	buf_done(&overloads);
}
