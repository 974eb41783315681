/* Notes of a crash. */
#include "engine/base/crash.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/base/err.h"

#define NAME_MAX_LEN 63
#define FILE_MAX (256 * 1024)

static char at[NAME_MAX_LEN + 2]; /* the name and its newline */
static char *note_path, *notes;

static void forget(void)
{
	free(note_path);
	free(notes);
	note_path = notes = NULL;
}

/* All of a file, at most FILE_MAX; NULL when it cannot be read. A file that is not there is empty. */
static char *read_all(int fd)
{
	char *text = mem_alloc(FILE_MAX + 1);
	size_t len = 0;
	for (ssize_t n; len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) != 0;) {
		if (n < 0) {
			free(text);
			return NULL;
		}
		len += (size_t)n;
	}
	return text;
}

int crash_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	forget();
	if (fd < 0)
		return ERR_IO;
	notes = read_all(fd);
	(void)close(fd);
	if (!notes)
		return ERR_IO;
	if (!*notes)
		(void)unlink(path);
	note_path = mem_strdup(path);
	return 0;
}

void crash_close(void)
{
	if (note_path)
		(void)unlink(note_path);
	forget();
}

void crash_about(const char *name)
{
	size_t len = name ? strnlen(name, NAME_MAX_LEN) : 0;
	if (len)
		memcpy(at, name, len);
	at[len] = 0;
}

void crash_note(void)
{
	size_t len = strnlen(at, NAME_MAX_LEN);
	if (!note_path || !len)
		return;
	int fd = open(note_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	at[len] = '\n';
	ssize_t n = write(fd, at, len + 1);
	(void)n;
	(void)close(fd);
}

unsigned crash_count(const char *name)
{
	size_t len = strlen(name);
	unsigned count = 0;
	for (const char *p = notes; p && *p;) {
		size_t line = strcspn(p, "\n");
		count += line == len && memcmp(p, name, len) == 0;
		p += line + (p[line] == '\n');
	}
	return count;
}
