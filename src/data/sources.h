/* sources.h - the kinds of data sets that sc_data_open knows. A new kind: one file, two functions here, one row in open.c.
 *
 * is_in says whether a folder holds that kind, going by the names in it. read fills everything of *data but its name; on failure
 * the caller destroys *data as it is. */
#ifndef SC_DATA_SOURCES_H
#define SC_DATA_SOURCES_H

#include "data/data.h"

/* MNIST and its kin: the four IDX files in `folder`, plain or .gz. */
bool sc_idx_source_is_in(const char *folder);
enum sc_status sc_idx_source_read(struct sc_data *data, const char *folder, enum sc_part part, struct sc_error *error);

/* CIFAR-10's binary version. */
bool sc_cifar10_source_is_in(const char *folder);
enum sc_status sc_cifar10_source_read(struct sc_data *data, const char *folder, enum sc_part part, struct sc_error *error);

/* open.c, for is_in. */
bool sc_source_has_file(const char *folder, const char *name);
/* class_names.c: copies names[count]. */
enum sc_status sc_data_name_classes(struct sc_data *data, const char *const *names, int64_t count, struct sc_error *error);

/* Keeps a random sample of `take` images, chosen by `seed`, in their old order (sample.c). */
enum sc_status sc_data_take(struct sc_data *data, int64_t take, uint64_t seed, struct sc_error *error);

#endif
