/*
 * The catalogue: the actions that rules can call, read from data files (actions/README.md).
 *
 * An action is immutable. All that is needed while a run uses it stands in its definition `def`,
 * the regular JSON form of what its file says together with what its connector says of errors,
 * paging and jobs. A run pins that text and action_from_json() makes the same action of it later, whatever
 * has become of the files. Not in `def`, because they are not pinned: the base URL, credentials and
 * rates of the connector, and the prose.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actions/schema.h"
#include "engine/base/err.h"

/* What may be done about a call whose outcome is not known. X(CODE, word) */
#define EFFECT_MAP(X)                                                                              \
	X(READ, "read")             /* send again */                                               \
	X(IDEMPOTENT, "idempotent") /* send again */                                               \
	X(KEYED, "keyed")           /* look it up by its natural key first */                      \
	X(JOB, "job")               /* look through the list of jobs first */                      \
	X(ONCE, "once")             /* never by itself */

enum effect {
#define X(code, word) EFFECT_##code,
	EFFECT_MAP(X)
#undef X
		EFFECTS
};
const char *effect_word(enum effect e);

enum param_in {
	IN_PATH,
	IN_QUERY,
	IN_BODY,
	IN_FORM,
	IN_HEADER,
	IN_LOCAL, /* never sent: it says how the call is to be made */
	PARAM_INS
};
const char *param_in_word(enum param_in in);

struct action_param {
	const char *name; /* what rules write */
	const char *wire; /* what is sent; mostly the same */
	enum param_in in;
	bool repeat;                 /* lists in a query: name=a&name=b; else one comma list */
	const char *filename;        /* of a file that comes as mere text, or NULL */
	const struct schema *schema; /* required, type, limits, about */
};

enum body_kind {
	BODY_NONE,
	BODY_JSON,      /* an object of the body parameters; `{}` when none is given */
	BODY_BARE,      /* the one body parameter is the whole body */
	BODY_FORM,      /* application/x-www-form-urlencoded */
	BODY_MULTIPART, /* multipart/form-data */
};

/* How a keyed creation is looked for after its answer was lost. */
struct action_look_up {
	const char *action;  /* of the same connector */
	const json_t *key;   /* {parameter of the look-up: our parameter's path}; may be empty */
	const json_t *with;  /* constant parameters of the look-up; may be empty */
	const json_t *match; /* {path in an item: our parameter's path}: equal, letter case aside */
	const json_t *agree; /* paths that, where sent, must be equal for it to be adopted */
	const char *
		items; /* path of the list in its answer; "": the answer is the list, or one item */
	const char *created; /* path of the item's creation time */
	const char *deleted; /* path that is set on a soft-deleted item, or NULL */
	const char *id;      /* path of the item's id */
	bool all_pages;      /* the look-up cannot filter by the key */
	/*
	 * The action that reads the one that was found whole, with the parameter that takes its id, where
	 * lists show less than the creation answers; or NULL.
	 */
	const char *read, *read_param;
};

/* How jobs of a connector are followed and found again. Paths are those of a job's status. */
struct action_job {
	const char *action, *param; /* reads one status; the parameter that takes the id */
	const char *id;             /* path of the id, also in the answer that began it */
	const char *state, *percent, *errors, *status, *result;
	const char *list, *items, *created; /* lists jobs; NULL when that is not possible */
	const json_t *running;              /* state words under way */
	const json_t *ends;                 /* {state word: "completed", "failed" …} */
	const json_t *partial; /* paths of counters that spoil a completed job when over 0 */
	int64_t kept_ms;       /* how long statuses are kept; 0: unknown */
};

/* How an update that would empty what is left out becomes one that keeps it (actions/merge.h). */
struct action_merge {
	const char *read;    /* the action, of the same connector, that reads what is there */
	const json_t *key;   /* {parameter of that action: our parameter} */
	const json_t *with;  /* its constant parameters; may be empty */
	const json_t *carry; /* names of the parameters that are sent back where none is given */
	const json_t *drop;  /* paths in those that are not sent back */
	/* {parameter: field}: lists of parts; given parts go over those with the same field. */
	const json_t *lists;
	const json_t *keep;   /* {path: {word there: [given words that do not replace it]}} */
	const json_t *refuse; /* the same, but such a call is refused */
	const char *unless;   /* our own parameter that, when true, has the call sent as it is */
};

/* How a call that is larger than the API takes becomes several (actions/split.h). */
struct action_split {
	const char *param; /* a file of CSV, or a list */
	long lines;        /* of a file, its head among them; or elements of a list */
	int64_t bytes;     /* of a file; or of the JSON of all parameters */
};

