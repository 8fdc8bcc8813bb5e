/* idx.c - the IDX format, plain or inside gzip.
 *
 *     bytes 0, 1    0
 *     byte  2       type of the numbers: 0x08, unsigned bytes, is the one that is read here
 *     byte  3       rank r
 *     4 r bytes     the shape, big-endian, 32 bits each, the first dimension counts the items
 *     then          the numbers, the last dimension running fastest; nothing after them
 *
 * zlib reads plain and compressed files alike. A file that is shorter or longer than its shape says is refused, and memory is
 * asked for only after the file's size has shown that it can hold so much. */
#include "io/idx.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "io/file.h"

#define MOST_BYTES ((int64_t)1 << 36)
#define DEFLATE_RATIO 1032 /* what gzip can reach at most */

struct reader {
	const char *path;
	gzFile file;
	int64_t file_bytes;
	struct sc_error *error;
};

static enum sc_status bad(const struct reader *r, int64_t offset, const char *expected, const char *found)
{
	return sc_fail(r->error, SC_ERROR_FORMAT, r->path, offset, "%s: at byte %lld: expected %s, found %s", r->path, (long long)offset,
		       expected, found);
}

/* Exactly `count` bytes from position `offset` of the content. */
static enum sc_status read_bytes(struct reader *r, uint8_t *bytes, int64_t count, int64_t offset)
{
	for (int64_t done = 0; done < count;) {
		unsigned part = count - done > 1 << 30 ? 1u << 30 : (unsigned)(count - done);
		int got = gzread(r->file, bytes + done, part);
		if (got > 0) {
			done += got;
			continue;
		}
		int code;
		const char *reason = gzerror(r->file, &code);
		if (code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR)
			return sc_fail(r->error, SC_ERROR_FORMAT, r->path, offset + done,
				       "%s: expected %lld bytes, but the content ends at byte %lld%s", r->path, (long long)(offset + count),
				       (long long)(offset + done), code == Z_BUF_ERROR ? " (truncated gzip data)" : "");
		return sc_fail(r->error, SC_ERROR_FORMAT, r->path, offset + done, "%s: damaged gzip data: %s", r->path, reason);
	}
	return SC_OK;
}

static enum sc_status read_header(struct reader *r, struct sc_idx *idx, int expected_rank)
{
	uint8_t bytes[16];
	char found[64];
	enum sc_status status = read_bytes(r, bytes, 4, 0);
	if (status)
		return status;
	if (bytes[0] || bytes[1] || bytes[2] != 8 || bytes[3] != expected_rank) {
		char expected[80];
		snprintf(expected, sizeof(expected), "the IDX magic 00 00 08 %02x (unsigned bytes, rank %d)", (unsigned)expected_rank, expected_rank);
		snprintf(found, sizeof(found), "%02x %02x %02x %02x", bytes[0], bytes[1], bytes[2], bytes[3]);
		return bad(r, 0, expected, found);
	}
	idx->rank = expected_rank;
	idx->count = 1;
	status = read_bytes(r, bytes, 4 * expected_rank, 4);
	for (int i = 0; i < expected_rank && !status; i++) {
		const uint8_t *b = bytes + 4 * i;
		idx->shape[i] = (int64_t)b[0] << 24 | (int64_t)b[1] << 16 | (int64_t)b[2] << 8 | b[3];
		if (!sc_multiply(idx->count, idx->shape[i], &idx->count) || idx->count > MOST_BYTES)
			status = bad(r, 4 + 4 * i, "a shape of at most 2^36 numbers", "a larger one");
	}
	return status;
}

/* Whether the file can hold what its shape declares. A plain file must have exactly that size. */
static enum sc_status check_size(const struct reader *r, const struct sc_idx *idx)
{
	int64_t header = 4 + 4 * idx->rank;
	bool fits = gzdirect(r->file) ? r->file_bytes == header + idx->count : idx->count / DEFLATE_RATIO <= r->file_bytes + 64;
	if (fits)
		return SC_OK;
	return sc_fail(r->error, SC_ERROR_FORMAT, r->path, header, "%s: the shape declares %lld numbers, expected a file of %lld bytes, found %lld",
		       r->path, (long long)idx->count, (long long)(header + idx->count), (long long)r->file_bytes);
}

static enum sc_status read_all(struct reader *r, struct sc_idx *idx, int expected_rank)
{
	enum sc_status status = read_header(r, idx, expected_rank);
	if (!status)
		status = check_size(r, idx);
	if (status)
		return status;
	idx->values = malloc(idx->count ? (size_t)idx->count : 1);
	if (!idx->values)
		return sc_fail_memory(r->error, idx->count, r->path);
	status = read_bytes(r, idx->values, idx->count, 4 + 4 * idx->rank);
	uint8_t more;
	if (!status && gzread(r->file, &more, 1) > 0)
		status = bad(r, 4 + 4 * idx->rank + idx->count, "the end of the content", "more of it");
	return status;
}

enum sc_status sc_idx_read(struct sc_idx *idx, const char *path, int expected_rank, struct sc_error *error)
{
	FILE *stream;
	struct reader r = {.path = path, .error = error};
	enum sc_status status = sc_file_open(&stream, &r.file_bytes, path, error);
	if (status)
		return status;
	int descriptor = dup(fileno(stream));
	fclose(stream);
	r.file = descriptor < 0 ? NULL : gzdopen(descriptor, "rb");
	if (!r.file) {
		if (descriptor >= 0)
			close(descriptor);
		return sc_fail_memory(error, 0, path);
	}
	gzbuffer(r.file, 1 << 17);
	struct sc_idx made = {0};
	status = read_all(&r, &made, expected_rank);
	int closed = gzclose_r(r.file); /* here a wrong checksum at the very end shows */
	if (!status && closed != Z_OK)
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: damaged gzip data: the end or its checksum is wrong", path);
	if (status)
		sc_idx_release(&made);
	else
		*idx = made;
	return status;
}

void sc_idx_release(struct sc_idx *idx)
{
	free(idx->values);
	*idx = (struct sc_idx){0};
}
