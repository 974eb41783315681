/* json base64 hex sha256 hmac uuid random: encodings, digests, and what is different each time. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/id.h"
#include "engine/base/json.h"
#include "engine/lua/lib.h"
#include "engine/lua/machine.h"
#include "engine/lua/value.h"

/* A text argument; `units` is how many bytes of it count as one instruction. */
static const char *text_arg(lua_State *L, int arg, size_t *ret_len, size_t units)
{
	const char *s = luaL_checklstring(L, arg, ret_len);
	budget_charge(L, *ret_len / units);
	return s;
}

static int json_encode(lua_State *L)
{
	luaL_checkany(L, 1);
	value_push_text(L, 1, false);
	return 1;
}

/* A byte is a unit: the tree that it becomes is not in the memory that Lua counts. */
static int json_decode(lua_State *L)
{
	size_t len;
	const char *s = text_arg(L, 1, &len, 1);
	struct errmsg msg = {0};
	json_t *v;
	if (json_parse(s, len, false, &v, &msg) != 0)
		return luaL_error(L, "json.decode: %s", msg.text);
	proxy_push_new(L, v);
	return 1;
}

static int base64_encode_fn(lua_State *L)
{
	size_t len;
	const char *s = text_arg(L, 1, &len, 8);
	bool url = lua_toboolean(L, 2);
	luaL_Buffer b;
	char *p = luaL_buffinitsize(L, &b, len / 3 * 4 + 5);
	char *text = base64_encode(s, len, url);
	size_t n = strlen(text);
	memcpy(p, text, n);
	free(text);
	luaL_pushresultsize(&b, n);
	return 1;
}

static int base64_decode_fn(lua_State *L)
{
	size_t len, n;
	const char *s = text_arg(L, 1, &len, 8);
	luaL_Buffer b;
	char *p = luaL_buffinitsize(L, &b, len + 1);
	unsigned char *bytes = base64_decode(s, len, &n);
	if (!bytes)
		return luaL_error(L, "base64.decode: not base64");
	memcpy(p, bytes, n);
	free(bytes);
	luaL_pushresultsize(&b, n);
	return 1;
}

static int hex_encode_fn(lua_State *L)
{
	size_t len;
	const char *s = text_arg(L, 1, &len, 8);
	luaL_Buffer b;
	hex_encode(s, len, luaL_buffinitsize(L, &b, len * 2 + 1));
	luaL_pushresultsize(&b, len * 2);
	return 1;
}

static int hex_decode_fn(lua_State *L)
{
	size_t len;
	const char *s = text_arg(L, 1, &len, 8);
	luaL_Buffer b;
	unsigned char *p = (unsigned char *)luaL_buffinitsize(L, &b, len / 2 + 1);
	int n = hex_decode(s, len, p, len / 2);
	if (n < 0)
		return luaL_error(L, "hex.decode: not hexadecimal");
	luaL_pushresultsize(&b, (size_t)n);
	return 1;
}

/* A call of the table itself encodes: base64(x) is base64.encode(x). */
static int call_base64(lua_State *L)
{
	lua_remove(L, 1);
	return base64_encode_fn(L);
}

static int call_hex(lua_State *L)
{
	lua_remove(L, 1);
	return hex_encode_fn(L);
}

static int code_sha256(lua_State *L)
{
	size_t len;
	const char *s = text_arg(L, 1, &len, 4);
	char out[HASH_HEX_LEN];
	lua_pushstring(L, sha256_hex(s, len, out));
	return 1;
}

