/* run_config.h - config.json of a run: what was trained, on what, how. */
#ifndef SC_TRAIN_RUN_CONFIG_H
#define SC_TRAIN_RUN_CONFIG_H

#include "data/data.h"
#include "model/model.h"

enum sc_status sc_run_config_write(const char *path, const struct sc_model *model, const struct sc_data *data,
				   const struct sc_fit_options *options, struct sc_error *error);
/* SC_ERROR_MISMATCH names the first option, or property of the data, in which the file and the arguments differ. The number of
 * epochs may grow where the learning rate does not depend on it. */
enum sc_status sc_run_config_check(const char *path, const struct sc_data *data, const struct sc_fit_options *options,
				   struct sc_error *error);

#endif
