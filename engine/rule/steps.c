/* A list of steps: finds each step's word, and fills what its kind's table of parameters says. */
#include <stdio.h>
#include <string.h>

#include "engine/rule/compile.h"

static bool is_free_key(const char *key)
{
	return !strncmp(key, "x-", 2);
}

static const struct param *find_param(const struct step_kind *k, const char *name,
				      enum param_where where)
{
	for (const struct param *p = k->params; p && p->name; p++)
		if (p->where == where && !strcmp(p->name, name))
			return p;
	return NULL;
}

static const struct param *first_param(const struct step_kind *k, enum param_where where)
{
	for (const struct param *p = k->params; p && p->name; p++)
		if (p->where == where)
			return p;
	return NULL;
}

/* The names of a kind's parameters of one place, for "did you mean". */
static const char *const *param_names(struct compiler *c, const struct step_kind *k,
				      enum param_where where)
{
	size_t n = 0;
	for (const struct param *p = k->params; p && p->name; p++)
		n++;
	const char **names = arena_alloc(&c->scratch, (n + 1) * sizeof(*names));
	n = 0;
	for (const struct param *p = k->params; p && p->name; p++)
		if (p->where == where)
			names[n++] = p->name;
	return names;
}

/* ---- which kind of step ---- */

/* True when another key of the step is a kind that has this key beside it. */
static bool belongs_beside(struct compiler *c, const struct ynode *n, size_t key)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct step_kind *k = i == key ? NULL : c->env->kind(n->keys[i]->text);
		if (k && find_param(k, n->keys[key]->text, BESIDE))
			return true;
	}
	return false;
}

static const struct ynode *odd_key(const struct ynode *n, const struct step_kind *with)
{
	for (size_t i = 0; i < n->n; i++) {
		const char *key = n->keys[i]->text;
		if (!word_in(words_step, key) && !is_free_key(key) &&
		    !(with && find_param(with, key, BESIDE)))
			return n->keys[i];
	}
	return NULL;
}

/* What the step's word was meant to be, or NULL. */
static const struct ynode *no_word(struct compiler *c, const struct ynode *n,
				   const struct ynode *odd)
{
	if (!odd)
		compile_error(c, n, "this step has no step word, such as call:, wait: or log:");
	else if (word_in(words_step_later, odd->text))
		compile_error(c, odd, "'%s' is not in this version", odd->text);
	else if (compile_unknown(c, odd, "step", c->env->kind_names, words_step_later) &&
		 c->env->kind(odd->text))
		return odd;
	scope_nameless(c);
	return NULL;
}

/* The key that says what the step does; NULL after an error was collected. */
static const struct ynode *find_word(struct compiler *c, const struct ynode *n)
{
	const struct ynode *word = NULL, *cond = ynode_key(n, "if");
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *key = n->keys[i];
		if (key == cond || !c->env->kind(key->text) || belongs_beside(c, n, i))
			continue;
		if (word) {
			compile_error(c, key,
				      "a step does one thing: make two steps of '%s' and '%s'",
				      word->text, key->text);
			scope_nameless(c);
			return NULL;
		}
		word = key;
	}
	if (word)
		return word;
	/* Alone, `if:` is the step and no guard of one. */
	const struct step_kind *branch = cond ? c->env->kind(cond->text) : NULL;
	const struct ynode *odd = odd_key(n, branch);
	if (branch && (!odd || ynode_get(n, "do")))
		return cond;
	return no_word(c, n, odd);
}

/* ---- the parts of a step ---- */

static void fill_guard(struct compiler *c, struct step *s, const struct ynode *n)
{
	s->guard = template_expr(c, n);
	const char *src = s->guard->src;
	/* 0 is true in Lua, which is not what a length was asked for. */
	if (!c->bundle && src && !strncmp(src, "len(", 4) && strcspn(src, ")") + 1 == strlen(src))
		compile_warn(c, n, "0 counts as true: write %s > 0, or not empty(…)", src);
}

static void fill_common(struct compiler *c, struct step *s, const struct ynode *n,
			const struct ynode *word)
{
	const struct ynode *v;
	if ((v = ynode_get(n, "about")))
		s->about = v->text ? arena_strdup(&c->plan->arena, v->text) : NULL;
	if ((v = ynode_get(n, "if")) && strcmp(word->text, "if"))
		fill_guard(c, s, v);
	if ((v = ynode_get(n, "retry")) && !find_param(s->kind, "retry", BESIDE))
		retry_compile(c, v, &s->retry);
	if ((v = ynode_get(n, "timeout")) && !find_param(s->kind, "timeout", BESIDE))
		(void)param_duration(c, v, &s->timeout_ms);
}

