/* weights.c - parameter tensors to and from files of named arrays.
 *
 * In memory the output channel of a kernel runs fastest, in the file it runs slowest. The file is read and written from front to
 * back in pieces of a fixed size; a piece holds the rows of several output channels where they fit, so that the other side, memory,
 * is touched a cache line at a time too. Keras' files have memory's order. Not here: what the tensors are for, and whether their
 * numbers are finite. */
#include "io/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "io/arrays.h"
#include "io/checksums.h"

#define PIECE       65536 /* numbers */
#define PIECE_BYTES (PIECE * (int64_t)sizeof(float))

/* ---- The order of the file --------------------------------------------------------------------------------------- */

/* Shape in the file: (h, w, in, out) is (out, in, h, w) there, (in, out) is (out, in); in Keras' files it is as in memory. */
static void file_shape(const struct sc_tensor *t, bool keras, int64_t shape[4])
{
	memcpy(shape, t->shape, 4 * sizeof(shape[0]));
	if (keras)
		return;
	if (t->rank == 4) {
		shape[0] = t->shape[3], shape[1] = t->shape[2], shape[2] = t->shape[0], shape[3] = t->shape[1];
	} else if (t->rank == 2) {
		shape[0] = t->shape[1], shape[1] = t->shape[0];
	}
}

/* Walks a tensor piece by piece in the order of the file: (outputs, inputs, taps), a row being one output's (inputs, taps). In
 * memory it is (taps, inputs, outputs). A vector is one row of taps, and so is every tensor of a file in memory's order. */
struct walk {
	float *values;
	int64_t taps, inputs, outputs, row;
	int64_t output, count, first, last; /* the piece: numbers [first, last) of the rows of outputs [output, output + count) */
};

static struct walk begin_walk(const struct sc_tensor *t, bool keras)
{
	struct walk w = {.values = t->values, .taps = t->count, .inputs = 1, .outputs = 1};
	if (t->rank == 4 && !keras)
		w.taps = t->shape[0] * t->shape[1], w.inputs = t->shape[2], w.outputs = t->shape[3];
	if (t->rank == 2 && !keras)
		w.taps = 1, w.inputs = t->shape[0], w.outputs = t->shape[1];
	w.row = w.taps * w.inputs;
	return w;
}

/* The next piece, as many numbers as it returns; 0 at the end. */
static int64_t next_piece(struct walk *w)
{
	if (w->count > 0 && w->last < w->row) { /* a row longer than a piece goes on */
		w->first = w->last;
	} else {
		w->output += w->count;
		w->first = 0;
	}
	if (w->row == 0 || w->output == w->outputs)
		return 0;
	int64_t whole_rows = PIECE / w->row, rows_left = w->outputs - w->output;
	w->count = whole_rows == 0 ? 1 : whole_rows < rows_left ? whole_rows : rows_left;
	w->last = w->row - w->first < PIECE ? w->row : w->first + PIECE;
	return w->count * (w->last - w->first);
}

/* The piece's numbers between memory and `piece` (count, last - first). */
static void copy_piece(const struct walk *w, float *piece, bool into_memory)
{
	int64_t length = w->last - w->first, input = w->first / w->taps, tap = w->first % w->taps;
	for (int64_t i = 0; i < length; i++) {
		float *line = w->values + (tap * w->inputs + input) * w->outputs + w->output;
		if (into_memory)
			for (int64_t o = 0; o < w->count; o++)
				line[o] = piece[o * length + i];
		else
			for (int64_t o = 0; o < w->count; o++)
				piece[o * length + i] = line[o];
		if (++tap == w->taps) {
			tap = 0;
			input++;
		}
	}
}

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

/* Takes the bytes of an array, piece by piece: sc_arrays_writer_write, sc_file_write. */
typedef enum sc_status (*byte_sink)(void *to, const void *bytes, int64_t count, struct sc_error *error);

static enum sc_status into_arrays(void *to, const void *bytes, int64_t count, struct sc_error *error)
{
	return sc_arrays_writer_write(to, bytes, count, error);
}

