/* Files of runs: made, sealed, found again and swept. */
#include "engine/store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/json.h"

#define PART ".part"
#define NAME_MAX_LEN (FILE_ID_LEN + sizeof(PART))
#define PIECE 65536
#define TRIES 8 /* names that may be taken */

struct files {
	char *dir;
	int fd; /* of dir; -1: not made yet */
	bool temporary;
	struct loop *loop;
	struct rng *rng;
	struct loop_async *async;
	size_t outstanding;

	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake, more;
	struct link queue, done;
	bool stop;
};

static int io_error(struct errmsg *msg, const char *what)
{
	return err_set(msg, ERR_IO, "%s: %s", what, strerror(errno));
}

/* ---- names ---- */

static bool is_id(const char *s)
{
	return s && strlen(s) == FILE_ID_LEN - 1 &&
	       strspn(s, "0123456789abcdef") == FILE_ID_LEN - 1;
}

static bool is_owner(const char *s)
{
	struct id id;
	return strcmp(s, FILES_CALLS) == 0 || (id_parse(s, &id) && !strpbrk(s, "/."));
}

static const char *part_name(const char *id, char out[NAME_MAX_LEN])
{
	snprintf(out, NAME_MAX_LEN, "%s" PART, id);
	return out;
}

/* ---- folders ---- */

