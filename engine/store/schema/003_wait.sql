-- Version 3: what runs wait for, what starts them later, and what rules remember.

-- Under which keys an event is found; a key is 16 bytes.
CREATE TABLE event_key (
	key BLOB NOT NULL,
	event INTEGER NOT NULL,
	PRIMARY KEY (key, event)
) WITHOUT ROWID;

-- What a path of a run waits for; several keys are several rows. seq: where the next look back begins;
-- behind: there is more of the past to look at, so that what comes now is left for then.
CREATE TABLE wait (
	run INTEGER NOT NULL,
	path TEXT NOT NULL,
	key BLOB NOT NULL,
	what TEXT NOT NULL,
	judge INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	behind INTEGER NOT NULL,
	shape INTEGER NOT NULL,
	note TEXT,
	PRIMARY KEY (run, path, key)
) WITHOUT ROWID;
CREATE INDEX wait_key ON wait(key);
CREATE INDEX wait_person ON wait(run) WHERE what = 'person';

-- How the keys of open waits are made of events; n open waits use it.
CREATE TABLE shape (
	seq INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE,
	n INTEGER NOT NULL
);

-- What came for a run and has not been judged.
CREATE TABLE inbox (
	seq INTEGER PRIMARY KEY,
	run INTEGER NOT NULL,
	path TEXT NOT NULL,
	what TEXT NOT NULL,
	judge INTEGER NOT NULL,
	event INTEGER,
	body TEXT
);
CREATE INDEX inbox_run ON inbox(run);
CREATE INDEX inbox_event ON inbox(event) WHERE event IS NOT NULL;

-- Events that satisfied a wait of a live run: no other of it takes them.
CREATE TABLE taken (
	run INTEGER NOT NULL,
	event INTEGER NOT NULL,
	PRIMARY KEY (run, event)
) WITHOUT ROWID;

-- hold: 0 none, 1 behind its limit, 2 at a gate, 3 in a window, 4 until its rate allows it.
-- inbox: rows that lie there. mark: the last event at a moment of its choice. uses: bits, which of the
-- other tables have rows of it.
ALTER TABLE live ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE live ADD COLUMN inbox INTEGER NOT NULL DEFAULT 0;
ALTER TABLE live ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
ALTER TABLE live ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;

-- Live runs whose rule has a limit. place: 0 it counts, 1 it waits for a place, 2 it does not ask yet.
CREATE TABLE limited (
	run INTEGER PRIMARY KEY,
	key BLOB NOT NULL,
	place INTEGER NOT NULL,
	max INTEGER NOT NULL,
	rate INTEGER NOT NULL,
	rate_ms INTEGER NOT NULL,
	then_ INTEGER NOT NULL
);
CREATE INDEX limited_key ON limited(key, place, run);

-- When runs of a key started, or will by their rate.
CREATE TABLE started (
	key BLOB NOT NULL,
	at INTEGER NOT NULL,
	run INTEGER NOT NULL,
	PRIMARY KEY (key, at, run)
) WITHOUT ROWID;

-- Open windows, and what lies in them.
CREATE TABLE gather (
	key BLOB PRIMARY KEY,
	run INTEGER NOT NULL,
	opened INTEGER NOT NULL,
	n INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX gather_run ON gather(run);
CREATE TABLE collected (
	run INTEGER NOT NULL,
	event INTEGER NOT NULL,
	PRIMARY KEY (run, event)
) WITHOUT ROWID;

-- Why an event started no run of a rule, or not at once; only what cannot be derived.
CREATE TABLE decision (
	event INTEGER NOT NULL,
	rule TEXT NOT NULL,
	fate INTEGER NOT NULL,
	run INTEGER,
	PRIMARY KEY (event, rule)
) WITHOUT ROWID;

-- What rules keep; expires 0: never.
CREATE TABLE memory (
	scope TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (scope, key)
) WITHOUT ROWID;
