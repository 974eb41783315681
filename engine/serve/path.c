/* Files and folders that the configuration names. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/arena.h"
#include "engine/serve/tree.h"

char *path_under(const char *dir, const char *name)
{
	if (*name == '/' || strcmp(dir, ".") == 0)
		return mem_strdup(name);
	return mem_printf("%s/%s", dir, name);
}

char *path_folder(const char *file)
{
	const char *slash = strrchr(file, '/');
	if (!slash)
		return mem_strdup(".");
	return slash == file ? mem_strdup("/") : mem_strndup(file, (size_t)(slash - file));
}

static char *if_there(char *path)
{
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *path_data(const char *dir, const char *name)
{
	const char *const more[] = {getenv("PAWL_DATA"), PAWL_SOURCEDIR, PAWL_DATADIR};
	char *found = if_there(path_under(dir, name));
	for (size_t i = 0; !found && *name != '/' && i < sizeof(more) / sizeof(*more); i++)
		if (more[i] && *more[i])
			found = if_there(path_under(more[i], name));
	return found;
}

static int read_all(int fd, const char *path, size_t max, char **ret, size_t *ret_len,
		    struct errmsg *msg)
{
	struct buf b = {.max = max};
	char piece[16 * 1024];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && buf_add(&b, piece, (size_t)n) == 0)
			continue;
		if (n == 0)
			break;
		int err =
			n < 0 ? err_set(msg, ERR_IO, "%s: %s", path, strerror(errno))
			      : err_set(msg, ERR_TOOBIG, "%s: is larger than %zu bytes", path, max);
		buf_done(&b);
		return err;
	}
	*ret_len = b.len;
	*ret = buf_take(&b);
	return 0;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct errmsg *msg)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(msg, ERR_IO, "%s: %s", path, strerror(errno));
	int err = fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)
			  ? err_set(msg, ERR_IO, "%s: is no file", path)
			  : read_all(fd, path, max, ret, ret_len, msg);
	(void)close(fd);
	return err;
}
