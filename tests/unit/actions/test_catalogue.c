/* Tests of the catalogue: that what is shipped loads whole, is found, and survives being pinned. */
#include "tests/unit/actions/fixture.h"

#include <glob.h>
#include <stdio.h>

#include "engine/base/buf.h"
#include "engine/base/map.h"

#define OPERATIONS 128
#define TITLES 93

/* One line of operations.txt; its parts point into `line`. */
struct operation {
	char line[512];
	char *name, *method, *path, *effect, *title;
};

/* The next word of a line with several blanks between words. */
static char *next_word(char **rest)
{
	char *word = NULL;
	while (*rest && (!word || !*word))
		word = strsep(rest, " \n");
	assert_non_null(word);
	return word;
}

static bool read_operation(FILE *f, struct operation *o)
{
	char *rest = o->line;
	do {
		if (!fgets(o->line, sizeof(o->line), f))
			return false;
	} while (*o->line == '#');
	o->name = next_word(&rest);
	o->method = next_word(&rest);
	o->path = next_word(&rest);
	o->effect = next_word(&rest);
	o->title = rest + strspn(rest, " ");
	o->title[strcspn(o->title, "\n")] = '\0';
	return true;
}

/* --- catalogue_load_dir --- */

static bool is_partners(const struct action *a)
{
	return a->auth && strcmp(a->auth, "partner") == 0;
}

static size_t count_of(const char *connector)
{
	size_t n = 0, i = 0;
	for (const struct action *a; (a = catalogue_next(cat, &i));)
		n += strcmp(a->connector, connector) == 0;
	return n;
}

static void every_action_is_there_and_told(void **state)
{
	FILE *f = fopen("tests/unit/actions/operations.txt", "r");
	struct operation o;
	size_t n = 0;
	assert_non_null(f);
	while (read_operation(f, &o)) {
		const struct action *a = get(o.name);
		n += strcmp(a->name, o.name) == 0;
		assert_string_equal(a->method, o.method);
		assert_string_equal(a->path, o.path);
		assert_string_equal(effect_word(a->effect), o.effect);
		assert_true(*a->title && *a->about && *a->group);
		assert_true(json_array_size(a->success) > 0);
		assert_int_equal(a->is_job, a->effect == EFFECT_JOB);
		assert_int_equal(a->scope == NULL, is_partners(a) || !a->privilege);
		assert_non_null(a->answer);
	}
	fclose(f);
	assert_int_equal(n, OPERATIONS);
	assert_int_equal(count_of(CC), OPERATIONS);
}

static void every_listed_title_finds_its_action_first(void **state)
{
	FILE *f = fopen("tests/unit/actions/operations.txt", "r");
	struct operation o;
	size_t n = 0;
	assert_non_null(f);
	while (read_operation(f, &o)) {
		const struct action *found[4] = {0};
		if (strcmp(o.title, "-") == 0)
			continue;
		n++;
		assert_true(catalogue_search(cat, o.title, found, 4) > 0);
		assert_ptr_equal(found[0], get(o.name));
		assert_true(catalogue_search(cat, o.name, found, 4) > 0);
		assert_ptr_equal(found[0], get(o.name));
	}
	fclose(f);
	assert_int_equal(n, TITLES);
}

static void a_connector_is_described(void **state)
{
	const struct connector *c = catalogue_connector(cat, CC);
	assert_non_null(c);
	assert_string_equal(c->base_url, "https://api.cc.email/v3");
	assert_true(c->per_second == 4.0);
	assert_int_equal(c->per_day, 10000);
	assert_non_null(c->oauth2);
	assert_null(catalogue_connector(cat, "nobody"));
}

static void every_fixed_look_up_fits_its_action(void **state)
{
	size_t i = 0;
	for (const struct action *a; (a = catalogue_next(cat, &i));) {
		const char *name;
		json_t *v;
		if (!a->look_up)
			continue;
		const struct action *look = get(a->look_up->action);
		json_auto_t *params =
			a->look_up->with ? json_deep_copy(a->look_up->with) : json_object();
		json_object_foreach ((json_t *)a->look_up->key, name, v)
			json_object_set_new(params, name, json_string("x"));
		assert_int_equal(action_check(look, params, &(struct check){0}), 0);
		if (look->paging.kind == PAGING_NONE)
			assert_string_equal(a->look_up->items, "");
		else
			assert_string_equal(look->paging.items, a->look_up->items);
		assert_int_equal(a->look_up->read != NULL, a->look_up->read_param != NULL);
		if (a->look_up->read)
			assert_non_null(
				action_param(get(a->look_up->read), a->look_up->read_param));
	}
}

