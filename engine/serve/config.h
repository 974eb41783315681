/*
 * The configuration: one or more pawl.yaml, read, checked whole and merged, a later file winning key
 * by key. docs/CONFIG.md says what each key means.
 *
 * `!env NAME` and `!file PATH` stand for a text from outside; its value is in no error text. Paths
 * are relative to the folder of the file that says them.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/base/log.h"
#include "engine/rule/rules.h"
#include "engine/serve/verify.h"

/* What a command line says over the files; zeroed for nothing. */
struct config_flags {
	const char *listen, *store; /* or NULL */
	const char *const *rules;   /* instead of the files' */
	size_t n_rules;
	bool sandbox;
	/*
	 * Of a command that serves nothing (`check`, `runs`): a variable that is not set or a file that
	 * cannot be read is no error; what it stands for is left out.
	 */
	bool lenient;
};

struct config_hook {
	char *path;          /* "shop/orders" */
	char *type, *source; /* of its events: "webhook:shop/orders", "/hooks/shop/orders" */
	struct verify *verify;
	bool post, get;    /* methods it takes */
	json_t *id, *kind; /* where the sender's id and the kind of event stand (pick.h), or NULL */
	char *split;       /* where several events stand (several.h), or NULL */
	json_t *challenge; /* handshakes (handshake.h), or NULL */
	json_t *answer;    /* {status, type, body} when all is durable, or NULL */
	int64_t dedupe_ms; /* window for ids */
	size_t body_max;
};

struct config_conversation {
	char *platform;
	struct verify *verify; /* NULL: as POST /events */
	json_t *reply;         /* {url, key_header, headers}, or NULL */
	json_t *challenge;     /* handshakes of its preset, or NULL */
	int64_t idle_ms; /* its conversations have ended when nothing was said for so long; 0 */
};

struct config {
	char *dir;               /* of the first file, or "." */
	char *listen;            /* "127.0.0.1:8080" */
	char *public_url;        /* without a slash at its end, or NULL */
	char *store;             /* "sqlite:PATH" */
	char **rules, **actions; /* folders or files that are there */
	size_t n_rules, n_actions;
	char *scripts;          /* folder, which need not exist */
	char *sandbox_scripts;  /* folder of the sandbox, or NULL when it is nowhere */
	char *adapters;         /* folder of the platforms' adapters, or NULL when it is nowhere */
	char *admin_token;      /* or NULL */
	json_t *people;         /* {name: token} of those who may decide */
	char *seal_key;         /* what tokens are sealed with; NULL: the file beside the store */
	char *zone;             /* IANA name, or NULL */
	json_t *vars, *secrets; /* objects */
	json_t *egress;         /* {allow, private} */
	json_t *connections;    /* {name: configuration}, secrets resolved */
	json_t *places;         /* {name: "file:line:col"} of the connections */
	struct config_hook *hooks;
	size_t n_hooks;
	struct config_conversation *conversations;
	size_t n_conversations;
	struct log_config log;
	bool sandbox, loopback; /* loopback: `listen` is reached from this machine only */
};

/*
 * Reads the files; with n == 0, pawl.yaml in the current folder when it is there, else defaults.
 * NULL when f->errors > 0 afterwards; f has the warnings too.
 */
struct config *config_load(const char *const *files, size_t n, const struct config_flags *flags,
			   struct findings *f);
/* The same from one text; `file` says its place, for messages and relative paths. */
struct config *config_load_text(const char *file, const char *text, size_t len,
				const struct config_flags *flags, struct findings *f);
void config_free(struct config *c);
/* Where the key for sealing is when the configuration says none: beside the store. malloc'd. */
char *config_key_file(const struct config *c);

const struct config_hook *config_hook(const struct config *c, const char *path);
const struct config_conversation *config_conversation(const struct config *c, const char *platform);
