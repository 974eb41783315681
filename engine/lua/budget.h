/*
 * What one evaluation may spend: instructions, the work of library functions, memory, CPU time.
 *
 * One unit is one VM instruction or about as much work in C. Once something is spent up it stays
 * so until budget_start: the count hook then fires at every instruction, so that no pcall helps.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_STEP 1000 /* instructions between two looks of the hook */

enum budget_over { BUDGET_LEFT, BUDGET_WORK, BUDGET_TIME, BUDGET_MEMORY };

struct budget {
	long limit, left;       /* units; the hook and charges take from left */
	int64_t cpu_ms_max;     /* a net under work that nothing charges */
	int64_t cpu_started_ms; /* 0: the hook has not fired yet */
	enum budget_over over;
	bool active;         /* false while the host itself works (compiling, closing) */
	size_t used, memory; /* bytes of the state, and their cap */
	bool rearm;          /* the hook was set to fire always and has to be set back */
};

/* The allocator of a state; ud is its struct budget. Big allocations cost units as well. */
void *budget_alloc(void *ud, void *ptr, size_t osize, size_t nsize);
/* Begins an evaluation on L (which has the hook from now on) with a full budget. */
void budget_start(struct budget *b, lua_State *L);
void budget_stop(struct budget *b);
/* Installs the count hook on a new state or coroutine. */
void budget_arm(lua_State *L);
/* Takes n units; raises a Lua error when they are not there. */
void budget_charge(lua_State *L, size_t n);
/* Raises again when the budget was spent up before: what pcall does after each call. */
void budget_check(lua_State *L);
/* Notes that memory ran out, which is as sticky as the rest. */
void budget_memory_out(lua_State *L);
/* What a person reads about it, or NULL while there is some left. */
const char *budget_text(const struct budget *b);