/* One that is not known may be the one that is missing: unknown is how many there were before. */
static void check_required(struct compiler *c, const struct step *s, const struct ynode *n,
			   const struct ynode *at, enum param_where where, size_t unknown)
{
	if (c->n_unknown != unknown)
		return;
	for (const struct param *p = s->kind->params; p && p->name; p++)
		if (p->where == where && p->required && !ynode_get(n, p->name))
			compile_error(c, at,
				      where == IN_MAP ? "'%s' needs %s: inside it"
						      : "'%s' needs %s: beside it",
				      s->kind->name, p->name);
}

/* A time-out must say what comes then: no silent default. */
static void check_else(struct compiler *c, const struct step *s, const struct ynode *n,
		       enum param_where where)
{
	for (const struct param *p = s->kind->params; p && p->name; p++) {
		if (p->type != P_ELSE || p->where != where || ynode_get(n, p->name))
			continue;
		const struct ynode *timeout = ynode_key(n, "timeout");
		if (timeout && find_param(s->kind, "timeout", where))
			compile_error(
				c, timeout,
				"say what happens at the timeout: %s: fail, continue, or steps",
				p->name);
	}
}

/* A key that no parameter has. */
static void unknown_key(struct compiler *c, const struct step *s, const struct ynode *key,
			enum param_where where)
{
	char full[200];
	snprintf(full, sizeof(full), "%s.%s", s->kind->name, key->text);
	if (word_in(words_param_later, full))
		compile_error(c, key, "'%s' of '%s' is not in this version", key->text,
			      s->kind->name);
	else
		(void)compile_unknown(c, key, "key", param_names(c, s->kind, where),
				      where == BESIDE ? words_step : NULL);
}

static void fill_map(struct compiler *c, struct step *s, const struct ynode *word,
		     const struct ynode *v)
{
	size_t unknown = c->n_unknown;
	for (size_t i = 0; i < v->n; i++) {
		const struct ynode *key = v->keys[i];
		const struct param *p = find_param(s->kind, key->text, IN_MAP);
		if (!p && find_param(s->kind, key->text, BESIDE))
			compile_error(c, key, "'%s' stands beside %s:, not inside it", key->text,
				      word->text);
		else if (!p && !is_free_key(key->text))
			unknown_key(c, s, key, IN_MAP);
		if ((p = find_param(s->kind, key->text, IN_MAP)))
			param_fill(c, s, p, v->items[i]);
	}
	check_required(c, s, v, word, IN_MAP, unknown);
	check_else(c, s, v, IN_MAP);
}

static void fill_word(struct compiler *c, struct step *s, const struct ynode *word,
		      const struct ynode *v)
{
	const struct param *whole = first_param(s->kind, IN_WORD);
	const struct param *map = first_param(s->kind, IN_MAP);
	if (map && v->kind == Y_MAP)
		fill_map(c, s, word, v);
	else if (v->kind == Y_NULL && (whole ? whole->required : map != NULL))
		compile_error(c, word, "'%s' needs a value", word->text);
	else if (v->kind == Y_NULL)
		return;
	else if (whole)
		param_fill(c, s, whole, v);
	else
		compile_error(c, v,
			      map ? "'%s' takes a map, not %s" : "'%s' takes no value, not %s",
			      word->text, ynode_word(v));
}

static bool is_block(const struct param *p)
{
	return p->type == P_BLOCK || p->type == P_ELSE || p->type == P_CHOICES ||
	       p->type == P_BLOCKS || p->type == P_CATCH;
}

static bool is_template(const struct param *p)
{
	return p->type == P_TMPL || p->type == P_SECRETS || p->type == P_EXPR;
}

enum pass { PASS_PLAIN, PASS_BLOCKS, PASS_AFTER };

/* A loop's own templates (its result) see what its body sees, so they come after it. */
static enum pass pass_of(const struct step_kind *k, const struct param *p)
{
	if (is_block(p))
		return PASS_BLOCKS;
	return k->loops && is_template(p) ? PASS_AFTER : PASS_PLAIN;
}

static void fill_beside(struct compiler *c, struct step *s, const struct ynode *n, enum pass pass)
{
	for (const struct param *p = s->kind->params; p && p->name; p++) {
		const struct ynode *v = p->where == BESIDE ? ynode_get(n, p->name) : NULL;
		if (v && pass_of(s->kind, p) == pass)
			param_fill(c, s, p, v);
	}
}

