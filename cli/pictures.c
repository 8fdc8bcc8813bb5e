/* pictures.c - the images that a command line names: PNG files, or some of a data set.
 *
 * A file of IDX images is read as the data folder that it lies in, its name telling which part: so its labels come along. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pictures.h"

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool names_idx(const char *path)
{
	return strstr(file_name(path), "idx3-ubyte") != NULL;
}

static int allocate(struct pictures *pictures, int64_t count)
{
	pictures->pictures = calloc((size_t)count, sizeof(*pictures->pictures));
	pictures->images = calloc((size_t)count, sizeof(*pictures->images));
	if (pictures->pictures != NULL && pictures->images != NULL)
		return CLI_OK;
	cli_complain("no memory for %lld images", (long long)count);
	return CLI_FAILED;
}

/* The next number or range of a list such as "0-9,12". False: it is not one. */
static bool next_range(const char **list, int64_t count, int64_t *first, int64_t *last)
{
	char part[48], *dash;
	size_t length = strcspn(*list, ",");

	if (length >= sizeof(part))
		return false;
	memcpy(part, *list, length);
	part[length] = '\0';
	*list += length;
	dash = strchr(part, '-');
	if (dash != NULL)
		*dash = '\0';
	if (!cli_read_whole(part, 0, count - 1, first))
		return false;
	*last = *first;
	return dash == NULL || cli_read_whole(dash + 1, *first, count - 1, last);
}

/* Walks the list twice: with numbers NULL to count and check it, then to fill them. */
static int64_t read_list(const char *list, int64_t count, struct picture *pictures)
{
	int64_t found = 0, first, last;

	for (;; list++) {
		if (!next_range(&list, count, &first, &last))
			return -1;
		for (int64_t i = first; pictures != NULL && i <= last; i++)
			pictures[found + i - first].index = i;
		found += last - first + 1;
		if (*list == '\0')
			return found;
	}
}

static int pick(struct pictures *pictures, const struct cli_arguments *arguments)
{
	const struct sc_data *data = pictures->data;
	const char *list = cli_text(arguments, CLI_INDEX, "0");
	int64_t count = read_list(list, sc_data_count(data), NULL);

	if (count < 0)
		return cli_misused(arguments, "--index: expected numbers from 0 to %lld such as 0,5,7 or 0-9, found '%s'",
				   (long long)sc_data_count(data) - 1, list);
	int status = allocate(pictures, count);
	if (status != CLI_OK)
		return status;
	pictures->count = read_list(list, sc_data_count(data), pictures->pictures);
	for (int64_t i = 0; i < pictures->count; i++) {
		struct picture *picture = &pictures->pictures[i];
		picture->file = arguments->words[1];
		picture->label = sc_data_label(data, picture->index);
		pictures->images[i] = (struct sc_image){
			.height = sc_data_height(data),
			.width = sc_data_width(data),
			.channels = sc_data_channels(data),
			.pixels = (uint8_t *)sc_data_image(data, picture->index), /* only read */
		};
	}
	return CLI_OK;
}

/* words[1] is a data set by name or folder, or a file of IDX images in such a folder. */
static int open_data(struct pictures *pictures, const struct cli_arguments *arguments)
{
	const char *path = arguments->words[1];
	struct sc_data_options options = {
		.part = cli_choice(arguments, CLI_PART, 1) == 0 ? SC_TRAIN : SC_TEST,
		.data_dir = cli_text(arguments, CLI_DATA_DIR, NULL),
	};
	struct sc_error error = {0};
	struct stat information;
	char *folder = NULL;

	if (arguments->word_count > 2)
		return cli_misused(arguments, "'%s': images of a data set stand alone, found '%s' beside it", path,
				   arguments->words[2]);
	if (names_idx(path)) {
		if (stat(path, &information) != 0) {
			cli_complain("%s: expected a file of IDX images, found: %s", path, strerror(errno));
			return CLI_FAILED;
		}
		if (!cli_given(arguments, CLI_PART))
			options.part = strncmp(file_name(path), "train", 5) == 0 ? SC_TRAIN : SC_TEST;
		folder = file_name(path) == path ? strdup("./") : strndup(path, (size_t)(file_name(path) - path));
		if (folder == NULL) {
			cli_complain("no memory for the name of a folder");
			return CLI_FAILED;
		}
	}
	enum sc_status opened = sc_data_open(&pictures->data, folder != NULL ? folder : path, &options, &error);
	free(folder);
	return opened != SC_OK ? cli_failed(&error) : pick(pictures, arguments);
}

static int open_files(struct pictures *pictures, const struct cli_arguments *arguments, int64_t channels)
{
	int64_t count = arguments->word_count - 1;
	struct sc_error error = {0};
	int status = allocate(pictures, count);

	if (status != CLI_OK)
		return status;
	for (; pictures->count < count; pictures->count++) {
		const char *file = arguments->words[1 + pictures->count];
		pictures->pictures[pictures->count] = (struct picture){.file = file, .index = -1, .label = -1};
		if (sc_image_load(&pictures->images[pictures->count], file, channels, &error) != SC_OK)
			return cli_failed(&error);
	}
	return CLI_OK;
}

static bool in_data(const struct cli_arguments *arguments)
{
	return cli_given(arguments, CLI_INDEX) || names_idx(arguments->words[1]);
}

bool pictures_single(const struct cli_arguments *arguments)
{
	return arguments->word_count == 2 && !in_data(arguments);
}

int pictures_open(struct pictures *pictures, const struct cli_arguments *arguments, int64_t channels)
{
	*pictures = (struct pictures){0};
	if (in_data(arguments))
		return open_data(pictures, arguments);
	return open_files(pictures, arguments, channels);
}

void pictures_release(struct pictures *pictures)
{
	for (int64_t i = 0; pictures->data == NULL && i < pictures->count; i++)
		sc_image_release(&pictures->images[i]);
	sc_data_destroy(pictures->data);
	free(pictures->pictures);
	free(pictures->images);
}
