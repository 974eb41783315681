/*
 * What expressions cost: an event seen for the first time with one condition, a condition that was
 * compiled before, and a thousand of them; a template's value; the birth and first step of a script.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/json.h"
#include "engine/lua/host.h"
#include "engine/lua/script.h"

#define CONDITIONS 1000

static const char event_text[] =
	"{\"platform\":\"slack\",\"account\":\"a\",\"conversation\":{\"id\":\"1\",\"status\":\"open\"},"
	"\"contact\":{\"email\":\"ann@example.com\",\"first_name\":\"Ann\",\"age\":41,"
	"\"consent\":{\"status\":\"granted\",\"at\":\"2026-11-23T09:46:31Z\"}},"
	"\"intent\":{\"name\":\"signup\",\"confidence\":0.93},"
	"\"message\":{\"text\":\"I would like to join your list, please\",\"attachments\":[]}}";

static json_t *data;

static json_t *get(const struct scope *s, const char *name)
{
	(void)s;
	return strcmp(name, "data") == 0 ? data : NULL;
}

static const struct scope scope = {get};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compile(const struct expr_vm *vm, const char *src)
{
	int ref;
	struct errmsg msg;
	if (vm->ops->compile(vm->vm, src, false, "bench", &ref, &msg) == 0)
		return ref;
	fprintf(stderr, "%s: %s\n", src, msg.text);
	exit(1);
}

static bool truth(const struct expr_vm *vm, int ref)
{
	bool is;
	struct errmsg msg;
	if (vm->ops->truth(vm->vm, ref, &scope, &is, &msg) == 0)
		return is;
	fprintf(stderr, "%s\n", msg.text);
	exit(1);
}

static void say(const char *what, double from, int rounds)
{
	printf("%-44s %8.3f us\n", what, (seconds() - from) * 1e6 / rounds);
}

/* Each round has an event of its own, so nothing of the last one can help. */
static void bench_new_event(const struct expr_vm *vm)
{
	enum { ROUNDS = 300000, EVENTS = 512 };
	int ref = compile(vm, "data.contact.consent.status == 'granted'");
	json_t *events[EVENTS], *was = data;
	for (int i = 0; i < EVENTS; i++)
		events[i] = json_deep_copy(was);
	double from = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		data = events[i % EVENTS];
		(void)truth(vm, ref);
	}
	say("expose a new event, one condition", from, ROUNDS);
	data = was;
	for (int i = 0; i < EVENTS; i++)
		json_decref(events[i]);
	vm->ops->release(vm->vm, ref);
}

static void bench_condition(const struct expr_vm *vm, const char *src)
{
	enum { ROUNDS = 1000000 };
	int ref = compile(vm, src);
	double from = seconds();
	for (int i = 0; i < ROUNDS; i++)
		(void)truth(vm, ref);
	say(src, from, ROUNDS);
	vm->ops->release(vm->vm, ref);
}

static void bench_many(const struct expr_vm *vm)
{
	enum { ROUNDS = 500 };
	int refs[CONDITIONS];
	for (int i = 0; i < CONDITIONS; i++) {
		char src[100];
		snprintf(src, sizeof(src), "data.contact.age > %d and data.account == 'b'", i % 80);
		refs[i] = compile(vm, src);
	}
	double from = seconds();
	for (int n = 0; n < ROUNDS; n++)
		for (int i = 0; i < CONDITIONS; i++)
			(void)truth(vm, refs[i]);
	say("1,000 conditions", from, ROUNDS);
}

static void bench_value(const struct expr_vm *vm)
{
	enum { ROUNDS = 300000 };
	int ref = compile(vm, "{email = lower(data.contact.email), contact = data.contact}");
	struct errmsg msg;
	double from = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		json_t *v = NULL;
		(void)vm->ops->eval(vm->vm, ref, &scope, &v, &msg);
		json_decref(v);
	}
	say("a table as a value", from, ROUNDS);
}

static void bench_script(struct lua_host *h)
{
	enum { ROUNDS = 3000 };
	struct map sources = {0};
	map_put(&sources, "s.lua", (void *)"local r = call('x', {a = 1}) return r");
	struct errmsg msg;
	double from = seconds();
	for (int i = 0; i < ROUNDS; i++) {
		struct script *s = script_new(h, &sources, "s.lua", data, &msg);
		struct script_op op;
		json_t *ret;
		if (!s || script_run(s, NULL, NULL, &op, &ret, &msg) != SCRIPT_OP)
			exit(1);
		script_free(s);
	}
	say("a script up to its first operation", from, ROUNDS);
	map_done(&sources);
}

int main(void)
{
	if (json_parse(event_text, strlen(event_text), true, &data, NULL) != 0)
		return 1;
	struct lua_host *h = lua_host_new(NULL, &clock_real, &rng_real, NULL);
	const struct expr_vm *vm = lua_host_vm(h);
	bench_new_event(vm);
	bench_condition(vm, "true");
	bench_condition(vm, "data.account == 'a'");
	bench_condition(vm, "data.contact.age > 40");
	bench_condition(vm, "lower('X') == 'x'");
	bench_many(vm);
	bench_value(vm);
	bench_script(h);
	lua_host_free(h);
	json_decref(data);
	return 0;
}