/* What a loop goes through: its kind's own word. */
static void type_item(struct compiler *c, const struct step *s)
{
	const struct param *p = first_param(s->kind, IN_WORD);
	const char *at = p ? (const char *)s->args + p->offset : NULL;
	if (p && p->type == P_TMPL)
		scope_element_of(c, *(struct tmpl *const *)(const void *)at);
	if (!p || p->type != P_SOURCE)
		return;
	const struct source_arg *from = (const void *)at;
	if (from->step)
		scope_given_by(c, from->step);
	else
		scope_element_of(c, from->list);
}

static void declare_locals(struct compiler *c, const struct step *s)
{
	for (const struct param *p = s->kind->params; p && p->name; p++) {
		if (p->type != P_NAME)
			continue;
		const char *name = *(const char **)((char *)s->args + p->offset);
		scope_declare_local(c, name ? name : p->name, s->line);
		type_item(c, s);
	}
	scope_declare_local(c, "index", s->line);
}

/* What runs again: its condition is judged with what its steps have named the time before. */
static bool reads_its_steps(const struct step_kind *k)
{
	return k->repeats && !k->loops;
}

static void fill_blocks(struct compiler *c, struct step *s, const struct ynode *n)
{
	size_t mark = c->n_names;
	if (s->kind->loops)
		declare_locals(c, s);
	else if (s->kind->repeats)
		scope_declare_local(c, "index", s->line);
	size_t lanes = c->lanes_from;
	if (s->kind->lanes && s->kind->lanes(s))
		c->lanes_from = mark + 1;
	c->check.loops += s->kind->repeats;
	fill_beside(c, s, n, PASS_BLOCKS);
	fill_beside(c, s, n, PASS_AFTER);
	c->check.loops -= s->kind->repeats;
	c->lanes_from = lanes;
	if (s->kind->loops)
		scope_hide(c, mark);
	else if (s->kind->repeats)
		c->names[mark].hidden = true;
}

static void check_keys(struct compiler *c, const struct step *s, const struct ynode *n,
		       const struct ynode *word)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *key = n->keys[i];
		if (key == word || is_free_key(key->text) || find_param(s->kind, key->text, BESIDE))
			continue;
		if (word_in(words_step, key->text))
			continue;
		else if (find_param(s->kind, key->text, IN_MAP))
			compile_error(c, key, "'%s' stands inside %s: { }, not beside it",
				      key->text, word->text);
		else
			unknown_key(c, s, key, BESIDE);
	}
}

static void fill_all(struct compiler *c, struct step *s, const struct ynode *n,
		     const struct ynode *word)
{
	size_t unknown = c->n_unknown;
	check_keys(c, s, n, word);
	check_required(c, s, n, word, BESIDE, unknown);
	fill_common(c, s, n, word);
	if (!reads_its_steps(s->kind))
		fill_word(c, s, word, ynode_get(n, word->text));
	fill_beside(c, s, n, PASS_PLAIN);
	fill_blocks(c, s, n);
	if (reads_its_steps(s->kind))
		fill_word(c, s, word, ynode_get(n, word->text));
	check_else(c, s, n, BESIDE);
}

static const struct ynode *name_node(struct compiler *c, const struct ynode *n)
{
	const struct ynode *as = ynode_get(n, "as"), *id = ynode_get(n, "id");
	if (as && id && as->text && id->text && strcmp(as->text, id->text))
		compile_error(c, id, "as: and id: mean the same: give one of them");
	const struct ynode *v = as ? as : id;
	if (!v)
		return NULL;
	if (v->kind == Y_STRING && v->len)
		return v;
	compile_error(c, v, "a name must stand here, not %s", ynode_word(v));
	scope_nameless(c);
	return NULL;
}

/* One step, or a list of them; what they name is theirs. */
static void fill_undo(struct compiler *c, struct step *s, const struct ynode *n)
{
	const struct ynode *key = ynode_key(n, "undo"), *v = ynode_get(n, "undo");
	const struct ynode *items[] = {v};
	struct ynode one = {.kind = Y_LIST, .line = 0};
	if (!v)
		return;
	if (s->kind->silent || s->kind->ends) {
		compile_error(c, key,
			      "%s: does nothing that could be taken back: put undo: beside the "
			      "steps inside it",
			      s->kind->name);
		return;
	}
	one.line = v->line;
	one.col = v->col;
	one.items = (struct ynode **)items;
	one.n = 1;
	size_t mark = c->n_names;
	steps_compile(c, v->kind == Y_MAP ? &one : v, "undo", &s->undo);
	scope_hide(c, mark);
	if (s->undo.n)
		plan_undo(c->plan, s);
}

