/* test_bad_torch.c - .pth archives that are whole, with tensors in them that cannot be: files of one pickle each. The message names
 * the file, the tensor and what was expected of it. (test_pickle.c runs pickles by themselves, test_zip.c damages the archive.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/archives.h"

/* Pickles in pieces; each has zero bytes in it. Storage 0 holds 12 floats. */
#define DICTIONARY(items)              "\x80\x02}(" items "u."
#define A                              "X\1\0\0\0a"
#define GLOBAL(name)                   "ctorch\n" name "\n"
#define STORAGE_OF(type, key, numbers) "(X\7\0\0\0storage" type key "X\3\0\0\0cpu" numbers "tQ"
#define KEY_0                                                                                                                      \
	"X\1\0\0\0"                                                                                                                \
	"0"
#define STORAGE STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, "K\x0c")
#define REBUILT(storage, first, shape, strides)                                                                                    \
	"ctorch._utils\n_rebuild_tensor_v2\n(" storage first shape strides "\x89"                                                  \
	"ccollections\nOrderedDict\n)RtR"
#define TENSOR(first, shape, strides) REBUILT(STORAGE, first, shape, strides)
#define LARGEST                       "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"
#define MINUS_1                       "J\xff\xff\xff\xff"
#define LONG_KEY                                                                                                                   \
	"X\x41\0\0\0"                                                                                                              \
	"0123456789012345678901234567890123456789012345678901234567890123x"

static const float numbers[12];

static void write_pth(const char *pickle, size_t count)
{
	const struct entry entries[] = {{"net/data.pkl", pickle, count}, {"net/data/0", numbers, sizeof(numbers)}};
	write_archive(entries, 2);
}

static const char good[] = DICTIONARY(A TENSOR("K\4", "K\2K\4\x86", "K\4K\1\x86"));

static void good_tensor_is_read(void **state)
{
	(void)state;
	struct sc_arrays arrays;
	struct sc_error error = {0};
	write_pth(good, sizeof(good) - 1);
	if (sc_arrays_open(&arrays, path, &error) != SC_OK)
		fail_msg("%s", error.message);
	const struct sc_array *a = sc_arrays_find(&arrays, "a");
	assert_true(a && a->rank == 2 && a->shape[1] == 4 && a->begin == 16 && a->bytes == 32);
	sc_arrays_close(&arrays);
}

/* A tensor of no numbers, whose strides do not matter; a parameter; a dictionary inside of others, among entries of short names. */
static void other_tensors_are_read(void **state)
{
	(void)state;
	static const char pickle[] = DICTIONARY(
		"X\5\0\0\0epochK\3"
		"X\5\0\0\0model}(" A "ctorch._utils\n_rebuild_parameter\n(" TENSOR("K\0", "K\2K\0\x86", "K\7K\7\x86") "\x88NtRu");
	const struct entry entries[] = {
		{"net/data.pkl", pickle, sizeof(pickle) - 1}, {"net/data/0", numbers, sizeof(numbers)}, {"x", "", 0}};
	struct sc_arrays arrays;
	struct sc_error error = {0};
	write_archive(entries, 3);
	if (sc_arrays_open(&arrays, path, &error) != SC_OK)
		fail_msg("%s", error.message);
	const struct sc_array *a = sc_arrays_find(&arrays, "a");
	assert_true(a && a->rank == 2 && a->shape[0] == 2 && a->shape[1] == 0 && a->bytes == 0);
	sc_arrays_close(&arrays);
}

/* A folder with a name of 508 characters has room for its pickle, but not for its storages. */
static void a_storage_needs_a_name(void **state)
{
	(void)state;
	char pickle[520], storage[520];
	memset(pickle, 'f', sizeof(pickle));
	memcpy(pickle + 500, "/data.pkl", 10);
	memset(storage, 'f', sizeof(storage));
	memcpy(storage + 500, "/data/0", 8);
	const struct entry entries[] = {{pickle, good, sizeof(good) - 1}, {storage, numbers, sizeof(numbers)}};
	write_archive(entries, 2);
	struct sc_arrays arrays;
	assert_int_equal(sc_arrays_open(&arrays, path, NULL), SC_OK);
	sc_arrays_close(&arrays);
	memcpy(pickle + 508, "/data.pkl", 10);
	memcpy(pickle + 500, "ffffffff", 8);
	write_archive(entries, 2);
	check_refused("name", SC_ERROR_FORMAT, "a storage with a key", "'a'");
}

#define CASE(pickle, message)                                                                                                      \
	{                                                                                                                          \
		DICTIONARY(A pickle), sizeof(DICTIONARY(A pickle)) - 1, "'a'", message                                             \
	}
#define WHOLE_CASE(pickle, name, message)                                                                                          \
	{                                                                                                                          \
		pickle, sizeof(pickle) - 1, name, message                                                                          \
	}

