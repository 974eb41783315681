/*
 * The Lua machine for expressions: one shared, sandboxed state; every expression compiled once.
 *
 * Sandbox by allow-list: what rules.md names and nothing else (no os, io, debug, load, coroutine,
 * collectgarbage, metatable access, finalisers). Memory is capped by the allocator, work by a count
 * hook that pcall cannot swallow; library functions whose work their result does not bound charge
 * the same budget; patterns are our own matcher with a step count. JSON values are seen through
 * proxies that convert only what is read; indexing nil gives nil in expressions.
 */
#pragma once

#include <stddef.h>

#include "engine/base/clock.h"
#include "engine/run/expr.h"

struct lua_host;
struct files;

struct lua_limits {
	size_t memory;            /* bytes of the shared state, and of each script's; 0: 32 MiB */
	long instructions;        /* of one evaluation; 0: 1,000,000 */
	long script_instructions; /* of one script run between two recorded operations; 0: 20,000,000 */
};

/* clock, rng: borrowed; uuid() and random() of expressions use rng. zone: IANA default or NULL (UTC).
 * Aborts only when memory is out. */
struct lua_host *lua_host_new(const struct lua_limits *l, const struct clock *c, struct rng *r,
			      const char *zone);
void lua_host_free(struct lua_host *h);
/* The door for the rest of the program; vm.vm is the host. */
const struct expr_vm *lua_host_vm(struct lua_host *h);
/* Another default zone; NULL: UTC. */
void lua_host_zone(struct lua_host *h, const char *zone);
/* What text() and csv.rows() read from; borrowed until lua_host_free, NULL: no files. */
void lua_host_files(struct lua_host *h, struct files *files);
/* secrets for hmac(): name → value; borrowed until lua_host_free. */
void lua_host_secrets(struct lua_host *h, const json_t *secrets);
