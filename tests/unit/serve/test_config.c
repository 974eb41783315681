/* Tests of pawl.yaml: what is read, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/serve/config.h"
#include "engine/serve/tree.h"

static struct findings found;

static int setup(void **state)
{
	found = (struct findings){0};
	setenv("PAWL_TEST_SECRET", "s3cret", 1);
	setenv("PAWL_TEST_EMPTY", "", 1);
	unsetenv("PAWL_TEST_ABSENT");
	return 0;
}

static int teardown(void **state)
{
	findings_done(&found);
	return 0;
}

static struct config *load_with(const char *text, const struct config_flags *flags)
{
	findings_done(&found);
	return config_load_text("conf/pawl.yaml", text, strlen(text), flags, &found);
}

static struct config *load(const char *text)
{
	return load_with(text, NULL);
}

/* The text loads, without a warning. */
static struct config *fine(const char *text)
{
	struct config *c = load(text);
	for (size_t i = 0; i < found.n; i++)
		print_error("%d:%d %s\n", found.at[i].line, found.at[i].col, found.at[i].text);
	assert_non_null(c);
	assert_int_equal(found.n, 0);
	return c;
}

/* --- config_load_text: what is right --- */

static void an_empty_file_gives_the_defaults(void **state)
{
	struct config *c = fine("");
	assert_string_equal(c->listen, "127.0.0.1:8080");
	assert_string_equal(c->store, "sqlite:pawl.db");
	assert_true(c->loopback);
	assert_null(c->admin_token);
	assert_null(c->public_url);
	assert_int_equal(c->log.level, LOG_INFO);
	assert_false(c->log.json);
	assert_int_equal(c->n_hooks, 0);
	assert_int_equal(c->n_rules, 0); /* there is no conf/rules */
	assert_string_equal(c->scripts, "conf/scripts");
	assert_int_equal(c->n_actions, 1); /* the product's own */
	config_free(c);
}

static void every_key_of_this_version_is_read(void **state)
{
	struct config *c = fine("listen: 0.0.0.0:9000\n"
				"public_url: https://hooks.example.com/\n"
				"store: sqlite:data/a.db\n"
				"scripts: lua\n"
				"admin: {token: !env PAWL_TEST_SECRET}\n"
				"zone: UTC\n"
				"vars: {env: prod, n: 3}\n"
				"secrets: {llm: !env PAWL_TEST_SECRET}\n"
				"log: {level: debug, format: json}\n"
				"x-mine: anything\n");
	assert_string_equal(c->listen, "0.0.0.0:9000");
	assert_false(c->loopback);
	assert_string_equal(c->public_url, "https://hooks.example.com");
	assert_string_equal(c->store, "sqlite:conf/data/a.db");
	assert_string_equal(c->scripts, "conf/lua");
	assert_string_equal(c->admin_token, "s3cret");
	assert_string_equal(c->zone, "UTC");
	assert_int_equal(json_int(c->vars, "n", 0), 3);
	assert_string_equal(json_str(c->secrets, "llm"), "s3cret");
	assert_int_equal(c->log.level, LOG_DEBUG);
	assert_true(c->log.json);
	config_free(c);
}

static void hooks_know_their_event_and_their_window(void **state)
{
	struct config *c = fine(
		"hooks:\n"
		"  shop/orders: {verify: {bearer: !env PAWL_TEST_SECRET}, id: {header: X-Delivery-Id},\n"
		"                dedupe: 2h, max_body: 64KiB, methods: [GET, POST]}\n"
		"  lab: {verify: none, id: {json: /id}}\n");
	const struct config_hook *h = config_hook(c, "shop/orders"), *lab = config_hook(c, "lab");
	assert_string_equal(h->type, "webhook:shop/orders");
	assert_string_equal(h->source, "/hooks/shop/orders");
	assert_string_equal(json_str(h->id, "header"), "x-delivery-id");
	assert_int_equal(h->dedupe_ms, 2 * 3600 * 1000);
	assert_int_equal(h->body_max, 64 * 1024);
	assert_true(h->get && h->post);
	assert_string_equal(verify_word(h->verify), "bearer");
	assert_string_equal(json_str(lab->id, "json"), "/id");
	assert_int_equal(lab->dedupe_ms, 72 * 3600 * 1000);
	assert_true(lab->post && !lab->get);
	assert_null(config_hook(c, "other"));
	config_free(c);
}

