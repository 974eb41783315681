/* What the parts of a test share while it is played. Private to engine/trial. */
#pragma once

#include "engine/trial/cue.h"
#include "engine/trial/trial.h"

struct play {
	struct kit *kit;
	const struct trial *trial;
	struct stage stage;
	json_t *problems; /* of the verdict */
	/* what the test's `tape:` names, or NULL: its nodes stand in where the test itself says nothing */
	struct yaml_file *tape;
	char *tape_text;
	json_t *first;      /* data of the first conversation event; owned */
	struct event *last; /* the last event of `given`; owned */
	bool is_later;      /* it is `then` */
	json_t *given_ids;  /* {id of an event that came: true} */
	unsigned events;
	struct plan **plans; /* of the stage; owned */
	/* after the end */
	json_t *runs;  /* of the rule, oldest first: VIEW_RUNS rows */
	json_t *run;   /* the last of them, as VIEW_RUN; or NULL */
	json_t *steps; /* its steps */
	json_t *came;  /* events that rules made, oldest first */
};

/* A part of the test ("given"), else of its tape, or NULL. */
const struct ynode *play_part(const struct play *p, const char *key);
/* A problem at a node's place; of a tape's node, at the test's `tape:`. */
void play_problem(struct play *p, const struct ynode *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* expect.c: judges everything. */
void expect_judge(struct play *p);