static struct step *compile_step(struct compiler *c, const struct ynode *n, const char *key)
{
	if (n->kind != Y_MAP) {
		compile_error(c, n, "a step is a map such as {log: text}, not %s", ynode_word(n));
		return NULL;
	}
	const struct ynode *word = find_word(c, n), *name = NULL;
	if (!word) {
		name = name_node(c, n);
		if (name)
			scope_declare(c, name, arena_strdup(&c->scratch, name->text), NULL, false);
		return NULL;
	}
	struct step *s = arena_alloc(&c->plan->arena, sizeof(*s));
	s->kind = c->env->kind(word->text);
	s->key = key;
	s->line = word->line;
	s->col = word->col;
	if (s->kind->args_size)
		s->args = arena_alloc(&c->plan->arena, s->kind->args_size);
	size_t errors = c->f->errors;
	fill_all(c, s, n, word);
	if ((name = name_node(c, n)))
		s->name = arena_strdup(&c->plan->arena, name->text);
	c->giving = (struct giving){0};
	/* A kind judges whole steps only: what is missing for a mistake's sake is no second one. */
	if (s->kind->check && c->f->errors == errors)
		s->kind->check(&c->check, s);
	struct giving giving = c->giving;
	const struct ynode *catches = ynode_get(n, "catch");
	if (catches && !find_param(s->kind, "catch", BESIDE)) {
		catch_compile(c, catches, &s->catches);
		s->has_catch = true;
	}
	c->giving = giving;
	if (name)
		scope_declare(c, name, s->name, s, false);
	fill_undo(c, s, n);
	return s;
}

static void check_reached(struct compiler *c, const struct step *s, const struct ynode *next)
{
	if (s && s->kind->ends && !s->guard && !s->has_catch)
		compile_error(c, next, "this step is never reached: '%s' at line %d ends before it",
			      s->kind->name, s->line);
}

void steps_compile(struct compiler *c, const struct ynode *n, const char *label, struct block *ret)
{
	*ret = (struct block){0};
	if (n->kind != Y_LIST) {
		compile_error(c, n,
			      n->kind == Y_MAP
				      ? "steps are a list: put '- ' in front of each, not %s"
				      : "a list of steps must stand here, not %s",
			      ynode_word(n));
		return;
	}
	if (n->n)
		ret->steps = arena_alloc(&c->plan->arena, n->n * sizeof(*ret->steps));
	for (size_t i = 0; i < n->n; i++) {
		const char *key = arena_printf(&c->plan->arena, "%s.%zu", label, i + 1);
		struct step *s = compile_step(c, n->items[i], key);
		if (s)
			ret->steps[ret->n++] = s;
		if (i + 1 < n->n)
			check_reached(c, s, n->items[i + 1]);
	}
}

/* ---- the pages of a step ---- */

/* Of what any step may have, only this has a meaning for pages. */
static bool check_source_keys(struct compiler *c, const struct ynode *n)
{
	for (size_t i = 0; i < n->n; i++) {
		const char *key = n->keys[i]->text;
		if (!word_in(words_step, key) || !strcmp(key, "retry"))
			continue;
		compile_error(c, n->keys[i], "'%s' stands beside each:, not inside it", key);
		return false;
	}
	return true;
}

static bool has_paged_word(struct compiler *c, const struct ynode *n)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct step_kind *k = c->env->kind(n->keys[i]->text);
		if (k && k->pages)
			return true;
	}
	return false;
}

void source_fill(struct compiler *c, struct source_arg *ret, const struct ynode *n)
{
	if (n->kind != Y_MAP) {
		ret->list = template_compile(c, n);
		return;
	}
	if (!has_paged_word(c, n)) {
		compile_error(
			c, n,
			"each takes a list, or {call: …, with: …} whose pages it goes through");
		return;
	}
	if (!check_source_keys(c, n))
		return;
	size_t errors = c->f->errors;
	ret->step = compile_step(c, n, "page");
	if (ret->step && c->f->errors == errors && ret->step->kind->pages)
		ret->step->kind->pages(&c->check, ret->step);
	else
		c->giving = (struct giving){0}; /* nobody knows what its items are */
}
