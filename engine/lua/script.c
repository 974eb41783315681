/* A script's life: a state of its own, run as a coroutine from one operation to the next. */
#include "engine/lua/script.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/lua/script_private.h"
#include "engine/lua/value.h"

#define CPU_MS 5000 /* a net: what the units bound takes some 200 ms */

/* Protected: makes the thread and puts the main function with its argument on it. */
static int prepare(lua_State *L)
{
	struct script *s = machine_of(L)->owner;
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_LIBRARY);
	lib_ops_open(L);
	lua_pop(L, 1);
	const char *text = map_get(s->sources, s->main);
	if (!text)
		return luaL_error(L, "there is no %s", s->main);
	lua_pushfstring(L, "@%s", s->main);
	if (luaL_loadbufferx(L, text, strlen(text), lua_tostring(L, -1), "t") != LUA_OK)
		return lua_error(L);
	proxy_push(L, (json_t *)s->args);
	s->co = lua_newthread(L);
	lua_insert(L, -3);
	lua_xmove(L, s->co, 2);
	return 1;
}

struct script *script_new(struct lua_host *h, const struct map *sources, const char *main,
			  const json_t *args, struct errmsg *msg)
{
	struct script *s = mem_alloc(sizeof(*s));
	*s = (struct script){.host = h, .sources = sources, .main = main, .args = args};
	s->machine = (struct machine){.clock = h->machine.clock,
				      .rng = h->machine.rng,
				      .zone = h->zone,
				      .secrets = &h->secrets,
				      .files = &h->files,
				      .script = true,
				      .owner = s};
	s->machine.budget = (struct budget){.limit = h->limits.script_instructions,
					    .memory = h->limits.memory,
					    .cpu_ms_max = CPU_MS};
	if (!machine_init(&s->machine)) {
		err_set(msg, ERR_SCRIPT, "%s: the memory of a script is too small", main);
		free(s);
		return NULL;
	}
	lua_State *L = s->machine.L;
	lua_pushcfunction(L, prepare);
	int status = lua_pcall(L, 0, 1, 0); /* the thread stays on the stack, which keeps it */
	if (status == LUA_OK)
		return s;
	err_set(msg, ERR_PARSE, "%s", machine_error(&s->machine, L, status));
	script_free(s);
	return NULL;
}

void script_run_is(struct script *s, const char *run)
{
	s->machine.run = run;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	machine_done(&s->machine);
	json_decref(s->op_args);
	free(s);
}

static enum script_verdict fail(struct script *s, int status, json_t **ret, struct errmsg *msg)
{
	const char *text = machine_error(&s->machine, s->co, status);
	bool ours = budget_text(&s->machine.budget) != NULL || status == LUA_ERRMEM;
	if (!ours && proxy_is_error(s->co, -1)) {
		*ret = json_incref(proxy_get(s->co, -1));
		const char *name = json_string_value(json_object_get(*ret, "name"));
		int code = name ? err_by_name(name) : 0;
		err_set(msg, code ? code : ERR_FAILED, "%s", text);
	} else if (ours) {
		err_set(msg, ERR_SCRIPT, "%s: %s", s->main, text);
	} else {
		err_set(msg, ERR_SCRIPT, "%s", text);
	}
	return SCRIPT_FAIL;
}

static enum script_verdict end(struct script *s, int n, json_t **ret, struct errmsg *msg)
{
	if (n == 0)
		return SCRIPT_DONE;
	lua_settop(s->co, lua_gettop(s->co) - n + 1);
	int status = value_take(s->co, ret);
	if (status == LUA_OK)
		return SCRIPT_DONE;
	const char *text = machine_error(&s->machine, s->co, status);
	err_set(msg, ERR_SCRIPT, "%s: the result: %s", s->main, text);
	return SCRIPT_FAIL;
}

enum script_verdict script_run(struct script *s, const json_t *result, const json_t *error,
			       struct script_op *op, json_t **ret, struct errmsg *msg)
{
	assert(!s->ended && "a script ends once");
	*ret = NULL;
	s->result = result;
	s->error = error;
	budget_start(&s->machine.budget, s->co);
	int n, status = lua_resume(s->co, NULL, s->started ? 0 : 1, &n);
	s->started = true;
	s->result = s->error = NULL;
	enum script_verdict v = SCRIPT_OP;
	if (status == LUA_YIELD) {
		*op = s->op;
	} else {
		s->ended = true;
		v = status == LUA_OK ? end(s, n, ret, msg) : fail(s, status, ret, msg);
	}
	budget_stop(&s->machine.budget);
	return v;
}
