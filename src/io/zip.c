/* zip.c - ZIP archives: the directory. (zip_content.c reads what the entries hold, zip_write.c writes.)
 *
 * The file ends with an end record; numbers are little-endian:
 *
 *     bytes 0-3     "PK" 05 06
 *           4-7     this disk, the directory's disk: 0 (there is one)
 *           8-11    entries on this disk, entries in all, 16 bits each
 *           12-15   bytes of the directory
 *           16-19   where it begins
 *           20-21   bytes of a comment, which is the rest of the file
 *
 * Where those numbers do not fit, 20 bytes "PK" 06 07 before it point (byte 8) to a larger end record "PK" 06 06: entries at 24
 * and 32, bytes of the directory at 40, its beginning at 48, 64 bits each. The directory stands right before the end records:
 *
 *     bytes 0-3     "PK" 01 02
 *           8-9     flags: 1, 40, 2000 encrypted; 8: the local header leaves sizes and checksum to what follows the content
 *           10-11   method: 0 stored, 8 deflated
 *           16-19   CRC-32 of the content
 *           20-27   bytes packed and unpacked, 32 bits each; ffffffff: 64 bits in the extra part with id 1, as the offset's
 *           28-33   bytes of name, of extra parts (id 16 bits, length 16 bits, content), of a comment
 *           42-45   where the local header begins
 *           46      name, extra parts, comment
 *
 * The local header, "PK" 03 04, says the same again: flags at 6, method at 8, checksum and sizes from 14, bytes of name and extra
 * parts at 26 and 28, the name from 30; then comes the content. Both must agree, and no byte may belong to two entries. */
#include "io/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/bytes.h"

#define END_BYTES         22
#define LONGEST_COMMENT   65535
#define END64_BYTES       56
#define LOCATOR_BYTES     20
#define DIRECTORY_BYTES   46
#define LOCAL_BYTES       30
#define ABSENT            0xffffffffu
#define FLAGS_ENCRYPTED   0x2041
#define FLAG_LATER        8
#define LARGEST_DIRECTORY (INT64_C(1) << 28)

static enum sc_status damaged(const struct sc_zip *zip, int64_t offset, struct sc_error *error, const char *what)
{
	return sc_fail(error, SC_ERROR_FORMAT, zip->path, offset, "%s: damaged ZIP archive at byte %" PRId64 ": %s", zip->path,
		       offset, what);
}

static enum sc_status bad_entry(const struct sc_zip *zip, const struct sc_zip_entry *entry, struct sc_error *error,
				const char *what)
{
	return sc_fail(error, SC_ERROR_FORMAT, zip->path, entry->header, "%s: entry '%.120s' of the ZIP archive: %s", zip->path,
		       entry->name, what);
}

static enum sc_status read_at(struct sc_zip *zip, int64_t offset, void *buffer, int64_t count, struct sc_error *error)
{
	return sc_file_read_at(zip->stream, zip->path, offset, buffer, count, error);
}

/* ---- The end of the file ------------------------------------------------------------------------------------------ */

struct directory {
	int64_t begin, bytes, count;
	int64_t end; /* where the end records begin */
};

/* A number of the end record: the small one, or the large one where the small one has no room for it. */
static bool agree(uint64_t small, uint64_t absent, uint64_t large)
{
	return small == absent || small == large;
}

