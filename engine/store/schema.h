/* The migrations of the SQLite store, embedded at build from schema/NNN_*.sql. */
#pragma once

/* schema_migrations[i] brings version i to i + 1. */
extern const char *const schema_migrations[];
extern const int schema_version;
