/* pictures.h - the images that a command line names: PNG files, or some of a data set. */
#ifndef CLI_PICTURES_H
#define CLI_PICTURES_H

#include "cli.h"

struct picture {
	const char *file;     /* as it was named; borrowed from the command line */
	int64_t index, label; /* in a data set; -1: none */
};

struct pictures {
	int64_t count;
	struct picture *pictures; /* [count] */
	struct sc_image *images;  /* [count]; their pixels belong to `data` where there is one */
	struct sc_data *data;     /* NULL: each image is a file of its own */
};

/* Whether the words after the first name one image file. */
bool pictures_single(const struct cli_arguments *arguments);
/* Of the words after the first. Gives an exit code; release in any case. */
int pictures_open(struct pictures *pictures, const struct cli_arguments *arguments, int64_t channels);
void pictures_release(struct pictures *pictures);

#endif
