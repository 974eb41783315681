/* Runs a fuzz entry without libFuzzer: over a corpus, and for a second over changed inputs of it. */
#include <dirent.h>
#include <string.h>
#include <time.h>

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "tests/fuzz/fuzz.h"

enum {
	FILES_MAX = 1000,
	INPUT_MAX = 1 << 16, /* bytes of a changed input */
	RUNS_MAX = 200000,
	CPU_MS_MAX = 1000,
};

static struct buf inputs[FILES_MAX];
static size_t n_inputs;

static void load(const char *dir, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", dir, name);
	char chunk[4096];
	FILE *f = fopen(path, "rb");
	if (!f || n_inputs == FILES_MAX) {
		perror(path);
		exit(1);
	}
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
		(void)buf_add(&inputs[n_inputs], chunk, n);
	n_inputs++;
	fclose(f);
}

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* In the order of the names, so that each run does the same. */
static void load_all(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, not_hidden, alphasort);
	for (int i = 0; i < n; i++) {
		load(dir, names[i]->d_name);
		free(names[i]);
	}
	if (n > 0)
		free(names);
}

/* The memory has the exact size, so that a sanitizer sees the first byte read behind it. */
static void run(const char *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	if (len)
		memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* Replaces `cut` bytes at `at` by others. */
static void splice(struct buf *b, size_t at, size_t cut, const char *data, size_t len)
{
	struct buf out = BUF_INIT;
	at = at > b->len ? b->len : at;
	cut = cut > b->len - at ? b->len - at : cut;
	(void)buf_add(&out, b->data, at);
	(void)buf_add(&out, data, len);
	(void)buf_add(&out, b->data ? b->data + at + cut : NULL, b->len - at - cut);
	buf_done(b);
	*b = out;
}

static void change(struct buf *b, struct rng *r)
{
	static const char odd[] = "[]{}:,\"'\\#&*!|>%-?<= \n\t\r0123456789eE.xTZP\xc3\xff\x80\x7f";
	const struct buf *other = &inputs[rng_below(r, n_inputs)];
	size_t at = rng_below(r, b->len + 1), len = rng_below(r, 9) + 1;
	char c = (char)rng_below(r, 256);
	switch (rng_below(r, 7)) {
	case 0: /* one byte, any */
		splice(b, at, 1, &c, 1);
		break;
	case 1: /* one more byte that means something */
		splice(b, at, 0, &odd[rng_below(r, sizeof(odd))], 1);
		break;
	case 2: /* the same, over another one */
		splice(b, at, 1, &odd[rng_below(r, sizeof(odd))], 1);
		break;
	case 3: /* some bytes less */
		splice(b, at, len, NULL, 0);
		break;
	case 4: /* the rest less */
		splice(b, at, b->len, NULL, 0);
		break;
	case 5: { /* a piece twice */
		len = len > b->len - at ? b->len - at : len;
		auto_free char *piece = mem_strndup(b->data ? b->data + at : "", len);
		splice(b, at, 0, piece, len);
		break;
	}
	default: { /* a piece of another input */
		size_t from = rng_below(r, other->len + 1);
		size_t piece = rng_below(r, other->len - from + 1);
		splice(b, at, 0, other->data ? other->data + from : NULL, piece);
	}
	}
}

static long cpu_ms(void)
{
	return (long)(clock() / (CLOCKS_PER_SEC / 1000));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
		return 2;
	}
	load_all(argv[1]);
	if (!n_inputs) {
		fprintf(stderr, "%s: no input there\n", argv[1]);
		return 1;
	}
	run("", 0);
	for (size_t i = 0; i < n_inputs; i++)
		run(inputs[i].data, inputs[i].len);
	struct rng r;
	rng_seeded_init(&r, 1);
	int runs = 0;
	for (long from = cpu_ms(); runs < RUNS_MAX && cpu_ms() - from < CPU_MS_MAX; runs++) {
		const struct buf *origin = &inputs[rng_below(&r, n_inputs)];
		struct buf b = BUF_INIT;
		(void)buf_add(&b, origin->data, origin->len);
		for (uint64_t n = rng_below(&r, 6) + 1; n > 0 && b.len < INPUT_MAX; n--)
			change(&b, &r);
		run(b.data, b.len);
		buf_done(&b);
	}
	for (size_t i = 0; i < n_inputs; i++)
		buf_done(&inputs[i]);
	printf("%zu inputs, %d changed ones\n", n_inputs, runs);
	return 0;
}
