/* zip_content.c - what the entries of a ZIP archive hold: stored bytes, or deflated ones through zlib. The archive: zip.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "io/zip.h"

#define DEFLATE_RATIO 1032 /* what deflate can reach at most: 258 bytes from 2 bits */

struct sc_zip_inflation {
	const struct sc_zip_entry *entry;
	int64_t read, position; /* packed bytes read, unpacked bytes given */
	bool ended;
	z_stream zlib;
	uint8_t input[1 << 16];
};

static enum sc_status damaged(const struct sc_zip *zip, const struct sc_zip_entry *entry, struct sc_error *error, const char *what)
{
	return sc_fail(error, SC_ERROR_FORMAT, zip->path, entry->begin, "%s: entry '%.120s' of the ZIP archive is damaged: %s",
		       zip->path, entry->name, what);
}

static enum sc_status read_packed(struct sc_zip *zip, const struct sc_zip_entry *entry, int64_t offset, void *buffer, int64_t count,
				  struct sc_error *error)
{
	errno = 0;
	if (count > 0 && (fseeko(zip->stream, entry->begin + offset, SEEK_SET) != 0 ||
			  fread(buffer, 1, (size_t)count, zip->stream) != (size_t)count))
		return sc_fail(error, SC_ERROR_READ, zip->path, entry->begin + offset,
			       "%s: entry '%.120s': reading %" PRId64 " bytes from byte %" PRId64 " failed: %s", zip->path,
			       entry->name, count, entry->begin + offset, errno ? strerror(errno) : "the file has become shorter");
	return SC_OK;
}

/* ---- Deflated entries ---------------------------------------------------------------------------------------------- */

static enum sc_status begin_inflation(struct sc_zip *zip, const struct sc_zip_entry *entry, struct sc_error *error)
{
	if (!zip->inflation) {
		struct sc_zip_inflation *made = sc_allocate(1, sizeof *made);
		if (!made || inflateInit2(&made->zlib, -15) != Z_OK) { /* the largest window, no header */
			free(made);
			return sc_fail_memory(error, sizeof *made, "zlib");
		}
		zip->inflation = made;
	}
	struct sc_zip_inflation *s = zip->inflation;
	if (inflateReset(&s->zlib) != Z_OK)
		return damaged(zip, entry, error, "it cannot be unpacked");
	s->entry = entry;
	s->read = s->position = 0;
	s->ended = false;
	s->zlib.avail_in = 0;
	return SC_OK;
}

/* Packed bytes for zlib, where it has used up what it had and there are more. */
static enum sc_status fill_input(struct sc_zip *zip, struct sc_error *error)
{
	struct sc_zip_inflation *s = zip->inflation;
	const int64_t left = s->entry->packed_bytes - s->read;
	if (s->zlib.avail_in > 0 || left == 0)
		return SC_OK;
	const int64_t part = left < (int64_t)sizeof s->input ? left : (int64_t)sizeof s->input;
	enum sc_status status = read_packed(zip, s->entry, s->read, s->input, part, error);
	if (status)
		return status;
	s->read += part;
	s->zlib.next_in = s->input;
	s->zlib.avail_in = (uInt)part;
	return SC_OK;
}

/* At most `room` bytes; *got: how many. */
static enum sc_status inflate_some(struct sc_zip *zip, uint8_t *bytes, int64_t room, int64_t *got, struct sc_error *error)
{
	struct sc_zip_inflation *s = zip->inflation;
	const uInt part = room < 1 << 30 ? (uInt)room : 1u << 30;
	enum sc_status status = fill_input(zip, error);
	if (status)
		return status;
	s->zlib.next_out = bytes;
	s->zlib.avail_out = part;
	const int code = inflate(&s->zlib, Z_NO_FLUSH);
	if (code == Z_MEM_ERROR)
		return sc_fail_memory(error, sizeof s->zlib, "zlib");
	if (code != Z_OK && code != Z_STREAM_END)
		return damaged(zip, s->entry, error, s->zlib.msg ? s->zlib.msg : "its packed bytes end too early");
	s->ended = code == Z_STREAM_END;
	*got = part - s->zlib.avail_out;
	return SC_OK;
}

/* Exactly `count` more bytes. */
static enum sc_status inflate_bytes(struct sc_zip *zip, uint8_t *bytes, int64_t count, struct sc_error *error)
{
	struct sc_zip_inflation *s = zip->inflation;
	while (count > 0) {
		int64_t got = 0;
		if (s->ended)
			return damaged(zip, s->entry, error, "it unpacks to less than it declares");
		enum sc_status status = inflate_some(zip, bytes, count, &got, error);
		if (status)
			return status;
		bytes += got;
		count -= got;
		s->position += got;
	}
	return SC_OK;
}

