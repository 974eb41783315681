/*
 * Types of values: what a parameter takes and what an answer holds, compiled from a definition.
 *
 * Definitions come as JSON (a catalogue file's YAML, made regular by the loader). A schema is
 * immutable; its strings are borrowed from that JSON, which must live longer.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* X(CODE, word in definitions, what a message says) */
#define SCHEMA_TYPE_MAP(X)                                                                         \
	X(ANY, "any", "any value")                                                                 \
	X(STRING, "string", "text")                                                                \
	X(INTEGER, "integer", "an integer")                                                        \
	X(NUMBER, "number", "a number")                                                            \
	X(BOOLEAN, "boolean", "true or false")                                                     \
	X(OBJECT, "object", "an object")                                                           \
	X(LIST, "list", "a list")                                                                  \
	X(FILE, "file", "a file: its text, or {name, text}")

enum schema_type {
#define X(code, word, text) SCHEMA_##code,
	SCHEMA_TYPE_MAP(X)
#undef X
		SCHEMA_TYPES
};

/* Rules between the fields of an object. X(CODE, word in definitions) */
#define SCHEMA_RULE_MAP(X)                                                                         \
	X(ONE_OF, "one_of")       /* exactly one of the names */                                   \
	X(ANY_OF, "any_of")       /* at least one */                                               \
	X(EXCLUSIVE, "exclusive") /* at most one */                                                \
	X(TOGETHER, "together")   /* all or none */                                                \
	X(NEEDS, "needs")         /* `field` only with at least one of these paths */              \
	X(ALONE, "alone")         /* beside `field` only these names */

enum schema_rule_kind {
#define X(code, word) RULE_##code,
	SCHEMA_RULE_MAP(X)
#undef X
		SCHEMA_RULES
};

struct schema_rule {
	enum schema_rule_kind kind;
	const char *field; /* NEEDS and ALONE */
	const json_t *names;
};

struct schema {
	enum schema_type type;
	const char *format; /* "uuid", "datetime", "email" … or NULL; only warned of */
	const char *about;  /* or NULL */
	bool required;      /* as a field of its object */
	bool nullable;      /* an explicit null is sent */
	bool csv;           /* lists: a text is taken too, and cut at its commas */
	bool open;          /* objects: further fields are legal (answers: may be there) */
	bool ignored;       /* only answers have it; taken, so that they can be sent back */
	bool encoded; /* objects and lists: a text with their JSON is sent; such a text is taken too */
	bool as_text; /* texts: a number or truth value is taken and sent as text */
	bool has_min, has_max;
	double min, max;
	long len_min, len_max;  /* characters of a text, or elements of a list; -1: none */
	const char *layout;     /* of a time that is sent: "%Y-%m-%dT%H:%M:%S%z"; NULL: as given */
	const char *begins;     /* texts must begin with this, or NULL */
	const json_t *also;     /* texts that are legal whatever `format` says, or NULL */
	const json_t *values;   /* list of the legal values, or NULL */
	const json_t *example;  /* a value that is fine, for samples; or NULL */
	const json_t *fallback; /* what the API takes when the value is left out; NULL: unknown */
	struct schema *items;   /* elements of a list; NULL: any */
	/* Fields of an object, in the order of the definition; names serve suggestions too. */
	const char **names;
	struct schema **fields;
	size_t n_fields;
	struct schema_rule *rules;
	size_t n_rules;
};

/* Compiles a definition in its regular form. NULL with msg on a malformed one. */
struct schema *schema_new(const json_t *def, struct errmsg *msg);
void schema_free(struct schema *s);
const char *schema_type_word(enum schema_type t);
/* "a list": what a message says. */
const char *schema_type_text(enum schema_type t);
/* -1 when no type has that word. */
int schema_type_by_word(const char *word);
/* Whether a value is of the type, limits aside; an empty object is a list too and vice versa. */
bool schema_fits(const struct schema *s, const json_t *v);
/* The schema of a field, or NULL. */
const struct schema *schema_field(const struct schema *s, const char *name);

/* What is known of a value while a rule is only checked and has not run. */
enum value_known {
	VALUE_KNOWN,
	VALUE_UNKNOWN, /* an expression: any type, and perhaps left out in the end */
	VALUE_TEXT,    /* some text that is not known yet */
	VALUE_LIST,    /* some list */
	VALUE_SINGLE,  /* something that is no list */
};

/* Whoever wants to hear of violations. path: "email_address.address", "notes[2].content". */
struct check {
	/* warning: the API may well refuse it, but nothing that we know forbids it. */
	void (*violation)(void *arg, const char *path, const char *message, bool warning);
	enum value_known (*known)(void *arg, const json_t *v); /* NULL: every value is known */
	const json_t *filled; /* fields whose missing parts will be filled in; NULL: none */
	void *arg;
};

/* Reports each violation of a value; returns how many there were, warnings not counted. */
size_t schema_check(const struct schema *s, const json_t *v, const char *path,
		    const struct check *c);
/*
 * The value as it is sent, a new reference: `{}` where a list is due becomes `[]` and the other way
 * round (Lua has one empty table), 3.0 becomes 3 where an integer is due, times take their layout, what
 * is encoded becomes text. v is not changed.
 */
json_t *schema_normal(const struct schema *s, const json_t *v);
/* A time as time_parse takes it, or with an offset without its colon ("-0500"). ERR_PARSE. */
int schema_time(const char *text, int64_t *ret_ms);
/* The member at a dotted path of names ("source.contact_ids"), borrowed; NULL when missing. */
const json_t *schema_member(const json_t *v, const char *path);
