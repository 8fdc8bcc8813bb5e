/* zip.h - ZIP archives, as PyTorch (.pth), NumPy (.npz) and Keras (.keras) use them: stored and deflated entries, ZIP64 when
 * reading. Documented byte by byte in zip.c. Nothing is ever unpacked to the disk; names are names and never paths. */
#ifndef SC_IO_ZIP_H
#define SC_IO_ZIP_H

#include <stdio.h>

#include "base/error.h"
#include "io/file.h"

struct sc_zip_entry {
	char *name;
	int64_t header, begin;       /* file offsets of its local header, of its packed bytes */
	int64_t packed_bytes, bytes; /* in the file, unpacked */
	uint32_t checksum;           /* CRC-32 of the unpacked bytes */
	bool deflated;
};

struct sc_zip_inflation;

struct sc_zip { /* an open archive: directory in memory, contents on disk */
	FILE *stream;
	char *path;
	int64_t file_bytes;
	int64_t count;
	struct sc_zip_entry *entries;       /* in name order (strcmp) */
	struct sc_zip_inflation *inflation; /* of the deflated entry that was read last, NULL before the first */
};

/* Everything that the directory and the local headers say is checked: names that repeat, entries that overlap or leave the file,
 * encryption and other methods are refused. */
enum sc_status sc_zip_open(struct sc_zip *zip, const char *path, struct sc_error *error);
void sc_zip_close(struct sc_zip *zip);
const struct sc_zip_entry *sc_zip_find(const struct sc_zip *zip, const char *name); /* NULL: absent */
/* Reads an entry once from front to end: its length and checksum must be right. */
enum sc_status sc_zip_check(struct sc_zip *zip, const struct sc_zip_entry *entry, struct sc_error *error);
/* Bytes [offset, offset + count) of the unpacked entry. In a deflated one a step back means to begin anew. */
enum sc_status sc_zip_read(struct sc_zip *zip, const struct sc_zip_entry *entry, int64_t offset, void *buffer, int64_t count,
			   struct sc_error *error);
/* An entry of at most `limit` bytes, checked, with a NUL behind it; the caller frees it. */
enum sc_status sc_zip_read_whole(struct sc_zip *zip, const struct sc_zip_entry *entry, int64_t limit, uint8_t **bytes,
				 struct sc_error *error);

/* Writing: entries are stored, each beginning at a multiple of 64 in the file; their times are constant, so equal contents make
 * equal files. An archive ends below 4 GiB. After a failure: sc_zip_writer_release, and the caller abandons the file. */
struct sc_zip_writer {
	struct sc_file_writer *file;
	int64_t position; /* in the file */
	int64_t count, capacity;
	struct sc_zip_entry *entries; /* the last one may still be growing */
};
void sc_zip_writer_init(struct sc_zip_writer *writer, struct sc_file_writer *file);
enum sc_status sc_zip_writer_begin(struct sc_zip_writer *writer, const char *name, struct sc_error *error);
enum sc_status sc_zip_writer_write(struct sc_zip_writer *writer, const void *bytes, int64_t count, struct sc_error *error);
enum sc_status sc_zip_writer_end(struct sc_zip_writer *writer, struct sc_error *error);
enum sc_status sc_zip_writer_finish(struct sc_zip_writer *writer, struct sc_error *error); /* the directory */
void sc_zip_writer_release(struct sc_zip_writer *writer);

#endif