static void tensors_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *pickle;
		size_t count;
		const char *name, *message;
	} cases[] = {
		CASE("K\1", "a tensor, found something else"),
		CASE("ccollections\nOrderedDict\n)R", "a tensor, found something else"),
		CASE("ctorch._utils\n_rebuild_tensor_v2\n)R", "a tensor, found something else"),
		CASE(REBUILT("N", "K\0", "K\1\x85", "K\1\x85"), "a storage of the archive"),
		CASE(REBUILT("K\1\x85Q", "K\0", "K\1\x85", "K\1\x85"), "a storage of the archive"),
		CASE(REBUILT("(X\6\0\0\0module" GLOBAL("FloatStorage") KEY_0 "X\3\0\0\0cpuK\x0ctQ", "K\0", "K\1\x85", "K\1\x85"),
		     "a storage of the archive"),
		CASE(REBUILT(STORAGE_OF("ctorch._utils\n_rebuild_tensor_v2\n)R", KEY_0, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage of a known type"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), LONG_KEY, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage with a key"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, "N"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(GLOBAL("FloatStorage") ")R", "a tensor, found something else"),
		CASE("ctorch._utils\n_rebuild_parameter\n(" TENSOR("K\0", "K\1\x85", "K\1\x85") "tR",
		     "a tensor, found something else"),
		CASE("ctorch._utils\n_rebuild_parameter\n(K\1NNtR", "a tensor, found something else"),
		CASE("ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\1\x85K\1\x85NNNNtR", "a tensor, found something else"),
		CASE(REBUILT(STORAGE_OF("N", KEY_0, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"), "a storage of a known type"),
		CASE(REBUILT(STORAGE_OF("ccollections\nOrderedDict\n", KEY_0, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage of a known type"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "K\0", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage with a key"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "X\0\0\0\0", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage with a key"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "X\1\0\0\0\0", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage with a key"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "X\x0b\0\0\0../data.pkl", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "'net/data/../data.pkl' is not in the archive"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, "K\x0d"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("DoubleStorage"), KEY_0, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, LARGEST), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, MINUS_1), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(TENSOR("K\0", "K\x0d\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR("K\x0c", "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR(LARGEST, "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR(MINUS_1, "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR("N", "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR("K\0", LARGEST LARGEST "\x86", LARGEST "K\1\x86"), "less than 2^63 numbers"),
		CASE(TENSOR("K\0", MINUS_1 "\x85", "K\1\x85"), "whole numbers"),
		CASE(TENSOR("K\0", "N\x85", "K\1\x85"), "whole numbers"),
		CASE(TENSOR("K\0", "K\2\x85", MINUS_1 "\x85"), "whole numbers"),
		CASE(TENSOR("K\0", "K\2\x85", "K\0\x85"), "contiguous"), /* one number, shown twice */
		CASE(TENSOR("K\0", "K\2K\2\x86", "K\1K\2\x86"), "contiguous"),
		CASE(TENSOR("K\0", "K\1\x85", ")"), "at most 8 dimensions"),
		CASE(TENSOR("K\0", "K\1", "K\1"), "at most 8 dimensions"),
		CASE(TENSOR("K\0", "K\1\x85", "K\1"), "at most 8 dimensions"),
		CASE(TENSOR("K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"), "at most 8 dimensions"),
		WHOLE_CASE(DICTIONARY(A TENSOR("K\0", "K\1\x85", "K\1\x85") A TENSOR("K\1", "K\1\x85", "K\1\x85")), "'a'",
			   "there are two arrays named"),
		WHOLE_CASE(
			DICTIONARY(A REBUILT(STORAGE_OF(GLOBAL("ComplexFloatStorage"), KEY_0, "K\6"), "K\0", "K\1\x85", "K\1\x85")),
			"'torch.ComplexFloatStorage'", "weights do not need"),
		WHOLE_CASE(DICTIONARY(A "cbuiltins\nexec\nX\1\0\0\0x\x85R"), "'builtins.exec'", "nothing was run"),
		WHOLE_CASE(DICTIONARY("K\1" TENSOR("K\0", "K\1\x85", "K\1\x85")), "", "every key of its state_dict to be a name"),
		WHOLE_CASE(DICTIONARY("X\1\0\0\0\0" TENSOR("K\0", "K\1\x85", "K\1\x85")), "",
			   "every key of its state_dict to be a name"),
		WHOLE_CASE(DICTIONARY("X\5\0\0\0state}"), "'state'", "a tensor, found something else"),
		WHOLE_CASE("\x80\x02]" A "a.", "", "a dictionary of tensors"),
		WHOLE_CASE("\x80\x04}.", "", "protocol 2"),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char what[32];
		snprintf(what, sizeof(what), "pickle %zu", i);
		write_pth(cases[i].pickle, cases[i].count);
		check_refused(what, SC_ERROR_FORMAT, cases[i].message, cases[i].name);
	}
}

static void every_shortened_pickle_is_refused(void **state)
{
	(void)state;
	for (size_t count = 0; count < sizeof(good) - 1; count++) {
		char what[32];
		snprintf(what, sizeof(what), "%zu bytes", count);
		write_pth(good, count);
		check_refused(what, SC_ERROR_FORMAT, "pickle, byte", "");
	}
}

static void other_byte_orders_and_second_pickles_are_refused(void **state)
{
	(void)state;
	const struct entry data = {"net/data/0", numbers, sizeof(numbers)}, pickle = {"net/data.pkl", good, sizeof(good) - 1};
	const struct entry big[] = {pickle, data, {"net/byteorder", "big", 3}};
	write_archive(big, 3);
	check_refused("byteorder", SC_ERROR_UNSUPPORTED, "little-endian", "");
	const struct entry two[] = {pickle, data, {"other/data.pkl", good, sizeof(good) - 1}};
	write_archive(two, 3);
	check_refused("two pickles", SC_ERROR_FORMAT, "one data.pkl, found several", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_tensor_is_read),
		cmocka_unit_test(other_tensors_are_read),
		cmocka_unit_test(a_storage_needs_a_name),
		cmocka_unit_test(tensors_that_cannot_be_are_refused),
		cmocka_unit_test(every_shortened_pickle_is_refused),
		cmocka_unit_test(other_byte_orders_and_second_pickles_are_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
