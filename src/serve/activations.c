/* activations.c - a net's outputs, layer by layer, against those that another program has recorded: a conversion's certificate.
 *
 * The record is a file of named F32 arrays in any format that io/arrays.h reads: "images" (mb, height, width, channels), prepared as
 * the net wants them, and for as many layers as wanted their output for these images under the layer's name, with channels last;
 * (mb, channels) will do where the maps have one pixel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "io/arrays.h"

#define IMAGES "images"

struct record {
	struct sc_arrays file;
	int64_t mb; /* images in it */
};

static enum sc_status check_shape(const struct record *record, const struct sc_array *array, const struct sc_node *node,
				  struct sc_error *error)
{
	const int64_t whole[] = {record->mb, node->height, node->width, node->channels}, flat[] = {record->mb, node->channels};
	bool is_flat = array->rank == 2 && node->height * node->width == 1;
	bool same = strcmp(array->dtype, "F32") == 0 && (is_flat || array->rank == 4) &&
		    memcmp(array->shape, is_flat ? flat : whole, (size_t)array->rank * sizeof(int64_t)) == 0;
	if (same)
		return SC_OK;
	return sc_fail(error, SC_ERROR_MISMATCH, array->name, array->begin,
		       "%s: '%.100s': expected F32 (%lld, %lld, %lld, %lld), found %s of rank %d, %lld bytes", record->file.path,
		       array->name, (long long)whole[0], (long long)whole[1], (long long)whole[2], (long long)whole[3], array->dtype,
		       array->rank, (long long)array->bytes);
}

static int find_node(const struct sc_model *model, const char *name)
{
	for (int i = 1; i < model->node_count; i++)
		if (strcmp(model->nodes[i].name, name) == 0)
			return i;
	return SC_NONE;
}

/* Every name and shape, before anything is computed. */
static enum sc_status check_record(struct record *record, const struct sc_model *model, struct sc_error *error)
{
	const struct sc_array *images = sc_arrays_find(&record->file, IMAGES);
	if (!images || images->rank < 1 || images->shape[0] < 1 || record->file.count < 2)
		return sc_fail(error, SC_ERROR_FORMAT, record->file.path, -1,
			       "%s: expected an array '" IMAGES "' and the outputs of layers, found %lld arrays", record->file.path,
			       (long long)record->file.count);
	record->mb = images->shape[0];
	enum sc_status status = check_shape(record, images, &model->nodes[0], error);
	for (int64_t i = 0; i < record->file.count && !status; i++) {
		const struct sc_array *array = &record->file.arrays[i];
		int node = find_node(model, array->name);
		if (array == images)
			continue;
		status = node == SC_NONE ? sc_fail(error, SC_ERROR_MISMATCH, array->name, array->begin,
						   "%s: '%.100s': %s has no layer of this name", record->file.path, array->name, model->name)
					 : check_shape(record, array, &model->nodes[node], error);
	}
	return status;
}

static struct sc_activation_row compare(const char *layer, const float *found, const float *expected, int64_t count)
{
	struct sc_activation_row row = {.layer = layer, .count = count};
	double apart = 0, size = 0;
	for (int64_t i = 0; i < count; i++) {
		double difference = fabs((double)found[i] - (double)expected[i]);
		if (difference > row.largest || isnan(difference)) /* which stays */
			row.largest = difference;
		apart += difference * difference;
		size += (double)expected[i] * (double)expected[i];
	}
	row.relative = size == 0 && apart == 0 ? 0 : sqrt(apart / size);
	return row;
}

static enum sc_status compare_layers(struct record *record, struct sc_plan *plan, sc_activation_callback callback, void *user,
				     struct sc_error *error)
{
	const struct sc_model *model = sc_plan_model(plan);
	enum sc_status status = SC_OK;
	for (int i = 1; i < model->node_count && !status; i++) {
		const struct sc_array *array = sc_arrays_find(&record->file, model->nodes[i].name);
		if (!array)
			continue;
		float *expected = malloc((size_t)array->bytes);
		status = expected ? sc_arrays_read(&record->file, array, 0, expected, array->bytes, error)
				  : sc_fail_memory(error, array->bytes, array->name);
		if (!status) {
			struct sc_activation_row row = compare(model->nodes[i].name, sc_plan_layer_output(plan, i), expected, array->bytes / 4);
			callback(user, &row);
		}
		free(expected);
	}
	return status;
}

enum sc_status sc_check_activations(const struct sc_model *model, const char *path, const struct sc_compute *compute,
				    sc_activation_callback callback, void *user, struct sc_error *error)
{
	struct record record = {0};
	struct sc_plan *plan = NULL;
	enum sc_status status = sc_arrays_open(&record.file, path, error);
	if (status)
		return status;
	struct sc_plan_options options = {.mode = SC_MODE_INFER, .keep_outputs = true};
	if (compute)
		options.compute = *compute;
	status = check_record(&record, model, error);
	options.batch = record.mb;
	if (!status) /* the model is only read: a plan's interface is that of training plans too */
		status = sc_plan_create(&plan, (struct sc_model *)(uintptr_t)model, &options, error);
	if (!status) {
		const struct sc_array *images = sc_arrays_find(&record.file, IMAGES);
		status = sc_arrays_read(&record.file, images, 0, sc_plan_images(plan), images->bytes, error);
	}
	if (!status) {
		sc_plan_run_forward(plan);
		status = compare_layers(&record, plan, callback, user, error);
	}
	sc_plan_destroy(plan);
	sc_arrays_close(&record.file);
	return status;
}