/* How the answer of a list goes on. X(CODE, word in definitions) */
#define PAGING_MAP(X)                                                                              \
	X(NONE, "none")     /* no list */                                                          \
	X(WHOLE, "whole")   /* a list, all of it in one answer */                                  \
	X(LINK, "link")     /* the answer names the next page's address */                         \
	X(CURSOR, "cursor") /* the answer has a word to be sent back in a parameter */             \
	X(PAGE, "page")     /* a parameter counts pages */                                         \
	X(OFFSET, "offset") /* a parameter counts items */

enum paging_kind {
#define X(code, word) PAGING_##code,
	PAGING_MAP(X)
#undef X
		PAGING_KINDS
};
const char *paging_word(enum paging_kind k);

/*
 * How the next page is found. Paths are those of an answer. In all kinds a page may be empty though
 * others follow; only these end a list:
 * LINK: none of `link` is set (missing, null or ""). The address found holds all parameters: nothing is
 *   added to it (request_next_url()).
 * CURSOR: `cursor` is not set. Else the same parameters again with `cursor_param` set to it, and
 *   without `back_param`.
 * PAGE: `more` is known and none of it is set; or `pages` is set and no more than the number of the
 *   next page less `first`; or, where neither is declared, a page with fewer items than were asked for.
 * OFFSET: `more` as above; or, where it is not declared, a page with fewer items than were asked for.
 *   The next offset is the last one plus the number of items that came: servers change a limit silently.
 */
struct action_paging {
	enum paging_kind kind;
	const json_t *link;            /* LINK: paths, the first that is set counts; else NULL */
	const char *cursor;            /* CURSOR: path of the next page's cursor */
	const char *cursor_param;      /* CURSOR: the parameter that takes it */
	const char *back, *back_param; /* CURSOR: the same for the page before, or NULL */
	const char *page_param;        /* PAGE: the parameter with the page's number */
	long first;                    /* PAGE: number of the first page */
	const char *pages;             /* PAGE: path of the number of pages, or NULL */
	const char *offset_param; /* OFFSET: the parameter; a text or a number as its type says */
	const json_t *more;       /* PAGE, OFFSET: paths that are set while pages follow, or NULL */
	const char *items;        /* path of the items; "": the answer is the list; NULL: no list */
	const char *limit;        /* parameter with the size of a page, or NULL */
	long limit_max;           /* its greatest value; 0: unknown */
	long limit_default;       /* size of a page when it is left out; 0: unknown */
};

struct action {
	json_t *def; /* see above; owned */
	const char *connector, *name, *title;
	const char *group;     /* heading under which it is listed; "" after action_from_json */
	const char *about;     /* when to use it; "" after action_from_json */
	const char *surprise;  /* what surprises; likewise */
	const json_t *aliases; /* [{name, title}]; empty list after action_from_json */
	const char *method, *path;
	const char *accept; /* or NULL for application/json */
	const char
		*auth; /* kind of credentials it needs ("partner"), or NULL: any of the connector */
	bool download; /* the answer is a file: its bytes, not a value; may be large */
	enum effect effect; /* as declared; action_effect() knows better for given parameters */
	const char *scope, *privilege; /* or NULL */
	bool destructive;              /* cannot be taken back */
	bool gone_ok;                  /* not_found means that an earlier attempt did it */
	bool is_job;                   /* the answer begins a job */
	enum body_kind body;
	const struct schema *params; /* all parameters as one object, with the rules between them */
	struct action_param *param;  /* in the same order as params->names */
	size_t n_params;
	const struct schema *answer; /* NULL: nothing is known of it */
	const json_t *success;       /* list of the declared statuses; any other 2xx is fine too */
	struct action_paging paging;
	const struct action_look_up *look_up; /* keyed ones */
	const struct action_merge *merge;     /* or NULL: sent as given */
	const struct action_split *split;     /* or NULL: sent in one */
	/*
	 * A file parameter that is sent under the name of the effect, and the path in a job's status that
	 * shows that name: by it a job is known again for certain. Or NULL.
	 */
	const char *named_param, *named_as;
	const json_t
		*samples, /* by a parameter's name: what stands for it in examples; null: nothing */
		*examples;   /* {minimal, full, invalid}, each may be missing; {} as with aliases */
	const json_t *shape; /* form of the body when that is not flat (actions/shape.h), or NULL */
	const json_t
		*result; /* what a step sees of the answer (actions/shape.h); NULL: all of it */
	const struct action_job *job; /* how the connector's jobs are followed; NULL: it has none */
	/* {status or API key: {error, wait_ms}}: what errors of this action mean. */
	const json_t *errors;
	const json_t *connector_errors; /* {key: [paths], message: [paths], by_key, by_status} */
	const json_t *again;            /* {status: ms}: not ready, repeat after so long */
	unsigned refs;                  /* further holders of one made by action_from_json */
	void *memory;                   /* private */
};

