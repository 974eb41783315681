/*
 * What the process was at when it crashed: a name that the signal handler writes on the way down and
 * the next start reads, so that what crashes the process again and again can be told from the rest.
 *
 * Kills from outside leave no note. One file, a name a line; a clean end removes it.
 */
#pragma once

/* From here on, notes are kept at path; what stands there is read. ERR_IO when it cannot be. */
int crash_open(const char *path);
/* A clean end: the file goes, and no notes are kept any more. */
void crash_close(void);
/* What the process is at from now on: up to 63 bytes are copied; NULL: nothing in particular. */
void crash_about(const char *name);
/* Only for the handler of a fatal signal: open, write and close, nothing else. */
void crash_note(void);
/* How many notes of earlier processes name this. */
unsigned crash_count(const char *name);