static enum sc_status read_deflated(struct sc_zip *zip, const struct sc_zip_entry *entry, int64_t offset, void *buffer,
				    int64_t count, struct sc_error *error)
{
	uint8_t skipped[4096];
	enum sc_status status = SC_OK;
	if (!zip->inflation || zip->inflation->entry != entry || zip->inflation->position > offset)
		status = begin_inflation(zip, entry, error);
	while (!status && zip->inflation->position < offset) {
		int64_t left = offset - zip->inflation->position;
		status = inflate_bytes(zip, skipped, left < (int64_t)sizeof skipped ? left : (int64_t)sizeof skipped, error);
	}
	return status ? status : inflate_bytes(zip, buffer, count, error);
}

/* After the last byte: deflate's own end must come, and be the end of the packed bytes. */
static enum sc_status check_end(struct sc_zip *zip, const struct sc_zip_entry *entry, struct sc_error *error)
{
	struct sc_zip_inflation *s = zip->inflation;
	while (!s->ended) {
		uint8_t more;
		int64_t got = 0;
		enum sc_status status = inflate_some(zip, &more, 1, &got, error);
		if (status)
			return status;
		if (got > 0)
			return damaged(zip, entry, error, "it unpacks to more than it declares");
	}
	if (s->zlib.avail_in > 0 || s->read < entry->packed_bytes)
		return damaged(zip, entry, error, "something follows its packed bytes");
	return SC_OK;
}

/* ---- Both kinds ----------------------------------------------------------------------------------------------------- */

enum sc_status sc_zip_read(struct sc_zip *zip, const struct sc_zip_entry *entry, int64_t offset, void *buffer, int64_t count,
			   struct sc_error *error)
{
	if (offset < 0 || count < 0 || count > entry->bytes || offset > entry->bytes - count)
		return sc_fail(error, SC_ERROR_ARGUMENT, entry->name, -1,
			       "%s: entry '%.120s' has %" PRId64 " bytes, asked for %" PRId64 " from byte %" PRId64, zip->path,
			       entry->name, entry->bytes, count, offset);
	return entry->deflated ? read_deflated(zip, entry, offset, buffer, count, error)
			       : read_packed(zip, entry, offset, buffer, count, error);
}

/* Whether the packed bytes can hold so much: asked before memory is. */
static enum sc_status check_ratio(const struct sc_zip *zip, const struct sc_zip_entry *entry, struct sc_error *error)
{
	if (!entry->deflated || entry->bytes / DEFLATE_RATIO <= entry->packed_bytes)
		return SC_OK;
	return damaged(zip, entry, error, "it declares more bytes than its packed bytes can hold");
}

enum sc_status sc_zip_check(struct sc_zip *zip, const struct sc_zip_entry *entry, struct sc_error *error)
{
	enum { PIECE = 1 << 16 };
	uLong checksum = crc32(0, NULL, 0);
	enum sc_status status = check_ratio(zip, entry, error);
	uint8_t *piece = status ? NULL : malloc(PIECE);
	if (!status && !piece)
		return sc_fail_memory(error, PIECE, zip->path);
	if (!status && entry->deflated)
		status = begin_inflation(zip, entry, error);
	for (int64_t done = 0; done < entry->bytes && !status;) {
		int64_t count = entry->bytes - done < PIECE ? entry->bytes - done : PIECE;
		status = sc_zip_read(zip, entry, done, piece, count, error);
		if (!status)
			checksum = crc32(checksum, piece, (uInt)count);
		done += count;
	}
	free(piece);
	if (!status && entry->deflated)
		status = check_end(zip, entry, error);
	if (!status && checksum != entry->checksum)
		status = damaged(zip, entry, error, "its checksum (CRC-32) is wrong");
	return status;
}

enum sc_status sc_zip_read_whole(struct sc_zip *zip, const struct sc_zip_entry *entry, int64_t limit, uint8_t **bytes,
				 struct sc_error *error)
{
	if (entry->bytes > limit)
		return sc_fail(error, SC_ERROR_FORMAT, zip->path, entry->begin,
			       "%s: entry '%.120s': expected at most %" PRId64 " bytes, found %" PRId64, zip->path, entry->name,
			       limit, entry->bytes);
	enum sc_status status = sc_zip_check(zip, entry, error);
	if (status)
		return status;
	uint8_t *made = malloc((size_t)entry->bytes + 1);
	if (!made)
		return sc_fail_memory(error, entry->bytes + 1, zip->path);
	status = sc_zip_read(zip, entry, 0, made, entry->bytes, error);
	if (status) {
		free(made);
		return status;
	}
	made[entry->bytes] = 0;
	*bytes = made;
	return SC_OK;
}

void sc_zip_close(struct sc_zip *zip)
{
	if (zip->stream)
		fclose(zip->stream);
	if (zip->inflation) {
		inflateEnd(&zip->inflation->zlib);
		free(zip->inflation);
	}
	for (int64_t i = 0; i < zip->count; i++)
		free(zip->entries[i].name);
	free(zip->entries);
	free(zip->path);
	*zip = (struct sc_zip){0};
}