/* The larger end record, if the small one at `position` has one before it. */
static enum sc_status read_end64(struct sc_zip *zip, const uint8_t *end, int64_t position, struct directory *directory,
				 struct sc_error *error)
{
	uint8_t locator[LOCATOR_BYTES], large[END64_BYTES];
	enum sc_status status = SC_OK;
	if (position < LOCATOR_BYTES + END64_BYTES)
		return SC_OK;
	status = read_at(zip, position - LOCATOR_BYTES, locator, sizeof locator, error);
	if (status || memcmp(locator, "PK\6\7", 4) != 0)
		return status;
	uint64_t at = sc_load_le(locator + 8, 8);
	if (at > (uint64_t)(position - LOCATOR_BYTES - END64_BYTES))
		return damaged(zip, position - LOCATOR_BYTES, error, "its ZIP64 record lies outside of the file");
	status = read_at(zip, (int64_t)at, large, sizeof large, error);
	if (status)
		return status;
	uint64_t count = sc_load_le(large + 32, 8), bytes = sc_load_le(large + 40, 8), begin = sc_load_le(large + 48, 8);
	if (memcmp(large, "PK\6\6", 4) != 0 || sc_load_le(large + 24, 8) != count ||
	    !agree(sc_load_le(end + 10, 2), 0xffff, count) || !agree(sc_load_le(end + 12, 4), ABSENT, bytes) ||
	    !agree(sc_load_le(end + 16, 4), ABSENT, begin) || count > INT64_MAX || bytes > INT64_MAX || begin > INT64_MAX)
		return damaged(zip, (int64_t)at, error, "its ZIP64 record makes no sense");
	*directory = (struct directory){(int64_t)begin, (int64_t)bytes, (int64_t)count, (int64_t)at};
	return SC_OK;
}

/* The end record's place in the last `count` bytes of the file, -1 if there is none whose comment ends with the file. */
static int64_t find_end(const uint8_t *tail, int64_t count)
{
	for (int64_t i = count - END_BYTES; i >= 0; i--)
		if (memcmp(tail + i, "PK\5\6", 4) == 0 && (int64_t)sc_load_le(tail + i + 20, 2) == count - i - END_BYTES)
			return i;
	return -1;
}

static enum sc_status read_end(struct sc_zip *zip, struct directory *directory, struct sc_error *error)
{
	int64_t count = zip->file_bytes < END_BYTES + LONGEST_COMMENT ? zip->file_bytes : END_BYTES + LONGEST_COMMENT;
	uint8_t *tail = malloc((size_t)count + 1);
	if (!tail)
		return sc_fail_memory(error, count, zip->path);
	enum sc_status status = read_at(zip, zip->file_bytes - count, tail, count, error);
	int64_t found = status ? -1 : find_end(tail, count), position = zip->file_bytes - count + found;
	if (!status && found < 0)
		status = damaged(zip, zip->file_bytes, error, "it has no end record: truncated, or no ZIP archive");
	if (!status) {
		const uint8_t *end = tail + found;
		*directory = (struct directory){(int64_t)sc_load_le(end + 16, 4), (int64_t)sc_load_le(end + 12, 4),
						(int64_t)sc_load_le(end + 10, 2), position};
		if (sc_load_le(end + 4, 4) != 0 || sc_load_le(end + 8, 2) != sc_load_le(end + 10, 2))
			status = damaged(zip, position, error, "it is split over several files");
		else
			status = read_end64(zip, end, position, directory, error);
	}
	free(tail);
	if (status)
		return status;
	if (directory->bytes > directory->end || directory->begin != directory->end - directory->bytes)
		return damaged(zip, position, error, "its directory does not stand right before its end record");
	if (directory->bytes > LARGEST_DIRECTORY || directory->count > directory->bytes / DIRECTORY_BYTES)
		return damaged(zip, position, error, "it declares more entries than its directory can hold");
	return SC_OK;
}

/* ---- Entries ------------------------------------------------------------------------------------------------------ */

/* Fills those of sizes[2] (unpacked, packed) and *header that are absent, from the extra part with id 1. */
static bool read_large_numbers(const uint8_t *extra, int64_t bytes, uint64_t sizes[2], uint64_t *header)
{
	uint64_t *const numbers[] = {&sizes[0], &sizes[1], header};
	for (int64_t at = 0; at + 4 <= bytes;) {
		int64_t id = (int64_t)sc_load_le(extra + at, 2), length = (int64_t)sc_load_le(extra + at + 2, 2), used = at + 4;
		if (length > bytes - at - 4)
			return false;
		for (int i = 0; id == 1 && i < 3; i++) {
			if (*numbers[i] != ABSENT)
				continue;
			if (used + 8 > at + 4 + length)
				return false;
			*numbers[i] = sc_load_le(extra + used, 8);
			used += 8;
		}
		at += 4 + length;
	}
	for (int i = 0; i < 3; i++)
		if (*numbers[i] == ABSENT || *numbers[i] > INT64_MAX)
			return false;
	return true;
}

