/* Tests of what is shown of actions: that the committed pages are those of the catalogue. */
#include "tests/unit/actions/fixture.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "actions/sample.h"
#include "engine/base/buf.h"
#include "engine/cli/example.h"
#include "engine/cli/reference.h"

static void read_whole(const char *path, struct buf *b)
{
	char part[4096];
	size_t n;
	FILE *f = fopen(path, "r");
	buf_init(b, 16u << 20);
	if (!f)
		print_error("%s is not there\n", path);
	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		assert_int_equal(buf_add(b, part, n), 0);
	fclose(f);
}

static size_t files_under(const char *dir, glob_t *found)
{
	auto_free char *pages = mem_printf("%s/*/*.md", dir);
	auto_free char *index = mem_printf("%s/*.md", dir);
	assert_int_equal(glob(pages, 0, NULL, found), 0);
	assert_int_equal(glob(index, GLOB_APPEND, NULL, found), 0);
	return found->gl_pathc;
}

/* --- reference_write --- */

static void the_committed_pages_are_those_of_the_catalogue(void **state)
{
	char dir[] = "/tmp/pawl-reference-XXXXXX";
	struct errmsg msg = {0};
	size_t pages;
	glob_t made = {0}, kept = {0};
	assert_non_null(mkdtemp(dir));
	assert_int_equal(reference_write(cat, dir, &pages, &msg), 0);
	size_t n = files_under(dir, &made);
	assert_int_equal(n, pages + 1);
	assert_int_equal(files_under("docs/actions", &kept), n);
	for (size_t i = 0; i < n; i++) {
		struct buf a, b;
		auto_free char *path = mem_printf("docs/actions%s", made.gl_pathv[i] + strlen(dir));
		read_whole(made.gl_pathv[i], &a);
		read_whole(path, &b);
		if (strcmp(buf_str(&a), buf_str(&b)) != 0)
			print_error(
				"%s is not what `pawl actions --reference docs/actions` makes\n",
				path);
		assert_string_equal(buf_str(&a), buf_str(&b));
		buf_done(&a);
		buf_done(&b);
		(void)unlink(made.gl_pathv[i]);
	}
	static const char *const connectors[] = {CC, "expert"};
	for (size_t i = 0; i < 2; i++) {
		auto_free char *folder = mem_printf("%s/%s", dir, connectors[i]);
		assert_int_equal(rmdir(folder), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	globfree(&made);
	globfree(&kept);
}

/* --- example_command, example_step --- */

static void examples_can_be_pasted(void **state)
{
	struct buf b = BUF_INIT;
	json_auto_t *params = js("{'name':'Ann\\u0027s list','favorite':true,'description':'a=b'}");
	example_command(&b, get("create_contact_list"), params);
	assert_string_equal(buf_str(&b), "pawl call constant_contact.create_contact_list "
					 "name='Ann'\\''s list' favorite=true description=a=b\n");
	buf_clear(&b);
	json_auto_t *deep = js("{'source':{'contact_ids':['a']},'tag_ids':['t']}");
	example_command(&b, get("add_contact_taggings"), deep);
	example_step(&b, get("add_contact_taggings"), deep, 2);
	assert_string_equal(buf_str(&b), "pawl call constant_contact.add_contact_taggings "
					 "source:='{\"contact_ids\":[\"a\"]}' tag_ids:='[\"t\"]'\n"
					 "  - call: constant_contact.add_contact_taggings\n"
					 "    with:\n"
					 "      source:\n"
					 "        contact_ids: [\"a\"]\n"
					 "      tag_ids: [\"t\"]\n");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_committed_pages_are_those_of_the_catalogue),
		cmocka_unit_test(examples_can_be_pasted),
	};
	return cmocka_run_group_tests(tests, load_catalogue, drop_catalogue);
}
