/* test_json.c - the schema of --json: exactly one object on standard output, with exactly these names and types.
 *
 * Programs of other people read these objects: a name may be added here, but none may go or change its meaning. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[4096];

/* A schema is a list of "name:type", separated by spaces. Types: w a whole number >= 0, f a finite number >= 0, p a share from 0
 * to 1, s text, h 64 hexadecimal digits, a an array. */
static bool has_type(const json_t *value, char type)
{
	switch (type) {
	case 'w':
		return json_is_integer(value) && json_integer_value(value) >= 0;
	case 'f':
		return json_is_number(value) && json_number_value(value) >= 0;
	case 'p':
		return json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= 1;
	case 's':
		return json_is_string(value);
	case 'h':
		return json_is_string(value) && strlen(json_string_value(value)) == 64 &&
		       strspn(json_string_value(value), "0123456789abcdef") == 64;
	case 'a':
		return json_is_array(value);
	default:
		return false;
	}
}

static void check_object(const json_t *object, const char *schema, const char *what)
{
	size_t names = 0;

	assert_true(json_is_object(object));
	for (const char *item = schema; *item != '\0'; names++) {
		char name[64];
		size_t length = strcspn(item, ":");
		assert_true(length < sizeof(name));
		memcpy(name, item, length);
		name[length] = '\0';
		const json_t *value = json_object_get(object, name);
		if (value == NULL)
			fail_msg("%s: \"%s\" is missing", what, name);
		if (!has_type(value, item[length + 1]))
			fail_msg("%s: \"%s\" is not of type %c", what, name, item[length + 1]);
		item += length + 2;
		item += strspn(item, " ");
	}
	if (json_object_size(object) != names)
		fail_msg("%s: %zu names expected, %zu found", what, names, json_object_size(object));
}

/* The object that `shortcut <arguments>` prints; the caller releases it. Anything after the object is an error. */
static json_t *run(const char *arguments)
{
	char command[8192], output[65536 * 4];
	json_error_t error;

	snprintf(command, sizeof(command), "cd '%s' && '%s' %s 2>errors", folder, SC_PROGRAM, arguments);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t length = fread(output, 1, sizeof(output), pipe);
	int status = pclose(pipe);
	if (status != 0)
		fail_msg("%s: ended with status %d", arguments, status);
	assert_true(length > 2 && length < sizeof(output));
	assert_int_equal(output[length - 1], '\n');
	assert_ptr_equal(memchr(output, '\n', length), output + length - 1); /* one line */
	json_t *object = json_loadb(output, length, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL)
		fail_msg("%s: %s", arguments, error.text);
	return object;
}

static void check(const char *arguments, const char *schema)
{
	json_t *object = run(arguments);

	check_object(object, schema, arguments);
	json_decref(object);
}

/* `array` holds objects, at least one, that all follow the schema. */
static void check_rows(const char *arguments, const char *schema, const char *array, const char *row_schema)
{
	json_t *object = run(arguments), *row;
	size_t i;

	check_object(object, schema, arguments);
	json_t *rows = json_object_get(object, array);
	assert_true(json_array_size(rows) > 0);
	json_array_foreach(rows, i, row) check_object(row, row_schema, array);
	json_decref(object);
}

#define MODEL "model:s parameters:w trainable:w non_trainable:w macs:w "
#define RUN   "threads:w isa:s promised_bytes:w "

static void test_train(void **state)
{
	(void)state;
	check("train data --batch 8 --validation-split 0.25 --epochs 1 --json --quiet --out run", MODEL RUN
	      "data:s run:s epochs:w steps:w batch:w accuracy:p loss:f val_accuracy:p val_loss:f test_accuracy:p test_loss:f "
	      "images_per_second:f seconds:f step_seconds:f peak_bytes:w weights_sha256:h");
	check("train data --batch 8 --steps 1 --json --quiet --out short", MODEL RUN
	      "data:s run:s epochs:w steps:w batch:w accuracy:p loss:f test_accuracy:p test_loss:f images_per_second:f seconds:f "
	      "step_seconds:f peak_bytes:w weights_sha256:h");
}

static void test_eval(void **state)
{
	(void)state;
	check("eval run data --json",
	      MODEL RUN "part:s count:w correct:w accuracy:p loss:f images_per_second:f seconds:f peak_bytes:w "
			"weights_sha256:h");
}

static void test_predict(void **state)
{
	(void)state;
	check_rows("predict run data --index 0-3 --json", MODEL "predictions:a", "predictions",
		   "image:s index:w label:w class:w name:s probability:p top:a");
	json_t *object = run("predict run data --index 2 --top 4 --json");
	const json_t *prediction = json_array_get(json_object_get(object, "predictions"), 0);
	const json_t *top = json_object_get(prediction, "top");
	double before = 1;
	assert_int_equal(json_array_size(top), 4);
	for (size_t i = 0; i < 4; i++) {
		const json_t *row = json_array_get(top, i);
		check_object(row, "class:w name:s probability:p", "top");
		double probability = json_number_value(json_object_get(row, "probability"));
		assert_true(probability <= before);
		before = probability;
	}
	assert_true(json_equal(json_object_get(prediction, "class"), json_object_get(json_array_get(top, 0), "class")));
	json_decref(object);
}

