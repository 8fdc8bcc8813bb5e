/* idx.c - MNIST and the data sets in its four-file form: images and labels for training and for testing.
 *
 *     train-images-idx3-ubyte   train-labels-idx1-ubyte   t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte     each plain or .gz
 *
 * Images are grey; there are ten classes, named "0" to "9", whatever the data set calls them. The bytes of the format are
 * src/io/idx.c's subject. */
#include "base/memory.h"
#include "data/sources.h"
#include "io/file.h"
#include "io/idx.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLASSES           10
#define LABEL_FILE_HEADER 8 /* bytes before the first label: magic, count */
#define LARGEST_SIDE      65536

static const char *const digits[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

bool sc_idx_source_is_in(const char *folder)
{
	static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
					    "t10k-labels-idx1-ubyte"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char compressed[64];
		snprintf(compressed, sizeof compressed, "%s.gz", names[i]);
		if (sc_source_has_file(folder, names[i]) || sc_source_has_file(folder, compressed))
			return true;
	}
	return false;
}

/* The path of `name` or of `name`.gz in the folder; the caller frees it. */
static enum sc_status find_file(char **path, const char *folder, const char *name, struct sc_error *error)
{
	char compressed[64];
	snprintf(compressed, sizeof compressed, "%s.gz", name);
	const char *const candidates[] = {name, compressed};
	for (size_t i = 0; i < 2; i++) {
		*path = sc_path_join(folder, candidates[i]);
		if (!*path)
			return sc_fail_memory(error, (int64_t)strlen(folder), "a path");
		if (access(*path, F_OK) == 0)
			return SC_OK;
		free(*path);
		*path = NULL;
	}
	return sc_fail(error, SC_ERROR_NOT_FOUND, folder, -1, "%s: expected a file %s or %s there", folder, name, compressed);
}

static enum sc_status read_file(struct sc_idx *idx, char **path, const char *folder, const char *name, int rank,
				struct sc_error *error)
{
	enum sc_status status = find_file(path, folder, name, error);
	if (status == SC_OK)
		status = sc_idx_read(idx, *path, rank, error);
	return status;
}

static enum sc_status check_images(const struct sc_idx *images, const char *path, struct sc_error *error)
{
	const int64_t *shape = images->shape; /* (count, height, width) */
	if (shape[0] < 1 || shape[1] < 1 || shape[2] < 1 || shape[1] > LARGEST_SIDE || shape[2] > LARGEST_SIDE)
		return sc_fail(error, SC_ERROR_FORMAT, path, -1,
			       "%s: %" PRId64 " images of %" PRId64 "x%" PRId64
			       " pixels; expected at least one, with sides of 1 to %d",
			       path, shape[0], shape[1], shape[2], LARGEST_SIDE);
	return SC_OK;
}

static enum sc_status check_labels(const struct sc_idx *labels, const char *path, const struct sc_idx *images,
				   const char *images_path, struct sc_error *error)
{
	if (labels->shape[0] != images->shape[0])
		return sc_fail(error, SC_ERROR_MISMATCH, path, -1, "%s holds %" PRId64 " labels, but %s holds %" PRId64 " images",
			       path, labels->shape[0], images_path, images->shape[0]);
	for (int64_t i = 0; i < labels->count; i++)
		if (labels->values[i] >= CLASSES)
			return sc_fail(error, SC_ERROR_FORMAT, path, LABEL_FILE_HEADER + i,
				       "%s: label %" PRId64 " (byte %" PRId64 ") is %d; expected 0 to %d", path, i,
				       LABEL_FILE_HEADER + i, labels->values[i], CLASSES - 1);
	return SC_OK;
}

/* The buffers move from the files to the data. */
static void adopt(struct sc_data *data, struct sc_idx *images, struct sc_idx *labels)
{
	data->count = images->shape[0];
	data->height = images->shape[1];
	data->width = images->shape[2];
	data->channels = 1;
	data->pixels = images->values;
	data->labels = labels->values;
	images->values = labels->values = NULL;
}

enum sc_status sc_idx_source_read(struct sc_data *data, const char *folder, enum sc_part part, struct sc_error *error)
{
	struct sc_idx images = {0}, labels = {0};
	char *images_path = NULL, *labels_path = NULL;
	const char *images_name = part == SC_TRAIN ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
	const char *labels_name = part == SC_TRAIN ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte";
	enum sc_status status = read_file(&labels, &labels_path, folder, labels_name, 1, error);
	if (status == SC_OK)
		status = read_file(&images, &images_path, folder, images_name, 3, error);
	if (status == SC_OK)
		status = check_images(&images, images_path, error);
	if (status == SC_OK)
		status = check_labels(&labels, labels_path, &images, images_path, error);
	if (status == SC_OK)
		status = sc_data_name_classes(data, digits, CLASSES, error);
	if (status == SC_OK)
		adopt(data, &images, &labels);
	sc_idx_release(&images);
	sc_idx_release(&labels);
	free(images_path);
	free(labels_path);
	return status;
}
