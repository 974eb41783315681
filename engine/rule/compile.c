/* One rule from its YAML document, or again from the bundle it was pinned as. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/rule/compile.h"

#define RULE_NAME_MAX 100
#define KNOWN_MAX 8
#define SHARE_MIN 0.01
#define SHARE_MAX 1000
#define RESERVE_MAX 1000000000
/* Texts of one rule and their plan; a file has at most 1 MiB. */
#define SCRATCH_MAX (64u << 20)

void compile_error(struct compiler *c, const struct ynode *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	findings_addv(c->f, c->file, at->line, at->col, false, fmt, ap);
	va_end(ap);
}

void compile_warn(struct compiler *c, const struct ynode *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	findings_addv(c->f, c->file, at->line, at->col, true, fmt, ap);
	va_end(ap);
}

/* The tree is ours while a rule is compiled; the text that is pinned is the file's own. */
static void put_right(const struct ynode *at, const char *word)
{
	struct ynode *n = (struct ynode *)at;
	n->text = word;
	n->len = strlen(word);
}

/* "; known here: a, b, c", where they are not too many to be read. */
static const char *known_here(struct compiler *c, const char *const *names)
{
	size_t n = word_count(names);
	if (!n || n > KNOWN_MAX)
		return "";
	const char *text = "; known here:";
	for (size_t i = 0; i < n; i++)
		text = arena_printf(&c->scratch, "%s%s %s", text, i ? "," : "", names[i]);
	return text;
}

bool compile_unknown(struct compiler *c, const struct ynode *at, const char *what,
		     const char *const *names, const char *const *more)
{
	const char *text = at->text ? at->text : ynode_word(at);
	const char *near = at->text ? word_near(text, names, more) : NULL;
	if (near) {
		compile_error(c, at, "unknown %s '%s'; did you mean '%s'?", what, text, near);
		put_right(at, near);
		return true;
	}
	compile_error(c, at, "unknown %s '%s'%s", what, text, known_here(c, names));
	c->n_unknown++;
	return false;
}

void *compile_grow(struct compiler *c, void *at, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return at;
	*cap = *cap ? 2 * *cap : 16;
	void *grown = arena_alloc(&c->scratch, *cap * size);
	if (n)
		memcpy(grown, at, n * size);
	return grown;
}

/* ---- the parts of a rule ---- */

static void check_keys(struct compiler *c, const struct ynode *n)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *key = n->keys[i];
		if (word_in(words_rule, key->text) || !strncmp(key->text, "x-", 2))
			continue;
		if (word_in(words_rule_later, key->text))
			compile_error(c, key, "'%s' is not in this version", key->text);
		else if (!strcmp(key->text, "undo"))
			compile_error(c, key, "'undo' stands beside the step that it takes back");
		else
			compile_unknown(c, key, "key", words_rule, words_rule_later);
	}
}

static void check_api(struct compiler *c, const struct ynode *n)
{
	if (n && (n->kind != Y_STRING || strcmp(n->text, "pawl/1")))
		compile_error(c, n, "this version reads api: pawl/1 and no other");
}

