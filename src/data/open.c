/* open.c - finds a data set by its name or its folder, opens it, and answers what may be asked of it. */
#include "base/hash.h"
#include "base/memory.h"
#include "data/sources.h"
#include "io/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Data sets by name, and the folder that such a data set is in: its name, or what its archive calls it. */
static const struct known {
	const char *name, *folders[3]; /* ends with NULL */
} known[] = {
	{"mnist", {"mnist"}},
	{"cifar10", {"cifar10", "cifar-10-batches-bin"}},
};
#define KNOWN_COUNT (sizeof known / sizeof *known)

static const struct kind {
	bool (*is_in)(const char *folder);
	enum sc_status (*read)(struct sc_data *data, const char *folder, enum sc_part part, struct sc_error *error);
} kinds[] = {
	{sc_idx_source_is_in, sc_idx_source_read},
	{sc_cifar10_source_is_in, sc_cifar10_source_read},
};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

/* Where named data sets may be, in the order in which they are looked up; ends with NULL. */
struct places {
	const char *folders[4];
};

static struct places list_places(const struct sc_data_options *options)
{
	struct places places = {{NULL}};
	int count = 0;
	if (options->data_dir) {
		places.folders[count] = options->data_dir;
		return places;
	}
	const char *environment = getenv("SHORTCUT_DATA");
	if (environment && *environment)
		places.folders[count++] = environment;
	places.folders[count++] = "data";
#ifdef SC_DATA_DIR /* the installed data sets */
	places.folders[count++] = SC_DATA_DIR;
#endif
	return places;
}

static bool is_folder(const char *path)
{
	struct stat found;
	return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static enum sc_status find_by_name(char **folder, const struct known *set, const struct sc_data_options *options,
				   struct sc_error *error)
{
	struct places places = list_places(options);
	char tried[400] = "";
	size_t length = 0;
	for (int i = 0; places.folders[i]; i++)
		for (int k = 0; set->folders[k]; k++) {
			*folder = sc_path_join(places.folders[i], set->folders[k]);
			if (!*folder)
				return sc_fail_memory(error, (int64_t)strlen(places.folders[i]), "a path");
			if (is_folder(*folder))
				return SC_OK;
			if (length < sizeof tried)
				length += (size_t)snprintf(tried + length, sizeof tried - length, "%s%s", length ? ", " : "",
							   *folder);
			free(*folder);
			*folder = NULL;
		}
	return sc_fail(error, SC_ERROR_NOT_FOUND, set->name, -1, "data set %s was not found; expected one of the folders %s",
		       set->name, tried);
}

bool sc_source_has_file(const char *folder, const char *name)
{
	char path[PATH_MAX]; /* a longer one, no system call takes; on the stack, for lack of memory is not lack of a file */
	int length = snprintf(path, sizeof path, "%s/%s", folder, name);
	return length > 0 && length < (int)sizeof path && access(path, F_OK) == 0;
}

static enum sc_status read_folder(struct sc_data *data, const char *folder, enum sc_part part, struct sc_error *error)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (kinds[i].is_in(folder))
			return kinds[i].read(data, folder, part, error);
	if (sc_source_has_file(folder, "data_batch_1"))
		return sc_fail(error, SC_ERROR_UNSUPPORTED, folder, -1,
			       "%s holds CIFAR-10's Python version; expected its binary version (data_batch_1.bin)", folder);
	return sc_fail(
		error, SC_ERROR_NOT_FOUND, folder, -1,
		"%s: expected a data set there: IDX files (train-images-idx3-ubyte or train-images-idx3-ubyte.gz and so on), "
		"or CIFAR-10's binary files (data_batch_1.bin and so on)",
		folder);
}

/* The folder that holds the data set; the caller frees it. */
static enum sc_status find_folder(char **folder, const char *name_or_folder, const struct sc_data_options *options,
				  struct sc_error *error)
{
	struct stat found;
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (!strcmp(name_or_folder, known[i].name))
			return find_by_name(folder, &known[i], options, error);
	if (stat(name_or_folder, &found))
		return sc_fail(error, SC_ERROR_NOT_FOUND, name_or_folder, -1,
			       "%s: no such folder, and no data set has that name (known: %s, %s)", name_or_folder, known[0].name,
			       known[1].name);
	if (!S_ISDIR(found.st_mode))
		return sc_fail(error, SC_ERROR_ARGUMENT, name_or_folder, -1,
			       "%s is not a folder; expected the folder that holds the files of the data set", name_or_folder);
	*folder = sc_copy_string(name_or_folder);
	return *folder ? SC_OK : sc_fail_memory(error, (int64_t)strlen(name_or_folder), "a path");
}

enum sc_status sc_data_open(struct sc_data **out, const char *name_or_folder, const struct sc_data_options *options,
			    struct sc_error *error)
{
	const struct sc_data_options defaults = {0};
	if (!options)
		options = &defaults;
	char *folder = NULL;
	enum sc_status status = find_folder(&folder, name_or_folder, options, error);
	if (status != SC_OK)
		return status;
	struct sc_data *data = sc_allocate(1, sizeof *data);
	if (!data || !(data->name = sc_copy_string(name_or_folder)))
		status = sc_fail_memory(error, (int64_t)sizeof *data, "a data set");
	if (status == SC_OK)
		status = read_folder(data, folder, options->part, error);
	if (status == SC_OK)
		status = sc_data_take(data, options->take, options->seed, error);
	free(folder);
	if (status != SC_OK) {
		sc_data_destroy(data);
		return status;
	}
	*out = data;
	return SC_OK;
}

void sc_data_destroy(struct sc_data *data)
{
	if (!data)
		return;
	free(data->name);
	free(data->pixels);
	free(data->labels);
	free(data->class_names); /* the names lie in the same allocation */
	free(data);
}

int64_t sc_data_count(const struct sc_data *data)
{
	return data->count;
}

int64_t sc_data_height(const struct sc_data *data)
{
	return data->height;
}

int64_t sc_data_width(const struct sc_data *data)
{
	return data->width;
}

int64_t sc_data_channels(const struct sc_data *data)
{
	return data->channels;
}

int64_t sc_data_classes(const struct sc_data *data)
{
	return data->classes;
}

const char *sc_data_class_name(const struct sc_data *data, int64_t label)
{
	return data->class_names[label];
}

const uint8_t *sc_data_image(const struct sc_data *data, int64_t index)
{
	return data->pixels + index * data->height * data->width * data->channels;
}

int64_t sc_data_label(const struct sc_data *data, int64_t index)
{
	return data->labels[index];
}

void sc_data_fingerprint(const struct sc_data *data, char hash[SC_HASH_SIZE])
{
	const int64_t sizes[] = {data->count, data->height, data->width, data->channels, data->classes};
	struct sc_hash state;
	sc_hash_init(&state);
	sc_hash_update(&state, sizes, sizeof(sizes));
	sc_hash_update(&state, data->pixels, data->count * data->height * data->width * data->channels);
	sc_hash_update(&state, data->labels, data->count);
	sc_hash_finish(&state, hash);
}
