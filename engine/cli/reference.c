/* Writes the reference of a catalogue's actions as Markdown pages, one for each group. */
#include "engine/cli/reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "actions/sample.h"
#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/cli/describe.h"
#include "engine/cli/example.h"

#define FIELDS_MAX 400 /* of an answer that are listed; deeper ones are many */

/* Text inside of a table's cell. */
static void add_cell(struct buf *b, const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			(void)buf_puts(b, "\\|");
		else
			(void)buf_putc(b, *text == '\n' ? ' ' : *text);
}

/* Prose as it stands in a file: lines may be folded. */
static void add_prose(struct buf *b, const char *text)
{
	for (; *text; text++)
		(void)buf_putc(b, *text == '\n' ? ' ' : *text);
}

static const struct schema *parts_of(const struct schema *s)
{
	return s->type == SCHEMA_LIST && s->items ? s->items : s;
}

static void add_rows(struct buf *b, const struct schema *s, const char *path,
		     const struct action *a);

static void add_row(struct buf *b, const char *name, const struct schema *s, const char *path,
		    const struct action *a)
{
	auto_free char *full = mem_printf("%s%s%s", path, *path ? "." : "", name);
	const struct action_param *p = *path ? NULL : action_param(a, name);
	struct buf type = BUF_INIT;
	describe_type(&type, s, true);
	(void)buf_printf(b, "| `%s`%s | ", full, s->required ? " \\*" : "");
	add_cell(b, buf_str(&type));
	(void)buf_printf(b, " | %s | ", p ? param_in_word(p->in) : "");
	add_cell(b, s->about ? s->about : s->ignored ? "Only answers have it." : "");
	(void)buf_puts(b, " |\n");
	buf_done(&type);
	auto_free char *inner = mem_printf("%s%s", full, s->type == SCHEMA_LIST ? "[]" : "");
	add_rows(b, parts_of(s), inner, a);
}

static void add_rows(struct buf *b, const struct schema *s, const char *path,
		     const struct action *a)
{
	for (size_t i = 0; i < s->n_fields; i++)
		add_row(b, s->names[i], s->fields[i], path, a);
}

static void add_rules(struct buf *b, const struct schema *s, const char *path)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		(void)buf_printf(b, "- %s%s", path, *path ? ": " : "");
		describe_rule(b, &s->rules[i]);
		(void)buf_putc(b, '\n');
	}
	for (size_t i = 0; i < s->n_fields; i++) {
		auto_free char *inner = mem_printf("%s%s`%s`", path, *path ? " " : "", s->names[i]);
		add_rules(b, parts_of(s->fields[i]), inner);
	}
}

static void add_params(struct buf *b, const struct action *a)
{
	if (!a->n_params) {
		(void)buf_puts(b, "It takes no parameters.\n\n");
		return;
	}
	(void)buf_puts(b, "| parameter | | in | |\n|---|---|---|---|\n");
	add_rows(b, a->params, "", a);
	(void)buf_putc(b, '\n');
	size_t before = b->len;
	add_rules(b, a->params, "");
	if (b->len > before)
		(void)buf_putc(b, '\n');
}

/* "name, address.city, parts[].id": only what has no parts itself. */
static void add_paths(struct buf *b, const struct schema *s, const char *path, size_t *n)
{
	const struct schema *parts = parts_of(s);
	auto_free char *here = mem_printf("%s%s", path, s->type == SCHEMA_LIST ? "[]" : "");
	if (!parts->n_fields && *path && (*n)++ < FIELDS_MAX)
		(void)buf_printf(b, "%s`%s`", *n > 1 ? ", " : "", here);
	for (size_t i = 0; i < parts->n_fields; i++) {
		auto_free char *inner =
			mem_printf("%s%s%s", here, *here ? "." : "", parts->names[i]);
		add_paths(b, parts->fields[i], inner, n);
	}
}

static void add_answer(struct buf *b, const struct action *a)
{
	size_t n = 0, i;
	json_t *status;
	(void)buf_puts(b, "Answer (");
	json_array_foreach ((json_t *)a->success, i, status) {
		auto_free char *text = json_text(status);
		(void)buf_printf(b, "%s%s", i ? ", " : "", text);
	}
	(void)buf_puts(b, "): ");
	if (a->download)
		(void)buf_puts(b, "a file");
	else if (a->answer)
		add_paths(b, a->answer, "", &n);
	(void)buf_puts(b, n || a->download ? ".\n\n" : "nothing that is known beforehand.\n\n");
}

static void add_errors(struct buf *b, const struct action *a)
{
	const char *status;
	json_t *entry;
	size_t n = 0;
	json_object_foreach ((json_t *)a->errors, status, entry)
		(void)buf_printf(b, "%s%s is `%s`", n++ ? ", " : "- errors: ", status,
				 json_str(entry, "error"));
	if (n)
		(void)buf_putc(b, '\n');
}