static void connections_keep_their_resolved_secrets(void **state)
{
	struct config *c = fine(
		"connections:\n  shop: {base_url: 'https://a.example/v1/', timeout: 5s,\n"
		"         auth: {bearer: !env PAWL_TEST_SECRET}}\n"
		"conversations: {native: {reply: {url: 'http://127.0.0.1:1/r', key_header: K}}}\n");
	assert_string_equal(json_string_value(json_path(c->connections, "shop.auth.bearer")),
			    "s3cret");
	assert_string_equal(json_string_value(json_path(c->connections, "shop.base_url")),
			    "https://a.example/v1");
	const struct config_conversation *v = config_conversation(c, "native");
	assert_null(v->verify);
	assert_string_equal(json_str(v->reply, "key_header"), "K");
	config_free(c);
}

static void flags_win_over_the_file(void **state)
{
	const char *const rules[] = {"elsewhere"};
	struct config *c = load_with("listen: 127.0.0.1:1\nstore: sqlite:a\n",
				     &(struct config_flags){.listen = "[::1]:2",
							    .store = "sqlite:b",
							    .rules = rules,
							    .n_rules = 1,
							    .sandbox = true});
	assert_non_null(c);
	assert_string_equal(c->listen, "[::1]:2");
	assert_true(c->loopback);
	assert_string_equal(c->store, "sqlite:b");
	assert_string_equal(c->rules[0], "elsewhere");
	assert_true(c->sandbox);
	config_free(c);
}

/* --- config_load_text: what is wrong --- */