static void test_hash(void **state)
{
	(void)state;
	check_rows("hash run --json", "files:a weights_sha256:h", "files", "file:s weights_sha256:h");
	check_rows("hash run short --json", "files:a", "files", "file:s weights_sha256:h");
}

static void test_summary(void **state)
{
	(void)state;
	const char *schema = MODEL "parameter_bytes:w output_bytes:w height:w width:w channels:w classes:w layers:a";
	const char *row =
		"layer:s type:s detail:s inputs:s height:w width:w channels:w parameters:w trainable:w macs:w output_bytes:w";
	check_rows("summary run --json", schema, "layers", row);
	check_rows("summary resnet50 --json", schema, "layers", row);
}

static void test_plan(void **state)
{
	(void)state;
	const char *schema = MODEL RUN "batch:w arena_bytes:w computed_again:a steps:a";
	const char *row = "pass:s layer:s kernel:s shape:s flops:w bytes:w";
	check_rows("plan run --batch 8 --json", schema, "steps", row);
	check_rows("plan resnet18 --input 28x28x1 --classes 10 --mode infer --batch 1 --json", schema, "steps", row);
}

static void test_bench(void **state)
{
	(void)state;
	const char *schema =
		MODEL RUN "batch:w steps:w images_per_second:f seconds:f step_seconds:f peak_bytes:w table:a update_seconds:f";
	const char *row = "pass:s kernel:s shape:s steps:w flops:w bytes:w seconds:f share:f";
	check_rows("bench train --input 16x16x1 --classes 10 --batch 2 --steps 2 --json", schema, "table", row);
	check_rows("bench infer --input 16x16x1 --classes 10 --batch 2 --steps 2 --json", schema, "table", row);
	check_rows("bench layers --input 16x16x1 --classes 10 --batch 1 --seconds 0.001 --json",
		   MODEL "batch:w layers:a peak_flops_per_second:f", "layers",
		   "layer:s pass:s flops:w seconds:f flops_per_second:f share_of_peak:f");
}

static void test_lab(void **state)
{
	(void)state;
	check_rows("lab degradation --data data --depths 20 --epochs 1 --batch 8 --quiet --json --out lab", "data:s out:s nets:a",
		   "nets",
		   "model:s depth:w shortcuts:s train_error:p test_error:p lesion_error:p lesion_error_whole:p gradient_first:f "
		   "gradient_last:f seconds:f");
}

/* ---- Data of our own: images of noise, 12 x 12, two of ten classes after another ------------------------------------------ */

static void write_idx(const char *name, const uint8_t *header, size_t header_bytes, size_t bytes, bool labels)
{
	char path[8192];
	uint32_t state = 1;

	snprintf(path, sizeof(path), "%s/data/%s", folder, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(header, 1, header_bytes, file), header_bytes);
	for (size_t i = 0; i < bytes; i++) {
		state = state * 1664525u + 1013904223u;
		fputc((int)(labels ? i % 10 : state >> 24), file);
	}
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	const char *parent = getenv("TMPDIR");
	char command[8192];

	(void)state;
	snprintf(folder, sizeof(folder), "%s/shortcut-json.XXXXXX", parent != NULL ? parent : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(command, sizeof(command), "mkdir '%s/data'", folder);
	if (system(command) != 0)
		return -1;
	write_idx("train-images-idx3-ubyte", (const uint8_t[]){0, 0, 8, 3, 0, 0, 0, 32, 0, 0, 0, 12, 0, 0, 0, 12}, 16, 32 * 144,
		  false);
	write_idx("train-labels-idx1-ubyte", (const uint8_t[]){0, 0, 8, 1, 0, 0, 0, 32}, 8, 32, true);
	write_idx("t10k-images-idx3-ubyte", (const uint8_t[]){0, 0, 8, 3, 0, 0, 0, 16, 0, 0, 0, 12, 0, 0, 0, 12}, 16, 16 * 144,
		  false);
	write_idx("t10k-labels-idx1-ubyte", (const uint8_t[]){0, 0, 8, 1, 0, 0, 0, 16}, 8, 16, true);
	return 0;
}

static int tear_down(void **state)
{
	char command[8192];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_train), /* makes the runs that the others use */
		cmocka_unit_test(test_eval),    cmocka_unit_test(test_predict), cmocka_unit_test(test_hash),
		cmocka_unit_test(test_summary), cmocka_unit_test(test_plan),    cmocka_unit_test(test_bench),
		cmocka_unit_test(test_lab),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
