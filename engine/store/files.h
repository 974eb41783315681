/*
 * Files of runs: in a folder beside the store, under names of our own, durable before anything that
 * refers to them.
 *
 *   DIR/OWNER/ID.part   being written
 *   DIR/OWNER/ID        sealed: it and its folders are synced, and it never changes again
 *
 * OWNER is a run's id, or FILES_CALLS for calls outside of runs. ID is 128 random bits. No other name
 * is ever opened, and no part of one comes from data: a value that merely looks like a file's opens
 * nothing. What a crash left unsealed, and what calls left, is removed when the folder is opened.
 *
 * Syncing, hashing and reading through a file are work for a thread of its own.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "engine/base/hash.h"
#include "engine/base/id.h"
#include "engine/base/list.h"
#include "engine/io/loop.h"

#define FILE_ID_LEN 33 /* 32 hex digits */
#define FILES_CALLS "calls"

struct files;

/* Work for the thread; embedded by its owner, zeroed before. */
struct files_job {
	void (*work)(struct files_job *j); /* on the thread; sets err and msg */
	void (*cb)(struct files_job *j);   /* on the loop; once */
	int err;
	struct errmsg msg;
	struct link link; /* private while it is under way */
};

/* A file being written, or one that was just sealed. Zeroed: none. */
struct file_out {
	struct files *files;
	char owner[ID_TEXT_LEN], id[FILE_ID_LEN];
	int fd; /* to write to, in order; 0: none */
	bool sealed;
	int64_t size; /* once sealed */
	char sha256[HASH_HEX_LEN];
};

/* A sealed file that is open for reading. */
struct file_in {
	int fd; /* 0: none */
	int64_t size;
	char id[FILE_ID_LEN];
};

struct files_seal {
	struct files_job job;
	struct file_out *out; /* borrowed until the callback */
};

/*
 * dir need not be there: it is made (0700) with the first file. Sweeps what is left over of an earlier
 * process. NULL when there is something that is no folder (ERR_IO).
 */
struct files *files_open(const char *dir, struct loop *l, struct rng *rng, struct errmsg *msg);
/* A new folder for as long as it is open: for tests and for stores without a place on the disk. */
struct files *files_temp(struct loop *l, struct rng *rng, struct errmsg *msg);
/* Finishes what is under way (callbacks come), then frees. NULL is fine. Not from a callback. */
void files_close(struct files *f);
const char *files_dir(const struct files *f);

/* Hands work to the thread; the callback comes on a later turn. */
void files_run(struct files *f, struct files_job *j);

/* Begins a file (0600). ERR_IO. Ends by files_seal, or by file_out_drop. */
int files_create(struct files *f, const char *owner, struct file_out *out, struct errmsg *msg);
/* Writes all of it. ERR_IO. */
int file_out_write(struct file_out *out, const void *data, size_t len, struct errmsg *msg);
/*
 * Syncs, hashes and names it; cb on the loop with job.err. Until then nothing may refer to the file.
 * After an error it is gone. s->job.cb is set by the caller; the rest here.
 */
void files_seal(struct files_seal *s, struct file_out *out);
/* Closes; removes it unless it is sealed. Fine for a zeroed one. Not while it is being sealed. */
void file_out_drop(struct file_out *out);
/*
 * {file, name, type, size, sha256} of a sealed one, a new reference. NULL is returned when name or
 * type are no UTF-8.
 */
json_t *file_out_value(const struct file_out *out, const char *name, const char *type);

/* Whether a value looks like a file's: an object with the text `file`. */
bool files_is_value(const json_t *v);
/*
 * Opens what a value names: one of the owner's own sealed files, of the size that the value tells. Else
 * ERR_INVALID, whatever stands in it.
 */
int files_find(struct files *f, const char *owner, const json_t *v, struct file_in *ret,
	       struct errmsg *msg);
void file_in_done(struct file_in *in);
/* Up to max bytes from an offset; 0 at the end. ERR_IO with msg when negative. */
ssize_t file_in_read(const struct file_in *in, int64_t at, void *to, size_t max,
		     struct errmsg *msg);

/* Removes a sealed file, or all of an owner's: when a call, or a run's retention, has ended. */
void files_remove(struct files *f, const char *owner, const char *id);
void files_remove_all(struct files *f, const char *owner);
/* The runs that have a folder: malloc'd, with malloc'd ids; NULL and 0 when there are none. */
char **files_owners(const struct files *f, size_t *ret_n);
