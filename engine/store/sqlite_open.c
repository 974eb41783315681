/* Opening the SQLite store: the lock, the file, its migrations, both connections. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/store/schema.h"
#include "engine/store/sqlite.h"

#define APPLICATION_ID 0x7061776c /* "pawl" */

/* Set on both. The log is cut to 16 MiB when it starts again after something had pinned it. */
#define PRAGMAS_BOTH                                                                               \
	"PRAGMA synchronous=FULL; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"                   \
	"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA journal_size_limit=16777216;"

int sqlite_exec(sqlite3 *db, const char *sql, struct errmsg *msg)
{
	char *text = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK)
		return 0;
	int err = err_set(msg, ERR_STORE, "%s", text ? text : sqlite3_errmsg(db));
	sqlite3_free(text);
	return err;
}

int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret, struct errmsg *msg)
{
	sqlite3_stmt *st = NULL;
	int err = 0;
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) || sqlite3_step(st) != SQLITE_ROW)
		err = err_set(msg, ERR_STORE, "%s", sqlite3_errmsg(db));
	else
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return err;
}

bool sqlite_is_fatal(int rc)
{
	return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
}

int worker_prepare(struct worker *w, const char *const *sql, size_t n, struct errmsg *msg)
{
	w->stmts = mem_realloc(w->stmts, (w->n_stmts + n) * sizeof(sqlite3_stmt *));
	for (size_t i = 0; i < n; i++) {
		sqlite3_stmt **st = &w->stmts[w->n_stmts];
		if (sqlite3_prepare_v3(w->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, st, NULL))
			return err_set(msg, ERR_STORE, "%s", sqlite3_errmsg(w->db));
		w->n_stmts++;
	}
	return 0;
}

struct id column_id(sqlite3_stmt *st, int i)
{
	struct id id = {{0}};
	const void *b = sqlite3_column_blob(st, i);
	if (b && sqlite3_column_bytes(st, i) == (int)sizeof(id.b))
		memcpy(id.b, b, sizeof(id.b));
	return id;
}

const char *column_text(sqlite3_stmt *st, int i)
{
	const char *s = (const char *)sqlite3_column_text(st, i);
	return s ? s : "";
}

/*
 * The lock goes by the file's name, so a file must have one name only: a symbolic link stands for
 * what it points to. SQLite would take names such as ":memory:" and "file:…" for no files at all.
 */
static void path_settle(struct sqlite_store *s)
{
	struct stat st;
	char *path = NULL;
	if (lstat(s->path, &st) == 0 && S_ISLNK(st.st_mode))
		path = realpath(s->path, NULL);
	else if (*s->path == ':' || !strncmp(s->path, "file:", 5))
		path = mem_printf("./%s", s->path);
	if (!path)
		return;
	free(s->path);
	s->path = path;
}

/* Under a second hard link another process would find neither our lock nor our log. */
static int links_check(struct sqlite_store *s, struct errmsg *msg)
{
	struct stat st;
	if (stat(s->path, &st) || !S_ISREG(st.st_mode) || st.st_nlink < 2)
		return 0;
	return err_set(msg, ERR_STORE, "'%s' has a second name, a hard link: remove one of them",
		       s->path);
}

static int locked_by(int fd, const char *path, struct errmsg *msg)
{
	char pid[32] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? n : 0] = 0;
	pid[strcspn(pid, "\n")] = 0;
	return err_set(msg, ERR_LOCKED, "'%s' is in use by process %s", path,
		       *pid ? pid : "(unknown)");
}

/*
 * A file of its own beside the store: a lock on the store itself would go with any descriptor of
 * it that SQLite closes. It stays when the store is closed, as its removal would race.
 */