/* One entry of the directory at `at`, of which `left` bytes are there; *used counts its bytes. */
static enum sc_status read_entry(struct sc_zip *zip, const uint8_t *at, int64_t left, int64_t *used, struct sc_error *error)
{
	if (left < DIRECTORY_BYTES || memcmp(at, "PK\1\2", 4) != 0)
		return damaged(zip, zip->file_bytes, error, "an entry of its directory makes no sense");
	int64_t name = (int64_t)sc_load_le(at + 28, 2), extra = (int64_t)sc_load_le(at + 30, 2);
	uint64_t sizes[2] = {sc_load_le(at + 24, 4), sc_load_le(at + 20, 4)}, header = sc_load_le(at + 42, 4);
	*used = DIRECTORY_BYTES + name + extra + (int64_t)sc_load_le(at + 32, 2);
	if (*used > left || name == 0 || memchr(at + DIRECTORY_BYTES, 0, (size_t)name) ||
	    !read_large_numbers(at + DIRECTORY_BYTES + name, extra, sizes, &header))
		return damaged(zip, zip->file_bytes, error, "an entry of its directory makes no sense");
	struct sc_zip_entry *entry = &zip->entries[zip->count++];
	*entry = (struct sc_zip_entry){.name = sc_allocate(name + 1, 1),
				       .header = (int64_t)header,
				       .packed_bytes = (int64_t)sizes[1],
				       .bytes = (int64_t)sizes[0],
				       .checksum = (uint32_t)sc_load_le(at + 16, 4),
				       .deflated = sc_load_le(at + 10, 2) == 8};
	if (!entry->name)
		return sc_fail_memory(error, name + 1, zip->path);
	memcpy(entry->name, at + DIRECTORY_BYTES, (size_t)name);
	if (sc_load_le(at + 8, 2) & FLAGS_ENCRYPTED)
		return bad_entry(zip, entry, error, "it is encrypted, which is not read here");
	if (sc_load_le(at + 10, 2) != 0 && !entry->deflated)
		return bad_entry(zip, entry, error, "expected it to be stored or deflated, found another method");
	if (!entry->deflated && entry->bytes != entry->packed_bytes)
		return bad_entry(zip, entry, error, "it is stored, but its two sizes differ");
	return SC_OK;
}

/* Finds where the content begins, and compares the local header with the directory. `limit`: where the directory begins. */
static enum sc_status read_local(struct sc_zip *zip, struct sc_zip_entry *entry, int64_t limit, struct sc_error *error)
{
	uint8_t local[LOCAL_BYTES];
	int64_t name = (int64_t)strlen(entry->name);
	if (entry->header > limit - LOCAL_BYTES)
		return bad_entry(zip, entry, error, "its place lies outside of the file");
	enum sc_status status = read_at(zip, entry->header, local, sizeof local, error);
	if (status)
		return status;
	entry->begin = entry->header + LOCAL_BYTES + name + (int64_t)sc_load_le(local + 28, 2);
	if (memcmp(local, "PK\3\4", 4) != 0 || (int64_t)sc_load_le(local + 26, 2) != name || entry->begin > limit ||
	    entry->packed_bytes > limit - entry->begin)
		return bad_entry(zip, entry, error, "there is no such entry at its place, or it leaves the file");
	char *found = malloc((size_t)name);
	if (!found)
		return sc_fail_memory(error, name, zip->path);
	status = read_at(zip, entry->header + LOCAL_BYTES, found, name, error);
	uint64_t flags = sc_load_le(local + 6, 2), packed = sc_load_le(local + 18, 4), bytes = sc_load_le(local + 22, 4);
	bool same = (flags & FLAGS_ENCRYPTED) == 0 && sc_load_le(local + 8, 2) == (entry->deflated ? 8 : 0);
	if (!(flags & FLAG_LATER))
		same = same && sc_load_le(local + 14, 4) == entry->checksum &&
		       agree(packed, ABSENT, (uint64_t)entry->packed_bytes) && agree(bytes, ABSENT, (uint64_t)entry->bytes);
	if (!status && (!same || memcmp(found, entry->name, (size_t)name) != 0))
		status = bad_entry(zip, entry, error, "its header and the directory of the archive do not agree");
	free(found);
	return status;
}

