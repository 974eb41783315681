/* Finds tests in rule files, and deals them out to processes. */
#include "engine/trial/suite.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/base/log.h"

/* ---- finding ---- */

static void add(struct suite *s, struct plan *plan, int line, const struct ynode *node)
{
	const struct ynode *name = ynode_get(node, "name");
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->trials = mem_realloc(s->trials, s->cap * sizeof(*s->trials));
	}
	s->trials[s->n++] =
		(struct trial){.node = node,
			       .plan = plan,
			       .file = plan->file,
			       .line = line,
			       .name = name && name->text ? name->text : "without a name"};
}

/* The rule's document again, as it stands in its bundle: lines are counted from the document's. */
static void add_rule(struct suite *s, struct plan *plan)
{
	struct yaml_error err;
	json_auto_t *bundle = json_loadb(plan->bundle, plan->bundle_len, 0, NULL);
	const char *yaml = json_str(bundle, "yaml");
	char *text = yaml ? mem_strdup(yaml) : NULL;
	struct yaml_file *f = text ? yaml_read(text, strlen(text), false, &err) : NULL;
	const struct ynode *tests =
		f && yaml_count(f) ? ynode_get(yaml_doc(f, 0)->root, "tests") : NULL;
	if (!tests || tests->kind != Y_LIST) {
		yaml_file_free(f);
		free(text);
		return;
	}
	if (s->n_files == s->cap_files) {
		s->cap_files = s->cap_files ? 2 * s->cap_files : 16;
		s->files = mem_realloc(s->files, s->cap_files * sizeof(*s->files));
		s->texts = mem_realloc(s->texts, s->cap_files * sizeof(*s->texts));
	}
	s->texts[s->n_files] = text;
	s->files[s->n_files++] = f;
	for (size_t i = 0; i < tests->n; i++)
		add(s, plan, (int)json_int(bundle, "line", 1), tests->items[i]);
}

struct suite *suite_new(const struct config *c, const char *const *paths, size_t n,
			struct findings *f, struct errmsg *msg)
{
	struct suite *s = mem_alloc(sizeof(*s));
	s->kit = kit_new(c, paths, n, f, msg);
	if (!s->kit) {
		suite_free(s);
		return NULL;
	}
	for (size_t i = 0; i < ruleset_count(s->kit->set); i++)
		add_rule(s, ruleset_at(s->kit->set, i));
	return s;
}

void suite_free(struct suite *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_files; i++) {
		yaml_file_free(s->files[i]);
		free(s->texts[i]);
	}
	free(s->files);
	free(s->texts);
	free(s->trials);
	kit_free(s->kit);
	free(s);
}

void suite_only(struct suite *s, const char *text)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		auto_free char *whole =
			mem_printf("%s: %s", s->trials[i].plan->rule, s->trials[i].name);
		if (strstr(whole, text))
			s->trials[n++] = s->trials[i];
	}
	s->n = n;
}

/* ---- playing ---- */

/* What a process says of a test, a line each: its number, then the verdict. */
static bool tell(int fd, size_t i, const json_t *verdict)
{
	auto_free char *text = json_text(verdict);
	auto_free char *line = mem_printf("%zu %s\n", i, text);
	for (size_t at = 0, len = strlen(line); at < len;) {
		ssize_t n = write(fd, line + at, len - at);
		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static json_t *play_one(struct suite *s, size_t i, bool cover)
{
	int64_t from = clock_real.boot_ms(&clock_real);
	json_t *v = trial_run(s->kit, &s->trials[i], cover);
	json_object_set_new(v, "ms", json_integer(clock_real.boot_ms(&clock_real) - from));
	return v;
}

static int play_share(struct suite *s, unsigned first, unsigned every, bool cover, int fd)
{
	struct errmsg msg;
	log_setup(&(struct log_config){.level = LOG_ERROR});
	if (kit_open(s->kit, &msg) != 0) {
		fprintf(stderr, "pawl test: %s\n", msg.text);
		return 1;
	}
	for (size_t i = first; i < s->n; i += every) {
		json_auto_t *v = play_one(s, i, cover);
		if (!tell(fd, i, v))
			return 1;
	}
	return 0;
}

struct child {
	pid_t pid;
	int fd;
	struct buf said;
};

static int start_child(struct suite *s, struct child *c, unsigned first, unsigned every, bool cover,
		       struct errmsg *msg)
{
	int ends[2];
	if (pipe(ends) != 0)
		return err_set(msg, ERR_IO, "no pipe: %s", strerror(errno));
	(void)fflush(NULL);
	c->pid = fork();
	if (c->pid < 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		return err_set(msg, ERR_IO, "no process: %s", strerror(errno));
	}
	if (c->pid == 0) {
		(void)close(ends[0]);
		int code = play_share(s, first, every, cover, ends[1]);
		kit_free(s->kit);
		_exit(code);
	}
	(void)close(ends[1]);
	c->fd = ends[0];
	return 0;
}

/* Whole lines only: a process may die in the middle of one. */
static void take_lines(struct child *c, json_t **results, size_t n)
{
	const char *text = buf_str(&c->said);
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		char *rest;
		unsigned long i = strtoul(text, &rest, 10);
		if (i < n && *rest == ' ' && !results[i])
			results[i] = json_loadb(rest + 1, (size_t)(end - rest - 1), 0, NULL);
	}
}

/* Until all have closed their end. */
static void listen_to(struct child *children, unsigned n)
{
	char bytes[65536];
	for (unsigned open = n; open;) {
		struct pollfd fds[64];
		for (unsigned i = 0; i < n; i++)
			fds[i] = (struct pollfd){.fd = children[i].fd, .events = POLLIN};
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			return;
		for (unsigned i = 0; i < n; i++) {
			if (!fds[i].revents || children[i].fd < 0)
				continue;
			ssize_t got = read(children[i].fd, bytes, sizeof(bytes));
			if (got > 0) {
				(void)buf_add(&children[i].said, bytes, (size_t)got);
				continue;
			}
			(void)close(children[i].fd);
			children[i].fd = -1;
			open--;
		}
	}
}

static json_t *died(const struct trial *t)
{
	return json_pack("{s:[{s:i, s:i, s:s}], s:n, s:i}", "problems", "line",
			 trial_line(t, t->node), "col", t->node->col, "text",
			 "the program ended in the middle of this test", "run", "ms", 0);
}

int suite_play(struct suite *s, unsigned processes, bool cover, json_t **results,
	       struct errmsg *msg)
{
	struct child children[64] = {{0}};
	unsigned n = processes > 64 ? 64 : processes;
	int err = 0;
	if (n > s->n)
		n = (unsigned)s->n;
	unsigned started = 0;
	while (!err && started < n)
		if (!(err = start_child(s, &children[started], started, n, cover, msg)))
			started++;
	listen_to(children, started);
	for (unsigned i = 0; i < started; i++) {
		(void)waitpid(children[i].pid, NULL, 0);
		take_lines(&children[i], results, s->n);
		buf_done(&children[i].said);
	}
	for (size_t i = 0; !err && i < s->n; i++)
		if (!results[i])
			results[i] = died(&s->trials[i]);
	return err;
}
