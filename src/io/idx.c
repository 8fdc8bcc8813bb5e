/* idx.c - the IDX format of MNIST, plain or inside gzip.
 *
 *     bytes 0, 1    zero
 *     byte  2       type of the numbers: 0x08, unsigned bytes, is the one that is read here
 *     byte  3       rank r
 *     4 r bytes     the shape, big-endian, 32 bits each; the first dimension counts the items
 *     then          the numbers, the last dimension running fastest; nothing after them
 *
 * A file that begins with 1f 8b is gzip: one or more members, whose contents together are the above. Their checksums and lengths
 * are checked (by zlib), and nothing may stand between or after them. Memory is asked for only after the size of the file has
 * shown that it can hold so much. What the numbers mean (labels in range, as many labels as images) is for others to check. */
#include "io/idx.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "io/file.h"

#define MOST_BYTES    (INT64_C(1) << 36)
#define DEFLATE_RATIO 1032 /* what deflate can reach at most: 258 bytes from 2 bits */
#define MOST_RANK     4

struct source {
	const char *path;
	struct sc_error *error;
	FILE *stream;
	int64_t file_bytes;
	int64_t position; /* in the content */
	bool compressed;
	bool between_members; /* of gzip: here the content may end */
	z_stream zlib;
	uint8_t input[1 << 16];
};

static enum sc_status fail_reading(struct source *s)
{
	return sc_fail(s->error, SC_ERROR_READ, s->path, -1, "%s: cannot be read: %s", s->path, strerror(errno));
}

/* ---- The content: plain bytes, or unpacked ones ------------------------------------------------------------------ */

static enum sc_status open_source(struct source *s)
{
	enum sc_status status = sc_file_open(&s->stream, &s->file_bytes, s->path, s->error);
	if (status)
		return status;
	uint8_t magic[2] = {0};
	size_t got = fread(magic, 1, sizeof magic, s->stream);
	if (ferror(s->stream) || fseeko(s->stream, 0, SEEK_SET) != 0)
		return fail_reading(s);
	if (got < sizeof magic || magic[0] != 0x1f || magic[1] != 0x8b)
		return SC_OK;
	if (inflateInit2(&s->zlib, 15 + 16) != Z_OK) /* the largest window; gzip's header and trailer */
		return sc_fail_memory(s->error, sizeof s->zlib, "zlib");
	s->compressed = true;
	return SC_OK;
}

static void close_source(struct source *s)
{
	if (s->compressed)
		inflateEnd(&s->zlib);
	if (s->stream)
		fclose(s->stream);
}

static enum sc_status fail_gzip(struct source *s, const char *reason)
{
	int64_t offset = (int64_t)ftello(s->stream) - (int64_t)s->zlib.avail_in;
	return sc_fail(s->error, SC_ERROR_FORMAT, s->path, offset, "%s: damaged gzip data at byte %" PRId64 ": %s", s->path, offset,
		       reason);
}

/* Some unpacked bytes, none at the end. */
static enum sc_status unpack(struct source *s, uint8_t *bytes, int64_t room, int64_t *got)
{
	const uInt part = room < 1 << 30 ? (uInt)room : 1u << 30;
	for (*got = 0; *got == 0;) {
		if (s->zlib.avail_in == 0) {
			s->zlib.next_in = s->input;
			s->zlib.avail_in = (uInt)fread(s->input, 1, sizeof s->input, s->stream);
			if (ferror(s->stream))
				return fail_reading(s);
			if (s->zlib.avail_in == 0)
				return s->between_members ? SC_OK : fail_gzip(s, "truncated: the file ends too early");
		}
		if (s->between_members && inflateReset(&s->zlib) != Z_OK)
			return fail_gzip(s, "it cannot be unpacked");
		s->zlib.next_out = bytes;
		s->zlib.avail_out = part;
		int code = inflate(&s->zlib, Z_NO_FLUSH);
		if (code == Z_MEM_ERROR)
			return sc_fail_memory(s->error, sizeof s->zlib, s->path);
		if (code != Z_OK && code != Z_STREAM_END)
			return fail_gzip(s, s->between_members ? "something else follows it"
					    : s->zlib.msg      ? s->zlib.msg
							       : "it makes no sense");
		s->between_members = code == Z_STREAM_END;
		*got = (int64_t)(part - s->zlib.avail_out);
	}
	return SC_OK;
}

/* Up to `room` bytes (at least one is asked for); less only at the end of the content. */
static enum sc_status read_bytes(struct source *s, uint8_t *bytes, int64_t room, int64_t *got)
{
	enum sc_status status = SC_OK;
	*got = 0;
	if (!s->compressed) {
		*got = (int64_t)fread(bytes, 1, (size_t)room, s->stream);
		if (ferror(s->stream))
			status = fail_reading(s);
	}
	while (s->compressed && !status && *got < room) {
		int64_t more;
		status = unpack(s, bytes + *got, room - *got, &more);
		*got += more;
		if (more == 0)
			break;
	}
	s->position += *got;
	return status;
}

