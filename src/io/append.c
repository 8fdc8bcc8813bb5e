/* append.c - a file that grows: see append.h.
 *
 * After a sync that failed nobody knows which pages of the file are on the disk, and the next sync of the same file may say that
 * all is well. So a failure gives the file up: the next text goes into a new one, with the bytes that an earlier sync has promised.
 */
#include "io/append.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file.h"

static enum sc_status cannot_write(const struct sc_append *append, int reason, struct sc_error *error)
{
	return sc_fail(error, SC_ERROR_WRITE, append->path, -1, "%s: cannot be written: %s", append->path, strerror(reason));
}

/* The bytes that are kept, and the text, as a new file in place of the old. */
static enum sc_status write_anew(struct sc_append *append, const char *text, int64_t bytes, struct sc_error *error)
{
	char *old = NULL;
	struct sc_file_writer writer;
	enum sc_status status = SC_OK;
	if (append->kept > 0)
		status = sc_file_read_text(&old, append->path, INT64_MAX - 1, error);
	if (!status && append->kept > 0 && (int64_t)strlen(old) < append->kept)
		status = sc_fail(error, SC_ERROR_READ, append->path, -1, "%s: it has become shorter", append->path);
	if (!status)
		status = sc_file_writer_open(&writer, append->path, error);
	if (!status) {
		status = sc_file_write(&writer, old, append->kept, error);
		if (!status)
			status = sc_file_write(&writer, text, bytes, error);
		if (status)
			sc_file_writer_abandon(&writer);
		else
			status = sc_file_writer_commit(&writer, error);
	}
	free(old);
	if (status)
		return status;
	append->kept += bytes;
	append->descriptor = open(append->path, O_WRONLY | O_APPEND | O_CLOEXEC); /* if it fails: anew, the next time */
	return SC_OK;
}

enum sc_status sc_append_init(struct sc_append *append, const char *path, const char *text, int64_t bytes, struct sc_error *error)
{
	*append = (struct sc_append){.path = sc_copy_string(path), .descriptor = -1};
	if (!append->path)
		return sc_fail_memory(error, (int64_t)strlen(path), "a path");
	enum sc_status status = write_anew(append, text, bytes, error);
	if (status)
		sc_append_release(append);
	return status;
}

void sc_append_release(struct sc_append *append)
{
	if (append->path && append->descriptor >= 0)
		close(append->descriptor);
	free(append->path);
	*append = (struct sc_append){.descriptor = -1};
}

enum sc_status sc_append_text(struct sc_append *append, const char *text, int64_t bytes, struct sc_error *error)
{
	if (append->descriptor < 0)
		return write_anew(append, text, bytes, error);
	int reason = sc_write_all(append->descriptor, text, bytes);
	if (!reason && fsync(append->descriptor) != 0)
		reason = errno;
	if (!reason) {
		append->kept += bytes;
		return SC_OK;
	}
	close(append->descriptor);
	append->descriptor = -1;
	return cannot_write(append, reason, error);
}
