-- Version 2: what outlives runs.

-- What has been spent of a quota: day is the day it belongs to (UTC, days since 1970), which never
-- goes back; an older day's figure is overwritten by the first block of a newer one.
CREATE TABLE counter (
	name TEXT PRIMARY KEY,
	day INTEGER NOT NULL,
	spent INTEGER NOT NULL
) WITHOUT ROWID;

-- Small things kept whole under a name, sealed by their owner where they are secret.
CREATE TABLE kept (
	name TEXT PRIMARY KEY,
	body BLOB NOT NULL,
	changed INTEGER NOT NULL
) WITHOUT ROWID;
