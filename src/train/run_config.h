/* run_config.h - config.json of a run: what was trained, on what, how. */
#ifndef SC_TRAIN_RUN_CONFIG_H
#define SC_TRAIN_RUN_CONFIG_H

#include "data/data.h"
#include "model/model.h"

/* What a run is of: model, data, training options; as config.json has it, and as a hash. */
struct sc_run_identity {
	char *model, *data, *training; /* JSON objects */
	char data_hash[SC_HASH_SIZE];  /* the data's fingerprint */
	char hash[SC_HASH_SIZE];       /* SHA-256 of model, data_hash and training, but for the number of epochs, which may grow */
};
enum sc_status sc_run_identity_init(struct sc_run_identity *identity, const struct sc_model *model, const struct sc_data *data,
				    const struct sc_fit_options *options, struct sc_error *error);
void sc_run_identity_release(struct sc_run_identity *identity);

enum sc_status sc_run_config_write(const char *path, const struct sc_run_identity *identity, struct sc_error *error);
/* SC_ERROR_MISMATCH names the first option, or property of the model or the data, in which the file and the arguments differ. The
 * number of epochs may grow where the learning rate does not depend on it; *grown says that it did. */
enum sc_status sc_run_config_check(const char *path, const struct sc_run_identity *identity, const struct sc_fit_options *options,
				   bool *grown, struct sc_error *error);

#endif