static enum sc_status into_file(void *to, const void *bytes, int64_t count, struct sc_error *error)
{
	return sc_file_write(to, bytes, count, error);
}

static enum sc_status write_numbers(byte_sink sink, void *to, const struct sc_tensor *t, bool keras, float *piece,
				    struct sc_error *error)
{
	struct walk walk = begin_walk(t, keras);
	enum sc_status status = SC_OK;
	int64_t count;
	while (!status && (count = next_piece(&walk)) > 0) {
		copy_piece(&walk, piece, false);
		status = sink(to, piece, count * (int64_t)sizeof(float), error);
	}
	return status;
}

static struct sc_array declaration(const struct sc_tensor *t, bool keras)
{
	struct sc_array made = {.name = (char *)(uintptr_t)t->name, .dtype = "F32", .rank = t->rank, .bytes = t->count * 4};
	int64_t shape[4];
	file_shape(t, keras, shape);
	memcpy(made.shape, shape, sizeof(shape));
	return made;
}

enum sc_status sc_weights_write(const char *path, const struct sc_tensor *tensors, int64_t count, const char *const *metadata,
				int64_t metadata_count, struct sc_error *error)
{
	const bool keras = sc_arrays_keras_file(path) != SC_KERAS_NONE;
	struct sc_arrays_writer *writer = NULL;
	struct sc_array *declared = sc_allocate(count, sizeof(*declared));
	float *piece = sc_allocate(PIECE, sizeof(float));
	enum sc_status status = declared && piece ? SC_OK : sc_fail_memory(error, PIECE_BYTES, path);
	for (int64_t i = 0; i < count && !status; i++)
		declared[i] = declaration(&tensors[i], keras);
	if (!status)
		status = sc_arrays_writer_open(&writer, path, declared, count, metadata, metadata_count, error);
	for (int64_t i = 0; i < count && !status; i++) {
		status = sc_arrays_writer_next(writer, error);
		if (!status)
			status = write_numbers(into_arrays, writer, &tensors[i], keras, piece, error);
	}
	if (status)
		sc_arrays_writer_abandon(writer);
	else
		status = sc_arrays_writer_commit(writer, error);
	free(declared);
	free(piece);
	return status;
}

/* Header, numbers, checksums. declared: [count + 1]. */
static enum sc_status write_checked(struct sc_file_writer *writer, struct sc_array *declared, const struct sc_tensor *tensors,
				    int64_t count, const char *const *metadata, int64_t metadata_count, float *piece,
				    struct sc_error *error)
{
	for (int64_t i = 0; i < count; i++)
		declared[i] = declaration(&tensors[i], false);
	declared[count] = sc_checksums_tensor(count + 1);
	enum sc_status status = sc_safetensors_write_header(writer, declared, count + 1, metadata, metadata_count, error);
	for (int64_t i = 0; i < count && !status; i++) {
		sc_checksums_end_section(writer->checksums);
		status = write_numbers(into_file, writer, &tensors[i], false, piece, error);
	}
	if (status)
		return status;
	sc_checksums_end_section(writer->checksums);
	return sc_checksums_write(writer->checksums, writer, error);
}

