/* Describes an action: what it is for, what it takes, what it gives, what surprises. */
#include "engine/cli/describe.h"

#include <string.h>

#include "actions/sample.h"
#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/cli/example.h"

enum { TYPE_COLUMN = 34, ABOUT_COLUMN = 4 };

/* Adds a text in lines of the look's width, each indented. */
static void paragraph(struct buf *b, const char *text, int indent, int width)
{
	int at = 0;
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, " \n");
		auto_free char *word = mem_strndup(p, len);
		int columns = print_width(word);
		if (columns) {
			bool fits = at && at + 1 + columns <= width;
			if (fits)
				(void)buf_putc(b, ' ');
			else
				(void)buf_printf(b, "%s%*s", at ? "\n" : "", indent, "");
			at = (fits ? at + 1 : indent) + columns;
			(void)print_text(b, word, 0);
		}
		p += len;
		p += strspn(p, " \n");
	}
	(void)buf_putc(b, '\n');
}

static void title(struct buf *b, const struct look *l, const char *text)
{
	(void)buf_printf(b, "\n%s%s%s\n", paint(l, PAINT_BOLD), text, paint(l, PAINT_PLAIN));
}

static const char *type_of(const struct schema *s)
{
	return s->format ? s->format : schema_type_word(s->type);
}

static void add_type(struct buf *b, const struct schema *s)
{
	(void)buf_puts(b, type_of(s));
	if (s->type == SCHEMA_LIST && s->items)
		(void)buf_printf(b, " of %s", type_of(s->items));
	if (s->encoded)
		(void)buf_puts(b, ", or its JSON as text");
}

static void add_values(struct buf *b, const json_t *values)
{
	size_t i;
	json_t *v;
	json_array_foreach ((json_t *)values, i, v) {
		auto_free char *text = json_text(v);
		(void)buf_puts(b, i ? " | " : ": ");
		(void)buf_puts(b, json_is_string(v) ? json_string_value(v) : text);
	}
}

static void add_range(struct buf *b, const struct schema *s)
{
	bool list = s->type == SCHEMA_LIST && !s->encoded;
	const char *unit = list ? " elements" : " characters";
	if (s->has_min && s->has_max)
		(void)buf_printf(b, ", %g to %g", s->min, s->max);
	else if (s->has_min)
		(void)buf_printf(b, ", %g or more", s->min);
	else if (s->has_max)
		(void)buf_printf(b, ", %g or less", s->max);
	if (s->len_min > 0 && s->len_max >= 0)
		(void)buf_printf(b, ", %ld to %ld%s", s->len_min, s->len_max, unit);
	else if (s->len_min > 0)
		(void)buf_printf(b, ", %ld%.*s or more", s->len_min,
				 (int)strlen(unit) - (s->len_min == 1), unit);
	else if (s->len_max >= 0)
		(void)buf_printf(b, ", %ld%s at most", s->len_max, unit);
}

static void add_limits(struct buf *b, const struct schema *s, bool as_param)
{
	const struct schema *leaf = s->type == SCHEMA_LIST && s->items ? s->items : s;
	add_values(b, leaf->values);
	add_range(b, s);
	if (leaf != s)
		add_range(b, leaf);
	if (s->nullable && as_param)
		(void)buf_puts(b, ", or null");
	if (s->fallback) {
		auto_free char *text = json_text(s->fallback);
		(void)buf_printf(b, ", default %s", text);
	}
}

void describe_type(struct buf *b, const struct schema *s, bool as_param)
{
	add_type(b, s);
	add_limits(b, s, as_param);
}

static void add_fields(struct buf *b, const struct schema *s, const struct look *l, int depth,
		       bool as_param);

static void add_field(struct buf *b, const char *name, const struct schema *s, const char *where,
		      const struct look *l, int depth, bool as_param)
{
	auto_free char *head =
		mem_printf("%*s%s%s", 2 + depth * 2, "", name, as_param && s->required ? " *" : "");
	(void)buf_puts(b, paint(l, s->required && as_param ? PAINT_BOLD : PAINT_PLAIN));
	print_cell(b, head, print_width(head) >= TYPE_COLUMN ? 0 : TYPE_COLUMN, false);
	(void)buf_printf(b, "%s ", paint(l, PAINT_PLAIN));
	(void)buf_puts(b, paint(l, PAINT_CYAN));
	add_type(b, s);
	(void)buf_puts(b, paint(l, PAINT_PLAIN));
	add_limits(b, s, as_param);
	if (as_param && s->ignored)
		(void)buf_puts(b, ", of no effect");
	if (where)
		(void)buf_printf(b, " %s(%s)%s", paint(l, PAINT_DIM), where, paint(l, PAINT_PLAIN));
	(void)buf_putc(b, '\n');
	if (s->about)
		paragraph(b, s->about, 2 + depth * 2 + ABOUT_COLUMN, l->width);
	add_fields(b, s->type == SCHEMA_LIST && s->items ? s->items : s, l, depth + 1, as_param);
}

void describe_rule(struct buf *b, const struct schema_rule *r)
{
	static const char *const words[] = {
		[RULE_ONE_OF] = "exactly one of",    [RULE_ANY_OF] = "at least one of",
		[RULE_EXCLUSIVE] = "at most one of", [RULE_TOGETHER] = "all or none of",
		[RULE_NEEDS] = "only with one of",   [RULE_ALONE] = "only together with",
	};
	size_t i;
	json_t *name;
	(void)buf_printf(b, "%s%s%s:", r->field ? r->field : "", r->field ? " " : "",
			 words[r->kind]);
	json_array_foreach ((json_t *)r->names, i, name)
		(void)buf_printf(b, "%s %s", i ? "," : "", json_string_value(name));
}

