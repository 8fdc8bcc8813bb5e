/* arrays_write.h - what the formats' writers share; what users of them see is in arrays.h. */
#ifndef SC_IO_ARRAYS_WRITE_H
#define SC_IO_ARRAYS_WRITE_H

#include "io/arrays.h"
#include "io/file.h"
#include "io/zip.h"

struct sc_arrays_writer {
	const struct sc_array_writer *format;
	struct sc_file_writer file;
	struct sc_zip_writer zip;      /* where the format is an archive */
	const struct sc_array *arrays; /* the caller's */
	int64_t count, next;
	int64_t missing; /* bytes of the array under way that were not given yet */
	const char *const *metadata;
	int64_t metadata_count; /* of pairs */
};

struct sc_array_writer {
	const char *extensions[3]; /* with their dots, NULL behind the last */
	enum sc_status (*begin)(struct sc_arrays_writer *writer, struct sc_error *error); /* all that stands before the arrays */
	enum sc_status (*next)(struct sc_arrays_writer *writer, struct sc_error *error);  /* begins arrays[next]; NULL: nothing to do */
	enum sc_status (*write)(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error);
	enum sc_status (*finish)(struct sc_arrays_writer *writer, struct sc_error *error); /* after the last one; NULL: nothing to do */
	enum sc_keras_file keras;
};
extern const struct sc_array_writer sc_safetensors_writer, sc_torch_writer, sc_npz_writer, sc_keras_weights_writer,
	sc_keras_writer, sc_keras_legacy_writer;

/* For archives: the entry under way ends and another begins. */
enum sc_status sc_archive_begin(struct sc_arrays_writer *writer, const char *name, struct sc_error *error);
enum sc_status sc_archive_write(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error);
enum sc_status sc_archive_finish(struct sc_arrays_writer *writer, struct sc_error *error);
enum sc_status sc_archive_write_entry(struct sc_arrays_writer *writer, const char *name, const char *text, struct sc_error *error);
/* Entries "<folder><key>" with the metadata whose keys are our own. */
enum sc_status sc_archive_write_metadata(struct sc_arrays_writer *writer, const char *folder, struct sc_error *error);

#endif
