/* history.h - one row an epoch, as CSV for tables and as JSON for programs. */
#ifndef SC_TRAIN_HISTORY_H
#define SC_TRAIN_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sc_epoch_row {
	int64_t epoch;
	double loss, accuracy;
	bool has_validation;
	double validation_loss, validation_accuracy;
	double learning_rate; /* of the epoch's last step */
	double seconds;
	char weights[SC_HASH_SIZE]; /* their hash after the epoch; "": it was not finished, or is not known */
};

/* Both are written whole or not at all. */
enum sc_status sc_history_write_csv(const char *path, const struct sc_epoch_row *rows, int64_t count, struct sc_error *error);
enum sc_status sc_history_write_json(const char *path, const struct sc_epoch_row *rows, int64_t count, struct sc_error *error);
/* Rows 1 to `count`, as sc_history_write_json wrote them. */
enum sc_status sc_history_read_json(const char *path, struct sc_epoch_row *rows, int64_t count, struct sc_error *error);

#endif
