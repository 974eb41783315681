/* Tests of the SQLite store: the shared behaviour, and what only a file on a disk can do. */
#include "tests/unit/store/suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/arena.h"

/* ---- fixture ---- */

static struct store *open_at(struct fx *fx, struct errmsg *msg)
{
	auto_free char *name = mem_printf("sqlite:%s", fx->path);
	return store_sqlite_open(name, fx->loop, &fx->clock.clock, msg);
}

static void must_open(struct fx *fx)
{
	struct errmsg msg = {0};
	fx->store = open_at(fx, &msg);
	if (!fx->store)
		fail_msg("%s", msg.text);
}

static void sqlite_open_new(struct fx *fx)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(fx->dir, sizeof(fx->dir), "%s/pawl-store-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(fx->dir));
	snprintf(fx->path, sizeof(fx->path), "%s/pawl.db", fx->dir);
	must_open(fx);
}

static void sqlite_reopen(struct fx *fx)
{
	store_close(fx->store);
	must_open(fx);
}

const struct backend backend = {.open = sqlite_open_new, .reopen = sqlite_reopen};

/* Faults of the disk, below SQLite: it calls these instead of the C library's. */
static atomic_bool sync_fails, disk_is_full;
static atomic_int syncs;
static atomic_int pwrites_left; /* until the disk is full; only counted while disk_is_full */

int fdatasync(int fd)
{
	syncs++;
	if (!sync_fails)
		return fsync(fd);
	errno = EIO;
	return -1;
}

static ssize_t pwrite_faulty(int fd, const void *data, size_t len, off_t at)
{
	if (disk_is_full && atomic_fetch_sub(&pwrites_left, 1) <= 0) {
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, data, len, at);
}

static void faults_install(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	const char *names[] = {"pwrite", "pwrite64"};
	for (int i = 0; i < 2; i++)
		(void)vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr)pwrite_faulty);
}

static int sqlite_teardown(void **state)
{
	struct fx *fx = *state;
	char dir[sizeof(fx->dir)];
	memcpy(dir, fx->dir, sizeof(dir));
	fx_teardown(state);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		auto_free char *path = mem_printf("%s/%s", dir, e->d_name);
		(void)unlink(path);
	}
	closedir(d);
	return rmdir(dir);
}

static void close_store(struct fx *fx)
{
	store_close(fx->store);
	fx->store = NULL;
}

/* Opening fails with err, and its reason has the words. */
static void assert_refused(struct fx *fx, int err, const char *words)
{
	struct errmsg msg = {0};
	assert_null(open_at(fx, &msg));
	assert_int_equal(msg.code, err);
	if (!strstr(msg.text, words))
		fail_msg("'%s' does not say '%s'", msg.text, words);
}