static void add_rule(struct buf *b, const struct schema_rule *r, int depth)
{
	(void)buf_printf(b, "%*s- ", 2 + depth * 2, "");
	describe_rule(b, r);
	(void)buf_putc(b, '\n');
}

static void add_fields(struct buf *b, const struct schema *s, const struct look *l, int depth,
		       bool as_param)
{
	for (size_t i = 0; i < s->n_fields; i++)
		add_field(b, s->names[i], s->fields[i], NULL, l, depth, as_param);
	for (size_t i = 0; i < s->n_rules; i++)
		add_rule(b, &s->rules[i], depth);
}

static void add_params(struct buf *b, const struct action *a, const struct look *l)
{
	title(b, l, a->n_params ? "parameters (* must be there)" : "no parameters");
	for (size_t i = 0; i < a->n_params; i++)
		add_field(b, a->param[i].name, a->param[i].schema, param_in_word(a->param[i].in), l,
			  0, true);
	for (size_t i = 0; i < a->params->n_rules; i++)
		add_rule(b, &a->params->rules[i], 0);
}

static void add_answer(struct buf *b, const struct action *a, const struct look *l)
{
	if (!a->answer)
		return;
	title(b, l, "answer");
	if (a->answer->type == SCHEMA_OBJECT) {
		add_fields(b, a->answer, l, 0, false);
		return;
	}
	(void)buf_puts(b, "  ");
	add_type(b, a->answer);
	(void)buf_putc(b, '\n');
	if (a->answer->items)
		add_fields(b, a->answer->items, l, 1, false);
}

const char *describe_effect(enum effect e)
{
	static const char *const texts[] = {
		[EFFECT_READ] = "changes nothing; sent again after a lost answer",
		[EFFECT_IDEMPOTENT] = "twice is as good as once; sent again after a lost answer",
		[EFFECT_KEYED] =
			"after a lost answer it is looked up by its natural key, not sent blindly",
		[EFFECT_JOB] =
			"begins a job; after a lost answer the list of jobs is looked through",
		[EFFECT_ONCE] = "never sent twice by itself; a lost answer is left to a person",
	};
	return texts[e];
}

static void fact(struct buf *b, const char *name, const char *text)
{
	if (text && *text)
		(void)buf_printf(b, "  %-12s %s\n", name, text);
}

static void add_facts(struct buf *b, const struct action *a, const struct look *l)
{
	title(b, l, "facts");
	(void)buf_printf(b, "  %-12s %s: %s\n", "effect", effect_word(a->effect),
			 describe_effect(a->effect));
	fact(b, "destructive", a->destructive ? "it cannot be taken back" : NULL);
	fact(b, "job", a->is_job ? "wait for it with `wait: {activity: …}`" : NULL);
	fact(b, "pages",
	     a->paging.kind == PAGING_NONE || a->paging.kind == PAGING_WHOLE
		     ? NULL
		     : "the answer comes in pages");
	fact(b, "file", a->download ? "the answer is a file" : NULL);
	fact(b, "credentials", a->auth);
	fact(b, "scope", a->scope);
	fact(b, "privilege", a->privilege);
	size_t i;
	json_t *alias;
	json_array_foreach ((json_t *)a->aliases, i, alias)
		fact(b, i ? "" : "also called", json_str(alias, "name"));
}

/* Ready to be pasted. */
static void add_example(struct buf *b, const struct action *a, const struct look *l, bool full)
{
	json_auto_t *params = action_sample(a, full ? SAMPLE_FULL : SAMPLE_MINIMAL);
	title(b, l, full ? "example with everything" : "example");
	(void)buf_puts(b, "  ");
	example_command(b, a, params);
	(void)buf_putc(b, '\n');
	example_step(b, a, params, 2);
}

void describe_action(struct buf *b, const struct action *a, const struct look *l, bool full)
{
	(void)buf_printf(b, "%s%s.%s%s  %s%s %s%s\n", paint(l, PAINT_BOLD), a->connector, a->name,
			 paint(l, PAINT_PLAIN), paint(l, PAINT_DIM), a->method, a->path,
			 paint(l, PAINT_PLAIN));
	paragraph(b, a->title, 0, l->width);
	if (*a->about) {
		(void)buf_putc(b, '\n');
		paragraph(b, a->about, 2, l->width);
	}
	if (*a->surprise) {
		(void)buf_printf(b, "\n%s", paint(l, PAINT_YELLOW));
		auto_free char *text = mem_printf("Mind: %s", a->surprise);
		paragraph(b, text, 2, l->width);
		(void)buf_puts(b, paint(l, PAINT_PLAIN));
	}
	add_params(b, a, l);
	add_answer(b, a, l);
	add_facts(b, a, l);
	add_example(b, a, l, full);
}

json_t *describe_json(const struct action *a)
{
	json_t *v = json_copy(a->def);
	auto_free char *full = mem_printf("%s.%s", a->connector, a->name);
	json_object_del(v, "of_connector");
	json_object_set_new(v, "name", json_string(full));
	json_object_set_new(v, "title", json_string(a->title));
	json_object_set_new(v, "group", json_string(a->group));
	json_object_set_new(v, "about", json_string(a->about));
	json_object_set_new(v, "surprise", json_string(a->surprise));
	json_object_set(v, "aliases", (json_t *)a->aliases);
	json_t *samples = json_object();
	for (int k = 0; k < SAMPLES; k++)
		json_object_set_new(samples, sample_word((enum sample_kind)k),
				    action_sample(a, (enum sample_kind)k));
	json_object_set_new(v, "examples", samples);
	json_object_set_new(v, "effect", json_string(effect_word(a->effect)));
	return v;
}
