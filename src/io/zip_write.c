/* zip_write.c - ZIP archives: writing. The format: zip.c.
 *
 * An entry's sizes and checksum are known when it ends; they are then put into its local header, so that the file reads from front
 * to back as well. What fills a header up to the next multiple of 64 is an extra part with the id "FB", as PyTorch writes it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "io/bytes.h"
#include "io/zip.h"

#define ALIGNMENT    64
#define VERSION      20 /* of the format: 2.0 */
#define FLAG_UTF8    0x0800
#define FIRST_DAY    0x0021 /* 1 January 1980 */
#define PADDING_ID   0x4246 /* "FB" */
#define MOST_BYTES   INT64_C(0xfffffffe)
#define MOST_ENTRIES 0xfffe

void sc_zip_writer_init(struct sc_zip_writer *writer, struct sc_file_writer *file)
{
	*writer = (struct sc_zip_writer){.file = file};
}

void sc_zip_writer_release(struct sc_zip_writer *writer)
{
	for (int64_t i = 0; i < writer->count; i++)
		free(writer->entries[i].name);
	free(writer->entries);
	*writer = (struct sc_zip_writer){0};
}

static enum sc_status write_bytes(struct sc_zip_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	if (count > MOST_BYTES - writer->position)
		return sc_fail(error, SC_ERROR_UNSUPPORTED, writer->file->path, -1,
			       "%s: a ZIP archive of 4 GiB or more is not written here; .safetensors has no such limit",
			       writer->file->path);
	writer->position += count;
	return sc_file_write(writer->file, bytes, count, error);
}

/* What a local header and an entry of the directory have in common: from the version that is needed to the length of the name. */
static void fill_common(uint8_t common[24], const struct sc_zip_entry *entry)
{
	memset(common, 0, 24);
	sc_store_le(common, VERSION, 2);
	sc_store_le(common + 2, FLAG_UTF8, 2);
	sc_store_le(common + 8, FIRST_DAY, 2);
	sc_store_le(common + 10, entry->checksum, 4);
	sc_store_le(common + 14, (uint64_t)entry->bytes, 4);
	sc_store_le(common + 18, (uint64_t)entry->bytes, 4);
	sc_store_le(common + 22, strlen(entry->name), 2);
}

static enum sc_status add_entry(struct sc_zip_writer *writer, const char *name, struct sc_error *error)
{
	if (writer->count == writer->capacity) {
		int64_t capacity = writer->capacity ? 2 * writer->capacity : 64;
		struct sc_zip_entry *grown = realloc(writer->entries, (size_t)capacity * sizeof *grown);
		if (!grown)
			return sc_fail_memory(error, capacity * (int64_t)sizeof *grown, writer->file->path);
		writer->entries = grown;
		writer->capacity = capacity;
	}
	struct sc_zip_entry entry = {.name = sc_copy_string(name), .header = writer->position};
	if (!entry.name)
		return sc_fail_memory(error, (int64_t)strlen(name), writer->file->path);
	entry.checksum = (uint32_t)crc32(0, NULL, 0);
	writer->entries[writer->count++] = entry;
	return SC_OK;
}

enum sc_status sc_zip_writer_begin(struct sc_zip_writer *writer, const char *name, struct sc_error *error)
{
	int64_t length = (int64_t)strlen(name);
	if (length == 0 || length > 0xffff || writer->count == MOST_ENTRIES)
		return sc_fail(error, SC_ERROR_UNSUPPORTED, writer->file->path, -1,
			       "%s: expected at most %d arrays with names of 1 to 65535 bytes", writer->file->path, MOST_ENTRIES);
	enum sc_status status = add_entry(writer, name, error);
	if (status)
		return status;
	struct sc_zip_entry *entry = &writer->entries[writer->count - 1];
	uint8_t header[30] = "PK\3\4", padding[ALIGNMENT + 4] = {0};
	int64_t unpadded = writer->position + (int64_t)sizeof header + length + 4;
	int64_t extra = 4 + sc_round_up(unpadded, ALIGNMENT) - unpadded;
	fill_common(header + 4, entry);
	sc_store_le(header + 28, (uint64_t)extra, 2);
	sc_store_le(padding, PADDING_ID, 2);
	sc_store_le(padding + 2, (uint64_t)extra - 4, 2);
	status = write_bytes(writer, header, sizeof header, error);
	if (!status)
		status = write_bytes(writer, name, length, error);
	if (!status)
		status = write_bytes(writer, padding, extra, error);
	entry->begin = writer->position;
	return status;
}

enum sc_status sc_zip_writer_write(struct sc_zip_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	struct sc_zip_entry *entry = &writer->entries[writer->count - 1];
	enum sc_status status = write_bytes(writer, bytes, count, error);
	if (status)
		return status;
	entry->checksum = (uint32_t)crc32_z(entry->checksum, bytes, (z_size_t)count);
	entry->bytes += count;
	return SC_OK;
}

enum sc_status sc_zip_writer_end(struct sc_zip_writer *writer, struct sc_error *error)
{
	const struct sc_zip_entry *entry = &writer->entries[writer->count - 1];
	uint8_t common[24];
	fill_common(common, entry);
	if (fseeko(writer->file->stream, entry->header + 4, SEEK_SET) != 0)
		return sc_fail(error, SC_ERROR_WRITE, writer->file->path, -1, "%s: cannot be written: %s", writer->file->path,
			       strerror(errno));
	enum sc_status status = sc_file_write(writer->file, common, sizeof common, error);
	if (!status && fseeko(writer->file->stream, writer->position, SEEK_SET) != 0)
		status = sc_fail(error, SC_ERROR_WRITE, writer->file->path, -1, "%s: cannot be written: %s", writer->file->path,
				 strerror(errno));
	return status;
}

enum sc_status sc_zip_writer_finish(struct sc_zip_writer *writer, struct sc_error *error)
{
	int64_t begin = writer->position;
	enum sc_status status = SC_OK;
	for (int64_t i = 0; i < writer->count && !status; i++) {
		const struct sc_zip_entry *entry = &writer->entries[i];
		uint8_t header[46] = "PK\1\2";
		sc_store_le(header + 4, VERSION, 2);
		fill_common(header + 6, entry);
		sc_store_le(header + 42, (uint64_t)entry->header, 4);
		status = write_bytes(writer, header, sizeof header, error);
		if (!status)
			status = write_bytes(writer, entry->name, (int64_t)strlen(entry->name), error);
	}
	uint8_t end[22] = "PK\5\6";
	sc_store_le(end + 8, (uint64_t)writer->count, 2);
	sc_store_le(end + 10, (uint64_t)writer->count, 2);
	sc_store_le(end + 12, (uint64_t)(writer->position - begin), 4);
	sc_store_le(end + 16, (uint64_t)begin, 4);
	return status ? status : write_bytes(writer, end, sizeof end, error);
}
