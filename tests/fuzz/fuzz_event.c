/* Fuzzes events from outside: what is taken has a type and a source of its own, and goes through JSON unchanged. */
#include <string.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/cloudevent.h"
#include "engine/serve/native.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct event *e)
{
	json_auto_t *again = NULL;
	fuzz_check(*e->type && *e->source);
	if (!e->body_len)
		return;
	fuzz_check(json_parse(e->body, e->body_len, false, &again, NULL) == 0);
	fuzz_check(json_equal(again, e->data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_auto_t *v = NULL;
	struct id id = {{1}};
	struct errmsg msg = {0};
	if (json_parse((const char *)data, size, true, &v, NULL) != 0)
		return 0;
	struct event *e = cloudevent_read(v, id, 1614265330000, &msg);
	fuzz_check(e || *msg.text);
	if (e)
		check(e);
	event_unref(e);
	struct buf b = BUF_INIT;
	size_t wrong = native_check(v, &b);
	fuzz_check((wrong > 0) == (b.len > 0));
	buf_done(&b);
	return 0;
}
