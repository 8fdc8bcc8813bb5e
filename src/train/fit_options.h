/* fit_options.h - the options of sc_fit with every default filled in, checked. */
#ifndef SC_TRAIN_FIT_OPTIONS_H
#define SC_TRAIN_FIT_OPTIONS_H

#include "base/error.h"

/* options may be NULL. Each value that is not valid is named with what was expected. */
enum sc_status sc_fit_options_resolve(struct sc_fit_options *resolved, const struct sc_fit_options *options,
				      struct sc_error *error);

#endif
