/* preprocess.h - how pixels become a net's input, by the names that people know. */
#ifndef CLI_PREPROCESS_H
#define CLI_PREPROCESS_H

#include "cli.h"

/* --preprocess, else what nets like `model` were trained with: see preprocess.c. */
const char *cli_preprocess_name(const struct cli_arguments *arguments, const char *model, int64_t channels);
/* Fills all but `resize`. */
void cli_preprocess(struct sc_preprocess *preprocess, const char *name);

#endif
