/* recipes.h - settings that train well: where everything comes from that the command line leaves out. */
#ifndef CLI_RECIPES_H
#define CLI_RECIPES_H

#include <shortcut.h>

struct cli_recipe {
	const char *name, *about;
	const char *model;
	bool normalise; /* pixels to mean 0 and deviation 1; else 0..255 as they are */
	struct sc_fit_options fit;
};

/* In the order of the choices of --recipe. */
extern const struct cli_recipe cli_recipes[];

void cli_print_recipes(FILE *stream);

/* Mean and deviation of each channel over all pixels, on the scale 0 to 1, rounded to four digits as they are usually quoted
 * (MNIST's training images: 0.1307 and 0.3081). */
void cli_measure_pixels(const struct sc_data *data, struct sc_preprocess *preprocess);

#endif
