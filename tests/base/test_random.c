/* test_random.c - Philox's known answers, and the distributions made of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"

static void test_philox_gives_the_known_answers(void **state)
{
	(void)state;
	static const struct {
		uint32_t key[2], counter[4], expected[4];
	} table[] = {/* from the authors' Random123 distribution: zeros, ones, digits of pi */
		     {{0, 0}, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		     {{0xffffffff, 0xffffffff},
		      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
		      {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		     {{0xa4093822, 0x299f31d0},
		      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
		      {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint32_t out[4];
		sc_philox(table[i].key, table[i].counter, out);
		assert_memory_equal(out, table[i].expected, sizeof out);
	}
}

/* The layout of key and counter is part of the bit contract. */
static void test_a_stream_is_a_function_of_its_coordinates(void **state)
{
	(void)state;
	const uint64_t seed = UINT64_C(0x1122334455667788), sample = UINT64_C(0xabcdef0123456789);
	struct sc_random random = sc_random_stream(seed, SC_PURPOSE_AUGMENT, 9, sample);
	const uint32_t key[2] = {0x55667788, 0x11223344};
	for (uint32_t block = 0; block < 3; block++) {
		const uint32_t counter[4] = {block, 0x23456789, 9, 5u | 0xcdef0100u};
		uint32_t expected[4];
		sc_philox(key, counter, expected);
		for (int i = 0; i < 4; i++)
			assert_int_equal(sc_random_u32(&random), expected[i]);
	}
}

static void test_streams_differ_in_every_coordinate(void **state)
{
	(void)state;
	struct sc_random streams[] = {
		sc_random_stream(1, SC_PURPOSE_SHUFFLE, 1, 1),
		sc_random_stream(2, SC_PURPOSE_SHUFFLE, 1, 1),
		sc_random_stream(1, SC_PURPOSE_TAKE, 1, 1),
		sc_random_stream(1, SC_PURPOSE_SHUFFLE, 2, 1),
		sc_random_stream(1, SC_PURPOSE_SHUFFLE, 1, 2),
		sc_random_stream(UINT64_C(1) << 32 | 1, SC_PURPOSE_SHUFFLE, 1, 1),
		sc_random_stream(1, SC_PURPOSE_SHUFFLE, 1, UINT64_C(1) << 32 | 1),
	};
	enum { COUNT = sizeof streams / sizeof *streams };
	uint32_t first[COUNT];
	for (int i = 0; i < COUNT; i++) {
		first[i] = sc_random_u32(&streams[i]);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(first[i], first[j]);
	}
}

static void test_below_stays_below_and_is_even(void **state)
{
	(void)state;
	struct sc_random random = sc_random_stream(7, SC_PURPOSE_SHUFFLE, 0, 0);
	int64_t seen[10] = {0};
	for (int i = 0; i < 100000; i++) {
		uint64_t value = sc_random_below(&random, 10);
		assert_true(value < 10);
		seen[value]++;
	}
	double chi_square = 0;
	for (int i = 0; i < 10; i++)
		chi_square += ((double)seen[i] - 10000.0) * ((double)seen[i] - 10000.0) / 10000.0;
	assert_true(chi_square < 27.9); /* 9 degrees of freedom: exceeded by chance once in 1,000 seeds */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sc_random_below(&random, 1), 0);
		assert_true(sc_random_below(&random, UINT64_MAX) < UINT64_MAX);
	}
}

/* A bound of 3 * 2^62: a product without rejection would favour every third result by half. */
static void test_below_has_no_bias(void **state)
{
	(void)state;
	struct sc_random random = sc_random_stream(8, SC_PURPOSE_SHUFFLE, 0, 0);
	int64_t seen[3] = {0};
	for (int i = 0; i < 30000; i++)
		seen[sc_random_below(&random, UINT64_C(3) << 62) % 3]++;
	for (int i = 0; i < 3; i++)
		assert_in_range(seen[i], 10000 - 330, 10000 + 330); /* 4 standard deviations */
}

static void test_uniform_has_24_bits_below_one(void **state)
{
	(void)state;
	struct sc_random random = sc_random_stream(9, SC_PURPOSE_INITIALISE, 0, 0);
	double sum = 0, square_sum = 0;
	const int count = 100000;
	for (int i = 0; i < count; i++) {
		float value = sc_random_uniform(&random);
		assert_true(value >= 0 && value < 1);
		assert_true(value * 0x1p24f == floorf(value * 0x1p24f));
		sum += (double)value;
		square_sum += (double)value * (double)value;
	}
	assert_true(fabs(sum / count - 0.5) < 0.004);
	assert_true(fabs(square_sum / count - 1.0 / 3) < 0.004);
}

static void test_normal_has_its_moments(void **state)
{
	(void)state;
	struct sc_random random = sc_random_stream(10, SC_PURPOSE_INITIALISE, 0, 0);
	double sum[5] = {0};
	const int count = 100000;
	int beyond_two = 0;
	for (int i = 0; i < count; i++) {
		double value = sc_random_normal(&random), power = 1;
		assert_true(isfinite(value));
		for (int k = 1; k < 5; k++)
			sum[k] += power *= value;
		beyond_two += fabs(value) > 2;
	}
	assert_true(fabs(sum[1] / count) < 0.013);
	assert_true(fabs(sum[2] / count - 1) < 0.018);
	assert_true(fabs(sum[3] / count) < 0.05);
	assert_true(fabs(sum[4] / count - 3) < 0.13);
	assert_in_range(beyond_two, 4290, 4810); /* 4.55 % */
	assert_int_equal(random.counter, count * 2 / 4);
}

static void test_shuffle_is_a_permutation(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	int64_t values[COUNT];
	int seen[COUNT] = {0}, in_place = 0;
	for (int i = 0; i < COUNT; i++)
		values[i] = i;
	struct sc_random random = sc_random_stream(11, SC_PURPOSE_SHUFFLE, 3, 0);
	sc_random_shuffle(&random, values, COUNT);
	for (int i = 0; i < COUNT; i++) {
		assert_in_range(values[i], 0, COUNT - 1);
		seen[values[i]]++;
		in_place += values[i] == i;
	}
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(seen[i], 1);
	assert_true(in_place < 10);
	sc_random_shuffle(&random, values, 0);
	sc_random_shuffle(&random, NULL, 0);
}

/* Each of the 6 orders of 3 values equally often. */
static void test_shuffle_is_fair(void **state)
{
	(void)state;
	struct sc_random random = sc_random_stream(12, SC_PURPOSE_SHUFFLE, 0, 0);
	int seen[27] = {0}, orders = 0;
	for (int i = 0; i < 60000; i++) {
		int64_t values[3] = {0, 1, 2};
		sc_random_shuffle(&random, values, 3);
		seen[values[0] * 9 + values[1] * 3 + values[2]]++;
	}
	for (int i = 0; i < 27; i++) {
		orders += seen[i] > 0;
		if (seen[i] > 0)
			assert_in_range(seen[i], 10000 - 370, 10000 + 370);
	}
	assert_int_equal(orders, 6);
}

/* Weights and orders of samples of all runs hang on these bits: they may never change. */
static void test_bits_are_the_recorded_ones(void **state)
{
	(void)state;
	struct sc_hash hash;
	char hex[SC_HASH_SIZE];
	int64_t order[100];
	sc_hash_init(&hash);
	for (uint64_t sample = 0; sample < 100; sample++) {
		struct sc_random random = sc_random_stream(13, SC_PURPOSE_INITIALISE, 1, sample);
		for (int i = 0; i < 100; i++) {
			double normal = sc_random_normal(&random);
			float uniform = sc_random_uniform(&random);
			uint64_t below = sc_random_below(&random, 60000);
			sc_hash_update(&hash, &normal, sizeof normal);
			sc_hash_update(&hash, &uniform, sizeof uniform);
			sc_hash_update(&hash, &below, sizeof below);
			order[i] = i;
		}
		sc_random_shuffle(&random, order, 100);
		sc_hash_update(&hash, order, sizeof order);
	}
	sc_hash_finish(&hash, hex);
	assert_string_equal(hex, "1f9a199aca7fb2195a7a4bce3a223b9a08cbbf7e815b32c1a14ac2c4a05d8aad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_philox_gives_the_known_answers),
		cmocka_unit_test(test_a_stream_is_a_function_of_its_coordinates),
		cmocka_unit_test(test_streams_differ_in_every_coordinate),
		cmocka_unit_test(test_below_stays_below_and_is_even),
		cmocka_unit_test(test_below_has_no_bias),
		cmocka_unit_test(test_uniform_has_24_bits_below_one),
		cmocka_unit_test(test_normal_has_its_moments),
		cmocka_unit_test(test_shuffle_is_a_permutation),
		cmocka_unit_test(test_shuffle_is_fair),
		cmocka_unit_test(test_bits_are_the_recorded_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
