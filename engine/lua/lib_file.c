/* text csv: what is in files. Content never changes, so that reading it replays. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/csv.h"
#include "engine/base/json.h"
#include "engine/lua/element.h"
#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/value.h"
#include "engine/run/rows.h"

#define TEXT_MAX (1 << 20) /* of a file that becomes one value */
#define FILE_MAX_OUT (8 << 20)
#define A_UNIT 16 /* bytes read are one instruction */

/* ---- reading ---- */

/* Only its own run's files are there for an expression. */
static const char *run_of(const struct machine *m)
{
	if (m->script)
		return m->run;
	json_t *run = m->scope ? m->scope->get(m->scope, "run") : NULL;
	return json_str(run, "id");
}

/* The file behind argument 1 as a new reference; NULL when it is a text. Raises for anything else. */
static json_t *file_arg(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TSTRING)
		return NULL;
	json_t *v = value_json(L, 1);
	if (json_is_object(v) && (json_is_string(json_object_get(v, "file")) ||
				  json_is_string(json_object_get(v, "text"))))
		return v;
	json_decref(v);
	luaL_typeerror(L, 1, "a file");
	return NULL;
}

/* Reads a whole file of at most TEXT_MAX; 0, or an error. */
static int read_file(const struct machine *m, const json_t *v, struct buf *out, struct errmsg *msg)
{
	const char *run = run_of(m);
	struct file_in in;
	if (!run)
		return err_set(msg, ERR_INVALID, "there are no files here: only a run has some");
	int err = files_find(m->files ? *m->files : NULL, run, v, &in, msg);
	if (err)
		return err;
	if (in.size > TEXT_MAX)
		err = err_set(msg, ERR_TOOBIG, "the file is larger than 1 MiB");
	char piece[16384];
	ssize_t n = 1;
	while (!err && n > 0) {
		n = file_in_read(&in, (int64_t)out->len, piece, sizeof(piece), msg);
		if (n > 0)
			(void)buf_add(out, piece, (size_t)n);
	}
	file_in_done(&in);
	return err ? err : n < 0 ? (int)n : 0;
}

/* Raises with what msg says. */
static int raise_msg(lua_State *L, const char *what, const struct errmsg *msg)
{
	return luaL_error(L, "%s: %s", what, msg->text);
}

/* The content of argument 1, pushed as a text. */
static void push_text(lua_State *L, const char *what)
{
	struct errmsg msg = {0};
	struct buf b = BUF_INIT;
	json_t *v = file_arg(L), *inline_text = json_object_get(v, "text");
	if (!v) {
		lua_pushvalue(L, 1);
		return;
	}
	/* Pushing may raise for want of memory: the value is Lua's from here on. */
	proxy_push_new(L, v);
	if (json_is_string(inline_text)) {
		lua_pushlstring(L, json_string_value(inline_text), json_string_length(inline_text));
		return;
	}
	if (read_file(machine_of(L), v, &b, &msg) != 0) {
		buf_done(&b);
		raise_msg(L, what, &msg);
		return;
	}
	char *p = lua_newuserdatauv(L, b.len + 1, 0);
	memcpy(p, buf_str(&b), b.len);
	size_t len = b.len;
	buf_done(&b);
	lua_pushlstring(L, p, len);
}

static int file_text(lua_State *L)
{
	luaL_checkany(L, 1);
	if (element_is_missing(L, 1)) {
		lua_pushnil(L);
		return 1;
	}
	lua_settop(L, 1);
	push_text(L, "text");
	budget_charge(L, lua_rawlen(L, -1) / A_UNIT);
	return 1;
}

/* ---- rows ---- */

/* A file that is too large for a value: a mark that `each` knows. */
static bool push_mark(lua_State *L)
{
	json_t *v = lua_type(L, 1) == LUA_TSTRING ? NULL : value_json(L, 1);
	bool large = files_is_value(v) && json_int(v, "size", 0) > TEXT_MAX;
	if (large && machine_of(L)->script) {
		json_decref(v);
		luaL_error(L, "csv.rows: the file is larger than 1 MiB: go through it with "
			      "`each: =csv.rows(file)`");
	}
	if (large)
		proxy_push_new(L, json_pack("{s:O}", EXPR_ROWS, v));
	json_decref(v);
	return large;
}

