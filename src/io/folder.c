/* folder.c - folders: making them, getting their names onto the disk, and one writer at a time. Not here: what is in the files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"

/* The folder that `path` stands in, in a new string: "." where it names none. */
static char *folder_of(const char *path)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length > 0 && path[length - 1] != '/')
		length--;
	if (length == 0)
		return sc_copy_string(".");
	char *folder = sc_copy_string(path);
	if (folder)
		folder[length == 1 ? 1 : length - 1] = '\0';
	return folder;
}

/* The rename is on the disk only when the folder is. Where a folder cannot be opened for reading, or its file system does not sync
 * folders, there is nothing to wait for. */
int sc_folder_sync(const char *path)
{
	char *folder = folder_of(path);
	if (!folder)
		return ENOMEM;
	int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (descriptor < 0)
		return errno == EACCES ? 0 : errno;
	int reason = fsync(descriptor) != 0 && errno != EINVAL ? errno : 0;
	close(descriptor);
	return reason;
}

/* One folder, whose parent is there. 0, or an error number. */
static int make_one_folder(const char *path)
{
	struct stat found;
	if (mkdir(path, 0777) == 0)
		return sc_folder_sync(path);
	if (errno != EEXIST)
		return errno;
	if (stat(path, &found) != 0)
		return errno;
	return S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
}

enum sc_status sc_folder_make(const char *path, struct sc_error *error)
{
	char *part = sc_copy_string(path);
	if (!part)
		return sc_fail_memory(error, (int64_t)strlen(path), "a path");
	/* Each beginning of the path that ends before a slash, then the whole. */
	int reason = 0;
	for (char *end = part + (*part != '\0'); !reason; end++) {
		char kept = *end;
		if (kept && kept != '/')
			continue;
		*end = '\0';
		reason = make_one_folder(part);
		if (!kept)
			break;
		if (!reason)
			*end = kept;
	}
	enum sc_status status = SC_OK;
	if (reason)
		status = sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: the folder cannot be made: %s: %s", path, part,
				 strerror(reason));
	free(part);
	return status;
}

/* "NAME.tmp-PID-ATTEMPT", as a writer names it. */
static bool is_temporary(const char *name)
{
	const char *mark = strstr(name, ".tmp-");
	if (!mark || mark == name)
		return false;
	size_t pid = strspn(mark + 5, "0123456789");
	const char *attempt = mark + 5 + pid + 1;
	return pid > 0 && attempt[-1] == '-' && *attempt && attempt[strspn(attempt, "0123456789")] == '\0';
}

void sc_folder_clean(const char *path)
{
	DIR *folder = opendir(path);
	if (!folder)
		return;
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (is_temporary(entry->d_name))
			unlinkat(dirfd(folder), entry->d_name, 0); /* if it stays, it does no harm */
	closedir(folder);
}

enum sc_status sc_folder_lock(int *lock, const char *path, struct sc_error *error)
{
	char *name = sc_path_join(path, "lock");
	if (!name)
		return sc_fail_memory(error, (int64_t)strlen(path), "a path");
	int descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666), reason = descriptor < 0 ? errno : 0;
	while (!reason && flock(descriptor, LOCK_EX | LOCK_NB) != 0)
		if (errno != EINTR)
			reason = errno;
	enum sc_status status = SC_OK;
	if (descriptor >= 0 && (reason == ENOSYS || reason == EOPNOTSUPP || reason == ENOLCK))
		sc_log_line(SC_LOG_WARNING, "%s: this file system has no locks: let no second process write there", path);
	else if (reason == EWOULDBLOCK)
		status = sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: another process is training in this folder", path);
	else if (reason)
		status = sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: cannot be locked: %s", name, strerror(reason));
	free(name);
	if (status && descriptor >= 0)
		close(descriptor);
	if (!status)
		*lock = descriptor;
	return status;
}

void sc_folder_unlock(int lock)
{
	close(lock);
}