static int open_folder(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens DIR/OWNER; make: also when it is not there yet. -1 with errno. */
static int open_owner(const struct files *f, const char *owner, bool make)
{
	if (f->fd < 0)
		errno = ENOENT;
	if (f->fd < 0 || (make && mkdirat(f->fd, owner, 0700) && errno != EEXIST))
		return -1;
	return open_folder(f->fd, owner);
}

static int sync_parent(const char *path)
{
	auto_free char *copy = mem_strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int make_dir(struct files *f, struct errmsg *msg)
{
	if (f->fd >= 0)
		return 0;
	if (mkdir(f->dir, 0700) && errno != EEXIST)
		return io_error(msg, f->dir);
	f->fd = open_folder(AT_FDCWD, f->dir);
	return f->fd < 0 ? io_error(msg, f->dir) : 0;
}

static void each_name(int fd, void (*what)(int fd, const char *name, bool all), bool all)
{
	int own = dup(fd);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	if (!d) {
		if (own >= 0)
			close(own);
		return;
	}
	rewinddir(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			what(fd, e->d_name, all);
	closedir(d);
}

static void sweep_file(int fd, const char *name, bool all)
{
	size_t len = strlen(name), end = sizeof(PART) - 1;
	if (all || (len > end && strcmp(name + len - end, PART) == 0))
		(void)unlinkat(fd, name, 0);
}

/* What was never sealed is removed, and with it folders that are empty then. */
static void sweep_owner(int fd, const char *owner, bool all)
{
	int own = is_owner(owner) ? open_folder(fd, owner) : -1;
	if (own < 0)
		return;
	each_name(own, sweep_file, all || strcmp(owner, FILES_CALLS) == 0);
	close(own);
	(void)unlinkat(fd, owner, AT_REMOVEDIR); /* refused when there is something in it */
}

/* ---- the thread ---- */

static struct files_job *job_of(struct link *l)
{
	return container_of(l, struct files_job, link);
}

static void *thread_main(void *arg)
{
	struct files *f = arg;
	pthread_mutex_lock(&f->lock);
	for (;;) {
		struct link *l = list_shift(&f->queue);
		if (!l && f->stop)
			break;
		if (!l) {
			pthread_cond_wait(&f->wake, &f->lock);
			continue;
		}
		pthread_mutex_unlock(&f->lock);
		job_of(l)->work(job_of(l));
		pthread_mutex_lock(&f->lock);
		list_append(&f->done, l);
		pthread_cond_signal(&f->more);
		loop_async_send(f->async);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static struct link *take_done(struct files *f)
{
	pthread_mutex_lock(&f->lock);
	struct link *l = list_shift(&f->done);
	pthread_mutex_unlock(&f->lock);
	return l;
}

static void deliver(void *arg)
{
	struct files *f = arg;
	for (struct link *l; (l = take_done(f));) {
		f->outstanding--;
		loop_release(f->loop);
		job_of(l)->cb(job_of(l));
	}
}

/* Signals are the loop's: the thread blocks them all. */
static bool start_thread(struct files *f)
{
	sigset_t all, before;
	if (f->started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	f->started = pthread_create(&f->thread, NULL, thread_main, f) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return f->started;
}

void files_run(struct files *f, struct files_job *j)
{
	j->err = 0;
	f->outstanding++;
	loop_hold(f->loop);
	pthread_mutex_lock(&f->lock);
	if (start_thread(f)) {
		list_append(&f->queue, &j->link);
		pthread_cond_signal(&f->wake);
	} else {
		j->err = err_set(&j->msg, ERR_IO, "cannot start a thread");
		list_append(&f->done, &j->link);
		loop_async_send(f->async);
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- opening and closing ---- */

static struct files *files_new(char *dir_taken, struct loop *l, struct rng *rng)
{
	struct files *f = mem_alloc(sizeof(*f));
	f->dir = dir_taken;
	f->fd = -1;
	f->loop = l;
	f->rng = rng;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	pthread_cond_init(&f->more, NULL);
	list_init(&f->queue);
	list_init(&f->done);
	f->async = loop_async_new(l, deliver, f);
	return f;
}

struct files *files_open(const char *dir, struct loop *l, struct rng *rng, struct errmsg *msg)
{
	struct files *f = files_new(mem_strdup(dir), l, rng);
	f->fd = open_folder(AT_FDCWD, dir);
	if (f->fd < 0 && errno != ENOENT) {
		(void)io_error(msg, dir);
		files_close(f);
		return NULL;
	}
	if (f->fd >= 0)
		each_name(f->fd, sweep_owner, false);
	return f;
}

struct files *files_temp(struct loop *l, struct rng *rng, struct errmsg *msg)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = mem_printf("%s/pawl-files-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		(void)io_error(msg, dir);
		free(dir);
		return NULL;
	}
	struct files *f = files_new(dir, l, rng);
	f->temporary = true;
	f->fd = open_folder(AT_FDCWD, dir);
	if (f->fd >= 0)
		return f;
	(void)io_error(msg, dir);
	files_close(f);
	return NULL;
}

static void finish(struct files *f)
{
	/* Callbacks may hand in more. */
	while (f->outstanding) {
		pthread_mutex_lock(&f->lock);
		while (list_empty(&f->done))
			pthread_cond_wait(&f->more, &f->lock);
		pthread_mutex_unlock(&f->lock);
		deliver(f);
	}
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	if (f->started)
		pthread_join(f->thread, NULL);
}

void files_close(struct files *f)
{
	if (!f)
		return;
	finish(f);
	if (f->temporary && f->fd >= 0) {
		each_name(f->fd, sweep_owner, true);
		(void)rmdir(f->dir);
	} else if (f->fd >= 0) {
		files_remove_all(f, FILES_CALLS);
	}
	if (f->fd >= 0)
		close(f->fd);
	loop_async_free(f->async);
	pthread_cond_destroy(&f->wake);
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
	free(f->dir);
	free(f);
}

const char *files_dir(const struct files *f)
{
	return f->dir;
}

/* ---- writing ---- */

static void new_id(struct files *f, char out[FILE_ID_LEN])
{
	unsigned char bits[(FILE_ID_LEN - 1) / 2];
	f->rng->fill(f->rng, bits, sizeof(bits));
	hex_encode(bits, sizeof(bits), out);
}

/* An id is free when neither a sealed file nor one being written has it. */
static int create_in(struct files *f, int folder, struct file_out *out)
{
	char name[NAME_MAX_LEN];
	for (int i = 0; i < TRIES; i++) {
		new_id(f, out->id);
		if (faccessat(folder, out->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		int fd = openat(folder, part_name(out->id, name),
				O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

int files_create(struct files *f, const char *owner, struct file_out *out, struct errmsg *msg)
{
	*out = (struct file_out){0};
	if (!is_owner(owner))
		return err_set(msg, ERR_INVALID, "'%.40s' owns no files", owner);
	if (make_dir(f, msg) != 0)
		return msg ? msg->code : ERR_IO;
	int folder = open_owner(f, owner, true);
	int fd = folder < 0 ? -1 : create_in(f, folder, out);
	int err = fd < 0 ? io_error(msg, "cannot make a file") : 0;
	if (folder >= 0)
		close(folder);
	if (err)
		return err;
	out->files = f;
	out->fd = fd;
	snprintf(out->owner, sizeof(out->owner), "%s", owner);
	return 0;
}

int file_out_write(struct file_out *out, const void *data, size_t len, struct errmsg *msg)
{
	const char *p = data;
	while (len) {
		ssize_t n = write(out->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_error(msg, "cannot write a file");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int hash_file(struct file_out *out, struct errmsg *msg)
{
	auto_free char *piece = mem_alloc(PIECE);
	struct sha256_stream *sum = sha256_begin();
	ssize_t n;
	out->size = 0;
	while ((n = pread(out->fd, piece, PIECE, out->size)) > 0) {
		sha256_add(sum, piece, (size_t)n);
		out->size += n;
	}
	int err = n < 0 ? io_error(msg, "cannot read a file") : 0;
	sha256_end(sum, err ? NULL : out->sha256);
	return err;
}

/* The content first, then the name, then the folders that lead to it. */
static int sync_all(struct file_out *out, int folder)
{
	char name[NAME_MAX_LEN];
	if (fsync(out->fd))
		return -1;
	if (renameat(folder, part_name(out->id, name), folder, out->id))
		return -1;
	out->sealed = true;
	if (fsync(folder) || fsync(out->files->fd))
		return -1;
	return sync_parent(out->files->dir);
}

static void remove_out(struct file_out *out, int folder)
{
	char name[NAME_MAX_LEN];
	(void)unlinkat(folder, out->sealed ? out->id : part_name(out->id, name), 0);
	out->sealed = false;
}

static void seal_work(struct files_job *j)
{
	struct file_out *out = container_of(j, struct files_seal, job)->out;
	int folder = open_owner(out->files, out->owner, false);
	j->err = folder < 0 ? io_error(&j->msg, "a file's folder") : hash_file(out, &j->msg);
	if (!j->err && sync_all(out, folder))
		j->err = io_error(&j->msg, "a file cannot be synced");
	if (j->err && folder >= 0)
		remove_out(out, folder);
	if (folder >= 0)
		close(folder);
	close(out->fd);
	out->fd = 0;
}

void files_seal(struct files_seal *s, struct file_out *out)
{
	s->out = out;
	s->job.work = seal_work;
	files_run(out->files, &s->job);
}

void file_out_drop(struct file_out *out)
{
	if (out->fd > 0) {
		int folder = open_owner(out->files, out->owner, false);
		close(out->fd);
		if (folder >= 0) {
			remove_out(out, folder);
			close(folder);
		}
	}
	*out = (struct file_out){0};
}

json_t *file_out_value(const struct file_out *out, const char *name, const char *type)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:s}", "file", out->id, "name", name, "type", type,
			 "size", (json_int_t)out->size, "sha256", out->sha256);
}

/* ---- reading ---- */

bool files_is_value(const json_t *v)
{
	return json_is_string(json_object_get(v, "file"));
}

static int open_found(struct files *f, const char *owner, const char *id, struct file_in *ret)
{
	struct stat st;
	int folder = is_id(id) && is_owner(owner) ? open_owner(f, owner, false) : -1;
	if (folder < 0)
		return -1;
	int fd = openat(folder, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(folder);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	ret->fd = fd;
	ret->size = st.st_size;
	memcpy(ret->id, id, FILE_ID_LEN);
	return 0;
}

int files_find(struct files *f, const char *owner, const json_t *v, struct file_in *ret,
	       struct errmsg *msg)
{
	*ret = (struct file_in){0};
	const char *id = json_str(v, "file");
	if (!f || open_found(f, owner, id, ret) != 0)
		return err_set(msg, ERR_INVALID,
			       "there is no such file: only what this run has fetched or made can "
			       "be read");
	if (json_int(v, "size", -1) == ret->size)
		return 0;
	file_in_done(ret);
	return err_set(msg, ERR_INVALID, "the file has another size than its value says");
}

void file_in_done(struct file_in *in)
{
	if (in->fd > 0)
		close(in->fd);
	*in = (struct file_in){0};
}

ssize_t file_in_read(const struct file_in *in, int64_t at, void *to, size_t max, struct errmsg *msg)
{
	ssize_t n;
	do
		n = pread(in->fd, to, max, at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? io_error(msg, "cannot read a file") : n;
}

/* ---- removing ---- */

void files_remove(struct files *f, const char *owner, const char *id)
{
	int folder = is_id(id) && is_owner(owner) ? open_owner(f, owner, false) : -1;
	if (folder < 0)
		return;
	(void)unlinkat(folder, id, 0);
	close(folder);
	(void)unlinkat(f->fd, owner, AT_REMOVEDIR);
}

void files_remove_all(struct files *f, const char *owner)
{
	if (f->fd >= 0)
		sweep_owner(f->fd, owner, true);
}

char **files_owners(const struct files *f, size_t *ret_n)
{
	int own = f->fd < 0 ? -1 : dup(f->fd);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	char **owners = NULL;
	*ret_n = 0;
	if (!d) {
		if (own >= 0)
			close(own);
		return NULL;
	}
	rewinddir(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (!is_owner(e->d_name) || strcmp(e->d_name, FILES_CALLS) == 0)
			continue;
		owners = mem_realloc(owners, (*ret_n + 1) * sizeof(*owners));
		owners[(*ret_n)++] = mem_strdup(e->d_name);
	}
	closedir(d);
	return owners;
}
