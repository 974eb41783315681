/* Applications: their state and its libraries, the call of handle, and the answer read out of it. */
#include "engine/lua/app.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/id.h"
#include "engine/lua/app_json.h"

#define MEMORY_MAX ((size_t)512 << 20)

struct app {
	lua_State *L;
	struct app_json json;
	const struct clock *clock;
	struct rng *rng;
	size_t memory, memory_max;
	char *dir, *more;
};

/* What one protected call works with. */
struct call {
	struct app *app;
	const struct app_request *request; /* NULL: take the one that `again` names */
	int again;
	struct app_answer *answer;
};

static void *alloc(void *ud, void *p, size_t old, size_t size)
{
	struct app *a = ud;
	if (!p)
		old = 0; /* it tells the kind of a new object */
	if (size == 0) {
		free(p);
		a->memory -= old;
		return NULL;
	}
	if (size > old && a->memory + (size - old) > a->memory_max)
		return NULL;
	void *q = realloc(p, size);
	if (q)
		a->memory += size - old;
	return q;
}

/* ---- what the application finds ---- */

static struct app *app_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static int l_now_ms(lua_State *L)
{
	const struct clock *c = app_of(L)->clock;
	lua_pushinteger(L, c->wall_ms(c));
	return 1;
}

static int l_uuid(lua_State *L)
{
	struct app *a = app_of(L);
	char text[ID_TEXT_LEN];
	lua_pushstring(L, id_format(id_new(a->clock, a->rng), text));
	return 1;
}

static bool is_module_name(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

/* Files of the folder alone, each run once; its value stands in the table that is upvalue 2. */
static int l_require(lua_State *L)
{
	struct app *a = app_of(L);
	const char *name = luaL_checkstring(L, 1);
	if (lua_getfield(L, lua_upvalueindex(2), name) != LUA_TNIL)
		return 1;
	if (!is_module_name(name))
		return luaL_error(L, "'%s' is no module's name", name);
	const char *path = lua_pushfstring(L, "%s/%s.lua", a->more ? a->more : a->dir, name);
	if (a->more && access(path, R_OK) != 0)
		path = lua_pushfstring(L, "%s/%s.lua", a->dir, name);
	if (luaL_loadfilex(L, path, "t"))
		return lua_error(L);
	lua_call(L, 0, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, true);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, lua_upvalueindex(2), name);
	return 1;
}

static void remove_field(lua_State *L, const char *table, const char *name)
{
	lua_getglobal(L, table);
	lua_pushnil(L);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
}

static void open_libraries(lua_State *L)
{
	static const luaL_Reg libraries[] = {
		{LUA_GNAME, luaopen_base},       {LUA_STRLIBNAME, luaopen_string},
		{LUA_TABLIBNAME, luaopen_table}, {LUA_MATHLIBNAME, luaopen_math},
		{LUA_UTF8LIBNAME, luaopen_utf8},
	};
	static const char *const unwanted[] = {"dofile", "loadfile", "load", "print", "warn"};
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
		lua_pop(L, 1);
	}
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		remove_field(L, LUA_GNAME, unwanted[i]);
	remove_field(L, LUA_STRLIBNAME, "dump");
}

static void set_function(lua_State *L, struct app *a, const char *name, lua_CFunction f)
{
	lua_pushlightuserdata(L, a);
	lua_pushcclosure(L, f, 1);
	lua_setglobal(L, name);
}

static int l_start(lua_State *L)
{
	struct app *a = lua_touserdata(L, 1);
	const json_t *config = lua_touserdata(L, 2);
	open_libraries(L);
	app_json_open(L, &a->json);
	set_function(L, a, "now_ms", l_now_ms);
	set_function(L, a, "uuid", l_uuid);
	if (config)
		app_json_push(L, config);
	else
		lua_newtable(L);
	lua_setglobal(L, "config");
	lua_pushlightuserdata(L, a);
	lua_newtable(L);
	lua_pushcclosure(L, l_require, 2);
	lua_pushvalue(L, -1);
	lua_setglobal(L, "require");
	lua_pushstring(L, "main");
	lua_call(L, 1, 0);
	if (lua_getglobal(L, "app") != LUA_TTABLE || lua_getfield(L, -1, "handle") != LUA_TFUNCTION)
		return luaL_error(L, "main.lua sets no app.handle");
	return 0;
}

/* ---- errors ---- */

static int with_traceback(lua_State *L)
{
	const char *text = lua_tostring(L, 1);
	luaL_traceback(L, L, text ? text : "an error that is no text", 1);
	return 1;
}

static const char *error_text(lua_State *L)
{
	const char *text = lua_tostring(L, -1);
	return text ? text : "unknown error";
}

/* Calls f with two pointers. 0, or the error's text is at the top of the stack. */
static int protected(lua_State *L, lua_CFunction f, void *one, const void *two)
{
	lua_settop(L, 0);
	lua_pushcfunction(L, with_traceback);
	lua_pushcfunction(L, f);
	lua_pushlightuserdata(L, one);
	lua_pushlightuserdata(L, (void *)two);
	return lua_pcall(L, 2, 0, 1);
}

/* ---- requests and answers ---- */

static void set_text(lua_State *L, const char *key, const char *text, size_t len)
{
	lua_pushlstring(L, text, len);
	lua_setfield(L, -2, key);
}

