/* Fuzzes expressions: any source ends in time, says where it failed, and leaves the host as it was. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/lua/host.h"
#include "engine/lua/script.h"
#include "tests/fuzz/fuzz.h"

static json_t *data;

static json_t *get(const struct scope *s, const char *name)
{
	(void)s;
	return strcmp(name, "data") == 0 ? data : NULL;
}

static const struct scope scope = {get};

static void on_name(void *arg, const char *name, int line)
{
	(void)arg;
	fuzz_check(name && line > 0);
}

static struct lua_host *host_get(void)
{
	static struct lua_host *host;
	static struct rng rng;
	static const struct lua_limits limits = {.memory = 4 << 20, .instructions = 20000};
	if (host)
		return host;
	static const char event[] =
		"{\"s\":\"text\",\"n\":1,\"l\":[1,null,{\"a\":2.5}],\"z\":null}";
	rng_seeded_init(&rng, 1);
	fuzz_check(json_parse(event, strlen(event), true, &data, NULL) == 0);
	host = lua_host_new(&limits, &clock_real, &rng, NULL);
	return host;
}

static void evaluate(const struct expr_vm *vm, const char *src, bool chunk)
{
	int ref;
	struct errmsg msg = {0};
	if (vm->ops->compile(vm->vm, src, chunk, "w:1", &ref, &msg) != 0) {
		fuzz_check(msg.text[0]);
		return;
	}
	json_t *v;
	bool is;
	int code = vm->ops->eval(vm->vm, ref, &scope, &v, &msg);
	fuzz_check(code == 0 || strncmp(msg.text, "w:1", 3) == 0);
	if (code == 0 && v) {
		char *text = json_text(v);
		fuzz_check(text != NULL);
		free(text);
	}
	json_decref(v);
	(void)vm->ops->truth(vm->vm, ref, &scope, &is, &msg);
	vm->ops->release(vm->vm, ref);
}

static void still_works(const struct expr_vm *vm)
{
	int ref;
	bool is = false;
	fuzz_check(vm->ops->compile(vm->vm, "upper(data.s) == 'TEXT' and x == nil and #data.l == 3",
				    false, "", &ref, NULL) == 0);
	fuzz_check(vm->ops->truth(vm->vm, ref, &scope, &is, NULL) == 0 && is);
	vm->ops->release(vm->vm, ref);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct lua_host *h = host_get();
	const struct expr_vm *vm = lua_host_vm(h);
	auto_free char *src = mem_strndup((const char *)bytes, size);
	int line;
	evaluate(vm, src, false);
	evaluate(vm, src, true);
	vm->ops->names(vm->vm, src, false, on_name, NULL);
	vm->ops->names(vm->vm, src, true, on_name, NULL);
	(void)script_check(h, "s.lua", src, on_name, NULL, &line, NULL);
	script_calls(src, on_name, NULL);
	still_works(vm);
	return 0;
}