static void fill_rule(struct compiler *c, const struct ynode *root)
{
	const struct ynode *n = ynode_get(root, "rule");
	c->plan->rule = "";
	if (!n) {
		if (!c->n_unknown)
			compile_error(c, root, "the rule has no name: begin with rule: NAME");
		return;
	}
	if ((c->hidden || c->bundle) && n->text)
		c->plan->rule = arena_strdup(&c->plan->arena, n->text);
	else if (!n->text || !n->len || n->len > RULE_NAME_MAX ||
		 n->text[strspn(n->text, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		compile_error(c, n, "a rule's name has only a-z, 0-9 and -, at most %d of them",
			      RULE_NAME_MAX);
	else
		c->plan->rule = arena_strdup(&c->plan->arena, n->text);
}

/* The service's variables under the rule's own; a pinned plan has them merged in its bundle. */
static void fill_vars(struct compiler *c, const struct ynode *n)
{
	json_t *base = c->bundle ? json_object_get(c->bundle, "vars") : c->env->vars;
	json_t *vars = json_is_object(base) ? json_deep_copy(base) : json_object();
	c->plan->vars = vars;
	if (!n)
		return;
	if (n->kind != Y_MAP) {
		compile_error(c, n, "vars: is a map of names and values, not %s", ynode_word(n));
		c->no_vars = true;
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		size_t errors = c->f->errors;
		c->level = LEVEL_LOAD;
		const struct tmpl *t = template_compile(c, n->items[i]);
		if (t->kind == TMPL_LITERAL)
			json_object_set(vars, n->keys[i]->text, t->literal);
		else if (c->f->errors == errors)
			compile_error(c, n->items[i], "vars: holds plain values, no expressions");
		/* Named all the same, so that its readers are no second mistake. */
		if (!json_object_get(vars, n->keys[i]->text))
			json_object_set_new(vars, n->keys[i]->text, json_null());
	}
}

static void fill_enabled(struct compiler *c, const struct ynode *n)
{
	size_t errors = c->f->errors;
	json_auto_t *v = n ? template_load(c, n) : json_true();
	if (c->f->errors != errors)
		return;
	if (v && !json_is_boolean(v) && !json_is_null(v))
		compile_error(c, n, "enabled: must be true or false, and is of type %s",
			      json_type_word(v));
	c->plan->enabled = json_is_true(v);
}

/* "200/day" */
static void fill_reserve(struct compiler *c, const struct ynode *n)
{
	char *end = NULL;
	long long calls =
		n->text && isdigit((unsigned char)*n->text) ? strtoll(n->text, &end, 10) : -1;
	if (calls < 0 || calls > RESERVE_MAX || strcmp(end, "/day") != 0)
		compile_error(c, n, "reserve: says how many calls of a day: 200/day");
	else
		c->plan->reserve = calls;
}

/* {share: 2, reserve: 200/day}: what of its API keys' calls is the rule's. */
static void fill_budget(struct compiler *c, const struct ynode *n)
{
	const struct ynode *v;
	if (n->kind != Y_MAP) {
		compile_error(c, n, "budget: is a map such as {share: 2, reserve: 200/day}, not %s",
			      ynode_word(n));
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		if (!word_in(words_budget, n->keys[i]->text))
			compile_unknown(c, n->keys[i], "key", words_budget, NULL);
	if ((v = ynode_get(n, "share"))) {
		c->plan->share = v->kind == Y_INT    ? (double)v->integer
				 : v->kind == Y_REAL ? v->real
						     : 0;
		if (!(c->plan->share >= SHARE_MIN && c->plan->share <= SHARE_MAX))
			compile_error(c, v, "share: is a number from 0.01 to 1000; 1 is usual");
	}
	if ((v = ynode_get(n, "reserve")))
		fill_reserve(c, v);
}

/* unknown: a key of the rule was not known, and may be the one that is missing. */
static void fill_body(struct compiler *c, const struct ynode *root, bool unknown)
{
	struct plan *p = c->plan;
	const struct ynode *n;
	c->level = LEVEL_RUN;
	if ((n = ynode_get(root, "do")))
		steps_compile(c, n, "do", &p->body);
	if (!n && !unknown)
		compile_error(c, root, "the rule does nothing: it needs do: with steps");
	if (n && n->kind == Y_LIST && !n->n)
		compile_error(c, n, "do: has no steps");
	if ((n = ynode_get(root, "catch"))) {
		catch_compile(c, n, &p->catches);
		p->has_catch = true;
	}
	if ((n = ynode_get(root, "finally")))
		steps_compile(c, n, "finally", &p->finally);
	if ((n = ynode_get(root, "result")))
		p->result = template_compile(c, n);
}

static void fill_plan(struct compiler *c, const struct ynode *root)
{
	struct plan *p = c->plan;
	const struct ynode *n;
	p->file = arena_strdup(&p->arena, c->file);
	p->line = root->line;
	check_keys(c, root);
	bool unknown = c->n_unknown > 0;
	check_api(c, ynode_get(root, "api"));
	fill_rule(c, root);
	if ((n = ynode_get(root, "about")) && n->text)
		p->about = arena_strdup(&p->arena, n->text);
	fill_vars(c, ynode_get(root, "vars"));
	fill_enabled(c, ynode_get(root, "enabled"));
	if ((n = ynode_get(root, "when")))
		triggers_compile(c, n);
	c->level = LEVEL_COND;
	if ((n = ynode_get(root, "if")))
		p->cond = template_expr(c, n);
	start_compile(c, root);
	if ((n = ynode_get(root, "retry")))
		retry_compile(c, n, &p->retry);
	if ((n = ynode_get(root, "timeout")))
		(void)param_duration(c, n, &p->timeout_ms);
	if ((n = ynode_get(root, "budget")))
		fill_budget(c, n);
	fill_body(c, root, unknown);
	if ((n = ynode_get(root, "tests")))
		tests_check(c, n);
	if (!c->bundle)
		scope_finish(c);
}

/* ---- one document ---- */

/* Behind the place where YAML cut a scalar, the rest of the line is part of the same mistake. */
static bool is_after_cut(const struct finding *at, void *arg)
{
	const struct compiler *c = arg;
	for (size_t i = 0; i < c->n_cuts; i++)
		if (at->line == c->cuts[i].line && at->col > c->cuts[i].col &&
		    !strcmp(at->file, c->file))
			return true;
	return false;
}

static void compiler_init(struct compiler *c, const struct rule_env *env, struct findings *f,
			  const char *file, const struct source *src)
{
	*c = (struct compiler){.env = env, .f = f, .file = file, .src = src};
	pin_doors(&c->check);
	arena_init(&c->scratch, SCRATCH_MAX);
	c->plan = plan_new(env->vm);
	c->check.plan = c->plan;
	c->actions = json_object();
}

static void compiler_done(struct compiler *c)
{
	json_decref(c->actions);
	arena_done(&c->scratch);
}

/* The plan, or NULL when it has an error. */
static struct plan *compile_doc(struct compiler *c, const struct yaml_doc *doc, int line)
{
	size_t errors = c->f->errors, from = c->f->n;
	if (doc->root->kind == Y_MAP)
		fill_plan(c, doc->root);
	else
		compile_error(c, doc->root, "a rule is a map that begins with rule: NAME, not %s",
			      ynode_word(doc->root));
	findings_drop(c->f, from, is_after_cut, c);
	if (c->f->errors == errors) {
		if (!c->bundle)
			pin_bundle(c, c->src->text + doc->start, doc->end - doc->start, line);
		return c->plan;
	}
	plan_unref(c->plan);
	return NULL;
}

struct plan *compile_own(const struct rule_env *env, const char *file, const char *text,
			 struct findings *f)
{
	struct source src;
	struct yaml_error err;
	struct compiler c;
	struct plan *p = NULL;
	struct yaml_file *y = yaml_read(text, strlen(text), false, &err);
	source_init(&src, text, strlen(text));
	if (y) {
		compiler_init(&c, env, f, file, &src);
		c.hidden = true;
		p = compile_doc(&c, yaml_doc(y, 0), 1);
		compiler_done(&c);
	} else
		findings_add(f, file, 1, 1, false, "%s", err.text);
	source_done(&src);
	yaml_file_free(y);
	return p;
}

struct plan *compile_hidden(const struct compiler *of, const struct ynode *root)
{
	struct compiler c;
	size_t errors = of->f->errors;
	compiler_init(&c, of->env, of->f, of->file, of->src);
	c.hidden = true;
	fill_plan(&c, root);
	struct plan *p = c.plan;
	if (of->f->errors == errors) {
		json_auto_t *tree = ynode_json(root);
		auto_free char *text = json_text(tree);
		pin_bundle(&c, text, strlen(text), 1);
	} else {
		plan_unref(p);
		p = NULL;
	}
	compiler_done(&c);
	return p;
}

/* What may be done about what libyaml says. */
static const char *general_hint(const char *text)
{
	if (!strncmp(text, "did not find expected key", 25) ||
	    !strncmp(text, "did not find expected '-'", 25))
		return "indent this line as those that it belongs to";
	if (!strncmp(text, "mapping values are not allowed", 30))
		return "indent this line as those that it belongs to, or put quotes around a value "
		       "that has ': ' in it";
	return NULL;
}

static void add_yaml_error(struct findings *f, const char *file, const struct source *src,
			   const struct yaml_error *err)
{
	const char *hint = source_hint(src, err->line);
	int line = err->line, quote = source_open_quote(src, line);
	if (quote) {
		findings_add(f, file, quote, 1, false,
			     "a double quote is opened on this line and not closed: close it, or "
			     "put the whole value into single quotes");
		return;
	}
	/* libyaml often notices only on the line after the mistake. */
	if (!hint && line > 1 && (hint = source_hint(src, line - 1)))
		line--;
	if (!hint)
		hint = general_hint(err->text);
	findings_add(f, file, line, line == err->line ? err->col : 1, false, "%s%s%s", err->text,
		     hint ? "; " : "", hint ? hint : "");
}

struct plans {
	struct plan ***at;
	size_t *n;
};

static void add_plan(struct plans ret, struct plan *p)
{
	if (!p)
		return;
	*ret.at = mem_realloc(*ret.at, (*ret.n + 1) * sizeof(**ret.at));
	(*ret.at)[(*ret.n)++] = p;
}

static void compile_docs(const struct rule_env *env, const char *file, const struct source *src,
			 const struct yaml_file *y, struct plans ret, struct findings *f)
{
	for (size_t i = 0; i < yaml_count(y); i++) {
		const struct yaml_doc *doc = yaml_doc(y, i);
		if (doc->root->kind == Y_NULL || ynode_key(doc->root, "tape"))
			continue; /* a recording for tests is no rule */
		struct compiler c;
		compiler_init(&c, env, f, file, src);
		struct plan *p = compile_doc(&c, doc, source_line_at(src, doc->start));
		add_plan(ret, p);
		for (size_t k = 0; p && k < c.n_polls; k++)
			add_plan(ret, poll_compile(&c, doc->root, k));
		compiler_done(&c);
	}
}

/* What cannot be read hides nothing of the documents in front of it. */
static size_t readable_part(const struct source *src, int line)
{
	for (; line > 1; line--) {
		size_t len;
		const char *text = source_line(src, line, &len);
		if (len >= 3 && !strncmp(text, "---", 3))
			return (size_t)(text - src->text);
	}
	return 0;
}

void rule_compile_text(const struct rule_env *env, const char *file, const char *text, size_t len,
		       struct plan ***ret, size_t *ret_n, struct findings *f)
{
	struct source src;
	struct yaml_error err;
	struct yaml_file *y = yaml_read(text, len, false, &err);
	source_init(&src, text, len);
	if (!y) {
		add_yaml_error(f, file, &src, &err);
		y = yaml_read(text, readable_part(&src, err.line), false, &err);
	}
	if (y)
		compile_docs(env, file, &src, y, (struct plans){ret, ret_n}, f);
	findings_sort(f);
	source_done(&src);
	yaml_file_free(y);
}

/* ---- from a bundle ---- */

static void take_scripts(struct compiler *c)
{
	const char *name;
	json_t *text;
	json_object_foreach (json_object_get(c->bundle, "scripts"), name, text)
		if (json_is_string(text))
			free(map_put(&c->plan->scripts, name, mem_strdup(json_string_value(text))));
}

/* The text at the lines it had in its file, so that every place is the same again. */
static char *padded_text(const json_t *bundle, size_t *ret_len)
{
	json_int_t line = json_int(bundle, "line", 1);
	const json_t *yaml = json_object_get(bundle, "yaml");
	size_t pad = line > 1 ? (size_t)line - 1 : 0, len = json_string_length(yaml);
	char *text = mem_alloc(pad + len + 1);
	memset(text, '\n', pad);
	memcpy(text + pad, json_string_value(yaml), len);
	*ret_len = pad + len;
	return text;
}

static int check_bundle(const json_t *b, struct errmsg *msg)
{
	json_int_t engine = json_int(b, "engine", 0), line = json_int(b, "line", 1);
	if (engine != PLAN_ENGINE)
		return err_set(msg, ERR_PARSE,
			       "a plan of engine %" JSON_INTEGER_FORMAT ", and this is engine %d",
			       engine, PLAN_ENGINE);
	if (!json_str(b, "rule") || !json_str(b, "file") || !json_str(b, "yaml") || line > 1 << 20)
		return err_set(msg, ERR_PARSE, "a plan without its rule, file or text");
	return 0;
}

static struct plan *compile_pinned(const struct rule_env *env, json_t *b, struct findings *f,
				   struct errmsg *msg)
{
	size_t len;
	auto_free char *text = padded_text(b, &len);
	struct yaml_error err;
	struct yaml_file *y = yaml_read(text, len, false, &err);
	struct plan *p = NULL;
	if (!y || yaml_count(y) != 1) {
		err_set(msg, ERR_PARSE, "%s:%d: %s", json_str(b, "file"), y ? 1 : err.line,
			y ? "not one rule" : err.text);
	} else {
		struct source src;
		struct compiler c;
		source_init(&src, text, len);
		compiler_init(&c, env, f, json_str(b, "file"), &src);
		c.bundle = b;
		json_decref(c.actions);
		c.actions = json_incref(json_object_get(b, "actions"));
		take_scripts(&c);
		p = compile_doc(&c, yaml_doc(y, 0), 0);
		compiler_done(&c);
		source_done(&src);
	}
	yaml_file_free(y);
	return p;
}

struct plan *rule_compile_bundle(const struct rule_env *env, const char *bundle, size_t len,
				 struct errmsg *msg)
{
	json_auto_t *b = NULL;
	struct findings f = {0};
	if (json_parse(bundle, len, true, &b, msg) || check_bundle(b, msg))
		return NULL;
	struct plan *p = compile_pinned(env, b, &f, msg);
	for (size_t i = 0; i < f.n && !p; i++)
		if (!f.at[i].warning) {
			err_set(msg, ERR_PARSE, "%s:%d: %s", f.at[i].file, f.at[i].line,
				f.at[i].text);
			break;
		}
	findings_done(&f);
	if (!p)
		return NULL;
	p->bundle_len = len;
	p->bundle = arena_strndup(&p->arena, bundle, len);
	sha256_hex(bundle, len, p->hash);
	return p;
}
