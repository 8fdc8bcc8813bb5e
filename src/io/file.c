/* file.c - files written whole or not at all, and read only if they are files.
 *
 * It knows bytes and names, no format. The order of a commit (flush, sync, rename, sync the folder) is what makes a file old or new
 * after a crash too: a rename that reaches the disk before the bytes would leave a new name on nothing. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "io/checksums.h"

char *sc_path_join(const char *folder, const char *name)
{
	size_t length = strlen(folder), bytes = length + strlen(name) + 2;
	char *path = malloc(bytes);
	if (path)
		snprintf(path, bytes, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/", name);
	return path;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

static enum sc_status cannot_write(const char *path, int reason, struct sc_error *error)
{
	return sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: cannot be written: %s", path, strerror(reason));
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

#define MOST_INTERRUPTIONS 1000 /* of one write in a row: nobody sends so many signals */

int sc_write_all(int descriptor, const void *bytes, int64_t count)
{
	const char *from = bytes;
	int interruptions = 0;
	while (count > 0) {
		ssize_t written = write(descriptor, from, (size_t)count);
		if (written < 0 && errno == EINTR && interruptions++ < MOST_INTERRUPTIONS)
			continue;
		if (written <= 0)
			return written < 0 ? errno : EIO;
		interruptions = 0;
		from += written;
		count -= written;
	}
	return 0;
}

/* What the stream's buffer gives out. stdio itself would take an interrupted write for a failure, and forget its reason. */
static ssize_t write_stream(void *cookie, const char *bytes, size_t count)
{
	struct sc_file_writer *writer = cookie;
	if (!writer->failure)
		writer->failure = sc_write_all(writer->descriptor, bytes, (int64_t)count);
	errno = writer->failure;
	return writer->failure ? 0 : (ssize_t)count;
}

/* stdio gives its buffer out before it asks for this. */
static int seek_stream(void *cookie, off64_t *offset, int whence)
{
	struct sc_file_writer *writer = cookie;
	off_t at = lseek(writer->descriptor, *offset, whence);
	if (at < 0)
		return -1;
	*offset = at;
	return 0;
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
		if (descriptor >= 0 || (errno != EEXIST && errno != EINTR))
			return descriptor;
	}
	return -1;
}

enum sc_status sc_file_writer_open(struct sc_file_writer *writer, const char *path, struct sc_error *error)
{
	*writer = (struct sc_file_writer){.path = sc_copy_string(path)};
	if (!writer->path)
		return sc_fail_memory(error, (int64_t)strlen(path), "a path");
	struct stat target;
	if (stat(path, &target) == 0 && !S_ISREG(target.st_mode)) {
		forget(writer);
		return sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: cannot be written: expected a file or nothing there, found %s",
			       path, kind_of(target.st_mode));
	}
	writer->descriptor = open_temporary(writer);
	if (writer->descriptor < 0) {
		enum sc_status status = cannot_write(path, errno, error);
		forget(writer);
		return status;
	}
	writer->stream = fopencookie(writer, "w", (cookie_io_functions_t){.write = write_stream, .seek = seek_stream});
	if (writer->stream)
		return SC_OK;
	enum sc_status status = cannot_write(path, errno, error);
	close(writer->descriptor);
	unlink(writer->temporary);
	forget(writer);
	return status;
}

enum sc_status sc_file_write(struct sc_file_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	if (count > 0 && fwrite(bytes, 1, (size_t)count, writer->stream) != (size_t)count)
		return cannot_write(writer->path, writer->failure ? writer->failure : EIO, error);
	if (writer->checksums)
		sc_checksums_update(writer->checksums, bytes, count);
	return SC_OK;
}

void sc_file_writer_abandon(struct sc_file_writer *writer)
{
	if (!writer->stream)
		return;
	writer->failure = writer->failure ? writer->failure : ECANCELED; /* what is still in the buffer need not be written */
	fclose(writer->stream);
	close(writer->descriptor);
	unlink(writer->temporary);
	forget(writer);
}

/* Everything written, on the disk and closed: 0, or an error number. */
static int finish_temporary(struct sc_file_writer *writer)
{
	bool lost = fflush(writer->stream) != 0 || ferror(writer->stream); /* an fprintf may have failed long ago */
	lost |= fclose(writer->stream) != 0;
	if (lost && !writer->failure)
		writer->failure = EIO;
	if (!writer->failure && fsync(writer->descriptor) != 0)
		writer->failure = errno;
	if (close(writer->descriptor) != 0 && errno != EINTR && !writer->failure) /* Linux has closed it in any case */
		writer->failure = errno;
	return writer->failure;
}

