-- The tables of version 1. What only grows is keyed by a rising number, so that a commit touches
-- the last leaves of few trees; what is looked up while the service works is small.

-- One value a name: "epoch" counts how often the store was opened.
CREATE TABLE meta (
	name TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) WITHOUT ROWID;

-- Times are UTC milliseconds, ids 16 bytes. Our own ids rise with time, so their index does too.
CREATE TABLE event (
	seq INTEGER PRIMARY KEY,
	id BLOB NOT NULL,
	source TEXT NOT NULL,
	ext_id TEXT NOT NULL,
	type TEXT NOT NULL,
	subject TEXT NOT NULL,
	time INTEGER NOT NULL,
	received INTEGER NOT NULL,
	ruleset TEXT NOT NULL,
	headers TEXT NOT NULL,
	body TEXT NOT NULL
);
CREATE UNIQUE INDEX event_id ON event(id);

-- Fingerprints of events, each until it expires; cut off in the order of the fingerprints.
CREATE TABLE dedupe (
	fp BLOB PRIMARY KEY,
	event INTEGER NOT NULL,
	expires INTEGER NOT NULL
) WITHOUT ROWID;

-- The texts that runs were compiled from.
CREATE TABLE source (
	seq INTEGER PRIMARY KEY,
	hash TEXT NOT NULL UNIQUE,
	text TEXT NOT NULL
);

-- What never changes of a run.
CREATE TABLE run (
	seq INTEGER PRIMARY KEY,
	id BLOB NOT NULL,
	event INTEGER NOT NULL,
	source INTEGER NOT NULL,
	rule TEXT NOT NULL,
	trigger TEXT NOT NULL,
	created INTEGER NOT NULL,
	parent BLOB,
	parent_path TEXT
);
CREATE UNIQUE INDEX run_id ON run(id);
CREATE INDEX run_event ON run(event);
CREATE INDEX run_rule ON run(rule);

-- What runs have done: n is dense from 1 in each.
CREATE TABLE journal (
	seq INTEGER PRIMARY KEY,
	run INTEGER NOT NULL,
	n INTEGER NOT NULL,
	type TEXT NOT NULL,
	path TEXT NOT NULL,
	at INTEGER NOT NULL,
	body TEXT NOT NULL
);
CREATE UNIQUE INDEX journal_run ON journal(run, n);

-- Runs that have not ended. wake says when the run is to be looked at: -1 it is queued or running,
-- 0 it is to be cancelled, else when it is due; NULL when only a wake-up from outside counts.
CREATE TABLE live (
	run INTEGER PRIMARY KEY,
	state INTEGER NOT NULL,
	due INTEGER NOT NULL,
	last_n INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	cancel_at INTEGER NOT NULL,
	wake INTEGER
);
CREATE INDEX live_wake ON live(wake) WHERE wake IS NOT NULL;

-- Runs that have. 6 is "completed": the others are few and looked for.
CREATE TABLE ended (
	run INTEGER PRIMARY KEY,
	state INTEGER NOT NULL,
	at INTEGER NOT NULL,
	last_n INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	error TEXT
);
CREATE INDEX ended_state ON ended(state) WHERE state <> 6;

-- Foreign ids that are one effect's alone.
CREATE TABLE claim (
	connection TEXT NOT NULL,
	foreign_id TEXT NOT NULL,
	run INTEGER NOT NULL,
	path TEXT NOT NULL,
	PRIMARY KEY (connection, foreign_id)
) WITHOUT ROWID;
