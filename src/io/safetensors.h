/* safetensors.h - reader and writer of the safetensors format (documented byte by byte in safetensors.c). */
#ifndef SC_IO_SAFETENSORS_H
#define SC_IO_SAFETENSORS_H

#include <stdio.h>

#include "io/arrays.h"
#include "io/file.h"

/* The part of an array is 0: the file is one. */
struct sc_safetensors { /* an open file: index in memory, data on disk */
	FILE *stream;
	char *path;
	int64_t tensor_count;
	struct sc_array *tensors; /* in name order (strcmp) */
	int64_t metadata_count;
	char **metadata; /* key, value, key, value, ... */
};

enum sc_status sc_safetensors_open(struct sc_safetensors *file, const char *path, struct sc_error *error);
void sc_safetensors_close(struct sc_safetensors *file);
const struct sc_array *sc_safetensors_find(const struct sc_safetensors *file, const char *name); /* NULL: absent */
const char *sc_safetensors_metadata(const struct sc_safetensors *file, const char *key);         /* NULL: absent */
/* Bytes [offset, offset + count) of a tensor into `buffer`. */
enum sc_status sc_safetensors_read(struct sc_safetensors *file, const struct sc_array *tensor, int64_t offset, void *buffer,
				   int64_t count, struct sc_error *error);

/* Writing: declare every tensor (begin is ignored), then give their bytes through sc_file_write(&writer, ...) in the same order,
 * then sc_file_writer_commit. The header is padded so that data begins at a multiple of 64. metadata: key, value pairs. */
enum sc_status sc_safetensors_write_header(struct sc_file_writer *writer, const struct sc_array *tensors, int64_t tensor_count,
					   const char *const *metadata, int64_t metadata_count, struct sc_error *error);

#endif
