/* The sandbox: a state that starts with nothing and is given what rules.md names. */
#include "engine/lua/machine.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "engine/lua/lib.h"

/* Names of the environment: first the rule's, then the library's. */
static int env_index(lua_State *L)
{
	struct machine *m = machine_of(L);
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
	json_t *v = m->scope && name ? m->scope->get(m->scope, name) : NULL;
	if (v) {
		proxy_push(L, v);
		return 1;
	}
	lua_settop(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	return 1;
}

static int env_write(lua_State *L)
{
	return luaL_error(L, "'%s' cannot be set here: use a local name, or a `set:` step",
			  lib_tostring(L, 2));
}

/* A missing field of a missing field is missing, too; so is any field of json.null. */
static int nil_index(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

static void open_nil(lua_State *L)
{
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, nil_index);
	lua_setfield(L, -2, "__index");
	lua_pushnil(L);
	lua_pushvalue(L, -2);
	lua_setmetatable(L, -2);
	proxy_push_null(L);
	lua_pushvalue(L, -3);
	lua_setmetatable(L, -2);
	lua_pop(L, 3);
}

static int secret_tostring(lua_State *L)
{
	lua_pushliteral(L, "***");
	return 1;
}

/*
 * A text with names of secrets in it (EXPR_SECRET_BEGIN in expr.h), for the one at the top. Functions
 * on texts do not take it: what stands for a secret cannot be cut, coded or compared.
 */
static void wrap_secret(lua_State *L)
{
	int *kind = lua_newuserdatauv(L, sizeof(int), 1);
	*kind = OBJECT_SECRET;
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_SECRET);
	lua_setmetatable(L, -2);
}

static int secret_index(lua_State *L)
{
	luaL_Buffer b;
	const char *name = luaL_checkstring(L, 2);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p >= 0x80 || *p < ' ')
			return luaL_error(L, "secrets.%s is not declared", name);
	luaL_buffinit(L, &b);
	luaL_addchar(&b, EXPR_SECRET_BEGIN);
	luaL_addstring(&b, name);
	luaL_addchar(&b, EXPR_SECRET_END);
	luaL_pushresult(&b);
	wrap_secret(L);
	return 1;
}

/* Pushes an operand's text. What comes from outside is UTF-8, which has no byte that marks a secret. */
static void push_operand(lua_State *L, int index)
{
	const int *kind = lua_touserdata(L, index);
	if (lua_type(L, index) == LUA_TUSERDATA && *kind == OBJECT_SECRET) {
		lua_getiuservalue(L, index, 1);
		return;
	}
	if (lua_type(L, index) != LUA_TSTRING && lua_type(L, index) != LUA_TNUMBER)
		luaL_error(L, "attempt to concatenate a %s value with a secret",
			   proxy_type(L, index));
	size_t len;
	lua_pushvalue(L, index);
	const char *s = lua_tolstring(L, -1, &len);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= (unsigned char)EXPR_SECRET_END)
			luaL_error(L, "a text beside a secret is not UTF-8");
}

static int secret_concat(lua_State *L)
{
	push_operand(L, 1);
	push_operand(L, 2);
	budget_charge(L, (lua_rawlen(L, -1) + lua_rawlen(L, -2)) / 16);
	lua_concat(L, 2);
	wrap_secret(L);
	return 1;
}

static void open_secrets(lua_State *L)
{
	lua_createtable(L, 0, 3);
	lua_pushcfunction(L, secret_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushcfunction(L, secret_concat);
	lua_setfield(L, -2, "__concat");
	lua_pushliteral(L, "secret");
	lua_setfield(L, -2, "__name");
	lua_rawseti(L, LUA_REGISTRYINDEX, REG_SECRET);

	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, secret_index);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lib_lock(L, NULL);
	lua_setfield(L, -2, "secrets");
}

static void open_marks(lua_State *L)
{
	lua_createtable(L, 0, 1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_rawseti(L, LUA_REGISTRYINDEX, REG_LIST);
}

/* Makes the globals: a table without content in front of the library (on the stack's top). */
static void open_env(lua_State *L, bool script)
{
	lua_newtable(L);
	lua_createtable(L, 0, 4);
	lua_pushvalue(L, -3);
	if (script) {
		lua_setfield(L, -2, "__index"); /* a script may have globals of its own */
	} else {
		lua_pushcclosure(L, env_index, 1);
		lua_setfield(L, -2, "__index");
		lua_pushcfunction(L, env_write);
		lua_setfield(L, -2, "__newindex");
	}
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static int open_all(lua_State *L)
{
	struct machine *m = machine_of(L);
	proxy_open(L);
	open_marks(L);
	lua_createtable(L, 0, 96);
	lib_base_open(L);
	lib_table_open(L);
	lib_string_open(L);
	lib_list_open(L);
	lib_object_open(L);
	lib_text_open(L);
	lib_code_open(L);
	lib_time_open(L);
	lib_file_open(L);
	open_secrets(L);
	if (!m->script) {
		lib_random_open(L);
		open_nil(L);
	}
	lua_pushvalue(L, -1);
	lua_rawseti(L, LUA_REGISTRYINDEX, REG_LIBRARY);
	open_env(L, m->script);
	lua_newtable(L);
	lua_rawseti(L, LUA_REGISTRYINDEX, m->script ? REG_LOADED : REG_FUNCS);
	return 0;
}

bool machine_init(struct machine *m)
{
	m->L = lua_newstate(budget_alloc, &m->budget);
	if (!m->L)
		return false;
	*(struct machine **)lua_getextraspace(m->L) = m;
	budget_arm(m->L);
	lua_pushcfunction(m->L, open_all);
	if (lua_pcall(m->L, 0, 0, 0) == LUA_OK)
		return true;
	machine_done(m);
	return false;
}

void machine_done(struct machine *m)
{
	budget_stop(&m->budget);
	if (m->L)
		lua_close(m->L);
	m->L = NULL;
	proxy_done(m);
	zones_done(&m->zones);
}

/* The `message` field of a table that a script raised itself. */
static const char *field_message(lua_State *L)
{
	const char *text = NULL;
	lua_pushliteral(L, "message");
	if (lua_rawget(L, -2) == LUA_TSTRING)
		text = lua_tostring(L, -1);
	lua_pop(L, 1);
	return text;
}

static const char *value_text(lua_State *L)
{
	json_t *v = proxy_get(L, -1);
	if (v)
		return json_string_value(json_object_get(v, "message"));
	if (lua_istable(L, -1))
		return field_message(L);
	return lua_isstring(L, -1) ? lua_tostring(L, -1) : NULL;
}

const char *machine_error(struct machine *m, lua_State *L, int status)
{
	const char *text = budget_text(&m->budget);
	if (text)
		return text;
	if (status == LUA_ERRMEM)
		return m->budget.left < 0 ? "used more than its budget of instructions"
					  : "used more than its memory";
	size_t cap = m->budget.memory;
	m->budget.memory = 0; /* nothing protects these few bytes: they must not fail */
	text = value_text(L);
	m->budget.memory = cap;
	return text ? text : "an error without a message";
}