static void a_mistake_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		int line, col;
		const char *says;
	} rows[] = {
		{"lisen: 127.0.0.1:1\n", 1, 1, "unknown key 'lisen', did you mean 'listen'?"},
		{"zone: UTC\nhooks:\n  a: {verify: none, deduppe: 1h}\n", 3, 21,
		 "did you mean 'dedupe'?"},
		{"listen: [a]\n", 1, 9, "listen takes text, not a list"},
		{"listen: nowhere\n", 1, 1, "address:port"},
		{"listen: 127.0.0.1:70000\n", 1, 1, "address:port"},
		{"listen: 0.0.0.0:80\n", 1, 1, "needs admin"},
		{"hooks: {a: {}}\n", 1, 9, "verify"},
		{"hooks: {a: {verify: maybe}}\n", 1, 21, "verify takes none"},
		{"hooks: {a: {verify: {preset: shopify}}}\n", 1, 9, "the secret is missing"},
		{"hooks: {a: {verify: {preset: shopfy, secret: !env PAWL_TEST_SECRET}}}\n", 1, 9,
		 "did you mean 'shopify'?"},
		{"hooks: {a: {verify: {preset: square, secret: !env PAWL_TEST_SECRET}}}\n", 1, 9,
		 "public_url must say"},
		{"hooks: {a: {verify: none, split: x}}\n", 1, 9, "takes JSON pointers"},
		{"hooks: {a: {verify: none, type: {json: /a, header: b}}}\n", 1, 9, "takes one of"},
		{"hooks: {a: {verify: none, challenge: [{}]}}\n", 1, 9, "when: and respond:"},
		{"hooks: {a: {verify: none, answer: {status: 404}}}\n", 1, 9, "from 200 to 299"},
		{"hooks: {a: {verify: none, schema: x.json}}\n", 1, 35, "is not in this version"},
		{"hooks: {a/../b: {verify: none}}\n", 1, 9, "a hook's path"},
		{"hooks: {a: {verify: none, dedupe: 5}}\n", 1, 35, "a duration"},
		{"hooks: {a: {verify: none, dedupe: soon}}\n", 1, 35, "dedupe"},
		{"hooks: {a: {verify: none, max_body: 2GiB}}\n", 1, 37, "a size"},
		{"hooks: {a: {verify: none, methods: [PUT]}}\n", 1, 9, "methods are"},
		{"hooks: {a: {verify: none, id: {json: id}}}\n", 1, 9, "begins with a slash"},
		{"hooks: {a: {verify: none, id: {}}}\n", 1, 9, "id: takes one of"},
		{"hooks: {a: {verify: {bearer: !env PAWL_TEST_EMPTY}}}\n", 1, 9, "secret is empty"},
		{"hooks: {a: {verify: {bearer: !env PAWL_TEST_ABSENT}}}\n", 1, 30, "is not set"},
		{"hooks: {a: {verify: {hmac: {secret: !env PAWL_TEST_SECRET}}}}\n", 1, 9, "header"},
		{"admin: {token: !env PAWL_TEST_EMPTY}\n", 1, 1, "is empty"},
		{"admin: {token: !file absent}\n", 1, 16, "No such file"},
		{"connections: {a: {auth: {oauth2: {client_i: x}}}}\n", 1, 35, "'client_id'"},
		{"connections: {a: {auth: {oauth2: {pkce: 1}}}}\n", 1, 41, "true or false"},
		{"connections: {a: {base_url: 'https://u:p@x/v3'}}\n", 1, 29, "name and password"},
		{"secrets: {a: [1]}\n", 1, 14, "a takes text"},
		{"seal_key: !env PAWL_TEST_SECRET\n", 1, 1, "32 characters"},
		{"store: postgresql://x\n", 1, 8, "PostgreSQL is not in this version"},
		{"zone: Mars/Olympus\n", 1, 7, "no time zone"},
		{"rules: [nowhere]\n", 1, 9, "no folder or file"},
		{"actions: [nowhere]\n", 1, 11, "no folder"},
		{"egress: {allow: [\"a b\"]}\n", 1, 18, "takes hosts such as"},
		{"log: {level: loud}\n", 1, 14, "one of"},
		{"a: 1\na: 2\n", 2, 1, "a"},
		{"public_url: ftp://x\n", 1, 13, "https://"},
		{"- a\n", 1, 1, "a map"},
		{"zone: UTC\n---\nzone: UTC\n", 3, 1, "one document"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *c = load(rows[i].text);
		assert_null(c);
		const struct finding *at = &found.at[0];
		if (at->line != rows[i].line || at->col != rows[i].col ||
		    !strstr(at->text, rows[i].says))
			print_error("%s gives %d:%d %s\n", rows[i].text, at->line, at->col,
				    at->text);
		assert_string_equal(at->file, "conf/pawl.yaml");
		assert_non_null(strstr(at->text, rows[i].says));
		assert_int_equal(at->line, rows[i].line);
		assert_int_equal(at->col, rows[i].col);
	}
}

static void a_secret_is_in_no_error_text(void **state)
{
	struct config *c = load(
		"hooks: {a: {verify: {hmac: {header: 'a b', secret: !env PAWL_TEST_SECRET}}}}\n"
		"listen: !env PAWL_TEST_SECRET\n");
	assert_null(c);
	for (size_t i = 0; i < found.n; i++)
		if (strstr(found.at[i].text, "hooks"))
			assert_null(strstr(found.at[i].text, "s3cret"));
}

static void a_secret_in_the_clear_and_what_has_no_effect_are_warnings(void **state)
{
	struct config *c = load("admin: {token: abc}\nretention: {runs: 30d}\nsecrets: {k: abc}\n");
	assert_non_null(c);
	assert_int_equal(found.n, 3);
	assert_true(found.at[0].warning && found.at[1].warning && found.at[2].warning);
	config_free(c);
}