static int csv_rows(lua_State *L)
{
	struct errmsg msg = {0};
	json_t *rows;
	luaL_checkany(L, 1);
	lua_settop(L, 1);
	if (push_mark(L))
		return 1;
	push_text(L, "csv.rows");
	size_t len = lua_rawlen(L, -1);
	budget_charge(L, len); /* as much as json.decode */
	if (rows_of_text(lua_tostring(L, -1), len, &rows, &msg) != 0)
		return raise_msg(L, "csv.rows", &msg);
	proxy_push_new(L, rows);
	return 1;
}

/* ---- writing ---- */

/* The names of the head: those of the first row, and of later ones those that are new, as they come. */
static json_t *head_of(const json_t *rows)
{
	json_t *head = json_object(), *row, *v;
	const char *name;
	size_t i;
	json_array_foreach ((json_t *)rows, i, row)
		json_object_foreach (row, name, v)
			if (!json_object_get(head, name))
				json_object_set(head, name, json_true());
	return head;
}

static void add_value(struct buf *b, const json_t *v)
{
	if (json_is_string(v)) {
		csv_add(b, json_string_value(v), json_string_length(v));
	} else if (v && !json_is_null(v)) {
		char *text = json_text(v);
		csv_add(b, text, strlen(text));
		free(text);
	}
}

static void add_rows(struct buf *b, const json_t *rows, const json_t *head)
{
	const char *name;
	json_t *row, *v;
	size_t i;
	char sep = 0;
	json_object_foreach ((json_t *)head, name, v) {
		if (sep)
			(void)buf_putc(b, sep);
		sep = ',';
		csv_add(b, name, strlen(name));
	}
	(void)buf_puts(b, "\r\n");
	json_array_foreach ((json_t *)rows, i, row) {
		sep = 0;
		json_object_foreach ((json_t *)head, name, v) {
			if (sep)
				(void)buf_putc(b, sep);
			sep = ',';
			add_value(b, json_object_get(row, name));
		}
		(void)buf_puts(b, "\r\n");
	}
}

static bool are_objects(const json_t *rows)
{
	const json_t *row;
	size_t i;
	json_array_foreach ((json_t *)rows, i, row)
		if (!json_is_object(row))
			return false;
	return json_is_array(rows);
}

static int csv_file(lua_State *L)
{
	luaL_checkany(L, 1);
	const char *name = luaL_optstring(L, 2, "file.csv");
	json_t *rows = value_json(L, 1);
	if (!are_objects(rows)) {
		json_decref(rows);
		return luaL_argerror(L, 1, "a list of objects is needed");
	}
	json_t *head = head_of(rows);
	struct buf b = BUF_INIT;
	size_t cost = json_array_size(rows) * (json_object_size(head) + 1);
	add_rows(&b, rows, head);
	json_decref(rows);
	json_decref(head);
	json_t *v = b.len <= FILE_MAX_OUT ? json_pack("{s:s, s:s, s:s#}", "name", name, "type",
						      "text/csv", "text", buf_str(&b), (int)b.len)
					  : NULL;
	buf_done(&b);
	if (!v)
		return luaL_error(L, "csv.file: the file would be larger than 8 MiB");
	proxy_push_new(L, v);
	budget_charge(L, cost);
	return 1;
}

void lib_file_open(lua_State *L)
{
	static const luaL_Reg rows[] = {{"rows", csv_rows}, {"file", csv_file}, {NULL, NULL}};
	lua_pushcfunction(L, file_text);
	lua_setfield(L, -2, "text");
	luaL_newlib(L, rows);
	lib_lock(L, NULL);
	lua_setfield(L, -2, "csv");
}