static int by_place(const void *a, const void *b)
{
	const struct sc_zip_entry *x = a, *y = b;
	return (x->header > y->header) - (x->header < y->header);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sc_zip_entry *)a)->name, ((const struct sc_zip_entry *)b)->name);
}

static enum sc_status check_entries(struct sc_zip *zip, struct sc_error *error)
{
	qsort(zip->entries, (size_t)zip->count, sizeof *zip->entries, by_place);
	for (int64_t i = 1; i < zip->count; i++)
		if (zip->entries[i].header < zip->entries[i - 1].begin + zip->entries[i - 1].packed_bytes)
			return bad_entry(zip, &zip->entries[i], error, "it overlaps the entry before it");
	qsort(zip->entries, (size_t)zip->count, sizeof *zip->entries, by_name);
	for (int64_t i = 1; i < zip->count; i++)
		if (strcmp(zip->entries[i].name, zip->entries[i - 1].name) == 0)
			return bad_entry(zip, &zip->entries[i], error, "there are two of this name");
	return SC_OK;
}

static enum sc_status read_directory(struct sc_zip *zip, struct sc_error *error)
{
	struct directory directory = {0};
	enum sc_status status = read_end(zip, &directory, error);
	if (status)
		return status;
	uint8_t *bytes = malloc((size_t)directory.bytes + 1);
	zip->entries = sc_allocate(directory.count, sizeof *zip->entries);
	if (!bytes || !zip->entries) {
		free(bytes);
		return sc_fail_memory(error, directory.bytes, zip->path);
	}
	status = read_at(zip, directory.begin, bytes, directory.bytes, error);
	int64_t at = 0;
	for (int64_t i = 0, used; i < directory.count && !status; i++, at += used) {
		used = 0;
		status = read_entry(zip, bytes + at, directory.bytes - at, &used, error);
	}
	free(bytes);
	if (!status && at != directory.bytes)
		status = damaged(zip, directory.begin + at, error, "its directory holds more than the entries it declares");
	for (int64_t i = 0; i < zip->count && !status; i++)
		status = read_local(zip, &zip->entries[i], directory.begin, error);
	return status ? status : check_entries(zip, error);
}

/* ---- Archives ----------------------------------------------------------------------------------------------------- */

enum sc_status sc_zip_open(struct sc_zip *zip, const char *path, struct sc_error *error)
{
	struct sc_zip made = {0};
	enum sc_status status = sc_file_open(&made.stream, &made.file_bytes, path, error);
	if (status)
		return status;
	made.path = sc_copy_string(path);
	status = made.path ? read_directory(&made, error) : sc_fail_memory(error, (int64_t)strlen(path), "a path");
	if (status)
		sc_zip_close(&made);
	else
		*zip = made;
	return status;
}

const struct sc_zip_entry *sc_zip_find(const struct sc_zip *zip, const char *name)
{
	struct sc_zip_entry key = {.name = (char *)(uintptr_t)name};
	return zip->count ? bsearch(&key, zip->entries, (size_t)zip->count, sizeof key, by_name) : NULL;
}
