/* Small values that rules keep beyond a run: changed in the commit of the record that tells of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_MEMORY_KEY_MAX 512
#define STORE_MEMORY_MAX (256 * 1024)
/* In a record's body it stands where the outcome goes: {"ok": value} or {"no": "why"}. */
#define STORE_MEMORY_HOLE "\"\\u0000\""

enum store_memory_op { MEMORY_GET, MEMORY_PUT, MEMORY_ADD, MEMORY_FIRST, MEMORY_DROP };

/* The outcome is the new value (get: the present one; first: true once; drop: whether it was there). */
struct store_memory {
	enum store_memory_op op;
	const char *scope, *key; /* scope: the rule's name, or "" for what all share */
	const char *value; /* put: JSON text; add: a JSON number, to one or to what is not there */
	int64_t at;        /* wall ms: what expired before is not there */
	int64_t for_ms; /* put, add, first: how long it stays; 0: ever. add keeps what there is */
	size_t rec;     /* index in recs: whose hole takes the outcome */
	char *outcome;  /* out: malloc'd JSON text, the receiver frees */
};