static enum sc_status read_exactly(struct source *s, uint8_t *bytes, int64_t count, const char *what)
{
	int64_t got = 0, expected_end = s->position + count;
	enum sc_status status = count > 0 ? read_bytes(s, bytes, count, &got) : SC_OK;
	if (status || got == count)
		return status;
	return sc_fail(s->error, SC_ERROR_FORMAT, s->path, s->position,
		       "%s: too short: expected %s up to byte %" PRId64 ", but the content ends at byte %" PRId64, s->path, what,
		       expected_end, s->position);
}

/* ---- What it says ------------------------------------------------------------------------------------------------ */

static enum sc_status read_shape(struct source *s, struct sc_idx *idx)
{
	uint8_t bytes[4 * MOST_RANK];
	enum sc_status status = read_exactly(s, bytes, 4 * idx->rank, "the shape");
	if (status)
		return status;
	idx->count = 1;
	bool empty = false, too_large = false;
	for (int i = 0; i < idx->rank; i++) {
		const uint8_t *b = bytes + 4 * i;
		idx->shape[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
		empty = empty || idx->shape[i] == 0;
		too_large = too_large || !sc_multiply(idx->count, idx->shape[i], &idx->count) || idx->count > MOST_BYTES;
	}
	if (too_large && !empty)
		return sc_fail(s->error, SC_ERROR_FORMAT, s->path, 4,
			       "%s: expected a shape of at most 2^36 numbers, found a larger one", s->path);
	idx->count = empty ? 0 : idx->count;
	return SC_OK;
}

static enum sc_status read_header(struct source *s, struct sc_idx *idx, int expected_rank)
{
	uint8_t magic[4];
	enum sc_status status = read_exactly(s, magic, sizeof magic, "the magic number");
	if (status)
		return status;
	if (magic[0] || magic[1] || magic[2] != 8 || magic[3] != expected_rank)
		return sc_fail(s->error, SC_ERROR_FORMAT, s->path, 0,
			       "%s: expected an IDX file of unsigned bytes and rank %d (00 00 08 %02x), found %02x %02x %02x %02x "
			       "at its start",
			       s->path, expected_rank, (unsigned)expected_rank, magic[0], magic[1], magic[2], magic[3]);
	idx->rank = expected_rank;
	return read_shape(s, idx);
}

/* Whether the file can hold what its shape declares. A plain file must have exactly that size. */
static enum sc_status check_size(const struct source *s, const struct sc_idx *idx)
{
	int64_t header = 4 + 4 * idx->rank;
	if (s->compressed ? idx->count / DEFLATE_RATIO <= s->file_bytes : s->file_bytes == header + idx->count)
		return SC_OK;
	if (s->compressed)
		return sc_fail(s->error, SC_ERROR_FORMAT, s->path, 4,
			       "%s: too short: its shape declares %" PRId64 " numbers, more than %" PRId64
			       " bytes of gzip can hold",
			       s->path, idx->count, s->file_bytes);
	return sc_fail(s->error, SC_ERROR_FORMAT, s->path, 4,
		       "%s: too %s: its shape declares %" PRId64 " numbers, expected a file of %" PRId64 " bytes, found %" PRId64,
		       s->path, s->file_bytes < header + idx->count ? "short" : "long", idx->count, header + idx->count,
		       s->file_bytes);
}

static enum sc_status read_content(struct source *s, struct sc_idx *idx, int expected_rank)
{
	enum sc_status status = read_header(s, idx, expected_rank);
	if (!status)
		status = check_size(s, idx);
	if (status)
		return status;
	idx->values = malloc(idx->count ? (size_t)idx->count : 1);
	if (!idx->values)
		return sc_fail_memory(s->error, idx->count, s->path);
	status = read_exactly(s, idx->values, idx->count, "the numbers");
	if (status)
		return status;
	uint8_t more;
	int64_t got;
	status = read_bytes(s, &more, 1, &got); /* also makes zlib see the checksum at the very end */
	if (!status && got > 0)
		status = sc_fail(s->error, SC_ERROR_FORMAT, s->path, s->position - 1,
				 "%s: too long: expected the content to end at byte %" PRId64 ", but it goes on", s->path,
				 s->position - 1);
	return status;
}

enum sc_status sc_idx_read(struct sc_idx *idx, const char *path, int expected_rank, struct sc_error *error)
{
	if (expected_rank < 1 || expected_rank > MOST_RANK)
		return sc_fail(error, SC_ERROR_ARGUMENT, path, -1, "%s: IDX is read with rank 1 to %d, found %d", path, MOST_RANK,
			       expected_rank);
	struct source *source = sc_allocate(1, sizeof *source);
	if (!source)
		return sc_fail_memory(error, sizeof *source, path);
	source->path = path;
	source->error = error;
	struct sc_idx made = {0};
	enum sc_status status = open_source(source);
	if (!status)
		status = read_content(source, &made, expected_rank);
	close_source(source);
	free(source);
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
