/* JSON for applications: an encoder straight from tables, a decoder by way of jansson. */
#include "engine/lua/app_json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

static const char array_key; /* its address is the registry key of the arrays' metatable */

static void push_array_mark(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
}

static bool is_marked(lua_State *L, int index)
{
	if (!lua_getmetatable(L, index))
		return false;
	push_array_mark(L);
	bool same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same;
}

/* ---- encoding ---- */

/* The length of the UTF-8 sequence at s, 0 when it is none. */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
	bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
	return overlong || outside ? 0 : len;
}

static void add_escaped(struct buf *b, unsigned char c)
{
	if (c == '"' || c == '\\')
		(void)buf_printf(b, "\\%c", c);
	else if (c == '\n')
		(void)buf_puts(b, "\\n");
	else
		(void)buf_printf(b, "\\u%04x", c);
}

/* Bytes that are not UTF-8 become the replacement character: the text stays valid JSON. */
static void add_string(struct buf *b, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t plain = 0, i = 0;
	(void)buf_putc(b, '"');
	while (i < n) {
		size_t len = utf8_len(s + i, n - i);
		if (len && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\') {
			i += len;
			continue;
		}
		(void)buf_add(b, text + plain, i - plain);
		if (len)
			add_escaped(b, s[i]);
		else
			(void)buf_puts(b, "\xef\xbf\xbd");
		plain = ++i;
	}
	(void)buf_add(b, text + plain, n - plain);
	(void)buf_putc(b, '"');
}

static void add_number(lua_State *L, struct buf *b, int index)
{
	if (lua_isinteger(L, index)) {
		(void)buf_printf(b, "%lld", (long long)lua_tointeger(L, index));
		return;
	}
	double d = lua_tonumber(L, index);
	if (!isfinite(d))
		luaL_error(L, "json: not a finite number");
	(void)buf_printf(b, "%.17g", d);
}

static void encode(lua_State *L, struct app_json *j, int index, int depth);

static void encode_array(lua_State *L, struct app_json *j, int index, int depth)
{
	size_t n = lua_rawlen(L, index);
	(void)buf_putc(&j->text, '[');
	for (size_t i = 1; i <= n; i++) {
		if (i > 1)
			(void)buf_putc(&j->text, ',');
		lua_rawgeti(L, index, (lua_Integer)i);
		encode(L, j, lua_gettop(L), depth);
		lua_pop(L, 1);
	}
	(void)buf_putc(&j->text, ']');
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Remembers the keys, which the table keeps alive; returns the place of the first. */
static size_t collect_keys(lua_State *L, struct app_json *j, int index)
{
	size_t first = j->n_keys;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "json: an object's key is a %s", luaL_typename(L, -2));
		if (j->n_keys == j->keys_cap) {
			j->keys_cap = j->keys_cap ? j->keys_cap * 2 : 64;
			j->keys = mem_realloc(j->keys, j->keys_cap * sizeof(*j->keys));
		}
		j->keys[j->n_keys++] = lua_tostring(L, -2);
	}
	if (j->n_keys > first)
		qsort(j->keys + first, j->n_keys - first, sizeof(*j->keys), compare);
	return first;
}

/* Keys are sorted, so that equal values give equal texts. */
static void encode_object(lua_State *L, struct app_json *j, int index, int depth)
{
	size_t first = collect_keys(L, j, index), end = j->n_keys;
	(void)buf_putc(&j->text, '{');
	for (size_t i = first; i < end; i++) {
		const char *key = j->keys[i];
		if (i > first)
			(void)buf_putc(&j->text, ',');
		add_string(&j->text, key, strlen(key));
		(void)buf_putc(&j->text, ':');
		lua_pushstring(L, key);
		lua_rawget(L, index);
		encode(L, j, lua_gettop(L), depth);
		lua_pop(L, 1);
	}
	(void)buf_putc(&j->text, '}');
	j->n_keys = first;
}

