/* input.h - what the fuzz targets share: bytes become a file, and what a reader promises is checked.
 *
 * A target, fuzz_<reader>.c, is one function, LLVMFuzzerTestOneInput. README.md says how the targets are run. */
#ifndef SC_TESTS_FUZZ_INPUT_H
#define SC_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "io/arrays.h"

/* The target itself. Always 0: any bytes may be followed by others. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* A folder in memory, without a slash at its end; it is removed when the program ends. */
const char *fuzz_folder(void);
/* The path of a file of these bytes in it, under `name`, until the next call with that name. */
const char *fuzz_file(const char *name, const uint8_t *bytes, size_t count);

struct fuzz_entry {
	const char *name;
	const uint8_t *bytes;
	size_t count;
};
/* The path of a ZIP archive with these entries, all its sizes and checksums right: what the bytes are is then all that can be
 * wrong. */
const char *fuzz_archive(const struct fuzz_entry *entries, size_t count);

/* Ends the program unless a reader kept its promise: SC_OK, or an error with a message of one line that names the subject (NULL:
 * not asked). Gives the status. */
enum sc_status fuzz_check(enum sc_status status, const struct sc_error *error, const char *subject);

/* Opens the file with a reader (NULL: the one that its bytes ask for) and reads all of its numbers. Always 0. */
int fuzz_arrays(const struct sc_array_reader *reader, const char *path);

#endif
