/* Splits for validation: Keras' last part, and the same share of each class. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "data/data.h"

#define COUNT 60000

static uint8_t labels[COUNT];
static struct sc_data data = {.count = COUNT, .classes = 10, .labels = labels};

static int make_labels(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT; i++) /* uneven classes: 9 is as rare as one in 201 */
		labels[i] = (uint8_t)(i % 201 == 0 ? 9 : i % 9);
	return 0;
}

static void assert_partition(const struct sc_indices *indices, int64_t count)
{
	static uint8_t seen[COUNT];
	memset(seen, 0, sizeof seen);
	assert_int_equal(indices->train_count + indices->validation_count, count);
	for (int64_t i = 0; i < indices->train_count; i++) {
		assert_true(i == 0 || indices->train[i] > indices->train[i - 1]);
		seen[indices->train[i]]++;
	}
	for (int64_t i = 0; i < indices->validation_count; i++) {
		assert_true(i == 0 || indices->validation[i] > indices->validation[i - 1]);
		seen[indices->validation[i]]++;
	}
	for (int64_t i = 0; i < count; i++)
		assert_int_equal(seen[i], 1);
}

static void keras_takes_the_last_part(void **state)
{
	(void)state;
	struct count_and_fraction {
		int64_t count;
		double fraction;
		int64_t train; /* int(math.floor(count * (1 - fraction))) in Python */
	} table[] = {
		{60000, 0.2, 48000},
		{60000, 0.0, 60000},
		{6400, 0.2, 5120},
		{10, 0.25, 7},
		{7, 0.5, 3},
		{1000, 0.1, 900},
		{999, 0.3, 699},
		/* given as a float, these are a little more or less than their decimals */
		{60000, (double)0.2f, 48000},
		{60000, (double)0.1f, 54000},
		{60000, (double)0.3f, 42000},
		{60000, (double)0.7f, 18000},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_indices indices;
		data.count = table[i].count;
		assert_int_equal(sc_split_indices(&indices, &data, table[i].fraction, SC_SPLIT_LAST, 1, NULL), SC_OK);
		assert_int_equal(indices.train_count, table[i].train);
		assert_partition(&indices, data.count);
		assert_int_equal(indices.train[indices.train_count - 1], indices.train_count - 1);
		sc_indices_release(&indices);
		assert_null(indices.train);
	}
	data.count = COUNT;
}

static void stratified_takes_the_same_share_of_each_class(void **state)
{
	(void)state;
	struct sc_indices indices, same, other;
	int64_t all[10] = {0}, validated[10] = {0};
	assert_int_equal(sc_split_indices(&indices, &data, 0.1, SC_SPLIT_STRATIFIED, 1, NULL), SC_OK);
	assert_partition(&indices, COUNT);
	for (int64_t i = 0; i < COUNT; i++)
		all[labels[i]]++;
	for (int64_t i = 0; i < indices.validation_count; i++)
		validated[labels[indices.validation[i]]]++;
	for (int c = 0; c < 10; c++)
		assert_int_equal(validated[c], (int64_t)floor((double)all[c] * 0.1 + 0.5));
	assert_int_equal(sc_split_indices(&same, &data, 0.1, SC_SPLIT_STRATIFIED, 1, NULL), SC_OK);
	assert_int_equal(sc_split_indices(&other, &data, 0.1, SC_SPLIT_STRATIFIED, 2, NULL), SC_OK);
	assert_memory_equal(indices.train, same.train, COUNT * sizeof *indices.train);
	assert_memory_not_equal(indices.train, other.train, COUNT * sizeof *indices.train);
	assert_true(indices.validation[0] < COUNT / 10); /* drawn from everywhere, not from the end */
	sc_indices_release(&indices);
	sc_indices_release(&same);
	sc_indices_release(&other);
}

static void fractions_that_leave_nothing_are_refused(void **state)
{
	(void)state;
	static const double wrong[] = {-0.1, 1.0, 1.5, NAN, 1e-9};
	struct sc_indices indices = {0};
	struct sc_error error = {0};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(sc_split_indices(&indices, &data, wrong[i], SC_SPLIT_LAST, 1, &error), SC_ERROR_ARGUMENT);
	data.count = 1;
	assert_int_equal(sc_split_indices(&indices, &data, 0.5, SC_SPLIT_LAST, 1, &error), SC_ERROR_ARGUMENT);
	data.count = COUNT;
	assert_null(indices.train);
	assert_non_null(strstr(error.message, "validation split"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keras_takes_the_last_part),
		cmocka_unit_test(stratified_takes_the_same_share_of_each_class),
		cmocka_unit_test(fractions_that_leave_nothing_are_refused),
	};
	return cmocka_run_group_tests(tests, make_labels, NULL);
}