static void encode_table(lua_State *L, struct app_json *j, int index, int depth)
{
	if (depth >= JSON_DEPTH_MAX || !lua_checkstack(L, 8))
		luaL_error(L, "json: nested too deep");
	bool array = is_marked(L, index);
	if (!array) {
		array = lua_rawgeti(L, index, 1) != LUA_TNIL;
		lua_pop(L, 1);
	}
	if (array)
		encode_array(L, j, index, depth + 1);
	else
		encode_object(L, j, index, depth + 1);
}

static void encode(lua_State *L, struct app_json *j, int index, int depth)
{
	int type = lua_type(L, index);
	if (type == LUA_TTABLE) {
		encode_table(L, j, index, depth);
	} else if (type == LUA_TSTRING) {
		size_t len;
		const char *s = lua_tolstring(L, index, &len);
		add_string(&j->text, s, len);
	} else if (type == LUA_TNUMBER) {
		add_number(L, &j->text, index);
	} else if (type == LUA_TBOOLEAN) {
		(void)buf_puts(&j->text, lua_toboolean(L, index) ? "true" : "false");
	} else if (type == LUA_TNIL || type == LUA_TLIGHTUSERDATA) {
		(void)buf_puts(&j->text, "null");
	} else {
		luaL_error(L, "json: a %s has no JSON", lua_typename(L, type));
	}
}

static struct app_json *json_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static int l_encode(lua_State *L)
{
	struct app_json *j = json_of(L);
	luaL_checkany(L, 1);
	lua_settop(L, 1);
	buf_clear(&j->text);
	j->n_keys = 0;
	encode(L, j, 1, 0);
	lua_pushlstring(L, buf_str(&j->text), j->text.len);
	return 1;
}

/* ---- decoding ---- */

static void push_array(lua_State *L, const json_t *v)
{
	size_t n = json_array_size(v);
	lua_createtable(L, (int)(n < 1 << 20 ? n : 1 << 20), 0);
	for (size_t i = 0; i < n; i++) {
		app_json_push(L, json_array_get(v, i));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	push_array_mark(L);
	lua_setmetatable(L, -2);
}

static void push_object(lua_State *L, const json_t *v)
{
	const char *key;
	json_t *member;
	lua_createtable(L, 0, (int)json_object_size(v));
	json_object_foreach ((json_t *)v, key, member) {
		app_json_push(L, member);
		lua_setfield(L, -2, key);
	}
}

void app_json_push(lua_State *L, const json_t *v)
{
	luaL_checkstack(L, 8, "json: nested too deep");
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		push_object(L, v);
		break;
	case JSON_ARRAY:
		push_array(L, v);
		break;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(v));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(v));
		break;
	case JSON_NULL:
		lua_pushlightuserdata(L, NULL);
		break;
	}
}

static void drop_value(struct app_json *j)
{
	json_decref(j->value);
	j->value = NULL;
}

/* The value, or nil and what is wrong with the text. */
static int l_decode(lua_State *L)
{
	struct app_json *j = json_of(L);
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	struct errmsg msg;
	drop_value(j);
	if (json_parse(text, len, false, &j->value, &msg)) {
		lua_pushnil(L);
		lua_pushstring(L, msg.text);
		return 2;
	}
	app_json_push(L, j->value);
	drop_value(j);
	return 1;
}

/* ---- marks ---- */

static int l_array(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	push_array_mark(L);
	lua_setmetatable(L, 1);
	return 1;
}

static int l_is_array(lua_State *L)
{
	lua_pushboolean(L, lua_type(L, 1) == LUA_TTABLE && is_marked(L, 1));
	return 1;
}

void app_json_open(lua_State *L, struct app_json *j)
{
	static const luaL_Reg functions[] = {
		{"encode", l_encode},     {"decode", l_decode}, {"array", l_array},
		{"is_array", l_is_array}, {NULL, NULL},
	};
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
	luaL_newlibtable(L, functions);
	lua_pushlightuserdata(L, j);
	luaL_setfuncs(L, functions, 1);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	lua_setglobal(L, "json");
}

void app_json_done(struct app_json *j)
{
	drop_value(j);
	buf_done(&j->text);
	free(j->keys);
	j->keys = NULL;
}
