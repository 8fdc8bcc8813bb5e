/* history.c - one row an epoch, as CSV and JSON: see history.h. */
#include "train/history.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/json.h"

#define LONGEST_HISTORY (64 << 20) /* bytes */

enum sc_status sc_history_write_csv(const char *path, const struct sc_epoch_row *rows, int64_t count, struct sc_error *error)
{
	struct sc_file_writer writer;
	enum sc_status status = sc_file_writer_open(&writer, path, error);
	if (status)
		return status;
	fprintf(writer.stream, "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n");
	for (int64_t i = 0; i < count; i++) {
		const struct sc_epoch_row *r = &rows[i];
		fprintf(writer.stream, "%" PRId64 ",%.9g,%.9g,", r->epoch, r->loss, r->accuracy);
		if (r->has_validation)
			fprintf(writer.stream, "%.9g,%.9g,", r->validation_loss, r->validation_accuracy);
		else
			fprintf(writer.stream, ",,");
		fprintf(writer.stream, "%.9g,%.3f\n", r->learning_rate, r->seconds);
	}
	return sc_file_writer_commit(&writer, error);
}

/* JSON has no number that is not finite: such a one is left out. */
static bool set_real(json_t *object, const char *key, double value)
{
	return !isfinite(value) || json_object_set_new(object, key, json_real(value)) == 0;
}

static json_t *row_object(const struct sc_epoch_row *r)
{
	json_t *object = json_pack("{s:I, s:f, s:f, s:f, s:f}", "epoch", (json_int_t)r->epoch, "loss", r->loss, "accuracy",
				   r->accuracy, "learning_rate", r->learning_rate, "seconds", r->seconds);
	bool good = object != NULL;
	if (good && r->has_validation)
		good = set_real(object, "val_loss", r->validation_loss) && set_real(object, "val_accuracy", r->validation_accuracy);
	if (good && r->weights[0])
		good = json_object_set_new(object, "weights_sha256", json_string(r->weights)) == 0;
	if (good)
		return object;
	json_decref(object);
	return NULL;
}

enum sc_status sc_history_write_json(const char *path, const struct sc_epoch_row *rows, int64_t count, struct sc_error *error)
{
	json_t *list = json_array();
	bool good = list != NULL;
	for (int64_t i = 0; i < count && good; i++)
		good = json_array_append_new(list, row_object(&rows[i])) == 0;
	char *text = good ? sc_json_text(list, JSON_INDENT(2)) : NULL;
	struct sc_file_writer writer;
	enum sc_status status = text ? sc_file_writer_open(&writer, path, error) : sc_fail_memory(error, 0, path);
	if (!status) {
		fprintf(writer.stream, "%s\n", text);
		status = sc_file_writer_commit(&writer, error);
	}
	free(text);
	json_decref(list);
	return status;
}

static bool read_row(const json_t *object, struct sc_epoch_row *r)
{
	const json_t *loss = json_object_get(object, "val_loss"), *accuracy = json_object_get(object, "val_accuracy");
	*r = (struct sc_epoch_row){
		.epoch = json_integer_value(json_object_get(object, "epoch")),
		.loss = json_number_value(json_object_get(object, "loss")),
		.accuracy = json_number_value(json_object_get(object, "accuracy")),
		.has_validation = loss && accuracy,
		.validation_loss = json_number_value(loss),
		.validation_accuracy = json_number_value(accuracy),
		.learning_rate = json_number_value(json_object_get(object, "learning_rate")),
		.seconds = json_number_value(json_object_get(object, "seconds")),
	};
	const char *weights = json_string_value(json_object_get(object, "weights_sha256"));
	if (weights && strlen(weights) == SC_HASH_SIZE - 1)
		memcpy(r->weights, weights, SC_HASH_SIZE);
	return json_is_number(json_object_get(object, "loss"));
}

enum sc_status sc_history_read_json(const char *path, struct sc_epoch_row *rows, int64_t count, struct sc_error *error)
{
	char *text = NULL;
	enum sc_status status = sc_file_read_text(&text, path, LONGEST_HISTORY, error);
	if (status)
		return status;
	json_error_t reason;
	json_t *list = sc_json_parse(text, (int64_t)strlen(text), path, &reason, &status, error);
	if (status == SC_ERROR_MEMORY) {
		free(text);
		return status;
	}
	status = SC_OK;
	bool good = json_is_array(list) && (int64_t)json_array_size(list) >= count;
	for (int64_t i = 0; i < count && good; i++)
		good = read_row(json_array_get(list, (size_t)i), &rows[i]) && rows[i].epoch == i + 1;
	if (!good)
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: expected a list of at least %" PRId64 " epochs in order",
				 path, count);
	json_decref(list);
	free(text);
	return status;
}
