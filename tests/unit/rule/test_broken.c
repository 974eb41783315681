/*
 * The files in tests/broken: each has one mistake, and its first line says what is told about it:
 *   # expect: LINE:COL: text …
 * The line counts in the file as it is; the text is the beginning of the message.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/lua/host.h"
#include "tests/unit/rule/fake.h"

#define FOLDER "tests/broken/"

static int is_rule_file(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');
	return dot && !strcmp(dot, ".yaml");
}

/* What the first line expects, as findings_format writes it; freed by the caller. */
static char *expected_of(const char *path)
{
	char line[600], *place, *text;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "# expect: ", 10))
		fail_msg("%s does not begin with '# expect: '", path);
	place = line + 10;
	text = strstr(place, ": ");
	assert_non_null(text);
	*text = '\0';
	return mem_printf("%s:%s: error: %s", path, place, text + 2);
}

static int check_file(const struct expr_vm *vm, const char *name)
{
	auto_free char *path = mem_printf(FOLDER "%s", name), *want = expected_of(path);
	const char *paths[] = {path};
	struct rule_env env = fake_env();
	env.vm = vm;
	struct findings f = {0};
	struct buf b = BUF_INIT;
	struct ruleset *r = ruleset_load(&env, paths, 1, &f);
	findings_format(&f, &b);
	int bad = r || f.n != 1 || strncmp(buf_str(&b), want, strlen(want));
	if (bad)
		print_error("want %s …\nhave %s", want, buf_str(&b));
	ruleset_free(r);
	buf_done(&b);
	findings_done(&f);
	return bad;
}

static void check_all(const struct expr_vm *vm)
{
	struct dirent **names;
	int bad = 0, n = scandir(FOLDER, &names, is_rule_file, alphasort);
	assert_true(n >= 20);
	for (int i = 0; i < n; i++) {
		bad += check_file(vm, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	assert_int_equal(bad, 0);
}

static void each_broken_rule_gives_its_one_message_at_its_place(void **state)
{
	check_all(&fake_vm);
	assert_int_equal(fake_vm_live(), 0);
}

static void the_real_language_gives_the_same_messages(void **state)
{
	struct lua_host *h = lua_host_new(NULL, &clock_real, &rng_real, NULL);
	check_all(lua_host_vm(h));
	lua_host_free(h);
}

static void every_good_rule_is_good_in_the_real_language(void **state)
{
	static const char text[] =
		"rule: r\n"
		"when: {conversation: lead.captured}\n"
		"if: data.contact.email and not empty(data.contact.consent) and vars.n ~= 2\n"
		"vars: {n: 1}\n"
		"enabled: =vars.n == 1 or vars[\"n\"] > 3\n"
		"do:\n"
		"  - call: crm.create\n"
		"    with: {email: '=lower(data.contact.email)', id: \"${data.contact.phone or '}'}\"}\n"
		"    as: contact\n"
		"  - set:\n"
		"      names: |\n"
		"        =local out = list{}\n"
		"        for i, l in ipairs(data.conversation.labels) do out[i] = upper(l) end\n"
		"        return out\n"
		"      first: =names[1]\n"
		"      due: =math.max(now, 3)\n"
		"  - each: '=filter(names, function(x) return x ~= \"a\" end)'\n"
		"    item: c\n"
		"    do: [{log: =c .. index .. contact.contact_id}]\n"
		"    result: ={id = c, at = steps.contact.started}\n"
		"    as: results\n"
		"catch: [{if: 'error.status == 409', do: [{log: \"${error.message}: ${run.id}\"}]}]\n"
		"result: =results\n";
	struct lua_host *h = lua_host_new(NULL, &clock_real, &rng_real, NULL);
	struct rule_env env = fake_env();
	struct findings f = {0};
	struct plan **plans = NULL;
	struct buf b = BUF_INIT;
	size_t n = 0;
	env.vm = lua_host_vm(h);
	rule_compile_text(&env, "r.yaml", text, strlen(text), &plans, &n, &f);
	findings_format(&f, &b);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(n, 1);
	assert_true(plans[0]->enabled);
	plan_unref(plans[0]);
	free(plans);
	buf_done(&b);
	findings_done(&f);
	lua_host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_broken_rule_gives_its_one_message_at_its_place),
		cmocka_unit_test(the_real_language_gives_the_same_messages),
		cmocka_unit_test(every_good_rule_is_good_in_the_real_language),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
