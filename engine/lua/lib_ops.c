/* The operations of a script: each stops it, so that the engine can record what it asks for. */
#include <string.h>

#include "engine/lua/lib.h"
#include "engine/lua/script_private.h"
#include "engine/lua/value.h"

struct op_row {
	const char *name;
	int max; /* arguments */
	void (*check)(lua_State *L);
};

static void check_table_or_nil(lua_State *L, int arg)
{
	if (!lua_isnoneornil(L, arg) && !lua_istable(L, arg) && !proxy_get(L, arg))
		luaL_typeerror(L, arg, "table");
}

static void check_call(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	check_table_or_nil(L, 2);
}

static void check_wait(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING && !lua_istable(L, 1) && !proxy_get(L, 1))
		luaL_typeerror(L, 1, "duration such as \"10m\", or table");
}

static void check_emit(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	check_table_or_nil(L, 3);
}

static void check_reply(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TNUMBER)
		lua_tostring(L, 1);
	else if (lua_type(L, 1) != LUA_TSTRING && !lua_istable(L, 1) && !proxy_get(L, 1))
		luaL_typeerror(L, 1, "text or table");
}

static void check_log(lua_State *L)
{
	luaL_checkany(L, 1);
	lib_tostring(L, 1);
	lua_replace(L, 1);
}

static void check_random(lua_State *L)
{
	if (!lua_isnoneornil(L, 1))
		luaL_argcheck(L, luaL_checkinteger(L, 1) > 0, 1, "must be 1 or more");
}

static void check_key(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
}

/* How long it is kept: the last argument. */
static void check_kept(lua_State *L, int arg)
{
	if (!lua_isnoneornil(L, arg))
		luaL_checktype(L, arg, LUA_TSTRING);
}

static void check_put(lua_State *L)
{
	check_key(L);
	luaL_checkany(L, 2);
	check_kept(L, 3);
}

static void check_add(lua_State *L)
{
	check_key(L);
	if (!lua_isnoneornil(L, 2))
		luaL_checknumber(L, 2);
	check_kept(L, 3);
}

static void check_first(lua_State *L)
{
	check_key(L);
	check_kept(L, 2);
}

static void check_http(lua_State *L)
{
	if (!lua_istable(L, 1) && !proxy_get(L, 1))
		luaL_typeerror(L, 1, "table such as {url = \"https://…\"}");
}

static void check_wait_event(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING && !lua_istable(L, 1) && !proxy_get(L, 1))
		luaL_typeerror(L, 1, "type of an event, or table");
	check_table_or_nil(L, 2);
}

static void check_nothing(lua_State *L)
{
	(void)L;
}

static const struct op_row rows[] = {
	{"call", 2, check_call},     {"wait", 1, check_wait},
	{"emit", 3, check_emit},     {"reply", 1, check_reply},
	{"log", 1, check_log},       {"now", 0, check_nothing},
	{"random", 1, check_random}, {"uuid", 0, check_nothing},
	{"http", 1, check_http},     {"wait_event", 2, check_wait_event},
};

/* The names behind the dot are members of the table `memory`. */
static const struct op_row memory_rows[] = {
	{"memory.get", 1, check_key},  {"memory.put", 3, check_put},
	{"memory.add", 3, check_add},  {"memory.first", 2, check_first},
	{"memory.drop", 1, check_key},
};

/* The line of the innermost function of Lua: pcall(call, …) has C in between. */
static int current_line(lua_State *L)
{
	lua_Debug ar;
	for (int level = 1; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "l", &ar);
		if (ar.currentline > 0)
			return ar.currentline;
	}
	return 0;
}

static int on_resumed(lua_State *L, int status, lua_KContext ctx)
{
	(void)status, (void)ctx;
	struct script *s = machine_of(L)->owner;
	if (s->error) {
		proxy_push_error(L, (json_t *)s->error);
		return lua_error(L);
	}
	proxy_push(L, (json_t *)s->result);
	return 1;
}

/* The arguments as a list that the script owns; nil is null in it, and missing at its end. */
static void collect_args(lua_State *L, struct script *s)
{
	json_decref(s->op_args);
	s->op_args = json_array();
	for (int i = 1; i <= lua_gettop(L); i++) {
		json_t *v = value_json(L, i);
		json_array_append_new(s->op_args, v ? v : json_null());
	}
}

static int operation(lua_State *L)
{
	const struct op_row *row = lua_touserdata(L, lua_upvalueindex(1));
	struct script *s = machine_of(L)->owner;
	if (!lua_isyieldable(L))
		return luaL_error(L,
				  "%s cannot be used here: not inside sort, gsub, map, filter "
				  "or find, and not at the top level of a required file",
				  row->name);
	while (lua_gettop(L) > 0 && lua_isnil(L, -1))
		lua_pop(L, 1);
	row->check(L);
	if (lua_gettop(L) > row->max)
		return luaL_error(L, "%s takes at most %d arguments", row->name, row->max);
	collect_args(L, s);
	s->op = (struct script_op){.name = row->name, .args = s->op_args, .line = current_line(L)};
	return lua_yieldk(L, 0, 0, on_resumed);
}

static int not_here(lua_State *L)
{
	return luaL_error(L, "%s is not in this version", lua_tostring(L, lua_upvalueindex(1)));
}

static void push_not_here(lua_State *L, const char *name)
{
	lua_pushstring(L, name);
	lua_pushcclosure(L, not_here, 1);
}

static void open_later(lua_State *L)
{
	push_not_here(L, "all");
	lua_setfield(L, -2, "all");
}

/* "lib.name" → "lib/name.lua" at the top. */
static const char *push_path(lua_State *L, const char *name)
{
	luaL_gsub(L, name, ".", "/");
	lua_pushliteral(L, ".lua");
	lua_concat(L, 2);
	return lua_tostring(L, -1);
}

/* Index 1 is the name, 2 the path, 3 what is loaded. */
static int require(lua_State *L)
{
	struct script *s = machine_of(L)->owner;
	const char *name = luaL_checkstring(L, 1);
	lua_settop(L, 1);
	const char *path = push_path(L, name);
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_LOADED);
	int type = lua_getfield(L, 3, path);
	if (type == LUA_TLIGHTUSERDATA)
		return luaL_error(L, "%s requires itself", path);
	if (type != LUA_TNIL)
		return 1;
	const char *text = map_get(s->sources, path);
	if (!text)
		return luaL_error(L, "there is no %s", path);
	lua_pushfstring(L, "@%s", path);
	if (luaL_loadbufferx(L, text, strlen(text), lua_tostring(L, -1), "t") != LUA_OK)
		return lua_error(L);
	lua_pushlightuserdata(L, s); /* under way */
	lua_setfield(L, 3, path);
	lua_call(L, 0, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, 3, path);
	return 1;
}

static void push_operation(lua_State *L, const struct op_row *row)
{
	lua_pushlightuserdata(L, (void *)row);
	lua_pushcclosure(L, operation, 1);
}

static void open_memory(lua_State *L)
{
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(memory_rows) / sizeof(*memory_rows); i++) {
		push_operation(L, &memory_rows[i]);
		lua_setfield(L, -2, strchr(memory_rows[i].name, '.') + 1);
	}
	lib_lock(L, NULL);
	lua_setfield(L, -2, "memory");
}

void lib_ops_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		push_operation(L, &rows[i]);
		lua_setfield(L, -2, rows[i].name);
	}
	open_memory(L);
	open_later(L);
	lua_pushcfunction(L, require);
	lua_setfield(L, -2, "require");
}
