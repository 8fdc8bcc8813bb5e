/* The order of an epoch and random sub-samples: permutations that depend on the seed and the epoch and on nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "data/data.h"

#define MNIST SC_SOURCE_DIR "/data/mnist"
#define COUNT 1000

static void an_epochs_order_is_a_permutation(void **state)
{
	(void)state;
	int64_t order[COUNT];
	int seen[COUNT] = {0}, in_place = 0;
	sc_sample_order(order, COUNT, 1, 1);
	for (int64_t i = 0; i < COUNT; i++) {
		assert_in_range(order[i], 0, COUNT - 1);
		seen[order[i]]++;
		in_place += order[i] == i;
	}
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(seen[i], 1);
	assert_true(in_place < 10);
}

static void it_depends_on_seed_and_epoch(void **state)
{
	(void)state;
	int64_t first[COUNT], again[COUNT], other[COUNT];
	sc_sample_order(first, COUNT, 1, 1);
	sc_sample_order(again, COUNT, 1, 1);
	assert_memory_equal(first, again, sizeof first);
	sc_sample_order(other, COUNT, 1, 2);
	assert_memory_not_equal(first, other, sizeof first);
	sc_sample_order(other, COUNT, 2, 1);
	assert_memory_not_equal(first, other, sizeof first);
	sc_sample_order(other, 1, 5, 1);
	assert_int_equal(other[0], 0);
}

static void take_keeps_some_images_in_their_order(void **state)
{
	(void)state;
	struct sc_data *all = NULL, *some = NULL, *other = NULL;
	struct sc_data_options options = {.part = SC_TEST};
	assert_int_equal(sc_data_open(&all, MNIST, &options, NULL), SC_OK);
	options.take = 100;
	options.seed = 5;
	assert_int_equal(sc_data_open(&some, MNIST, &options, NULL), SC_OK);
	options.seed = 6;
	assert_int_equal(sc_data_open(&other, MNIST, &options, NULL), SC_OK);
	assert_int_equal(sc_data_count(some), 100);

	int64_t at = 0; /* each kept image is further on in the whole set, with its label */
	for (int64_t i = 0; i < 100; i++, at++) {
		while (at < 10000 && memcmp(sc_data_image(some, i), sc_data_image(all, at), 784))
			at++;
		assert_in_range(at, 0, 9999);
		assert_int_equal(sc_data_label(some, i), sc_data_label(all, at));
	}
	assert_true(at > 9000); /* from all over it */
	assert_memory_not_equal(some->pixels, other->pixels, 100 * 784);
	sc_data_destroy(all);
	sc_data_destroy(some);
	sc_data_destroy(other);
}

static void taking_more_than_there_is_is_refused(void **state)
{
	(void)state;
	struct sc_data *data = NULL;
	struct sc_error error = {0};
	struct sc_data_options options = {.part = SC_TEST, .take = 10001};
	assert_int_equal(sc_data_open(&data, MNIST, &options, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "10000"));
	options.take = -1;
	assert_int_equal(sc_data_open(&data, MNIST, &options, &error), SC_ERROR_ARGUMENT);
	assert_null(data);
	options.take = 10000;
	assert_int_equal(sc_data_open(&data, MNIST, &options, &error), SC_OK);
	assert_int_equal(sc_data_count(data), 10000);
	sc_data_destroy(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epochs_order_is_a_permutation),
		cmocka_unit_test(it_depends_on_seed_and_epoch),
		cmocka_unit_test(take_keeps_some_images_in_their_order),
		cmocka_unit_test(taking_more_than_there_is_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