/* --- catalogue_load_text: mistakes are told with their place --- */

#define HEAD "connector: {name: x, base_url: 'http://h'}\nactions:\n  a:\n"
#define REST "    method: GET\n    path: /a\n    effect: read\n"

static void mistakes_are_told_with_their_place(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"actions: {a: {}}", "f.yaml:1:10: no connector is described for these actions"},
		{"connector: {name: x, base_ur: y}",
		 "f.yaml:1:22: unknown key 'base_ur' — did you mean 'base_url'?"},
		{HEAD "    method: GET\n    path: /a\n", "f.yaml:3:3: a: effect is missing"},
		{HEAD REST "    surprse: x\n", "f.yaml:7:5: unknown key 'surprse' — did you mean "
					       "'surprise'?"},
		{HEAD REST "    params: {n: {type: strnig}}\n", "f.yaml:7:24: there is no type "
								"'strnig'"},
		{HEAD REST "    params: {n: {max: 3}}\n", "f.yaml:7:17: type is missing"},
		{HEAD REST "    params: {n: {type: string, required: 1}}\n",
		 "f.yaml:7:42: required must be true or false, not a number"},
		{HEAD REST "    errors: {409: exist}\n", "f.yaml:7:19: there is no error named "
							 "'exist'"},
		{HEAD "    method: GET\n    path: /a/{id}\n    effect: read\n",
		 "f.yaml:3:1: action 'a': path: no parameter fills {id}"},
		{HEAD "    method: GET\n    path: /a\n    effect: reed\n",
		 "'reed' is no effect: it is one of read, idempotent, keyed, job, once"},
		{HEAD
		 "    method: POST\n    path: /a\n    effect: keyed\n    reconcile: {look_up: z, "
		 "match: {n: n}, id: i}\n",
		 "f.yaml:3:1: action 'a' refers to 'z', which does not exist"},
		{HEAD REST "    aliases: [{name: a}]\n", "f.yaml:3:1: the alias 'a' is taken"},
		{HEAD "  - a\n", "f.yaml"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct catalogue *c = catalogue_new();
		struct errmsg msg = {0};
		assert_int_not_equal(
			catalogue_load_text(c, "f.yaml", rows[i].text, strlen(rows[i].text), &msg),
			0);
		if (!strstr(msg.text, rows[i].message))
			print_error("got: %s\n", msg.text);
		assert_non_null(strstr(msg.text, rows[i].message));
		assert_int_equal(catalogue_count(c), 0);
		catalogue_free(c);
	}
}

static void a_connector_may_come_in_one_text(void **state)
{
	static const char text[] = HEAD REST
		"    params: {ids: [uuid], q: string}\n"
		"  b: {method: PUT, path: '/b/{id}', effect: idempotent,\n"
		"      params: {id: string, v: integer, h: {type: string, in: header}}}\n";
	struct catalogue *c = catalogue_new();
	struct errmsg msg = {0};
	assert_int_equal(catalogue_load_text(c, "f", text, strlen(text), &msg), 0);
	assert_int_equal(catalogue_load_text(c, "f", text, strlen(text), &msg), ERR_EXISTS);
	assert_int_equal(catalogue_count(c), 2);
	const struct action *b = catalogue_find_full(c, "x.b");
	assert_int_equal(action_param(b, "id")->in, IN_PATH);
	assert_true(action_param(b, "id")->schema->required);
	assert_int_equal(action_param(b, "v")->in, IN_BODY);
	assert_int_equal(action_param(b, "h")->in, IN_HEADER);
	assert_int_equal(b->body, BODY_JSON);
	const struct action *a = catalogue_find(c, "x", "a");
	assert_int_equal(action_param(a, "ids")->in, IN_QUERY);
	assert_int_equal(a->body, BODY_NONE);
	catalogue_free(c);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct errmsg msg = {0};
	assert_int_equal(catalogue_load_dir(cat, "actions/none", &msg), ERR_IO);
}