static int lock_take(struct sqlite_store *s, struct errmsg *msg)
{
	auto_free char *path = mem_printf("%s.lock", s->path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(msg, ERR_STORE, "cannot open '%s': %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int err = errno == EWOULDBLOCK ? locked_by(fd, s->path, msg)
					       : err_set(msg, ERR_STORE, "cannot lock '%s': %s",
							 path, strerror(errno));
		close(fd);
		return err;
	}
	s->lock_fd = fd;
	/* The pid is for people only: a full disk is no reason not to start. */
	if (ftruncate(fd, 0) == 0)
		(void)!dprintf(fd, "%ld\n", (long)getpid());
	return 0;
}

/* Makes the directory's entry of a new file durable. */
static int dir_sync(const char *path, struct errmsg *msg)
{
	auto_free char *copy = mem_strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;
	if (fd < 0 || fsync(fd))
		err = err_set(msg, ERR_STORE, "cannot sync the folder of '%s': %s", path,
			      strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* SQLite gives the log and its index the mode of the file itself. */
static int file_create(struct sqlite_store *s, struct errmsg *msg)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return err_set(msg, ERR_STORE, "cannot create '%s': %s", s->path, strerror(errno));
	close(fd);
	return dir_sync(s->path, msg);
}

static int connect_to(struct worker *w, int flags, const char *pragmas, struct errmsg *msg)
{
	int rc = sqlite3_open_v2(w->store->path, &w->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc)
		return err_set(msg, ERR_STORE, "%s",
			       w->db ? sqlite3_errmsg(w->db) : sqlite3_errstr(rc));
	sqlite3_extended_result_codes(w->db, 1);
	/* Only a foreign program can hold a lock, a backup for one: it is given a moment. */
	sqlite3_busy_timeout(w->db, 1000);
	return sqlite_exec(w->db, pragmas, msg);
}

/* Is it ours, or new? Writes nothing. */
static int version_check(sqlite3 *db, int64_t *ret_version, struct errmsg *msg)
{
	int64_t app, tables;
	if (sqlite_number(db, "PRAGMA application_id", &app, msg) ||
	    sqlite_number(db, "PRAGMA user_version", ret_version, msg) ||
	    sqlite_number(db, "SELECT count(*) FROM sqlite_schema", &tables, msg))
		return ERR_STORE;
	if (app != APPLICATION_ID && (app || tables || *ret_version))
		return err_set(msg, ERR_STORE, "it is another program's SQLite file");
	if (*ret_version > schema_version)
		return err_set(msg, ERR_STORE,
			       "it was written by a newer pawl (schema %lld, this one knows %d)",
			       (long long)*ret_version, schema_version);
	return 0;
}

/* A migration is whole or not there. */
static int migrate_one(sqlite3 *db, int from, struct errmsg *msg)
{
	auto_free char *sql = mem_printf("BEGIN IMMEDIATE; %s; PRAGMA application_id=%d;"
					 "PRAGMA user_version=%d; COMMIT",
					 schema_migrations[from], APPLICATION_ID, from + 1);
	if (!sqlite_exec(db, sql, msg))
		return 0;
	if (!sqlite3_get_autocommit(db))
		(void)sqlite_exec(db, "ROLLBACK", NULL);
	return err_wrap(msg, "migration to schema %d", from + 1);
}

static int writer_open(struct sqlite_store *s, struct errmsg *msg)
{
	int64_t version;
	if (connect_to(&s->writer, SQLITE_OPEN_READWRITE, PRAGMAS_BOTH "PRAGMA cache_size=-16384;",
		       msg))
		return ERR_STORE;
	sqlite3 *db = s->writer.db;
	if (version_check(db, &version, msg) ||
	    sqlite_exec(db, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0", msg))
		return ERR_STORE;
	for (int v = (int)version; v < schema_version; v++)
		if (migrate_one(db, v, msg))
			return ERR_STORE;
	if (sqlite_exec(db,
			"INSERT INTO meta VALUES ('epoch', 1)"
			" ON CONFLICT(name) DO UPDATE SET value = value + 1",
			msg))
		return ERR_STORE;
	return sqlite_number(db, "SELECT value FROM meta WHERE name = 'epoch'", &s->epoch, msg);
}

int sqlite_open_all(struct sqlite_store *s, struct errmsg *msg)
{
	path_settle(s);
	int err = lock_take(s, msg);
	if (err)
		return err;
	if (file_create(s, msg) || links_check(s, msg))
		return ERR_STORE;
	if (writer_open(s, msg) ||
	    connect_to(&s->reader, SQLITE_OPEN_READONLY,
		       PRAGMAS_BOTH "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;"
				    "PRAGMA cache_size=-8192;",
		       msg))
		return err_wrap(msg, "store '%s'", s->path);
	return 0;
}

static void worker_done(struct worker *w)
{
	for (size_t i = 0; i < w->n_stmts; i++)
		sqlite3_finalize(w->stmts[i]);
	free(w->stmts);
	sqlite3_close(w->db);
	w->stmts = NULL;
	w->n_stmts = 0;
	w->db = NULL;
}

void sqlite_close_all(struct sqlite_store *s)
{
	/* The writer last: closing checkpoints once more and removes the log. */
	worker_done(&s->reader);
	worker_done(&s->writer);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
}
