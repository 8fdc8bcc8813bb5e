/* test_file_allocations.c - each allocation fails, one after the other, while files of named arrays are read and written: see
 * try_allocations.h. The actions are small, so that none is left out. Not here: libhdf5's own writing, which does not bear every
 * failure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "faults/try_allocations.h"
#include "io/pickle.h"
#include "io/weights.h"
#include "temporary.h"

static float kernel[2 * 2 * 3 * 4], bias[4], dense[4 * 2];
static const struct sc_tensor tensors[] = {{"model_weights/conv/kernel", 4, {2, 2, 3, 4}, 48, kernel, true},
					   {"model_weights/conv/bias", 1, {4}, 4, bias, true},
					   {"model_weights/fc/kernel", 2, {4, 2}, 8, dense, true}};
#define TENSORS ((int64_t)(sizeof(tensors) / sizeof(tensors[0])))
static const char *const metadata[] = {"shortcut.model", "{}", "keras.config", "{}"};

static char file[1024]; /* of the action under way */

static void own_file(const char *name)
{
	snprintf(file, sizeof(file), "%s/%s", folder, name);
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

static enum sc_status read_arrays(struct sc_error *error)
{
	struct sc_arrays arrays;
	uint8_t number[4];
	enum sc_status status = sc_arrays_open(&arrays, file, error);
	if (status)
		return status;
	for (int64_t i = 0; i < arrays.count && !status; i++)
		status = sc_arrays_read(&arrays, &arrays.arrays[i], 0, number, arrays.arrays[i].bytes < 4 ? 0 : 4, error);
	sc_arrays_close(&arrays);
	return status;
}

static void own_files_are_read(void **state)
{
	(void)state;
	static const char *const names[] = {"a.safetensors", "a.pth", "a.npz", "a.weights.h5", "a.keras", "a.h5"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		own_file(names[i]);
		assert_int_equal(sc_weights_write(file, tensors, TENSORS, metadata, 2, NULL), SC_OK);
		try_all(read_arrays, names[i]);
	}
}

static void files_of_others_are_read(void **state)
{
	(void)state;
	static const char *const names[] = {"checkpoint.pth", "shared.pth", "zip64.npz", "deflated.npz"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(file, sizeof(file), "%s/tests/recorded/formats/%s", SC_SOURCE_DIR, names[i]);
		try_all(read_arrays, names[i]);
	}
}

static enum sc_status read_weights(struct sc_error *error)
{
	return sc_weights_read(file, tensors, TENSORS, NULL, error);
}

static enum sc_status read_value(struct sc_error *error)
{
	char *value = NULL;
	enum sc_status status = sc_weights_metadata(file, "shortcut.model", &value, error);
	if (!status)
		assert_string_equal(value, "{}");
	free(value);
	return status;
}

/* The file's hash, and that of what is in memory. */
static enum sc_status compare_hashes(struct sc_error *error)
{
	char of_file[SC_HASH_SIZE], of_memory[SC_HASH_SIZE];
	enum sc_status status = sc_weights_hash_file(of_file, file, error);
	if (!status)
		status = sc_weights_hash(of_memory, tensors, TENSORS, error);
	if (!status)
		assert_string_equal(of_file, of_memory);
	return status;
}

static void weights_are_read_and_hashed(void **state)
{
	(void)state;
	own_file("a.safetensors");
	assert_int_equal(sc_weights_write(file, tensors, TENSORS, metadata, 2, NULL), SC_OK);
	try_all(read_weights, "weights");
	try_all(read_value, "metadata");
	try_all(compare_hashes, "hashes");
}

/* ---- Pickles: each instruction that makes a value has to make the room for it --------------------------------------- */

static uint8_t program[1024];
static int64_t program_bytes;

static enum sc_status read_pickle(struct sc_error *error)
{
	static const struct sc_pickle_global globals[] = {{"m", "f", false}, {NULL, NULL, false}};
	struct sc_pickle pickle = {0};
	enum sc_status status = sc_pickle_read(&pickle, program, program_bytes, globals, "a pickle", error);
	sc_pickle_release(&pickle);
	return status;
}

/* A tuple of `before` times None and of what `code` makes, which has room for 256 values at first. */
static void write_program(int before, const char *code, size_t bytes, int times)
{
	program_bytes = 0;
	memcpy(program, "\x80\x02(", 3);
	program_bytes = 3;
	memset(program + program_bytes, 'N', (size_t)before);
	program_bytes += before;
	for (int i = 0; i < times; i++, program_bytes += (int64_t)bytes)
		memcpy(program + program_bytes, code, bytes);
	memcpy(program + program_bytes, "t.", 2);
	program_bytes += 2;
}

static void pickles_grow(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int before;
		const char *code;
		size_t bytes;
		int times;
	} cases[] = {
		{"more values", 250, "N", 1, 20},
		{"call", 254, "cm\nf\n)R", 7, 1},
		{"something outside", 255, ")Q", 2, 1},
		{"tuple", 255, "N\x85", 2, 1},
		{"items of a tuple", 254, "N\x85", 2, 1},
		{"items of a list", 250, "](NNNNNNNNNNe", 13, 1},
		{"memo", 1, "q\0", 2, 1},
		{"far memo", 1, "r\xff\2\0\0", 5, 1},
		{"recalled values", 1, "q\0h\0", 4, 150},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_program(cases[i].before, cases[i].code, cases[i].bytes, cases[i].times);
		try_all(read_pickle, cases[i].name);
	}
}

/* ---- Writing -------------------------------------------------------------------------------------------------------- */

static enum sc_status write_weights(struct sc_error *error)
{
	return sc_weights_write(file, tensors, TENSORS, metadata, 2, error);
}

static enum sc_status write_checked(struct sc_error *error)
{
	return sc_weights_write_checked(file, tensors, TENSORS, metadata, 2, error);
}

/* Refused for its second name, before libhdf5 is asked for anything. */
static enum sc_status refuse_a_name(struct sc_error *error)
{
	struct sc_tensor named[] = {tensors[0], tensors[1]};
	named[1].name = "conv/bias";
	enum sc_status status = sc_weights_write(file, named, 2, metadata, 2, error);
	assert_int_not_equal(status, SC_OK);
	return status == SC_ERROR_ARGUMENT ? SC_OK : status;
}

static void files_are_written(void **state)
{
	(void)state;
	static const char *const names[] = {"b.safetensors", "b.pth", "b.npz"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		own_file(names[i]);
		try_all(write_weights, names[i]);
	}
	own_file("checked.safetensors");
	try_all(write_checked, "with checksums");
	own_file("b.h5");
	try_all(refuse_a_name, "b.h5");
}

int main(int count, char **words)
{
	if (!begin_allocations(count, words))
		return 0;
	const struct CMUnitTest tests[] = {cmocka_unit_test(own_files_are_read), cmocka_unit_test(files_of_others_are_read),
					   cmocka_unit_test(weights_are_read_and_hashed), cmocka_unit_test(pickles_grow),
					   cmocka_unit_test(files_are_written)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