/* A key may be secrets.NAME: its value is looked up here and nowhere else. */
static const char *key_arg(lua_State *L, int arg, size_t *ret_len)
{
	int *kind = lua_touserdata(L, arg);
	if (lua_type(L, arg) != LUA_TUSERDATA || *kind != OBJECT_SECRET)
		return luaL_checklstring(L, arg, ret_len);
	size_t len;
	lua_getiuservalue(L, arg, 1);
	const char *text = lua_tolstring(L, -1, &len);
	if (text[0] != EXPR_SECRET_BEGIN || memchr(text, EXPR_SECRET_END, len) != text + len - 1)
		luaL_error(L,
			   "a key is secrets.NAME or a text, and not a text with a secret in it");
	const char *name = lua_pushlstring(L, text + 1, len - 2);
	const json_t *const *all = machine_of(L)->secrets;
	json_t *v = all && *all ? json_object_get(*all, name) : NULL;
	if (!json_is_string(v))
		luaL_error(L, "secrets.%s is not declared", name);
	*ret_len = json_string_length(v);
	return json_string_value(v);
}

static int code_hmac(lua_State *L)
{
	size_t key_len, len;
	const char *alg = luaL_checkstring(L, 1);
	const char *key = key_arg(L, 2, &key_len);
	const char *s = text_arg(L, 3, &len, 4);
	unsigned char mac[64];
	char hex[sizeof(mac) * 2 + 1];
	budget_charge(L, 100 + key_len / 4);
	size_t n = hmac(alg, key, key_len, s, len, mac);
	if (!n)
		return luaL_error(L, "hmac: '%s' is none of sha1, sha256, sha512", alg);
	hex_encode(mac, n, hex);
	lua_pushstring(L, hex);
	return 1;
}

static int code_uuid(lua_State *L)
{
	struct machine *m = machine_of(L);
	char text[ID_TEXT_LEN];
	lua_pushstring(L, id_format(id_new(m->clock, m->rng), text));
	return 1;
}

/* random(): a real in [0, 1); random(n): 1 to n; random(a, b): a to b. */
static int code_random(lua_State *L)
{
	struct rng *rng = machine_of(L)->rng;
	if (lua_isnoneornil(L, 1)) {
		lua_pushnumber(L, (lua_Number)(rng_u64(rng) >> 11) * 0x1p-53);
		return 1;
	}
	lua_Integer low = 1, high = luaL_checkinteger(L, 1);
	if (!lua_isnoneornil(L, 2)) {
		low = high;
		high = luaL_checkinteger(L, 2);
	}
	luaL_argcheck(L, low <= high, 1, "the range is empty");
	uint64_t span = (uint64_t)high - (uint64_t)low + 1; /* 0: all 64 bits */
	uint64_t at = span ? rng_below(rng, span) : rng_u64(rng);
	lua_pushinteger(L, (lua_Integer)((uint64_t)low + at));
	return 1;
}

void lib_random_open(lua_State *L)
{
	static const luaL_Reg rows[] = {{"uuid", code_uuid}, {"random", code_random}, {NULL, NULL}};
	luaL_setfuncs(L, rows, 0);
}

static void open_table(lua_State *L, const char *name, const luaL_Reg *rows, lua_CFunction call)
{
	lua_newtable(L);
	luaL_setfuncs(L, rows, 0);
	lib_lock(L, call);
	lua_setfield(L, -2, name);
}

void lib_code_open(lua_State *L)
{
	static const luaL_Reg base64[] = {
		{"encode", base64_encode_fn}, {"decode", base64_decode_fn}, {NULL, NULL}};
	static const luaL_Reg hex[] = {
		{"encode", hex_encode_fn}, {"decode", hex_decode_fn}, {NULL, NULL}};
	static const luaL_Reg rows[] = {{"sha256", code_sha256}, {"hmac", code_hmac}, {NULL, NULL}};
	static const luaL_Reg json[] = {
		{"encode", json_encode}, {"decode", json_decode}, {NULL, NULL}};
	open_table(L, "base64", base64, call_base64);
	open_table(L, "hex", hex, call_hex);
	luaL_setfuncs(L, rows, 0);
	lua_newtable(L);
	luaL_setfuncs(L, json, 0);
	proxy_push_null(L);
	lua_setfield(L, -2, "null");
	lib_lock(L, NULL);
	lua_setfield(L, -2, "json");
}