/* --- finding --- */

static void actions_are_found_by_name_and_alias(void **state)
{
	assert_ptr_equal(get("remove_contact_tagging"), get("remove_tags_from_contacts"));
	assert_ptr_equal(catalogue_find_full(cat, CC ".get_contact"), get("get_contact"));
	assert_null(catalogue_find_full(cat, "get_contact"));
	assert_null(catalogue_find_full(cat, "nobody.get_contact"));
	assert_null(catalogue_find(cat, CC, "Get_contact"));
	assert_string_equal(catalogue_suggest(cat, CC, "creat_contact"), "create_contact");
	assert_string_equal(catalogue_suggest_connector(cat, "constant_contct"), CC);
	assert_null(catalogue_suggest(cat, CC, "zzzzzzzzzz"));
}

static void a_search_wants_all_words_and_ranks_by_name(void **state)
{
	const struct action *hits[10];
	size_t n = catalogue_search(cat, "contact create", hits, 10);
	assert_true(n >= 3);
	assert_string_equal(hits[0]->name, "create_contact");
	n = catalogue_search(cat, "Remove TAGGING", hits, 10);
	assert_true(n >= 1);
	assert_string_equal(hits[0]->name, "remove_tags_from_contacts");
	assert_int_equal(catalogue_search(cat, "contact zebra", hits, 10), 0);
	assert_int_equal(catalogue_search(cat, "", hits, 2), catalogue_count(cat));
}

/* --- action_from_json: what a run pins --- */

static void a_pinned_definition_gives_the_same_action(void **state)
{
	size_t i = 0, n = 0;
	for (const struct action *a; (a = catalogue_next(cat, &i)); n++) {
		auto_free char *text = json_canonical(a->def);
		struct errmsg msg = {0};
		char one[65], two[65];
		json_t *def = NULL;
		assert_int_equal(json_parse(text, strlen(text), true, &def, &msg), 0);
		struct action *b = action_from_json(def, &msg);
		json_decref(def);
		assert_non_null(b);
		assert_string_equal(action_hash(a, one), action_hash(b, two));
		assert_string_equal(a->name, b->name);
		assert_string_equal(a->title, b->title);
		assert_int_equal(a->effect, b->effect);
		assert_int_equal(a->n_params, b->n_params);
		assert_int_equal(a->body, b->body);
		assert_int_equal(!!a->look_up, !!b->look_up);
		assert_int_equal(!!a->job, !!b->job);
		if (strcmp(a->connector, CC) == 0)
			assert_string_equal(b->job->action, "get_activity_status");
		assert_null(json_object_get(b->def, "about"));
		action_free(b);
	}
	assert_true(n >= 40);
}

static void a_damaged_definition_is_an_error(void **state)
{
	static const char *const rows[] = {
		"[]",
		"{}",
		"{'connector':'x','name':'a','method':'GET','path':'a'}",
		"{'connector':'x','name':'a','method':'GET','path':'/a','effect':'read','body':'none'}",
		"{'connector':'x','name':'a','method':'GET','path':'/a','effect':'read','body':'none',"
		"'params':{'p':{'type':'string'}}}",
		"{'connector':'x','name':'a','method':'GET','path':'/a','effect':'job','body':'none',"
		"'params':{}}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_auto_t *def = js(rows[i]);
		struct errmsg msg = {0};
		assert_null(action_from_json(def, &msg));
		assert_int_equal(msg.code, ERR_PARSE);
	}
}

/* --- action_effect, action_repeat_is_harmless --- */

static void a_creation_without_its_key_is_done_once(void **state)
{
	const struct action *a = get("create_contact");
	json_auto_t *keyed = js("{'email_address':{'address':'a@b.c'}}");
	json_auto_t *nameless = js("{'first_name':'Ann'}");
	assert_int_equal(action_effect(a, keyed), EFFECT_KEYED);
	assert_int_equal(action_effect(a, nameless), EFFECT_ONCE);
	assert_int_equal(action_effect(a, NULL), EFFECT_KEYED);
}

