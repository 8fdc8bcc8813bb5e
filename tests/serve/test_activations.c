/* A net's own outputs, recorded, are no distance away; a changed one is found in its layer; records that do not fit are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "engine/plan.h"
#include "io/arrays.h"
#include "temporary.h"

enum { IMAGES = 2, SIDE = 12 };

static struct sc_model *model;
static struct sc_plan *plan;
static char record[80];

static int set_up(void **state)
{
	const struct sc_model_options options = {.height = SIDE, .width = SIDE, .channels = 1, .seed = 4};
	if (make_folder(state) || sc_model_create(&model, "preact-cifar20", &options, NULL))
		return 1;
	if (sc_plan_create(&plan, model, &(struct sc_plan_options){.mode = SC_MODE_INFER, .batch = IMAGES, .keep_outputs = true}, NULL))
		return 1;
	for (int i = 0; i < IMAGES * SIDE * SIDE; i++)
		sc_plan_images(plan)[i] = (float)(i * 37 % 101) / 50 - 1;
	sc_plan_run_forward(plan);
	snprintf(record, sizeof(record), "%s/record.npz", folder);
	return 0;
}

static int tear_down(void **state)
{
	sc_plan_destroy(plan);
	sc_model_destroy(model);
	return remove_folder(state);
}

static int node_of(const char *name)
{
	int node = 0;
	while (strcmp(model->nodes[node].name, name) != 0)
		node++;
	return node;
}

/* One array of the record: the images, or a layer's output. */
struct entry {
	const char *name;
	const float *values;
	int rank;
	int64_t shape[4];
};

static struct entry entry_of(const char *layer)
{
	const struct sc_node *n = &model->nodes[layer ? node_of(layer) : 0];
	struct entry entry = {layer ? layer : "images", layer ? sc_plan_layer_output(plan, node_of(layer)) : sc_plan_images(plan), 4,
			      {IMAGES, n->height, n->width, n->channels}};
	if (layer && n->height * n->width == 1) {
		entry.rank = 2;
		entry.shape[1] = n->channels;
	}
	return entry;
}

static void write_record(const struct entry *entries, int count)
{
	struct sc_arrays_writer *writer = NULL;
	struct sc_array arrays[8] = {0};
	for (int i = 0; i < count; i++) {
		arrays[i] = (struct sc_array){.name = (char *)(uintptr_t)entries[i].name, .dtype = "F32", .rank = entries[i].rank, .bytes = 4};
		for (int axis = 0; axis < entries[i].rank; axis++) {
			arrays[i].shape[axis] = entries[i].shape[axis];
			arrays[i].bytes *= entries[i].shape[axis];
		}
	}
	assert_int_equal(sc_arrays_writer_open(&writer, record, arrays, count, NULL, 0, NULL), SC_OK);
	for (int i = 0; i < count; i++) {
		assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_write(writer, entries[i].values, arrays[i].bytes, NULL), SC_OK);
	}
	assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
}

struct rows {
	int count;
	struct sc_activation_row rows[8];
};

static void keep(void *user, const struct sc_activation_row *row)
{
	struct rows *rows = user;
	rows->rows[rows->count++] = *row;
}

static void own_outputs_are_no_distance_away(void **state)
{
	(void)state;
	struct rows rows = {0};
	const struct entry entries[] = {entry_of("fc"), entry_of(NULL), entry_of("layer2.0.bn2"), entry_of("conv1"), entry_of("avgpool")};
	write_record(entries, 5);
	assert_int_equal(sc_check_activations(model, record, NULL, keep, &rows, NULL), SC_OK);
	assert_int_equal(rows.count, 4);
	static const char *const order[] = {"conv1", "layer2.0.bn2", "avgpool", "fc"}; /* the net's */
	for (int i = 0; i < 4; i++) {
		assert_string_equal(rows.rows[i].layer, order[i]);
		assert_true(rows.rows[i].largest == 0 && rows.rows[i].relative == 0);
	}
	assert_int_equal(rows.rows[3].count, IMAGES * 10);
}

static void a_difference_is_measured_in_its_layer(void **state)
{
	(void)state;
	struct rows rows = {0};
	struct entry entries[] = {entry_of(NULL), entry_of("conv1"), entry_of("fc")};
	float changed[IMAGES * 10];
	double size = 0;
	memcpy(changed, entries[2].values, sizeof(changed));
	changed[13] += 0.25f;
	for (int i = 0; i < IMAGES * 10; i++)
		size += (double)changed[i] * (double)changed[i];
	entries[2].values = changed;
	write_record(entries, 3);
	assert_int_equal(sc_check_activations(model, record, NULL, keep, &rows, NULL), SC_OK);
	assert_true(rows.rows[0].largest == 0);
	assert_true(fabs(rows.rows[1].largest - 0.25) < 1e-6); /* rounding of the sum */
	assert_true(fabs(rows.rows[1].relative - 0.25 / sqrt(size)) < 1e-6);
	changed[0] = NAN;
	write_record(entries, 3);
	rows.count = 0;
	assert_int_equal(sc_check_activations(model, record, NULL, keep, &rows, NULL), SC_OK);
	assert_true(isnan(rows.rows[1].largest) && isnan(rows.rows[1].relative));
}

static void refused(const struct entry *entries, int count, enum sc_status expected, const char *words)
{
	struct rows rows = {0};
	struct sc_error error = {0};
	write_record(entries, count);
	assert_int_equal(sc_check_activations(model, record, NULL, keep, &rows, &error), expected);
	if (!strstr(error.message, words))
		fail_msg("expected '%s' in: %s", words, error.message);
	assert_int_equal(rows.count, 0);
}

static void records_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	struct entry entries[] = {entry_of(NULL), entry_of("conv1"), entry_of("layer1.0.bn1")};
	refused(entries, 1, SC_ERROR_FORMAT, "found 1 arrays");
	refused(entries + 1, 2, SC_ERROR_FORMAT, "'images'");
	entries[2].name = "layer9.0.bn1";
	refused(entries, 3, SC_ERROR_MISMATCH, "layer9.0.bn1");
	entries[2].name = "layer1.0.bn1";
	entries[2].shape[3] /= 2; /* another width */
	refused(entries, 3, SC_ERROR_MISMATCH, "expected F32 (2, 12, 12, 16)");
	entries[0].shape[1] /= 2; /* images of another size */
	refused(entries, 2, SC_ERROR_MISMATCH, "'images'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_outputs_are_no_distance_away),
		cmocka_unit_test(a_difference_is_measured_in_its_layer),
		cmocka_unit_test(records_that_do_not_fit_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
