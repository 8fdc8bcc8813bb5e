/* arrays.h - the named arrays of a file, whatever its format: safetensors, PyTorch's .pth, NumPy's .npz, Keras' .h5 and .keras.
 *
 * Reading goes by content: the first bytes and, in an archive, its entries say what a file is. Writing goes by the name that the
 * file is to have. What the arrays mean, and in which order their axes stand, is for others to know. */
#ifndef SC_IO_ARRAYS_H
#define SC_IO_ARRAYS_H

#include "base/error.h"

#define SC_ARRAY_MAX_RANK 8

struct sc_array {
	char *name;
	const char *dtype; /* safetensors' names: "F32", "I64", ...; static storage */
	int rank;
	int64_t shape[SC_ARRAY_MAX_RANK];
	int64_t bytes;
	int64_t begin; /* of its first byte, in the file or in its part of the file */
	int64_t part;  /* which part, where a format has parts */
};

/* One of safetensors' dtypes, {NULL, 0} if `name` is none. */
struct sc_dtype {
	const char *name;
	int64_t bytes; /* of one number */
};
struct sc_dtype sc_dtype_find(const char *name);

struct sc_arrays { /* an open file: what there is in memory, numbers on disk */
	const struct sc_array_reader *reader;
	void *file; /* the reader's own */
	char *path;
	int64_t count;
	struct sc_array *arrays; /* in name order (strcmp) */
	int64_t metadata_count;
	char **metadata; /* key, value, key, value, ... */
};

enum sc_status sc_arrays_open(struct sc_arrays *arrays, const char *path, struct sc_error *error);
void sc_arrays_close(struct sc_arrays *arrays);
const struct sc_array *sc_arrays_find(const struct sc_arrays *arrays, const char *name); /* NULL: absent */
const char *sc_arrays_metadata(const struct sc_arrays *arrays, const char *key);         /* NULL: absent */
/* "shortcut.model" and its like, which travel in every format; other metadata mean nothing outside of safetensors. */
bool sc_arrays_is_own_key(const char *key);
/* Bytes [offset, offset + count) of an array, in C order, little-endian. From front to back is the cheap direction. */
enum sc_status sc_arrays_read(struct sc_arrays *arrays, const struct sc_array *array, int64_t offset, void *buffer, int64_t count,
			      struct sc_error *error);

/* A format's reader. */
struct sc_array_reader {
	const char *format; /* "PyTorch" */
	/* Fills file, arrays and metadata; on failure what it has filled so far is closed by the caller. */
	enum sc_status (*open)(struct sc_arrays *arrays, struct sc_error *error);
	enum sc_status (*read)(struct sc_arrays *arrays, const struct sc_array *array, int64_t offset, void *buffer, int64_t count,
			       struct sc_error *error);
	void (*close)(void *file);
	bool keras; /* names and axes are Keras': kernels (height, width, in, out) */
};
extern const struct sc_array_reader sc_safetensors_reader, sc_torch_reader, sc_npz_reader, sc_keras_reader, sc_hdf5_reader;

#define SC_KERAS_WEIGHTS "model.weights.h5" /* the entry of a .keras archive that holds them */
#define SC_KERAS_CONFIG  "keras.config"     /* the key of the metadata with the layers of a model, for a file that holds a whole one */

/* For readers: room for `count` arrays, for `pairs` pairs of metadata; sorted by name, a name that is there twice refused. */
enum sc_status sc_arrays_reserve(struct sc_arrays *arrays, int64_t count, int64_t pairs, struct sc_error *error);
enum sc_status sc_arrays_sort(struct sc_arrays *arrays, struct sc_error *error);

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

/* Declare every array (begin and part are ignored), then for each, in the same order: sc_arrays_writer_next and all its bytes in as
 * many pieces as wanted; then commit. On failure: abandon. */
struct sc_arrays_writer;
/* The format is chosen by the end of `path`: .safetensors, .pth, .pt, .npz, .weights.h5, .keras, .h5; another one is refused. */
enum sc_status sc_arrays_writer_open(struct sc_arrays_writer **out, const char *path, const struct sc_array *arrays, int64_t count,
				     const char *const *metadata, int64_t metadata_count, struct sc_error *error);
/* Which of Keras' files that format is: with the names and axes of its layers, .keras and .h5 with SC_KERAS_CONFIG as well. */
enum sc_keras_file {
	SC_KERAS_NONE,
	SC_KERAS_WEIGHTS_FILE, /* .weights.h5 */
	SC_KERAS_ARCHIVE,      /* .keras */
	SC_KERAS_LEGACY        /* .h5; arrays are declared in the order of the layers */
};
enum sc_keras_file sc_arrays_keras_file(const char *path);
enum sc_status sc_arrays_writer_next(struct sc_arrays_writer *writer, struct sc_error *error);
enum sc_status sc_arrays_writer_write(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error);
enum sc_status sc_arrays_writer_commit(struct sc_arrays_writer *writer,
				       struct sc_error *error); /* releases the writer, on failure too */
void sc_arrays_writer_abandon(struct sc_arrays_writer *writer);

#endif
