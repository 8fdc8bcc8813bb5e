/* receipt.c - see receipt.h. */
#include "train/receipt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/json.h"

#define LONGEST_RECEIPT (64 << 20) /* bytes */

/* Takes over `epochs`. */
static json_t *receipt_object(const struct sc_receipt *r, json_t *epochs)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:s, s:s, s:o}", "shortcut", SC_VERSION, "build", sc_build_description(),
			 "instruction_set", r->engine->kernels->name, "threads", sc_pool_threads(r->engine->pool), "model",
			 sc_json_read_own(r->identity->model), "data", sc_json_read_own(r->identity->data), "training",
			 sc_json_read_own(r->identity->training), "config_sha256", r->identity->hash, "initial_weights_sha256",
			 r->initial, "epochs", epochs);
}

static json_t *epochs_array(const struct sc_receipt *r)
{
	json_t *epochs = json_array();
	for (int64_t i = 0; i < r->count && epochs; i++) {
		const struct sc_epoch_row *row = &r->rows[i];
		if (!row->weights[0]) /* not finished, or from before there were receipts */
			continue;
		json_t *one = json_pack("{s:I, s:s}", "epoch", (json_int_t)row->epoch, "weights_sha256", row->weights);
		if (json_array_append_new(epochs, one) != 0) {
			json_decref(epochs);
			epochs = NULL;
		}
	}
	return epochs;
}

enum sc_status sc_receipt_write(const char *run, const struct sc_receipt *receipt, struct sc_error *error)
{
	struct sc_file_writer writer;
	char *path = sc_path_join(run, "receipt.json");
	json_t *object = receipt_object(receipt, epochs_array(receipt));
	char *text = object ? sc_json_text(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
	enum sc_status status = path && text ? sc_file_writer_open(&writer, path, error) : sc_fail_memory(error, 0, "the receipt");
	if (!status && text) {
		fprintf(writer.stream, "%s\n", text);
		status = sc_file_writer_commit(&writer, error);
	}
	free(text);
	json_decref(object);
	free(path);
	return status;
}

/* The hash in the receipt; borrowed; NULL: none. */
static const char *find_hash(const json_t *receipt, int64_t epoch)
{
	size_t i;
	json_t *one;
	if (epoch == 0)
		return json_string_value(json_object_get(receipt, "initial_weights_sha256"));
	json_array_foreach(json_object_get(receipt, "epochs"), i, one)
		if (json_integer_value(json_object_get(one, "epoch")) == epoch)
			return json_string_value(json_object_get(one, "weights_sha256"));
	return NULL;
}

static enum sc_status read_hash(const char *path, int64_t epoch, char hash[SC_HASH_SIZE], struct sc_error *error)
{
	char *text = NULL;
	json_error_t reason;
	enum sc_status status = sc_file_read_text(&text, path, LONGEST_RECEIPT, error);
	if (status)
		return status;
	json_t *receipt = sc_json_parse(text, (int64_t)strlen(text), path, &reason, &status, error);
	free(text);
	if (!receipt)
		return status == SC_ERROR_MEMORY ? status
						 : sc_fail(error, status, path, reason.position, "%s: line %d: %s", path, reason.line,
							   reason.text);
	const char *found = find_hash(receipt, epoch);
	if (!found || strlen(found) != SC_HASH_SIZE - 1)
		status = sc_fail(error, SC_ERROR_NOT_FOUND, path, -1, "%s: it has no hash of the weights after epoch %" PRId64, path,
				 epoch);
	else
		memcpy(hash, found, SC_HASH_SIZE);
	json_decref(receipt);
	return status;
}

enum sc_status sc_receipt_read(const char *run, int64_t epoch, char hash[SC_HASH_SIZE], struct sc_error *error)
{
	char *path = sc_path_join(run, "receipt.json");
	enum sc_status status = path ? read_hash(path, epoch, hash, error) : sc_fail_memory(error, 0, run);
	free(path);
	return status;
}