static void sql(struct fx *fx, const char *text)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(fx->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t number(struct fx *fx, const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open_v2(fx->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static struct store_accept big_accept(struct fx *fx, unsigned n, const char *body, size_t len)
{
	struct store_accept a = {.op = {.verb = STORE_ACCEPT}, .ev = event_at(fx, n)};
	a.ev.body = body;
	a.ev.body_len = len;
	return a;
}

static unsigned back;

static void on_back(struct store_op *op)
{
	back++;
}

/* ---- store_sqlite_open ---- */

static void its_files_are_for_their_owner_only(void **state)
{
	struct fx *fx = *state;
	const char *ends[] = {"", "-wal", "-shm", ".lock"};
	put_source(fx);
	for (int i = 0; i < 4; i++) {
		auto_free char *path = mem_printf("%s%s", fx->path, ends[i]);
		struct stat st;
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void a_second_opening_is_refused_with_the_pid(void **state)
{
	struct fx *fx = *state;
	char pid[32];
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_refused(fx, ERR_LOCKED, pid);
	put_source(fx);
	sqlite_reopen(fx);
}

/* Opens what fx->path names under another name, and says what was refused of it. */
static void assert_other_name_refused(struct fx *fx, const char *other, int err, const char *text)
{
	char path[sizeof(fx->path)];
	memcpy(path, fx->path, sizeof(path));
	snprintf(fx->path, sizeof(fx->path), "%s", other);
	assert_refused(fx, err, text);
	memcpy(fx->path, path, sizeof(path));
}

static void a_symbolic_link_is_no_way_around_the_lock(void **state)
{
	struct fx *fx = *state;
	auto_free char *other = mem_printf("%s/link.db", fx->dir);
	assert_int_equal(symlink("pawl.db", other), 0);
	assert_other_name_refused(fx, other, ERR_LOCKED, "in use by process");
	unlink(other);
}

static void a_hard_link_is_refused_under_either_name(void **state)
{
	struct fx *fx = *state;
	auto_free char *other = mem_printf("%s/link.db", fx->dir);
	assert_int_equal(link(fx->path, other), 0);
	assert_other_name_refused(fx, other, ERR_STORE, "hard link");
	close_store(fx);
	assert_refused(fx, ERR_STORE, "hard link");
	unlink(other);
	must_open(fx);
}

static void a_name_that_sqlite_reads_otherwise_is_a_file(void **state)
{
	struct fx *fx = *state;
	char here[4096];
	assert_non_null(getcwd(here, sizeof(here)));
	close_store(fx);
	assert_int_equal(chdir(fx->dir), 0);
	snprintf(fx->path, sizeof(fx->path), ":memory:");
	must_open(fx);
	assert_int_equal(access(":memory:", F_OK), 0);
	close_store(fx);
	assert_int_equal(chdir(here), 0);
	snprintf(fx->path, sizeof(fx->path), "%s/pawl.db", fx->dir);
}

static void a_newer_schema_is_refused(void **state)
{
	struct fx *fx = *state;
	close_store(fx);
	sql(fx, "PRAGMA user_version = 99");
	assert_refused(fx, ERR_STORE, "newer pawl (schema 99");
	assert_int_equal(number(fx, "PRAGMA user_version"), 99);
}

static void another_programs_file_is_refused(void **state)
{
	struct fx *fx = *state;
	close_store(fx);
	unlink(fx->path);
	sql(fx, "CREATE TABLE mine(x)");
	assert_refused(fx, ERR_STORE, "another program");
	assert_int_equal(number(fx, "SELECT count(*) FROM sqlite_schema"), 1);
}

static void damage(struct fx *fx, off_t at, off_t cut)
{
	int fd = open(fx->path, O_RDWR);
	assert_int_equal(pwrite(fd, "garbage garbage garbage", 24, at), 24);
	if (cut)
		assert_int_equal(ftruncate(fd, cut), 0);
	close(fd);
}

static void a_damaged_file_is_refused(void **state)
{
	struct fx *fx = *state;
	accept_run(fx, 1);
	close_store(fx);
	damage(fx, 0, 0);
	assert_refused(fx, ERR_STORE, fx->path);
}

static void a_file_that_was_cut_short_is_refused(void **state)
{
	struct fx *fx = *state;
	accept_run(fx, 1);
	close_store(fx);
	damage(fx, 4096 * 3, 4096 * 4);
	assert_refused(fx, ERR_STORE, fx->path);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct fx *fx = *state;
	close_store(fx);
	char path[sizeof(fx->path)];
	memcpy(path, fx->path, sizeof(path));
	snprintf(fx->path, sizeof(fx->path), "/nonexistent/pawl.db");
	assert_refused(fx, ERR_STORE, "/nonexistent");
	memcpy(fx->path, path, sizeof(path));
}

/* ---- durability ---- */

/* Accepts events until it is killed and writes the number of each answered one to fd. */
static void child_main(struct fx *fx, int fd)
{
	fx->loop = loop_new(&fx->clock.clock, true);
	must_open(fx);
	for (unsigned n = 0;; n++) {
		accept_run(fx, n % 60000);
		if (write(fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
			_exit(1);
	}
}

static void what_was_answered_survives_a_kill(void **state)
{
	struct fx *fx = *state;
	int fds[2];
	unsigned last = 0, n;
	close_store(fx);
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0)
		child_main(fx, fds[1]);
	close(fds[1]);
	while (last < 200 && read(fds[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
		last = n;
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(fds[0], &n, sizeof(n)) == (ssize_t)sizeof(n))
		last = n;
	close(fds[0]);
	waitpid(pid, NULL, 0);
	assert_true(last >= 200);
	must_open(fx);
	for (unsigned i = 0; i <= last; i++) {
		struct store_loaded *l = load_run(fx, i);
		assert_non_null(l);
		store_loaded_free(l);
	}
	assert_int_equal(number(fx, "SELECT count(*) FROM pragma_integrity_check"
				    " WHERE integrity_check <> 'ok'"),
			 0);
}

static void no_answer_comes_before_its_sync(void **state)
{
	struct fx *fx = *state;
	for (unsigned i = 0; i < 3; i++) {
		int before = syncs;
		struct store_accept a = big_accept(fx, i, "1", 1);
		assert_int_equal(fx_do(fx, &a.op), 0);
		assert_true(syncs > before);
	}
}

static void the_log_is_taken_back_while_it_works(void **state)
{
	struct fx *fx = *state;
	enum { LEN = 100000 };
	auto_free char *body = mem_alloc(LEN);
	memset(body, '1', LEN);
	for (unsigned i = 0; i < 100; i++) {
		struct store_accept a = big_accept(fx, i, body, LEN);
		assert_int_equal(fx_do(fx, &a.op), 0);
	}
	struct store_query q = {.view = VIEW_STATS};
	json_t *v = query(fx, &q);
	json_int_t bytes = json_integer_value(json_object_get(v, "wal_bytes"));
	json_decref(v);
	assert_in_range(bytes, 1, 3 * 1024 * 1024);
}

/* ---- faults ---- */

static void on_a_full_disk_only_what_does_not_fit_fails(void **state)
{
	struct fx *fx = *state;
	enum { LEN = 400000 };
	auto_free char *body = mem_alloc(LEN);
	memset(body, '1', LEN);
	struct store_accept a[] = {big_accept(fx, 1, "1", 1), big_accept(fx, 2, body, LEN),
				   big_accept(fx, 3, "3", 1)};
	put_source(fx);
	back = 0;
	pwrites_left = 40; /* two a page of the log */
	disk_is_full = true;
	for (int i = 0; i < 3; i++) {
		a[i].op.cb = on_back;
		store_submit(fx->store, &a[i].op);
	}
	while (back < 3)
		loop_run_once(fx->loop, true);
	disk_is_full = false;
	/* The first fills what was left in the try of all three; the disk stays full after it. */
	assert_int_equal(a[1].op.err, ERR_STORE);
	for (int i = 0; i < 3; i++) {
		struct store_query q = {.view = VIEW_EVENT, .id = a[i].ev.id};
		json_t *v = query(fx, &q);
		assert_int_equal(v != NULL, a[i].op.err == 0);
		json_decref(v);
		if (a[i].op.err)
			assert_int_equal(fx_do(fx, &a[i].op), 0);
	}
}

static void a_verb_that_breaks_a_rule_of_the_tables_fails_alone(void **state)
{
	struct fx *fx = *state;
	struct store_newrun again = newrun_at(1);
	struct store_accept a[3];
	accept_run(fx, 1);
	back = 0;
	for (unsigned i = 0; i < 3; i++)
		a[i] = (struct store_accept){.op = {.verb = STORE_ACCEPT, .cb = on_back},
					     .ev = event_at(fx, 10 + i)};
	a[1].runs = &again;
	a[1].n_runs = 1;
	for (unsigned i = 0; i < 3; i++)
		store_submit(fx->store, &a[i].op);
	while (back < 3)
		loop_run_once(fx->loop, true);
	assert_int_equal(a[0].op.err, 0);
	assert_int_equal(a[1].op.err, ERR_STORE);
	assert_int_equal(a[2].op.err, 0);
	assert_int_equal(number(fx, "SELECT count(*) FROM event"), 3);
}

static atomic_int fatals;

static void count_fatal(const char *why)
{
	fatals++;
}

static void after_a_failed_sync_nothing_is_written_any_more(void **state)
{
	struct fx *fx = *state;
	void (*before)(const char *) = store_on_fatal;
	put_source(fx);
	store_on_fatal = count_fatal;
	fatals = 0;
	sync_fails = true;
	struct store_accept a = big_accept(fx, 1, "1", 1);
	assert_int_equal(fx_do(fx, &a.op), ERR_STORE);
	assert_int_equal(fatals, 1);
	sync_fails = false;
	assert_int_equal(fx_do(fx, &a.op), ERR_STORE);
	assert_int_equal(fatals, 1);
	store_on_fatal = before;
}

/* ---- dedupe ---- */

static void accept_fp(struct fx *fx, unsigned n)
{
	struct store_accept a = big_accept(fx, n, "1", 1);
	a.ev.dedupe = true;
	a.ev.dedupe_ms = DAY_MS;
	a.ev.fp[0] = (unsigned char)(n * 37);
	a.ev.fp[1] = (unsigned char)n;
	assert_int_equal(fx_do(fx, &a.op), 0);
	assert_false(a.duplicate);
}

static void expired_fingerprints_are_removed_bit_by_bit(void **state)
{
	struct fx *fx = *state;
	for (unsigned i = 0; i < 120; i++)
		accept_fp(fx, i);
	assert_int_equal(number(fx, "SELECT count(*) FROM dedupe"), 120);
	clock_virtual_advance(&fx->clock, 2 * DAY_MS);
	accept_fp(fx, 200);
	int64_t left = number(fx, "SELECT count(*) FROM dedupe");
	assert_in_range(left, 71, 121);
	for (unsigned i = 201; i < 210; i++)
		accept_fp(fx, i);
	assert_int_equal(number(fx, "SELECT count(*) FROM dedupe"), 10);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fx_setup, sqlite_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(its_files_are_for_their_owner_only),
		T(a_second_opening_is_refused_with_the_pid),
		T(a_symbolic_link_is_no_way_around_the_lock),
		T(a_hard_link_is_refused_under_either_name),
		T(a_name_that_sqlite_reads_otherwise_is_a_file),
		T(a_newer_schema_is_refused),
		T(another_programs_file_is_refused),
		T(a_damaged_file_is_refused),
		T(a_file_that_was_cut_short_is_refused),
		T(a_folder_that_is_not_there_is_an_error),
		T(what_was_answered_survives_a_kill),
		T(no_answer_comes_before_its_sync),
		T(the_log_is_taken_back_while_it_works),
		T(on_a_full_disk_only_what_does_not_fit_fails),
		T(a_verb_that_breaks_a_rule_of_the_tables_fails_alone),
		T(after_a_failed_sync_nothing_is_written_any_more),
		T(expired_fingerprints_are_removed_bit_by_bit),
	};
	faults_install();
	return suite_run("store_sqlite", tests, sizeof(tests) / sizeof(*tests));
}
