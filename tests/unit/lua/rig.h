/* What the tests of the Lua layer share: a host, a scope over a JSON object, and short forms. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/lua/host.h"

struct rig {
	struct scope scope; /* first: the scope's get finds the rig */
	struct lua_host *host;
	struct clock_virtual clock;
	struct rng rng;
	const struct expr_vm *vm;
	json_t *names;
	struct errmsg msg;
};

static inline json_t *rig_get(const struct scope *s, const char *name)
{
	return json_object_get(((const struct rig *)s)->names, name);
}

static inline json_t *rig_json(const char *text)
{
	struct errmsg msg = {0};
	json_t *v = NULL;
	if (json_parse(text, strlen(text), false, &v, &msg) != 0)
		fail_msg("%s: %s", text, msg.text);
	return v;
}

static inline void rig_init_limits(struct rig *r, const char *names, const struct lua_limits *l)
{
	memset(r, 0, sizeof(*r));
	r->scope.get = rig_get;
	clock_virtual_init(&r->clock, 1795000000000);
	rng_seeded_init(&r->rng, 7);
	r->host = lua_host_new(l, &r->clock.clock, &r->rng, NULL);
	r->vm = lua_host_vm(r->host);
	r->names = rig_json(names);
}

static inline void rig_init(struct rig *r, const char *names)
{
	rig_init_limits(r, names, NULL);
}

static inline void rig_done(struct rig *r)
{
	lua_host_free(r->host);
	json_decref(r->names);
}

/* Compiles, evaluates and releases; the caller's value. */
static inline int rig_run(struct rig *r, const char *src, bool chunk, json_t **ret)
{
	int ref;
	*ret = NULL;
	int code = r->vm->ops->compile(r->vm->vm, src, chunk, "rules/a.yaml:12", &ref, &r->msg);
	if (code)
		return code;
	code = r->vm->ops->eval(r->vm->vm, ref, &r->scope, ret, &r->msg);
	r->vm->ops->release(r->vm->vm, ref);
	return code;
}

/* The JSON text of an expression's value ("nil" for none), which must be `expect`. */
static inline void rig_expect_as(struct rig *r, const char *src, bool chunk, const char *expect)
{
	json_t *v;
	if (rig_run(r, src, chunk, &v) != 0)
		fail_msg("%s: %s", src, r->msg.text);
	char *text = v ? json_text(v) : strdup("nil");
	if (strcmp(text, expect) != 0)
		fail_msg("%s gave %s, not %s", src, text, expect);
	free(text);
	json_decref(v);
}

static inline void rig_expect(struct rig *r, const char *src, const char *expect)
{
	rig_expect_as(r, src, false, expect);
}

/* The expression must fail with this code, and the message have this part. */
static inline void rig_refuse_as(struct rig *r, const char *src, bool chunk, int code,
				 const char *part)
{
	json_t *v;
	int got = rig_run(r, src, chunk, &v);
	if (got != code)
		fail_msg("%s: code %d, not %d (%s)", src, got, code, got ? r->msg.text : "fine");
	if (!strstr(r->msg.text, part))
		fail_msg("%s: '%s' is not in '%s'", src, part, r->msg.text);
}

static inline void rig_refuse(struct rig *r, const char *src, const char *part)
{
	rig_refuse_as(r, src, false, ERR_SCRIPT, part);
}
