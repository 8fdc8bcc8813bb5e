/* cifar10.c - CIFAR-10 in its binary version (Krizhevsky, "Learning multiple layers of features from tiny images", 2009).
 *
 *     data_batch_1.bin ... data_batch_5.bin   test_batch.bin   batches.meta.txt
 *
 * A .bin file is a row of records of 3073 bytes and nothing else: the label, 0 to 9; 1024 bytes of red, 1024 of green, 1024 of
 * blue, each the 32 rows of 32 pixels from the top. The five files of the training part are equally long. batches.meta.txt names
 * the classes, one a line; where it is missing they have the names that they have in the paper. */
#include "base/memory.h"
#include "data/sources.h"
#include "io/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLASSES      10
#define SIDE         32
#define CHANNELS     3
#define PLANE        (SIDE * SIDE) /* bytes of one colour */
#define IMAGE        (CHANNELS * PLANE)
#define RECORD       (1 + IMAGE)
#define MOST_IMAGES  10000000 /* in a file */
#define LONGEST_META 4096     /* bytes */
#define LONGEST_NAME 64
#define MOST_FILES   5
#define META_FILE    "batches.meta.txt"

static const char *const train_files[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
					  "data_batch_5.bin"};
static const char *const test_files[] = {"test_batch.bin"};

bool sc_cifar10_source_is_in(const char *folder)
{
	return sc_source_has_file(folder, train_files[0]) || sc_source_has_file(folder, test_files[0]);
}

/* ---- Names of classes ----------------------------------------------------------------------------------------------------- */

static bool is_name(const char *text)
{
	size_t length = strlen(text);
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return length >= 1 && length <= LONGEST_NAME;
}

/* Cuts the text into lines; lines at its end that are empty do not count. Gives how many there are, at most `most` of them in
 * `lines`. */
static int64_t cut_lines(char *text, const char **lines, int64_t most)
{
	int64_t count = 0;
	size_t length = strlen(text);
	while (length > 0 && strchr(" \r\n", text[length - 1]))
		text[--length] = '\0';
	for (char *line = text; line && *text; count++) {
		char *next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (count < most)
			lines[count] = line;
		line = next;
	}
	return count;
}

static enum sc_status read_names(struct sc_data *data, const char *path, struct sc_error *error)
{
	const char *names[CLASSES];
	char *text = NULL;
	enum sc_status status = sc_file_read_text(&text, path, LONGEST_META, error);
	if (status)
		return status;
	int64_t count = cut_lines(text, names, CLASSES);
	if (count != CLASSES)
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1,
				 "%s: expected the names of %d classes, one a line, found %" PRId64, path, CLASSES, count);
	for (int i = 0; i < CLASSES && !status; i++)
		if (!is_name(names[i]))
			status = sc_fail(error, SC_ERROR_FORMAT, path, -1,
					 "%s: line %d: expected the name of a class, 1 to %d printable characters of ASCII", path,
					 i + 1, LONGEST_NAME);
	if (!status)
		status = sc_data_name_classes(data, names, CLASSES, error);
	free(text);
	return status;
}

static enum sc_status name_classes(struct sc_data *data, const char *folder, struct sc_error *error)
{
	static const char *const built_in[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
						      "dog",      "frog",       "horse", "ship", "truck"};
	if (!sc_source_has_file(folder, META_FILE))
		return sc_data_name_classes(data, built_in, CLASSES, error);
	char *path = sc_path_join(folder, META_FILE);
	if (!path)
		return sc_fail_memory(error, (int64_t)strlen(folder), "a path");
	enum sc_status status = read_names(data, path, error);
	free(path);
	return status;
}

/* ---- Images ----------------------------------------------------------------------------------------------------------------- */

struct batch_file {
	char *path;
	FILE *stream;
	int64_t images;
};

