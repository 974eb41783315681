/* What the library does with texts, without Lua: case, globs, addresses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Changes the case of UTF-8 in place: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic letters
 * whose two cases are as long as each other; everything else stays ('ß' does).
 */
void text_lower(char *s, size_t len);
void text_upper(char *s, size_t len);
/* `*` any text, `?` one character, `[abc]` `[a-z]` `[!a]` one of a set, `\` the next one itself. */
bool text_glob(const char *s, size_t len, const char *glob, size_t glob_len);
/* One address as forms accept it: local@domain.tld, no blanks, quotes or comments; 254 bytes. */
bool text_is_email(const char *s, size_t len);
