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

#endif