static void push_request(lua_State *L, const struct app_request *r)
{
	lua_createtable(L, 0, 8);
	set_text(L, "method", r->method, strlen(r->method));
	set_text(L, "path", r->path, strlen(r->path));
	set_text(L, "query", r->query, strlen(r->query));
	set_text(L, "body", r->body, r->body_len);
	lua_createtable(L, 0, (int)r->n_headers);
	for (size_t i = 0; i < r->n_headers; i++)
		set_text(L, r->headers[i].name, r->headers[i].value, strlen(r->headers[i].value));
	lua_setfield(L, -2, "headers");
}

/* A header's name or value that cannot end its line. */
static const char *line_text(lua_State *L, int index)
{
	size_t len = 0;
	const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &len) : NULL;
	if (!text || !len)
		luaL_error(L, "a header's name or value is no text");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			luaL_error(L, "a header has a control character");
	return text;
}

static void read_headers(lua_State *L, int index, struct app_answer *answer)
{
	if (lua_getfield(L, index, "headers") == LUA_TTABLE) {
		for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
			const char *name = line_text(L, -2), *value = line_text(L, -1);
			if (strcmp(name, "Content-Type") == 0)
				(void)buf_puts(&answer->type, value);
			else
				(void)buf_printf(&answer->extra, "%s: %s\r\n", name, value);
		}
	}
	lua_pop(L, 1);
}

static void read_answer(lua_State *L, int index, struct app_answer *answer)
{
	luaL_checktype(L, index, LUA_TTABLE);
	lua_getfield(L, index, "delay_ms");
	answer->delay_ms = lua_tointeger(L, -1);
	lua_getfield(L, index, "drop");
	answer->drop = lua_toboolean(L, -1);
	lua_getfield(L, index, "status");
	answer->status = (int)lua_tointeger(L, -1);
	if (answer->status < 200 || answer->status > 599)
		luaL_error(L, "the answer's status is %d", answer->status);
	if (lua_getfield(L, index, "body") == LUA_TSTRING) {
		size_t len;
		const char *body = lua_tolstring(L, -1, &len);
		(void)buf_add(&answer->body, body, len);
	}
	lua_pop(L, 4);
	read_headers(L, index, answer);
}

static int l_call(lua_State *L)
{
	struct call *c = lua_touserdata(L, 1);
	lua_getglobal(L, "app");
	lua_getfield(L, -1, "handle");
	int handle = lua_gettop(L);
	if (c->request)
		push_request(L, c->request);
	else
		lua_rawgeti(L, LUA_REGISTRYINDEX, c->again);
	int request = lua_gettop(L);
	lua_pushvalue(L, handle);
	lua_pushvalue(L, request);
	lua_call(L, 1, 1);
	int answer = lua_gettop(L);
	luaL_checktype(L, answer, LUA_TTABLE);
	lua_getfield(L, answer, "again");
	if (c->request && lua_toboolean(L, -1)) {
		lua_getfield(L, answer, "delay_ms");
		c->answer->delay_ms = lua_tointeger(L, -1);
		lua_pushvalue(L, request);
		c->answer->again = luaL_ref(L, LUA_REGISTRYINDEX);
		return 0;
	}
	read_answer(L, answer, c->answer);
	return 0;
}

static void call(struct call *c)
{
	lua_State *L = c->app->L;
	if (protected(L, l_call, c, NULL)) {
		const char *text = error_text(L);
		app_answer_done(c->answer);
		c->answer->status = 500;
		(void)buf_puts(&c->answer->type, "text/plain; charset=utf-8");
		(void)buf_puts(&c->answer->body, text);
	}
	lua_settop(L, 0);
}

void app_handle(struct app *a, const struct app_request *r, struct app_answer *answer)
{
	struct call c = {.app = a, .request = r, .answer = answer};
	call(&c);
}

void app_again(struct app *a, int again, struct app_answer *answer)
{
	struct call c = {.app = a, .again = again, .answer = answer};
	call(&c);
	luaL_unref(a->L, LUA_REGISTRYINDEX, again);
}

void app_answer_done(struct app_answer *answer)
{
	buf_done(&answer->type);
	buf_done(&answer->extra);
	buf_done(&answer->body);
	*answer = (struct app_answer){0};
}

/* ---- life ---- */

struct app *app_new(const struct app_config *c, struct errmsg *msg)
{
	struct app *a = mem_alloc(sizeof(*a));
	a->clock = c->clock;
	a->rng = c->rng;
	a->memory_max = c->memory_max ? c->memory_max : MEMORY_MAX;
	a->dir = mem_strdup(c->dir);
	a->more = c->more ? mem_strdup(c->more) : NULL;
	a->L = lua_newstate(alloc, a);
	if (!a->L) {
		(void)err_set(msg, ERR_NOMEM, "application '%s': no memory for its state", c->dir);
		app_free(a);
		return NULL;
	}
	if (protected(a->L, l_start, a, c->config)) {
		(void)err_set(msg, ERR_SCRIPT, "application '%s': %s", c->dir, error_text(a->L));
		app_free(a);
		return NULL;
	}
	lua_settop(a->L, 0);
	return a;
}

void app_free(struct app *a)
{
	if (!a)
		return;
	if (a->L)
		lua_close(a->L);
	app_json_done(&a->json);
	free(a->dir);
	free(a->more);
	free(a);
}

size_t app_memory(const struct app *a)
{
	return a->memory;
}
