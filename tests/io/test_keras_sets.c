/* test_keras_sets.c - Keras' files with data sets of no net: which of them are arrays, which are metadata or left out, and which
 * names the older form can hold. (test_keras.c: the files of nets.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "io/arrays.h"
#include "io/attributes.h"
#include "temporary.h"

/* A file of the given name with these arrays, all zeros, and this value of "shortcut.model" (NULL: none). */
static void write_sets(const char *name, const struct sc_array *arrays, int64_t count, const char *description)
{
	static const uint8_t zeros[64];
	struct sc_arrays_writer *writer = NULL;
	struct sc_error error = {0};
	const char *const metadata[] = {SC_KERAS_CONFIG, "{}", "shortcut.model", description};
	if (sc_arrays_writer_open(&writer, in_folder(name), arrays, count, metadata, description ? 2 : 1, &error) != SC_OK)
		fail_msg("%s", error.message);
	for (int64_t i = 0; i < count; i++) {
		assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_write(writer, zeros, arrays[i].bytes, NULL), SC_OK);
	}
	assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
}

#define FLOAT(its_name)                                                                                                            \
	{                                                                                                                          \
		.name = (its_name), .dtype = "F32", .rank = 1, .shape = {1}, .bytes = 4                                            \
	}

/* What belongs to a training goes; what is called as our metadata but is none stays an array. */
static void data_sets_are_sifted(void **state)
{
	(void)state;
	static char names[][32] = {"_counter", "a", "optimizer/a", "optimizer_weights/a", "shortcut.floats", "shortcut.table"};
	struct sc_array sets[] = {FLOAT(names[0]), FLOAT(names[1]),
				  FLOAT(names[2]), FLOAT(names[3]),
				  FLOAT(names[4]), {.name = names[5], .dtype = "U8", .rank = 2, .shape = {2, 2}, .bytes = 4}};
	struct sc_arrays arrays;
	write_sets("sets.weights.h5", sets, 6, "a net");
	assert_int_equal(sc_arrays_open(&arrays, in_folder("sets.weights.h5"), NULL), SC_OK);
	assert_int_equal(arrays.count, 3);
	assert_string_equal(arrays.arrays[0].name, "a");
	assert_string_equal(arrays.arrays[1].name, "shortcut.floats");
	assert_string_equal(arrays.arrays[2].name, "shortcut.table");
	assert_int_equal(arrays.metadata_count, 1);
	assert_string_equal(sc_arrays_metadata(&arrays, "shortcut.model"), "a net");
	sc_arrays_close(&arrays);
}

static void a_description_beyond_all_is_refused(void **state)
{
	(void)state;
	enum { BYTES = (16 << 20) + 1 };
	struct sc_array sets[] = {FLOAT((char[]){"a"}), FLOAT((char[]){"z"})};
	struct sc_arrays arrays;
	struct sc_error error = {0};
	char *text = malloc(BYTES + 1);
	assert_non_null(text);
	memset(text, 'x', BYTES);
	text[BYTES] = '\0';
	write_sets("sets.weights.h5", sets, 2, text);
	free(text);
	assert_int_equal(sc_arrays_open(&arrays, in_folder("sets.weights.h5"), &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "'shortcut.model': expected at most 16 MiB of text, found more"));
}

/* In the older form: of layers whose names begin alike each has its own. */
static void layers_with_names_that_begin_alike(void **state)
{
	(void)state;
	struct sc_array sets[] = {FLOAT((char[]){"model_weights/fc10/fc10/bias"}), FLOAT((char[]){"model_weights/fc1/fc1/bias"}),
				  FLOAT((char[]){"model_weights/fc1/fc1/kernel"})};
	char text[256];
	write_sets("alike.h5", sets, 3, NULL);
	read_attribute(text, in_folder("alike.h5"), "model_weights", "layer_names");
	assert_string_equal(text, "fc10 fc1 ");
	read_attribute(text, in_folder("alike.h5"), "model_weights/fc1", "weight_names");
	assert_string_equal(text, "fc1/bias fc1/kernel ");
}

static void names_that_are_no_layers_are_refused(void **state)
{
	(void)state;
	char name[300] = "model_weights/";
	struct sc_array array = FLOAT((char[]){"model_weights/fc"});
	struct sc_arrays_writer *writer = NULL;
	struct sc_error error = {0};
	const char *const layers[] = {SC_KERAS_CONFIG, "{}"};
	assert_int_equal(sc_arrays_writer_open(&writer, in_folder("net.h5"), &array, 1, layers, 1, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "array 'model_weights/fc': expected a name model_weights/LAYER/NAME"));
	memset(name + 14, 'n', 200);
	strcpy(name + 214, "/fc/bias");
	array.name = name;
	assert_int_equal(sc_arrays_writer_open(&writer, in_folder("net.h5"), &array, 1, layers, 1, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "expected a name model_weights/LAYER/NAME"));
	assert_int_equal(sc_arrays_writer_open(&writer, in_folder("net.h5"), &array, 1, NULL, 0, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "needs its layers, and they are not given"));
	assert_int_not_equal(access(in_folder("net.h5"), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_sets_are_sifted),
		cmocka_unit_test(a_description_beyond_all_is_refused),
		cmocka_unit_test(layers_with_names_that_begin_alike),
		cmocka_unit_test(names_that_are_no_layers_are_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
