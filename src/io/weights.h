/* weights.h - parameter tensors to and from files of named F32 arrays (arrays.h: safetensors, PyTorch, NumPy, Keras), with the
 * engine's kernel order (kernel_h, kernel_w, in, out) turned into PyTorch's (out, in, kernel_h, kernel_w) on the way, and dense
 * (in, out) into (out, in); Keras' order is the engine's. It knows arrays and names, not models: the model hands it a list. */
#ifndef SC_IO_WEIGHTS_H
#define SC_IO_WEIGHTS_H

#include "base/error.h"
#include "io/arrays.h"
#include "shortcut.h"

/* Tensors of which the name begins so are the state of a training, and no part of a model. */
#define SC_TRAINING_PREFIX "training."

/* tensors: views as sc_model_tensor gives them. metadata: key, value pairs. The end of `path` names the format. Written whole or
 * not at all. No allocation grows with the size of a tensor. */
enum sc_status sc_weights_write(const char *path, const struct sc_tensor *tensors, int64_t count, const char *const *metadata,
				int64_t metadata_count, struct sc_error *error);
/* The same as safetensors, with checksums of every byte at the end (io/checksums.h). */
enum sc_status sc_weights_write_checked(const char *path, const struct sc_tensor *tensors, int64_t count,
					const char *const *metadata, int64_t metadata_count, struct sc_error *error);
/* Fills the views from the file. Every name must be there with F32 and the right shape, and nothing more than "num_batches_tracked"
 * and names that start with `ignore_prefix` (NULL: none) may be there besides; the first mismatch is named with what was expected
 * and found, and then no view was touched: all names and shapes are checked before the first number is read. */
enum sc_status sc_weights_read(const char *path, const struct sc_tensor *tensors, int64_t count, const char *ignore_prefix,
			       struct sc_error *error);
/* The same from an open file. */
enum sc_status sc_weights_read_open(struct sc_arrays *file, const struct sc_tensor *tensors, int64_t count,
				    const char *ignore_prefix, struct sc_error *error);
/* The value of a metadata key in a new string (caller frees), NULL if absent. */
enum sc_status sc_weights_metadata(const char *path, const char *key, char **value, struct sc_error *error);
/* SHA-256 over the tensors in name order: for each, name NUL dtype NUL rank and dims as little-endian int64, then the bytes in file
 * order. The two give the same hash for the same weights. Names that start with SC_TRAINING_PREFIX are left out. */
enum sc_status sc_weights_hash_file(char hash[SC_HASH_SIZE], const char *path, struct sc_error *error);
enum sc_status sc_weights_hash(char hash[SC_HASH_SIZE], const struct sc_tensor *tensors, int64_t count, struct sc_error *error);

#endif
