/* hdf5.h - what we ask of libhdf5: which data sets a file has and where their numbers lie, and the bytes of a new file around the
 * numbers. libhdf5 itself never touches a number: they are read and written by us, at places that were checked.
 *
 * libhdf5 is not safe for threads, so a lock is held around each use. It is no match for a hostile file everywhere: see
 * SECURITY.md. Only hdf5*.c know it. */
#ifndef SC_IO_HDF5_H
#define SC_IO_HDF5_H

#include "io/arrays.h"

#define SC_HDF5_MAGIC "\x89HDF\r\n\x1a\n" /* 8 bytes */

/* Fills arrays->arrays, in name order: the data sets' paths without the first slash, begin being the place of the first number in
 * the file. Numbers must lie in one piece, little-endian, and inside of the file, no two data sets' on one another; links that lead
 * elsewhere, and types other than plain numbers, are refused. image: [bytes], the content of an HDF5 file that messages call
 * arrays->path, or NULL: that file itself. */
enum sc_status sc_hdf5_list(struct sc_arrays *arrays, const uint8_t *image, int64_t bytes, struct sc_error *error);

/* Texts that a group carries. */
struct sc_hdf5_attribute {
	const char *group; /* its path, "/" for the root */
	const char *name;
	const char *const *texts; /* [count] */
	int64_t count;            /* SC_HDF5_SINGLE: one text and not a list of them */
};
#define SC_HDF5_SINGLE (-1)

struct sc_hdf5_content {
	const struct sc_array *arrays; /* names are paths; groups are made as they are needed */
	int64_t count;
	const struct sc_hdf5_attribute *attributes;
	int64_t attribute_count;
};
/* All that stands before the numbers of a new file, into *head (*bytes of them, the caller frees it): behind it the numbers follow,
 * array after array. `subject`: the file, for messages. */
enum sc_status sc_hdf5_head(uint8_t **head, int64_t *bytes, const struct sc_hdf5_content *content, const char *subject,
			    struct sc_error *error);

#endif
