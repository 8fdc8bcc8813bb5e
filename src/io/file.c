/* file.c - files written whole or not at all, and read only if they are files: see file.h. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

char *sc_path_join(const char *folder, const char *name)
{
	size_t length = strlen(folder), bytes = length + strlen(name) + 2;
	char *path = malloc(bytes);
	if (path)
		snprintf(path, bytes, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name);
	return path;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------------ */

static enum sc_status cannot_write(const char *path, int reason, struct sc_error *error)
{
	return sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: cannot be written: %s", path, strerror(reason));
}

/* The folder of a path in a new string: "." where it names none. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return sc_copy_string(".");
	char *folder = sc_copy_string(path);
	if (folder)
		folder[slash == path ? 1 : slash - path] = 0;
	return folder;
}

static void forget(struct sc_file_writer *writer)
{
	free(writer->path);
	free(writer->temporary);
	*writer = (struct sc_file_writer){0};
}

/* A new file beside the target, named so that two writers cannot meet. */
static int open_temporary(struct sc_file_writer *writer)
{
	size_t bytes = strlen(writer->path) + 48;
	writer->temporary = malloc(bytes);
	if (!writer->temporary) {
		errno = ENOMEM;
		return -1;
	}
	for (int attempt = 0; attempt < 100; attempt++) {
		snprintf(writer->temporary, bytes, "%s.tmp-%ld-%d", writer->path, (long)getpid(), attempt);
		int descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (descriptor >= 0 || errno != EEXIST)
			return descriptor;
	}
	return -1;
}

enum sc_status sc_file_writer_open(struct sc_file_writer *writer, const char *path, struct sc_error *error)
{
	*writer = (struct sc_file_writer){.path = sc_copy_string(path)};
	if (!writer->path)
		return sc_fail_memory(error, 0, path);
	struct stat target;
	if (stat(path, &target) == 0 && !S_ISREG(target.st_mode)) {
		forget(writer);
		return sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: cannot be written: it is there and is not a file", path);
	}
	int descriptor = open_temporary(writer);
	if (descriptor < 0) {
		enum sc_status status = cannot_write(path, errno, error);
		forget(writer);
		return status;
	}
	writer->stream = fdopen(descriptor, "wb");
	if (writer->stream)
		return SC_OK;
	enum sc_status status = cannot_write(path, errno, error);
	close(descriptor);
	unlink(writer->temporary);
	forget(writer);
	return status;
}

enum sc_status sc_file_write(struct sc_file_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	if (count > 0 && fwrite(bytes, 1, (size_t)count, writer->stream) != (size_t)count)
		return cannot_write(writer->path, errno, error);
	return SC_OK;
}

void sc_file_writer_abandon(struct sc_file_writer *writer)
{
	if (!writer->stream)
		return;
	fclose(writer->stream);
	unlink(writer->temporary);
	forget(writer);
}

/* The rename is on the disk only when the folder is. Some file systems cannot sync folders; then there is nothing to wait for. */
static int sync_folder(const char *path)
{
	char *folder = folder_of(path);
	if (!folder)
		return ENOMEM;
	int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (descriptor < 0)
		return errno;
	int reason = fsync(descriptor) != 0 && errno != EINVAL ? errno : 0;
	close(descriptor);
	return reason;
}

enum sc_status sc_file_writer_commit(struct sc_file_writer *writer, struct sc_error *error)
{
	int reason = 0;
	if (fflush(writer->stream) != 0 || ferror(writer->stream) || fsync(fileno(writer->stream)) != 0)
		reason = errno ? errno : EIO;
	if (fclose(writer->stream) != 0 && !reason)
		reason = errno;
	if (!reason && rename(writer->temporary, writer->path) != 0)
		reason = errno;
	enum sc_status status = SC_OK;
	if (reason) {
		unlink(writer->temporary);
		status = cannot_write(writer->path, reason, error);
	} else {
		reason = sync_folder(writer->path);
		if (reason)
			status = cannot_write(writer->path, reason, error);
	}
	forget(writer);
	return status;
}

/* ---- Reading -------------------------------------------------------------------------------------------------------------------- */

static enum sc_status cannot_read(const char *path, int reason, struct sc_error *error)
{
	enum sc_status status = reason == ENOENT || reason == ENOTDIR ? SC_ERROR_NOT_FOUND : SC_ERROR_READ;
	return sc_fail(error, status, path, -1, "%s: cannot be opened: %s", path, strerror(reason));
}

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a folder";
	if (S_ISFIFO(mode))
		return "a pipe";
	if (S_ISSOCK(mode))
		return "a socket";
	return "a device";
}

enum sc_status sc_file_open(FILE **out, int64_t *bytes, const char *path, struct sc_error *error)
{
	/* Without O_NONBLOCK the opening of a pipe would wait for somebody to write into it. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (descriptor < 0)
		return cannot_read(path, errno, error);
	struct stat found;
	if (fstat(descriptor, &found) != 0) {
		enum sc_status status = cannot_read(path, errno, error);
		close(descriptor);
		return status;
	}
	if (!S_ISREG(found.st_mode)) {
		close(descriptor);
		return sc_fail(error, SC_ERROR_READ, path, -1, "%s: expected a file, found %s", path, kind_of(found.st_mode));
	}
	FILE *stream = fdopen(descriptor, "rb");
	if (!stream) {
		enum sc_status status = cannot_read(path, errno, error);
		close(descriptor);
		return status;
	}
	*out = stream;
	*bytes = found.st_size;
	return SC_OK;
}

enum sc_status sc_file_read_text(char **text, const char *path, int64_t limit, struct sc_error *error)
{
	FILE *stream;
	int64_t bytes;
	enum sc_status status = sc_file_open(&stream, &bytes, path, error);
	if (status)
		return status;
	char *made = NULL;
	if (bytes > limit)
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: expected at most %lld bytes, found %lld", path, (long long)limit,
				 (long long)bytes);
	else if (!(made = malloc((size_t)bytes + 1)))
		status = sc_fail_memory(error, bytes + 1, path);
	else if (fread(made, 1, (size_t)bytes, stream) != (size_t)bytes)
		status = sc_fail(error, SC_ERROR_READ, path, -1, "%s: expected %lld bytes, but reading ended early", path, (long long)bytes);
	fclose(stream);
	if (status) {
		free(made);
		return status;
	}
	made[bytes] = 0;
	*text = made;
	return SC_OK;
}

enum sc_status sc_folder_make(const char *path, struct sc_error *error)
{
	char *part = sc_copy_string(path);
	if (!part)
		return sc_fail_memory(error, 0, path);
	enum sc_status status = SC_OK;
	for (char *end = part + 1; !status && *part; end++) {
		if (*end && *end != '/')
			continue;
		char kept = *end;
		*end = 0;
		struct stat found;
		if (mkdir(part, 0777) != 0 && (errno != EEXIST || stat(part, &found) != 0 || !S_ISDIR(found.st_mode)))
			status = sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: the folder cannot be made: %s: %s", path, part,
					 strerror(errno == EEXIST ? ENOTDIR : errno));
		*end = kept;
		if (!kept)
			break;
	}
	free(part);
	return status;
}