static void what_serves_nothing_needs_no_secrets(void **state)
{
	struct config *c = load_with(
		"admin: {token: !env PAWL_TEST_ABSENT}\nlisten: 0.0.0.0:1\n"
		"hooks: {a: {verify: {bearer: !env PAWL_TEST_ABSENT}}}\n"
		"connections: {b: {base_url: 'http://x', auth: {bearer: !env PAWL_TEST_ABSENT}}}\n",
		&(struct config_flags){.lenient = true});
	assert_non_null(c);
	assert_null(c->admin_token);
	assert_non_null(config_hook(c, "a"));
	assert_null(json_path(c->connections, "b.auth"));
	config_free(c);
}

/* --- config_load --- */

static void write_file(const char *dir, const char *name, const char *text)
{
	auto_free char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fwrite(text, 1, strlen(text), f) == strlen(text));
	assert_int_equal(fclose(f), 0);
}

static void a_later_file_wins_key_by_key(void **state)
{
	char dir[] = "/tmp/pawl-config-XXXXXX";
	assert_non_null(mkdtemp(dir));
	write_file(dir, "a.yaml",
		   "zone: UTC\nvars: {a: 1, b: 2}\nrules: [r]\n"
		   "connections: {s: {base_url: 'http://a', auth: {bearer: !file token}}}\n");
	write_file(dir, "b.yaml", "vars: {b: 3}\nconnections: {s: {base_url: 'http://b'}}\n");
	write_file(dir, "token", "from-a-file\n");
	auto_free char *r = mem_printf("%s/r", dir), *a = mem_printf("%s/a.yaml", dir),
		       *b = mem_printf("%s/b.yaml", dir), *token = mem_printf("%s/token", dir);
	assert_int_equal(mkdir(r, 0700), 0);
	const char *const files[] = {a, b};
	struct config *c = config_load(files, 2, NULL, &found);
	assert_non_null(c);
	assert_string_equal(c->dir, dir);
	assert_string_equal(c->rules[0], r);
	assert_int_equal(json_int(c->vars, "a", 0), 1);
	assert_int_equal(json_int(c->vars, "b", 0), 3);
	assert_string_equal(json_string_value(json_path(c->connections, "s.base_url")), "http://b");
	assert_string_equal(json_string_value(json_path(c->connections, "s.auth.bearer")),
			    "from-a-file");
	config_free(c);
	assert_null(config_load((const char *const[]){"/nowhere/pawl.yaml"}, 1, NULL, &found));
	(void)unlink(a);
	(void)unlink(b);
	(void)unlink(token);
	(void)rmdir(r);
	(void)rmdir(dir);
}

/* --- path_under, path_folder --- */

static void paths_are_relative_to_the_folder_of_their_file(void **state)
{
	static const struct {
		const char *file, *name, *want;
	} rows[] = {
		{"pawl.yaml", "rules", "rules"},
		{"a/pawl.yaml", "rules", "a/rules"},
		{"/a/pawl.yaml", "../rules", "/a/../rules"},
		{"a/pawl.yaml", "/r", "/r"},
		{"/pawl.yaml", "r", "//r"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *dir = path_folder(rows[i].file),
			       *path = path_under(dir, rows[i].name);
		assert_string_equal(path, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_file_gives_the_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(every_key_of_this_version_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(hooks_know_their_event_and_their_window, setup,
						teardown),
		cmocka_unit_test_setup_teardown(connections_keep_their_resolved_secrets, setup,
						teardown),
		cmocka_unit_test_setup_teardown(flags_win_over_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_mistake_is_told_with_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(a_secret_is_in_no_error_text, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_secret_in_the_clear_and_what_has_no_effect_are_warnings, setup, teardown),
		cmocka_unit_test_setup_teardown(what_serves_nothing_needs_no_secrets, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_later_file_wins_key_by_key, setup, teardown),
		cmocka_unit_test(paths_are_relative_to_the_folder_of_their_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