static enum sc_status open_batch(struct batch_file *file, const char *folder, const char *name, struct sc_error *error)
{
	int64_t bytes;
	file->path = sc_path_join(folder, name);
	if (!file->path)
		return sc_fail_memory(error, (int64_t)strlen(folder), "a path");
	if (access(file->path, F_OK) != 0)
		return sc_fail(error, SC_ERROR_NOT_FOUND, folder, -1, "%s: expected a file %s there", folder, name);
	enum sc_status status = sc_file_open(&file->stream, &bytes, file->path, error);
	if (status)
		return status;
	file->images = bytes / RECORD;
	if (bytes % RECORD != 0 || bytes == 0 || file->images > MOST_IMAGES)
		return sc_fail(error, SC_ERROR_FORMAT, file->path, -1,
			       "%s: %" PRId64 " bytes; expected records of %d bytes, from 1 to %d of them, and nothing else",
			       file->path, bytes, RECORD, MOST_IMAGES);
	return SC_OK;
}

static enum sc_status check_equal(const struct batch_file *first, const struct batch_file *file, struct sc_error *error)
{
	if (file->images == first->images)
		return SC_OK;
	return sc_fail(error, SC_ERROR_MISMATCH, file->path, -1, "%s holds %" PRId64 " images, but %s holds %" PRId64, file->path,
		       file->images, first->path, first->images);
}

/* Colour by colour -> pixel by pixel. */
static void interleave(uint8_t *pixels, const uint8_t *planes)
{
	for (int64_t p = 0; p < PLANE; p++)
		for (int64_t c = 0; c < CHANNELS; c++)
			pixels[CHANNELS * p + c] = planes[c * PLANE + p];
}

static enum sc_status read_batch(struct sc_data *data, struct batch_file *file, struct sc_error *error)
{
	uint8_t record[RECORD];
	for (int64_t i = 0; i < file->images; i++, data->count++) {
		if (fread(record, 1, RECORD, file->stream) != RECORD)
			return sc_fail(error, SC_ERROR_READ, file->path, i * RECORD, "%s: image %" PRId64 " cannot be read",
				       file->path, i);
		if (record[0] >= CLASSES)
			return sc_fail(error, SC_ERROR_FORMAT, file->path, i * RECORD,
				       "%s: label %" PRId64 " (byte %" PRId64 ") is %d; expected 0 to %d", file->path, i,
				       i * RECORD, record[0], CLASSES - 1);
		data->labels[data->count] = record[0];
		interleave(data->pixels + data->count * IMAGE, record + 1);
	}
	return SC_OK;
}

static enum sc_status read_batches(struct sc_data *data, struct batch_file *files, int count, struct sc_error *error)
{
	int64_t images = count * files[0].images;
	data->height = data->width = SIDE;
	data->channels = CHANNELS;
	data->pixels = sc_allocate(images, IMAGE);
	data->labels = sc_allocate(images, 1);
	if (!data->pixels || !data->labels)
		return sc_fail_memory(error, images * RECORD, "the images");
	enum sc_status status = SC_OK;
	for (int i = 0; i < count && !status; i++)
		status = read_batch(data, &files[i], error);
	return status;
}

enum sc_status sc_cifar10_source_read(struct sc_data *data, const char *folder, enum sc_part part, struct sc_error *error)
{
	const char *const *names = part == SC_TRAIN ? train_files : test_files;
	int count = part == SC_TRAIN ? MOST_FILES : 1;
	struct batch_file files[MOST_FILES] = {0};
	enum sc_status status = SC_OK;
	for (int i = 0; i < count && !status; i++) {
		status = open_batch(&files[i], folder, names[i], error);
		if (!status)
			status = check_equal(&files[0], &files[i], error);
	}
	if (!status)
		status = name_classes(data, folder, error);
	if (!status)
		status = read_batches(data, files, count, error);
	for (int i = 0; i < count; i++) {
		if (files[i].stream)
			fclose(files[i].stream);
		free(files[i].path);
	}
	return status;
}