enum sc_status sc_file_writer_commit(struct sc_file_writer *writer, struct sc_error *error)
{
	int reason = finish_temporary(writer);
	if (!reason && rename(writer->temporary, writer->path) != 0)
		reason = errno;
	if (reason)
		unlink(writer->temporary);
	else
		reason = sc_folder_sync(writer->path);
	enum sc_status status = reason ? cannot_write(writer->path, reason, error) : SC_OK;
	forget(writer);
	return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------ */

static enum sc_status cannot_read(const char *path, int reason, struct sc_error *error)
{
	enum sc_status status = reason == ENOENT || reason == ENOTDIR ? SC_ERROR_NOT_FOUND : SC_ERROR_READ;
	return sc_fail(error, status, path, -1, "%s: cannot be opened: %s", path, strerror(reason));
}

static enum sc_status not_a_file(const char *path, mode_t mode, struct sc_error *error)
{
	return sc_fail(error, SC_ERROR_READ, path, -1, "%s: expected a file, found %s", path, kind_of(mode));
}

enum sc_status sc_file_open(FILE **out, int64_t *bytes, const char *path, struct sc_error *error)
{
	/* Without O_NONBLOCK the opening of a pipe would wait for somebody to write into it. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int reason = errno;
	struct stat found;
	if (descriptor < 0) {
		if (stat(path, &found) == 0 && S_ISSOCK(found.st_mode)) /* cannot be opened, for a reason that says little */
			return not_a_file(path, found.st_mode, error);
		return cannot_read(path, reason, error);
	}
	FILE *stream = fdopen(descriptor, "rb");
	if (!stream) {
		enum sc_status status = cannot_read(path, errno, error);
		close(descriptor);
		return status;
	}
	enum sc_status status = SC_OK;
	if (fstat(descriptor, &found) != 0)
		status = cannot_read(path, errno, error);
	else if (!S_ISREG(found.st_mode))
		status = not_a_file(path, found.st_mode, error);
	if (status) {
		fclose(stream);
		return status;
	}
	*out = stream;
	*bytes = found.st_size;
	return SC_OK;
}

enum sc_status sc_file_read_at(FILE *stream, const char *path, int64_t offset, void *buffer, int64_t count, struct sc_error *error)
{
	errno = 0;
	if (fseeko(stream, offset, SEEK_SET) != 0 || fread(buffer, 1, (size_t)count, stream) != (size_t)count)
		return sc_fail(error, SC_ERROR_READ, path, offset, "%s: reading %" PRId64 " bytes from byte %" PRId64 " failed: %s",
			       path, count, offset, errno ? strerror(errno) : "the file has become shorter");
	return SC_OK;
}

/* Exactly `bytes` of text and a NUL into `text`. */
static enum sc_status read_text(char *text, int64_t bytes, FILE *stream, const char *path, struct sc_error *error)
{
	errno = 0;
	int64_t got = (int64_t)fread(text, 1, (size_t)bytes, stream);
	if (got < bytes)
		return sc_fail(error, SC_ERROR_READ, path, got,
			       "%s: expected %" PRId64 " bytes, but reading ended at byte %" PRId64 "%s%s", path, bytes, got,
			       errno ? ": " : "", errno ? strerror(errno) : "");
	text[bytes] = '\0';
	int64_t length = (int64_t)strlen(text);
	if (length < bytes)
		return sc_fail(error, SC_ERROR_FORMAT, path, length, "%s: expected text, found a zero byte at byte %" PRId64, path,
			       length);
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
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: expected at most %" PRId64 " bytes, found %" PRId64, path,
				 limit, bytes);
	else if (!(made = malloc((size_t)bytes + 1)))
		status = sc_fail_memory(error, bytes + 1, path);
	else
		status = read_text(made, bytes, stream, path, error);
	fclose(stream);
	if (status)
		free(made);
	else
		*text = made;
	return status;
}

enum sc_status sc_file_checksum(uint64_t *value, const char *path, struct sc_error *error)
{
	enum { PIECE_BYTES = 1 << 20 };
	struct sc_checksum checksum;
	FILE *stream;
	int64_t bytes;
	enum sc_status status = sc_file_open(&stream, &bytes, path, error);
	if (status)
		return status;
	char *piece = malloc(PIECE_BYTES);
	status = piece ? sc_checksum_init(&checksum, error) : sc_fail_memory(error, PIECE_BYTES, path);
	if (!status) {
		setvbuf(stream, NULL, _IONBF, 0);
		errno = 0;
		for (size_t count; (count = fread(piece, 1, PIECE_BYTES, stream)) > 0; bytes -= (int64_t)count)
			sc_checksum_update(&checksum, piece, (int64_t)count);
		if (ferror(stream) || bytes != 0)
			status = sc_fail(error, SC_ERROR_READ, path, -1, "%s: cannot be read: %s", path,
					 errno ? strerror(errno) : "its length has changed");
		*value = sc_checksum_value(&checksum);
		sc_checksum_release(&checksum);
	}
	free(piece);
	fclose(stream);
	return status;
}