enum sc_status sc_weights_write_checked(const char *path, const struct sc_tensor *tensors, int64_t count,
					const char *const *metadata, int64_t metadata_count, struct sc_error *error)
{
	struct sc_file_writer writer;
	struct sc_checksums checksums = {0};
	struct sc_array *declared = sc_allocate(count + 1, sizeof(*declared));
	float *piece = sc_allocate(PIECE, sizeof(float));
	enum sc_status status =
		declared && piece ? sc_checksums_init(&checksums, count + 1, error) : sc_fail_memory(error, PIECE_BYTES, path);
	if (!status)
		status = sc_file_writer_open(&writer, path, error);
	if (!status) {
		writer.checksums = &checksums;
		status = write_checked(&writer, declared, tensors, count, metadata, metadata_count, piece, error);
		if (status)
			sc_file_writer_abandon(&writer);
		else
			status = sc_file_writer_commit(&writer, error);
	}
	sc_checksums_release(&checksums);
	free(declared);
	free(piece);
	return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------ */

static void shape_text(char *text, size_t size, const int64_t *shape, int rank)
{
	size_t used = (size_t)snprintf(text, size, "(");
	for (int i = 0; i < rank && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
	if (used < size)
		snprintf(text + used, size - used, ")");
}

static enum sc_status check_tensor(const struct sc_arrays *file, const struct sc_tensor *t, struct sc_error *error)
{
	const struct sc_array *found = sc_arrays_find(file, t->name);
	char expected[128], given[256];
	int64_t shape[4];
	file_shape(t, file->reader->keras, shape);
	shape_text(expected, sizeof(expected), shape, t->rank);
	if (!found)
		return sc_fail(error, SC_ERROR_MISMATCH, t->name, -1, "%s: tensor '%s': expected F32 %s, but it is not there",
			       file->path, t->name, expected);
	shape_text(given, sizeof(given), found->shape, found->rank);
	bool same = strcmp(found->dtype, "F32") == 0 && found->rank == t->rank;
	for (int i = 0; same && i < t->rank; i++)
		same = found->shape[i] == shape[i];
	if (!same)
		return sc_fail(error, SC_ERROR_MISMATCH, t->name, found->begin, "%s: tensor '%s': expected F32 %s, found %s %s",
			       file->path, t->name, expected, found->dtype, given);
	return SC_OK;
}

static bool ends_with(const char *string, const char *end)
{
	size_t a = strlen(string), b = strlen(end);
	return a >= b && strcmp(string + a - b, end) == 0;
}

/* Tensors that the caller has no place for. */
static enum sc_status check_strangers(const struct sc_arrays *file, const struct sc_tensor *tensors, int64_t count,
				      const char *ignore_prefix, struct sc_error *error)
{
	for (int64_t i = 0; i < file->count; i++) {
		const char *name = file->arrays[i].name;
		bool known = ends_with(name, "num_batches_tracked") ||
			     (ignore_prefix && strncmp(name, ignore_prefix, strlen(ignore_prefix)) == 0);
		for (int64_t k = 0; k < count && !known; k++)
			known = strcmp(tensors[k].name, name) == 0;
		if (!known)
			return sc_fail(error, SC_ERROR_MISMATCH, name, file->arrays[i].begin,
				       "%s: tensor '%.120s': the model has none of this name", file->path, name);
	}
	return SC_OK;
}

static enum sc_status read_numbers(struct sc_arrays *file, const struct sc_tensor *t, float *piece, struct sc_error *error)
{
	const struct sc_array *found = sc_arrays_find(file, t->name);
	struct walk walk = begin_walk(t, file->reader->keras);
	enum sc_status status = SC_OK;
	int64_t count, done = 0;
	while (!status && (count = next_piece(&walk)) > 0) {
		status = sc_arrays_read(file, found, done * 4, piece, count * 4, error);
		if (!status)
			copy_piece(&walk, piece, true);
		done += count;
	}
	return status;
}

enum sc_status sc_weights_read_open(struct sc_arrays *file, const struct sc_tensor *tensors, int64_t count,
				    const char *ignore_prefix, struct sc_error *error)
{
	float *piece = sc_allocate(PIECE, sizeof(float));
	enum sc_status status = piece ? SC_OK : sc_fail_memory(error, PIECE_BYTES, file->path);
	for (int64_t i = 0; i < count && !status; i++)
		status = check_tensor(file, &tensors[i], error);
	if (!status)
		status = check_strangers(file, tensors, count, ignore_prefix, error);
	for (int64_t i = 0; i < count && !status; i++)
		status = read_numbers(file, &tensors[i], piece, error);
	free(piece);
	return status;
}

enum sc_status sc_weights_read(const char *path, const struct sc_tensor *tensors, int64_t count, const char *ignore_prefix,
			       struct sc_error *error)
{
	struct sc_arrays file;
	enum sc_status status = sc_arrays_open(&file, path, error);
	if (status)
		return status;
	status = sc_weights_read_open(&file, tensors, count, ignore_prefix, error);
	sc_arrays_close(&file);
	return status;
}

enum sc_status sc_weights_metadata(const char *path, const char *key, char **value, struct sc_error *error)
{
	struct sc_arrays file;
	enum sc_status status = sc_arrays_open(&file, path, error);
	if (status)
		return status;
	const char *found = sc_arrays_metadata(&file, key);
	char *copy = found ? sc_copy_string(found) : NULL;
	sc_arrays_close(&file);
	if (found && !copy)
		return sc_fail_memory(error, (int64_t)strlen(key), "metadata");
	*value = copy;
	return SC_OK;
}

/* ---- Hashes ------------------------------------------------------------------------------------------------------ */

static void hash_header(struct sc_hash *hash, const char *name, const char *dtype, int rank, const int64_t *shape)
{
	int64_t dimensions = rank;
	sc_hash_update(hash, name, (int64_t)strlen(name) + 1);
	sc_hash_update(hash, dtype, (int64_t)strlen(dtype) + 1);
	sc_hash_update(hash, &dimensions, 8);
	sc_hash_update(hash, shape, 8 * dimensions);
}

enum sc_status sc_weights_hash_file(char hash[SC_HASH_SIZE], const char *path, struct sc_error *error)
{
	struct sc_arrays file;
	enum sc_status status = sc_arrays_open(&file, path, error);
	if (status)
		return status;
	float *piece = sc_allocate(PIECE, sizeof(float));
	struct sc_hash state;
	sc_hash_init(&state);
	if (!piece)
		status = sc_fail_memory(error, PIECE_BYTES, path);
	for (int64_t i = 0; i < file.count && !status; i++) {
		const struct sc_array *t = &file.arrays[i];
		if (strncmp(t->name, SC_TRAINING_PREFIX, sizeof SC_TRAINING_PREFIX - 1) == 0)
			continue;
		hash_header(&state, t->name, t->dtype, t->rank, t->shape);
		for (int64_t done = 0; done < t->bytes && !status;) {
			int64_t count = t->bytes - done < PIECE_BYTES ? t->bytes - done : PIECE_BYTES;
			status = sc_arrays_read(&file, t, done, piece, count, error);
			sc_hash_update(&state, piece, count);
			done += count;
		}
	}
	if (!status)
		sc_hash_finish(&state, hash);
	free(piece);
	sc_arrays_close(&file);
	return status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct sc_tensor *const *)a)->name, (*(const struct sc_tensor *const *)b)->name);
}

enum sc_status sc_weights_hash(char hash[SC_HASH_SIZE], const struct sc_tensor *tensors, int64_t count, struct sc_error *error)
{
	const struct sc_tensor **order = sc_allocate(count, sizeof(*order));
	float *piece = sc_allocate(PIECE, sizeof(float));
	struct sc_hash state;
	if (!order || !piece) {
		free(order);
		free(piece);
		return sc_fail_memory(error, PIECE_BYTES, "a hash");
	}
	for (int64_t i = 0; i < count; i++)
		order[i] = &tensors[i];
	qsort(order, (size_t)count, sizeof(*order), by_name);
	sc_hash_init(&state);
	for (int64_t i = 0; i < count; i++) {
		int64_t shape[4];
		file_shape(order[i], false, shape);
		hash_header(&state, order[i]->name, "F32", order[i]->rank, shape);
		struct walk walk = begin_walk(order[i], false);
		for (int64_t numbers; (numbers = next_piece(&walk)) > 0;) {
			copy_piece(&walk, piece, false);
			sc_hash_update(&state, piece, numbers * 4);
		}
	}
	sc_hash_finish(&state, hash);
	free(order);
	free(piece);
	return SC_OK;
}