static void add_facts(struct buf *b, const struct action *a)
{
	(void)buf_printf(b, "- effect: %s — %s\n", effect_word(a->effect),
			 describe_effect(a->effect));
	if (a->destructive)
		(void)buf_puts(b, "- destructive: it cannot be taken back\n");
	if (a->is_job)
		(void)buf_puts(b, "- begins a job: wait for it with `wait: {activity: …}`\n");
	if (a->paging.kind != PAGING_NONE && a->paging.kind != PAGING_WHOLE)
		(void)buf_printf(b, "- comes in pages (%s); items are in `%s`\n",
				 paging_word(a->paging.kind), a->paging.items);
	add_errors(b, a);
	if (a->scope)
		(void)buf_printf(b, "- scope: `%s`\n", a->scope);
	if (a->privilege)
		(void)buf_printf(b, "- privilege: `%s`\n", a->privilege);
	if (a->auth)
		(void)buf_printf(b, "- credentials: %s\n", a->auth);
	(void)buf_putc(b, '\n');
}

static void add_action(struct buf *b, const struct action *a)
{
	json_auto_t *least = action_sample(a, SAMPLE_MINIMAL);
	json_t *alias;
	size_t i;
	(void)buf_printf(b, "## %s\n\n%s", a->name, a->title);
	json_array_foreach ((json_t *)a->aliases, i, alias)
		(void)buf_printf(b, ", also %s (`%s`)",
				 json_str(alias, "title") ? json_str(alias, "title") : "",
				 json_str(alias, "name"));
	(void)buf_printf(b, " · `%s %s`\n\n", a->method, a->path);
	add_prose(b, a->about);
	(void)buf_puts(b, *a->surprise ? "\n\n**Mind:** " : "");
	add_prose(b, a->surprise);
	(void)buf_puts(b, "\n\n");
	add_params(b, a);
	(void)buf_puts(b, "```sh\n");
	example_command(b, a, least);
	(void)buf_puts(b, "```\n\n```yaml\n");
	example_step(b, a, least, 0);
	(void)buf_puts(b, "```\n\n");
	add_answer(b, a);
	add_facts(b, a);
}

/* "Contact Lists" as contact-lists. malloc'd. */
static char *slug(const char *group)
{
	char *text = mem_strdup(*group ? group : "actions");
	for (char *p = text; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
	return text;
}

static int write_file(const char *path, const struct buf *b, struct errmsg *msg)
{
	FILE *f = fopen(path, "we");
	bool bad = !f || fwrite(b->data, 1, b->len, f) != b->len;
	if ((f && fclose(f) != 0) || bad)
		return err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

static int make_dir(const char *path, struct errmsg *msg)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	return err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
}

/* One page: all actions of the first one's group; a row of the index too. */
static int write_group(const struct catalogue *cat, const struct action *first, const char *dir,
		       struct buf *index, struct errmsg *msg)
{
	struct buf b = BUF_INIT;
	auto_free char *name = slug(first->group);
	auto_free char *path = mem_printf("%s/%s/%s.md", dir, first->connector, name);
	size_t i = 0, n = 0;
	(void)buf_printf(&b, "# %s\n\n", *first->group ? first->group : first->connector);
	(void)buf_puts(
		&b, "<!-- Made by `pawl actions --reference`; change the catalogue, not this page. "
		    "-->\n\n");
	for (const struct action *a; (a = catalogue_next(cat, &i));)
		if (strcmp(a->connector, first->connector) == 0 &&
		    strcmp(a->group, first->group) == 0) {
			add_action(&b, a);
			n++;
		}
	(void)buf_printf(index, "- [%s](%s/%s.md), %zu\n", first->group, first->connector, name, n);
	while (b.len > 1 && b.data[b.len - 1] == '\n' && b.data[b.len - 2] == '\n')
		b.len--;
	int err = write_file(path, &b, msg);
	buf_done(&b);
	return err;
}

/* Whether an action before it has the same group. */
static bool is_first(const struct catalogue *cat, const struct action *a)
{
	size_t i = 0;
	for (const struct action *other; (other = catalogue_next(cat, &i)) && other != a;)
		if (strcmp(other->connector, a->connector) == 0 &&
		    strcmp(other->group, a->group) == 0)
			return false;
	return true;
}

static int write_connector(const struct catalogue *cat, const struct connector *k, const char *dir,
			   struct buf *index, size_t *pages, struct errmsg *msg)
{
	size_t i = 0;
	auto_free char *folder = mem_printf("%s/%s", dir, k->name);
	int err = make_dir(folder, msg);
	(void)buf_printf(index, "\n## %s\n\n%s\n\n", k->title, k->about);
	for (const struct action *a; !err && (a = catalogue_next(cat, &i));)
		if (strcmp(a->connector, k->name) == 0 && is_first(cat, a)) {
			err = write_group(cat, a, dir, index, msg);
			(*pages)++;
		}
	return err;
}

int reference_write(const struct catalogue *cat, const char *dir, size_t *ret_pages,
		    struct errmsg *msg)
{
	struct buf index = BUF_INIT;
	size_t i = 0;
	int err = make_dir(dir, msg);
	*ret_pages = 0;
	(void)buf_puts(
		&index,
		"# Actions\n\n<!-- Made by `pawl actions --reference`. -->\n\nWhat rules can "
		"`call`, by connector and group, with the number of actions of each.\n");
	for (const struct connector *k; !err && (k = catalogue_next_connector(cat, &i));)
		err = write_connector(cat, k, dir, &index, ret_pages, msg);
	auto_free char *path = mem_printf("%s/README.md", dir);
	if (!err)
		err = write_file(path, &index, msg);
	buf_done(&index);
	return err;
}