/* What a connector says that is not pinned. Borrowed from the catalogue. */
struct connector {
	const char *name, *title, *about, *base_url;
	const json_t *auth;   /* list of the kinds of credentials it takes */
	const json_t *oauth2; /* {authorize, token, device, scopes, …} or NULL */
	double per_second;    /* 0: no limit is known */
	long per_day;
	const json_t *def; /* all of it */
};

struct catalogue;

struct catalogue *catalogue_new(void);
/* Actions found in it die with it; runs that outlive it make their own of the pinned text. */
void catalogue_free(struct catalogue *c);
/*
 * Adds all connectors under dir: each folder with a connector.yaml (its other *.yaml files are
 * groups of actions), and each *.yaml file that holds a connector and its actions in one. Nothing
 * is added on an error, which names file:line:col. ERR_IO, ERR_PARSE, ERR_EXISTS.
 */
int catalogue_load_dir(struct catalogue *c, const char *dir, struct errmsg *msg);
/* The same for one text that holds a connector with its actions; `file` is for messages. */
int catalogue_load_text(struct catalogue *c, const char *file, const char *text, size_t len,
			struct errmsg *msg);

/* By connector and name or alias; NULL when there is none. */
const struct action *catalogue_find(const struct catalogue *c, const char *connector,
				    const char *name);
/* By "connector.name"; NULL when there is none. */
const struct action *catalogue_find_full(const struct catalogue *c, const char *full);
const struct connector *catalogue_connector(const struct catalogue *c, const char *name);
/* Iterates in the order of loading: start with *i = 0; NULL at the end. */
const struct action *catalogue_next(const struct catalogue *c, size_t *i);
const struct connector *catalogue_next_connector(const struct catalogue *c, size_t *i);
size_t catalogue_count(const struct catalogue *c);
/* The name or alias of that connector that is nearest to a misspelt one, or NULL. */
const char *catalogue_suggest(const struct catalogue *c, const char *connector, const char *name);
/* The connector's name that is nearest, or NULL. */
const char *catalogue_suggest_connector(const struct catalogue *c, const char *name);

/*
 * Actions that have all the words (separated by blanks, case ignored) in name, title, aliases or
 * about, best first: words in the name count most. Writes at most max, returns how many there are.
 */
size_t catalogue_search(const struct catalogue *c, const char *words, const struct action **ret,
			size_t max);

/* The action of a definition that was pinned; def is borrowed and copied. ERR_PARSE. */
struct action *action_from_json(const json_t *def, struct errmsg *msg);
/* Only for those of action_from_json. */
void action_free(struct action *a);
/* One more holder of it, who frees it too. Returns a. */
struct action *action_ref(struct action *a);
/* SHA-256 of the canonical text of def. */
const char *action_hash(const struct action *a, char out[65]);
const struct action_param *action_param(const struct action *a, const char *name);

/*
 * Reports each violation (unknown, missing, wrong); returns their number, warnings not counted. A call
 * that will be merged need not give the parts that what is read fills in.
 */
size_t action_check(const struct action *a, const json_t *params, const struct check *c);
/* The first violation as an error (ERR_INVALID, "email_address.address: …"), or 0. */
int action_check_given(const struct action *a, const json_t *params, struct errmsg *msg);
/* The same for what is sent as it is: nothing will be filled in. */
int action_check_first(const struct action *a, const json_t *params, struct errmsg *msg);
/*
 * The effect class of a call with these parameters: a keyed one without its key is `once`. With
 * params NULL, the declared one.
 */
enum effect action_effect(const struct action *a, const json_t *params);
/* Whether a job with these parameters may be sent again although the first may have begun. */
bool action_repeat_is_harmless(const struct action *a, const json_t *params);

enum field_known { FIELD_NO, FIELD_YES, FIELD_UNKNOWN };
/*
 * Whether the answer can have a dotted path ("contacts.0.contact_id"). On FIELD_NO, ret_* (may be
 * NULL) say where it went wrong: the wrong part's offset in path, and the names there (borrowed).
 */
enum field_known action_has_field(const struct action *a, const char *path, size_t *ret_at,
				  const char *const **ret_names, size_t *ret_n);
