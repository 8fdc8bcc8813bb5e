/* prepared_file.h - an infer plan's prepared weights, and the vectors behind them, in a file that is mapped into memory: a program that starts again has them at
 * once, and programs that run side by side have them once between them.
 *
 * The file is a copy of what can be made again at any time. So nothing that goes wrong with it is an error: a file that is absent, of
 * something else or damaged is the same as none, and one that cannot be written is left out.
 *
 *     FOLDER/KEY.prepared, KEY being 32 hexadecimal digits: the origin's checksum, the layout's
 *
 *     0     8     "SCPREPAR"
 *     8     8     version of these bytes: 1
 *     16    8     origin: XXH3-64 of the file that the weights came from
 *     24    8     layout: XXH3-64 of everything else that decides the bytes (sc_plan_prepared_layout, the model's description)
 *     32    8     length of the weights
 *     40    8     XXH3-64 of the weights
 *     4096        the weights
 *
 * Whole numbers are little-endian. */
#ifndef SC_SERVE_PREPARED_FILE_H
#define SC_SERVE_PREPARED_FILE_H

#include <stdbool.h>

#include "base/error.h"

struct sc_prepared_key {
	uint64_t origin, layout;
	int64_t bytes; /* of the weights */
};
struct sc_prepared_file {
	const void *weights; /* read only, page-aligned; NULL: there are none */
	void *mapped;
	int64_t mapped_bytes;
};

/* Whether the folder has these weights; then `file` holds them until it is released. */
bool sc_prepared_file_open(struct sc_prepared_file *file, const char *folder, const struct sc_prepared_key *key);
void sc_prepared_file_release(struct sc_prepared_file *file);
/* Keeps the weights for the next time, and of the folder's files the few that were used last. */
void sc_prepared_file_keep(const char *folder, const struct sc_prepared_key *key, const void *weights);

#endif
