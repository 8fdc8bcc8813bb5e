/* checksums.h - a checksum for each section of a safetensors file, and one for the whole: see checksums.c for where they stand. */
#ifndef SC_IO_CHECKSUMS_H
#define SC_IO_CHECKSUMS_H

#include "base/checksum.h"
#include "io/safetensors.h"

#define SC_CHECKSUMS_NAME "training.checksums"

/* While a file is written: fed by sc_file_write (struct sc_file_writer's `checksums`). */
struct sc_checksums {
	struct sc_checksum section, whole;
	uint64_t *values; /* [sections + 1]: the sections', then the whole's */
	int64_t sections, ended;
};
enum sc_status sc_checksums_init(struct sc_checksums *checksums, int64_t sections, struct sc_error *error);
void sc_checksums_release(struct sc_checksums *checksums);
void sc_checksums_update(struct sc_checksums *checksums, const void *bytes, int64_t count);
void sc_checksums_end_section(struct sc_checksums *checksums);

/* The tensor that declares them: to be the file's last. */
struct sc_array sc_checksums_tensor(int64_t sections);
/* Writes that tensor's bytes, all sections being ended. */
enum sc_status sc_checksums_write(struct sc_checksums *checksums, struct sc_file_writer *writer, struct sc_error *error);

/* Reads every byte of the file. SC_ERROR_FORMAT names the first section that is not what was written; a file without checksums is
 * refused too. */
enum sc_status sc_checksums_verify(struct sc_safetensors *file, struct sc_error *error);

#endif
