/* Tests of merging updates whose answers get lost: what joins a list joins it once. */
#include "tests/lib/world.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"

#define SEEDS 40
#define UPDATES 6

#define BOOK                                                                                       \
	"connector:\n"                                                                             \
	"  name: shop\n  title: Book\n  about: Of these tests.\n  base_url: http://api.test\n"     \
	"  auth: [none]\n"                                                                         \
	"  errors: {key: [key], message: [message], by_status: {404: not_found}}\n"                \
	"group: All\n"                                                                             \
	"x-notes: &notes {items: {fields: {note_id: string, content: string}}}\n"                  \
	"actions:\n"                                                                               \
	"  look: {title: Look, about: Reads., method: GET, path: '/pages/{id}', "                  \
	"params: {id: string}, success: [200], answer: {fields: {notes: *notes}}, "                \
	"effect: read}\n"                                                                          \
	"  change: {title: Change, about: Changes., method: PUT, path: '/pages/{id}', "            \
	"params: {id: string, notes: *notes}, success: [200], "                                    \
	"answer: {fields: {notes: *notes}}, effect: idempotent, "                                  \
	"merge: {read: look, key: {id: id}, lists: {notes: note_id}}}\n"

#define RULES                                                                                      \
	"api: pawl/1\nrule: note\nwhen: {event: note}\n"                                           \
	"retry: {attempts: 30, first: 1s, cap: 10s}\ndo:\n"                                        \
	"  - call: shop.change\n    with: {id: p, notes: [{content: =data.text}, "                 \
	"{content: twin}, {content: twin}]}\n"

static struct world w;
static json_t *notes;
static unsigned made, lost;

static int on_answer(struct world *world, const struct world_req *q, json_t **ret)
{
	(void)world;
	if (strcmp(q->method, "PUT") == 0) {
		json_t *note;
		size_t i;
		json_decref(notes);
		notes = json_deep_copy(json_object_get(q->body, "notes"));
		json_array_foreach (notes, i, note)
			if (!json_object_get(note, "note_id"))
				json_object_set_new(note, "note_id", json_sprintf("n%u", made++));
	}
	*ret = json_pack("{s:O}", "notes", notes);
	return 200;
}

static enum fate on_fate(struct world *world, const struct world_req *q)
{
	static const enum fate fates[] = {FATE_WELL,       FATE_WELL,   FATE_LOST_BEFORE,
					  FATE_LOST_AFTER, FATE_BROKEN, FATE_BUSY};
	if (strcmp(q->method, "GET") == 0)
		return FATE_WELL;
	enum fate f = fates[rng_below(&world->dice, sizeof(fates) / sizeof(*fates))];
	lost += f == FATE_LOST_AFTER || f == FATE_BROKEN;
	return f;
}

static size_t count(const char *content)
{
	size_t n = 0, i;
	json_t *note;
	json_array_foreach (notes, i, note)
		n += strcmp(json_str(note, "content"), content) == 0;
	return n;
}

/* One of the texts is there before, and each update adds two that are equal. */
static void play(uint64_t seed)
{
	static const char *const events[UPDATES] = {"{'text': 'old'}", "{'text': 'b'}",
						    "{'text': 'c'}",   "{'text': 'd'}",
						    "{'text': 'e'}",   "{'text': 'f'}"};
	notes = json_pack("[{s:s, s:s}]", "note_id", "n", "content", "old");
	world_init(&w, BOOK, RULES);
	w.answer = on_answer;
	w.fate = on_fate;
	w.there_ms = w.back_ms = 30;
	rng_seeded_init(&w.dice, seed);
	for (int i = 0; i < UPDATES; i++)
		world_send(&w, "note", events[i]);
	for (int i = 0; i < 3; i++) {
		world_pass(&w, 900 + (int64_t)rng_below(&w.dice, 3000));
		world_crash(&w);
	}
	world_pass(&w, 30 * 60 * 1000);
	assert_int_equal(world_count(&w, "completed"), UPDATES);
	assert_int_equal(count("old"), 2);
	assert_int_equal(count("b") + count("c") + count("d") + count("e") + count("f"), 5);
	assert_int_equal(count("twin"), 2 * UPDATES);
	world_done(&w);
	json_decref(notes);
}

static void what_joins_a_list_joins_it_once_whatever_gets_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		play(seed);
	assert_true(lost > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_joins_a_list_joins_it_once_whatever_gets_lost),
	};
	return cmocka_run_group_tests_name("merge_lost", tests, NULL, NULL);
}
