/* pawl fmt: rule files in their one layout, comments kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/cli/cli.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/rule/rules.h"

/* More than the YAML reader takes, so that it is the one to say so. */
#define FILE_MAX ((size_t)2 << 20)

struct fmt {
	bool check;
	json_t *changed; /* paths */
	json_t *errors;  /* {file, line, col, text} */
	int failed;      /* files that could not be read or written */
};

/* malloc'd; NULL with errno. */
static char *read_stream(FILE *f, size_t *ret_len)
{
	char *text = mem_alloc(FILE_MAX + 1);
	*ret_len = f ? fread(text, 1, FILE_MAX, f) : 0;
	int err = !f ? errno : ferror(f) ? EIO : 0;
	if (!err)
		return text;
	free(text);
	errno = err;
	return NULL;
}

static char *read_path(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rbe");
	char *text = read_stream(f, ret_len);
	int err = errno;
	if (f)
		(void)fclose(f);
	errno = err;
	return text;
}

static int fill_file(int fd, mode_t mode, const char *text)
{
	FILE *f = fdopen(fd, "wb");
	if (!f) {
		(void)close(fd);
		return -1;
	}
	int bad = fputs(text, f) == EOF || fchmod(fd, mode) || fflush(f) || fsync(fd);
	return fclose(f) || bad ? -1 : 0;
}

/* A whole new file in the old one's place, so that nobody ever reads half of it. */
static int replace(const char *path, const char *text)
{
	struct stat st;
	auto_free char *real = realpath(path, NULL);
	if (!real || stat(real, &st))
		return -1;
	auto_free char *part = mem_printf("%s.XXXXXX", real);
	int fd = mkstemp(part);
	if (fd < 0)
		return -1;
	if (fill_file(fd, st.st_mode & 07777, text) == 0 && rename(part, real) == 0)
		return 0;
	int err = errno;
	(void)unlink(part);
	errno = err;
	return -1;
}

static void add_error(struct fmt *f, const char *file, const struct yaml_error *err)
{
	json_array_append_new(f->errors, json_pack("{s:s, s:i, s:i, s:s}", "file", file, "line",
						   err->line, "col", err->col, "text", err->text));
}

static void cannot(struct fmt *f, const char *path, const char *what)
{
	fprintf(stderr, "pawl fmt: %s %s: %s\n", path, what, strerror(errno));
	f->failed++;
}

static void format_file(struct fmt *f, const char *path)
{
	size_t len;
	struct yaml_error err;
	auto_free char *text = read_path(path, &len);
	if (!text) {
		cannot(f, path, "cannot be read");
		return;
	}
	auto_free char *made = rule_format(text, len, &err);
	if (!made)
		add_error(f, path, &err);
	else if (strlen(made) == len && !memcmp(made, text, len))
		return;
	else if (!f->check && replace(path, made))
		cannot(f, path, "cannot be written");
	else
		json_array_append_new(f->changed, json_string(path));
}

static void on_file(void *arg, const char *path, const struct stat *st, int err)
{
	(void)st;
	errno = err;
	if (err)
		cannot(arg, path, "cannot be read");
	else
		format_file(arg, path);
}

/* From stdin to stdout; nothing is printed of a text that cannot be formatted. */
static int format_stdin(const struct cli *c)
{
	size_t len;
	struct yaml_error err;
	auto_free char *text = read_stream(stdin, &len);
	if (!text)
		return cli_cannot(c, "cannot read stdin: %s", strerror(errno));
	auto_free char *made = rule_format(text, len, &err);
	if (!made) {
		fprintf(stderr, "-:%d:%d: error: %s\n", err.line, err.col, err.text);
		return CLI_NO;
	}
	if (cli_has(c, "check"))
		return strlen(made) == len && !memcmp(made, text, len) ? CLI_DONE : CLI_NO;
	struct buf b = BUF_INIT;
	buf_puts(&b, made);
	return print_out(&b);
}

static int print_result(const struct cli *c, struct fmt *f)
{
	struct buf b = BUF_INIT;
	size_t i;
	json_t *at;
	if (cli_has(c, "json")) {
		json_auto_t *all =
			json_pack("{s:O, s:O}", "changed", f->changed, "errors", f->errors);
		return print_json(all);
	}
	json_array_foreach (f->changed, i, at)
		buf_printf(&b, "%s\n", json_string_value(at));
	json_array_foreach (f->errors, i, at)
		buf_printf(&b, "%s:%lld:%lld: error: %s\n",
			   json_string_value(json_object_get(at, "file")),
			   (long long)json_integer_value(json_object_get(at, "line")),
			   (long long)json_integer_value(json_object_get(at, "col")),
			   json_string_value(json_object_get(at, "text")));
	return print_out(&b);
}

static int format_all(const struct cli *c, const char *const *paths, size_t n)
{
	struct fmt f = {
		.check = cli_has(c, "check"), .changed = json_array(), .errors = json_array()};
	for (size_t i = 0; i < n; i++)
		rules_walk(paths[i], on_file, &f);
	int code = print_result(c, &f);
	if (code == CLI_DONE && f.failed)
		code = CLI_CANNOT;
	else if (code == CLI_DONE &&
		 (json_array_size(f.errors) || (f.check && json_array_size(f.changed))))
		code = CLI_NO;
	json_decref(f.changed);
	json_decref(f.errors);
	return code;
}

static int run(struct cli *c)
{
	bool is_stdin = false;
	for (size_t i = 0; i < c->n_words; i++)
		is_stdin |= !strcmp(c->words[i], "-");
	if (is_stdin && c->n_words > 1)
		return cli_wrong(c, "- is stdin and stands alone");
	if (is_stdin)
		return format_stdin(c);
	if (c->n_words)
		return format_all(c, c->words, c->n_words);
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	int code = format_all(c, (const char *const *)config->rules, config->n_rules);
	config_free(config);
	return code;
}

static const struct cli_option options[] = {
	{.name = "check", .help = "writes nothing; exits 1 when a file is not formatted"},
	{0},
};

const struct command command_fmt = {
	.name = "fmt",
	.summary = "gives rule files their one layout; comments are kept",
	.usage = "[PATH…]",
	.about =
		"Without a path, the rules of the configuration; `-` reads stdin and writes stdout. "
		"Prints the names of the files that it changed, or would change with --check. A file "
		"is replaced only by one that means the same; what cannot be formatted so is told and "
		"left as it is.",
	.options = options,
	.words_max = CLI_WORDS_ANY,
	.run = run,
};