static void only_jobs_on_explicit_ids_may_be_repeated(void **state)
{
	json_auto_t *ids = js("{'source':{'contact_ids':['x']},'list_ids':['l']}");
	json_auto_t *all = js("{'source':{'all_active_contacts':true},'list_ids':['l']}");
	assert_true(action_repeat_is_harmless(get("add_list_memberships"), ids));
	assert_false(action_repeat_is_harmless(get("add_list_memberships"), all));
	assert_true(action_repeat_is_harmless(get("delete_contact_tags"), all));
	assert_false(action_repeat_is_harmless(get("import_contacts_from_json"), ids));
	assert_false(action_repeat_is_harmless(get("resubscribe_contact"), ids));
	assert_true(action_repeat_is_harmless(get("get_contact"), ids));
}

/* --- action_has_field --- */

static void fields_of_answers_are_known(void **state)
{
	static const struct {
		const char *action, *path;
		enum field_known known;
		const char *candidate;
	} rows[] = {
		{"get_contact", "contact_id", FIELD_YES, NULL},
		{"get_contact", "email_address.address", FIELD_YES, NULL},
		{"get_contact", "", FIELD_YES, NULL},
		{"get_contact", "email_address.adress", FIELD_NO, "address"},
		{"get_contact", "contact_id.x", FIELD_NO, NULL},
		{"get_contact", "custom_fields.0.choice_ids.1", FIELD_YES, NULL},
		{"list_contacts", "contacts.0.contact_id", FIELD_YES, NULL},
		{"list_contacts", "contacts.contact_id", FIELD_NO, NULL},
		{"list_contacts", "contcts", FIELD_NO, "contacts"},
		{"list_contact_tags", "_links.next.next", FIELD_UNKNOWN, "href"},
		{"delete_contact", "contact_id", FIELD_NO, NULL},
		{"get_contact_sms_engagement_history", "0.insert_time", FIELD_YES, NULL},
		{"add_contact_taggings", "_links.results.href", FIELD_YES, NULL},
		{"add_contact_taggings", "activity_id", FIELD_YES, NULL},
		{"create_contact_from_sign_up_form", "email_address", FIELD_NO, "action"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *const *names = NULL;
		size_t n = 0, at = 0;
		bool found = !rows[i].candidate;
		assert_int_equal(
			action_has_field(get(rows[i].action), rows[i].path, &at, &names, &n),
			rows[i].known);
		for (size_t k = 0; k < n; k++)
			found = found ||
				strcmp(names[k], rows[i].candidate ? rows[i].candidate : "") == 0;
		assert_true(found);
	}
	size_t at = 99;
	(void)action_has_field(get("get_contact"), "email_address.adress", &at, NULL, NULL);
	assert_int_equal(at, 14);
}

/* --- the contract, where its lists are at hand beside the project --- */

/* Cuts a line at its tabs; missing columns are empty. */
static size_t cut(char *line, char **col, size_t max)
{
	size_t n = 0;
	for (char *part; (part = strsep(&line, "\t\n")) && n < max;)
		col[n++] = part;
	for (size_t i = n; i < max; i++)
		col[i] = "";
	return n;
}

static FILE *open_list(const char *pattern)
{
	glob_t found;
	FILE *f = NULL;
	if (glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc > 0)
		f = fopen(found.gl_pathv[0], "r");
	globfree(&found);
	return f;
}

static void check_query(const struct action *a, char *list)
{
	for (char *word; (word = strsep(&list, " "));) {
		char *name = word + (*word == '*');
		bool required = *word == '*';
		if (!strchr(name, ':')) /* the rest of a word with a blank in it */
			continue;
		name[strcspn(name, ":")] = '\0';
		const struct action_param *p = action_param(a, name);
		if (!p)
			print_error("%s has no query parameter %s\n", a->name, name);
		assert_non_null(p);
		assert_int_equal(p->in, IN_QUERY);
		assert_int_equal(p->schema->required, required);
	}
}

/* "import_data[].email" in the schema of all parameters. */
static const struct schema *find_deep(const struct schema *s, char *path)
{
	for (char *part; s && (part = strsep(&path, "."));) {
		char *list = strstr(part, "[]");
		if (list)
			*list = '\0';
		s = schema_field(s, part);
		if (s && list)
			s = s->items;
	}
	return s;
}

static long limit_in(const char *text, const char *word)
{
	const char *at = strstr(text, word);
	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

static void check_field(const struct action *a, char **col)
{
	auto_free char *path = mem_strdup(col[1]);
	if (strstr(path, "cf:")) /* any name that begins so */
		return;
	const struct schema *s = find_deep(a->params, path);
	if (!s)
		print_error("%s has no %s\n", a->name, col[1]);
	assert_non_null(s);
	long length = limit_in(col[5], "maxLength="), items = limit_in(col[5], "maxItems=");
	if (length < 0 && items < 0)
		items = limit_in(col[5], "prose:up_to=");
	if ((length >= 0 || items >= 0) && !s->values) /* a list of words says it better */
	{
		if (s->len_max != (length >= 0 ? length : items))
			print_error("%s: %s has another limit: %s\n", a->name, col[1], col[5]);
		assert_int_equal(s->len_max, length >= 0 ? length : items);
	}
	bool ignored = strcmp(col[4], "yes") == 0;
	bool partial = strcmp(a->method, "PATCH") == 0; /* whose fields are those of a creation */
	if (strcmp(col[3], "yes") == 0 && !ignored && !partial && !s->required) {
		print_error("%s: %s is required\n", a->name, col[1]);
		fail();
	}
	bool list = strncmp(col[2], "array", 5) == 0;
	assert_int_equal(list, s->type == SCHEMA_LIST);
}

static void every_parameter_of_the_contract_is_there(void **state)
{
	struct map by_body = {0};
	char line[8192], *col[24];
	size_t actions = 0, fields = 0;
	FILE *ops = open_list("../*/constant-contact/actions.tsv");
	FILE *bodies = open_list("../*/constant-contact/body-fields.tsv");
	if (!ops || !bodies)
		skip();
	while (fgets(line, sizeof(line), ops)) {
		(void)cut(line, col, 24);
		if (strcmp(col[0], "action") == 0)
			continue;
		const struct action *a = get(col[0]);
		actions++;
		assert_string_equal(a->method, col[3]);
		assert_string_equal(a->path, col[4]);
		if (*col[17])
			assert_string_equal(a->privilege, col[17]);
		if (*col[1])
			assert_string_equal(a->title, col[1]);
		if (*col[15])
			assert_ptr_equal(catalogue_find(cat, CC, col[15]), a);
		assert_int_equal(a->is_job, strcmp(col[8], "yes") == 0);
		check_query(a, col[19]);
		if (*col[13] && !map_get(&by_body, col[13]))
			(void)map_put(&by_body, col[13], (void *)a);
	}
	while (fgets(line, sizeof(line), bodies)) {
		(void)cut(line, col, 8);
		const struct action *a = map_get(&by_body, col[0]);
		if (!a)
			continue;
		check_field(a, col);
		fields++;
	}
	fclose(ops);
	fclose(bodies);
	map_done(&by_body);
	assert_int_equal(actions, OPERATIONS);
	assert_true(fields > 700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action_is_there_and_told),
		cmocka_unit_test(every_listed_title_finds_its_action_first),
		cmocka_unit_test(a_connector_is_described),
		cmocka_unit_test(every_fixed_look_up_fits_its_action),
		cmocka_unit_test(mistakes_are_told_with_their_place),
		cmocka_unit_test(a_connector_may_come_in_one_text),
		cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
		cmocka_unit_test(actions_are_found_by_name_and_alias),
		cmocka_unit_test(a_search_wants_all_words_and_ranks_by_name),
		cmocka_unit_test(a_pinned_definition_gives_the_same_action),
		cmocka_unit_test(a_damaged_definition_is_an_error),
		cmocka_unit_test(a_creation_without_its_key_is_done_once),
		cmocka_unit_test(only_jobs_on_explicit_ids_may_be_repeated),
		cmocka_unit_test(fields_of_answers_are_known),
		cmocka_unit_test(every_parameter_of_the_contract_is_there),
	};
	return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
