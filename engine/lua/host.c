/* The shared state behind the door that the rest of the program knows. */
#include "engine/lua/host.h"

#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/lua/demand.h"
#include "engine/lua/expr.h"
#include "engine/lua/host_private.h"
#include "engine/lua/names.h"
#include "engine/lua/parts.h"

#define MEMORY (32u << 20)
#define UNITS 1000000
#define SCRIPT_UNITS 20000000
#define CPU_MS 1000 /* a net: what the units bound takes some 10 ms */

static int vm_compile(void *vm, const char *src, bool chunk, const char *where, int *ret_ref,
		      struct errmsg *msg)
{
	struct lua_host *h = vm;
	return expr_compile(&h->machine, &h->exprs, src, chunk, where, ret_ref, msg);
}

static void vm_release(void *vm, int ref)
{
	struct lua_host *h = vm;
	expr_release(&h->machine, &h->exprs, ref);
}

static int vm_eval(void *vm, int ref, const struct scope *s, json_t **ret, struct errmsg *msg)
{
	struct lua_host *h = vm;
	*ret = NULL;
	return expr_run(&h->machine, &h->exprs, ref, s, ret, NULL, msg);
}

static int vm_truth(void *vm, int ref, const struct scope *s, bool *ret, struct errmsg *msg)
{
	struct lua_host *h = vm;
	*ret = false;
	return expr_run(&h->machine, &h->exprs, ref, s, NULL, ret, msg);
}

static void vm_names(void *vm, const char *src, bool chunk,
		     void (*cb)(void *arg, const char *dotted, int line), void *arg)
{
	(void)vm;
	names_find(src, chunk, cb, arg);
}

static bool vm_is_library(void *vm, const char *name)
{
	struct lua_host *h = vm;
	return map_get(&h->library, name) != NULL;
}

static char vm_split(void *vm, const char *src, size_t len,
		     void (*cb)(void *arg, const char *text, size_t len), void *arg)
{
	(void)vm;
	return parts_find(src, len, cb, arg);
}

static const char *vm_library(void *vm, size_t *i)
{
	struct lua_host *h = vm;
	const struct map_entry *e = map_next(&h->library, i);
	return e ? e->key : NULL;
}

static void vm_demands(void *vm, const char *src,
		       void (*cb)(void *arg, const char *path, const char *value), void *arg)
{
	(void)vm;
	demands_find(src, cb, arg);
}

static const struct expr_ops ops = {.compile = vm_compile,
				    .release = vm_release,
				    .eval = vm_eval,
				    .truth = vm_truth,
				    .names = vm_names,
				    .split = vm_split,
				    .demands = vm_demands,
				    .is_library = vm_is_library,
				    .library = vm_library};

/* Those of the locked table at the top: "time.add". */
static void list_members(struct lua_host *h, const char *table)
{
	lua_State *L = h->machine.L;
	if (!lua_getmetatable(L, -1))
		return;
	lua_getfield(L, -1, "__index");
	lua_pushnil(L);
	while (lua_istable(L, -2) && lua_next(L, -2)) {
		auto_free char *name = mem_printf("%s.%s", table, lua_tostring(L, -2));
		map_put(&h->library, name, h);
		lua_pop(L, 1);
	}
	lua_pop(L, lua_istable(L, -1) ? 2 : 3);
}

/* The names once more in C: asking Lua for a name would make a text, which may raise. */
static void list_library(struct lua_host *h)
{
	lua_State *L = h->machine.L;
	lua_rawgeti(L, LUA_REGISTRYINDEX, REG_LIBRARY);
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		const char *name = lua_tostring(L, -2);
		map_put(&h->library, name, h);
		list_members(h, name);
		lua_pop(L, 1);
	}
	lua_settop(L, 0);
}

static struct lua_limits with_defaults(const struct lua_limits *l)
{
	struct lua_limits r = l ? *l : (struct lua_limits){0};
	if (!r.memory)
		r.memory = MEMORY;
	if (!r.instructions)
		r.instructions = UNITS;
	if (!r.script_instructions)
		r.script_instructions = SCRIPT_UNITS;
	return r;
}

struct lua_host *lua_host_new(const struct lua_limits *l, const struct clock *c, struct rng *r,
			      const char *zone)
{
	struct lua_host *h = mem_alloc(sizeof(*h));
	h->limits = with_defaults(l);
	h->vm = (struct expr_vm){&ops, h};
	h->zone = zone ? mem_strdup(zone) : NULL;
	h->machine = (struct machine){
		.clock = c, .rng = r, .zone = h->zone, .secrets = &h->secrets, .files = &h->files};
	h->machine.budget = (struct budget){
		.limit = h->limits.instructions, .memory = h->limits.memory, .cpu_ms_max = CPU_MS};
	if (!machine_init(&h->machine))
		abort();
	list_library(h);
	return h;
}

void lua_host_free(struct lua_host *h)
{
	if (!h)
		return;
	machine_done(&h->machine);
	expr_set_done(&h->exprs);
	map_done(&h->library);
	free(h->zone);
	free(h);
}

const struct expr_vm *lua_host_vm(struct lua_host *h)
{
	return &h->vm;
}

void lua_host_zone(struct lua_host *h, const char *zone)
{
	free(h->zone);
	h->zone = zone ? mem_strdup(zone) : NULL;
	h->machine.zone = h->zone;
}

void lua_host_files(struct lua_host *h, struct files *files)
{
	h->files = files;
}

void lua_host_secrets(struct lua_host *h, const json_t *secrets)
{
	h->secrets = secrets;
}
