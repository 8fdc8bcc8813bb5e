/* sources.h - the kinds of data sets that sc_data_open knows. A new kind: one file, one function here, one row in open.c. */
#ifndef SC_DATA_SOURCES_H
#define SC_DATA_SOURCES_H

#include "data/data.h"

/* MNIST and its kin: the four IDX files in `folder`, plain or .gz. Fills everything of *data but its name; on failure the caller
 * destroys *data as it is. */
enum sc_status sc_idx_source_read(struct sc_data *data, const char *folder, enum sc_part part, struct sc_error *error);

/* Keeps a random sample of `take` images, chosen by `seed`, in their old order (sample.c). */
enum sc_status sc_data_take(struct sc_data *data, int64_t take, uint64_t seed, struct sc_error *error);

#endif
