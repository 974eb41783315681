/* The bounds of an evaluation: the capped allocator, the count hook, and the charges of libraries. */
#include "engine/lua/budget.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <time.h>

#include "engine/lua/machine.h"

/* Bytes for which an allocation costs one unit: copying long strings is work, too. */
#define BYTES_A_UNIT 64
/* An allocation below this never fails for lack of units: errors need room to be raised. */
#define SMALL_ALLOC 4096

static bool may_grow(struct budget *b, size_t from, size_t to)
{
	if (to <= from)
		return true;
	if (b->memory && b->used - from + to > b->memory)
		return false;
	if (!b->active)
		return true;
	b->left -= (long)(to / BYTES_A_UNIT);
	return b->left >= 0 || to < SMALL_ALLOC;
}

void *budget_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct budget *b = ud;
	size_t from = ptr ? osize : 0; /* without ptr, osize is the kind of the new object */
	if (nsize == 0) {
		free(ptr);
		b->used -= from;
		return NULL;
	}
	if (!may_grow(b, from, nsize))
		return NULL;
	void *p = realloc(ptr, nsize);
	if (p)
		b->used += nsize - from;
	return p;
}

static int64_t cpu_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1;
}

const char *budget_text(const struct budget *b)
{
	switch (b->over) {
	case BUDGET_WORK:
		return "used more than its budget of instructions";
	case BUDGET_TIME:
		return "used more than its processor time";
	case BUDGET_MEMORY:
		return "used more than its memory";
	case BUDGET_LEFT:
		break;
	}
	return NULL;
}

static void hook(lua_State *L, lua_Debug *ar);

static void spend_up(lua_State *L, struct budget *b, enum budget_over why)
{
	if (b->over == BUDGET_LEFT)
		b->over = why;
	b->rearm = true;
	lua_sethook(L, hook, LUA_MASKCOUNT, 1);
}

static void look_at_time(lua_State *L, struct budget *b)
{
	int64_t now = cpu_ms();
	if (!b->cpu_started_ms)
		b->cpu_started_ms = now;
	else if (now - b->cpu_started_ms > b->cpu_ms_max)
		spend_up(L, b, BUDGET_TIME);
}

static void hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	struct budget *b = &machine_of(L)->budget;
	if (!b->active)
		return;
	if (b->over == BUDGET_LEFT) {
		b->left -= BUDGET_STEP;
		if (b->left < 0)
			spend_up(L, b, BUDGET_WORK);
		else
			look_at_time(L, b);
	}
	budget_check(L);
}

void budget_arm(lua_State *L)
{
	lua_sethook(L, hook, LUA_MASKCOUNT, BUDGET_STEP);
}

void budget_start(struct budget *b, lua_State *L)
{
	b->left = b->limit;
	b->over = BUDGET_LEFT;
	b->cpu_started_ms = 0;
	b->active = true;
	if (!b->rearm)
		return;
	b->rearm = false;
	budget_arm(L);
}

void budget_stop(struct budget *b)
{
	b->active = false;
}

void budget_check(lua_State *L)
{
	struct budget *b = &machine_of(L)->budget;
	const char *text = budget_text(b);
	if (b->active && text)
		luaL_error(L, "%s", text);
}

void budget_charge(lua_State *L, size_t n)
{
	struct budget *b = &machine_of(L)->budget;
	if (!b->active)
		return;
	b->left = n < (size_t)b->limit ? b->left - (long)n : -1;
	if (b->left < 0)
		spend_up(L, b, BUDGET_WORK);
	budget_check(L);
}

void budget_memory_out(lua_State *L)
{
	struct budget *b = &machine_of(L)->budget;
	if (b->active)
		spend_up(L, b, b->left < 0 ? BUDGET_WORK : BUDGET_MEMORY);
}
