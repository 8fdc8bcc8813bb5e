/* test_memory.c - checked products, and arenas: aligned, zero, untouched until used. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"

static void test_multiply_refuses_what_does_not_fit(void **state)
{
	(void)state;
	int64_t product = 0;
	assert_true(sc_multiply(6, 7, &product));
	assert_int_equal(product, 42);
	assert_true(sc_multiply(0, INT64_MAX, &product));
	assert_int_equal(product, 0);
	assert_true(sc_multiply(INT64_MAX, 1, &product));
	assert_true(sc_multiply(INT64_C(3037000499), INT64_C(3037000499), &product));
	assert_false(sc_multiply(INT64_C(3037000500), INT64_C(3037000500), &product));
	assert_false(sc_multiply(INT64_C(1) << 32, INT64_C(1) << 32, &product)); /* wraps to 0 */
	assert_false(sc_multiply(-1, 1, &product));
	assert_false(sc_multiply(1, -1, &product));
	assert_false(sc_multiply(-1, -1, &product));
}

static void test_round_up(void **state)
{
	(void)state;
	assert_int_equal(sc_round_up(0, 64), 0);
	assert_int_equal(sc_round_up(1, 64), 64);
	assert_int_equal(sc_round_up(64, 64), 64);
	assert_int_equal(sc_round_up(65, 64), 128);
	assert_int_equal(sc_round_up(7, 3), 9);
}

static void test_allocate_gives_zeros_or_null(void **state)
{
	(void)state;
	int64_t *numbers = sc_allocate(100, sizeof *numbers);
	assert_non_null(numbers);
	for (int i = 0; i < 100; i++)
		assert_int_equal(numbers[i], 0);
	free(numbers);
	void *nothing = sc_allocate(0, 8);
	assert_non_null(nothing);
	free(nothing);
	assert_null(sc_allocate(INT64_MAX, 2));
	assert_null(sc_allocate(-1, 8));
}

static void test_copy_string(void **state)
{
	(void)state;
	char *copy = sc_copy_string("residual");
	assert_string_equal(copy, "residual");
	free(copy);
}

static void test_arenas_are_aligned_and_zero(void **state)
{
	(void)state;
	static const int64_t sizes[] = {1, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 9000000};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct sc_arena arena;
		assert_int_equal(sc_arena_init(&arena, sizes[i], "a test", NULL), SC_OK);
		assert_int_equal(arena.bytes, sizes[i]);
		assert_int_equal((uintptr_t)arena.base % SC_ALIGNMENT, 0);
		if (sizes[i] >= 2 << 20)
			assert_int_equal((uintptr_t)arena.base % (2 << 20), 0); /* or huge pages could not hold its ends */
		unsigned char *bytes = arena.base;
		assert_int_equal(bytes[0], 0);
		assert_int_equal(bytes[sizes[i] - 1], 0);
		memset(bytes, 1, (size_t)sizes[i]);
		sc_arena_release(&arena);
		assert_null(arena.base);
		assert_int_equal(arena.bytes, 0);
	}
}

static void test_an_arena_is_not_touched_before_use(void **state)
{
	(void)state;
	struct sc_arena arena;
	const size_t bytes = 64 << 20, pages = bytes / 4096;
	assert_int_equal(sc_arena_init(&arena, (int64_t)bytes, "a test", NULL), SC_OK);
	unsigned char *resident = malloc(pages);
	assert_non_null(resident);
	assert_int_equal(mincore(arena.base, bytes, resident), 0);
	size_t touched = 0;
	for (size_t i = 0; i < pages; i++)
		touched += resident[i] & 1;
	assert_int_equal(touched, 0);
	free(resident);
	sc_arena_release(&arena);
}

static void test_a_released_arena_is_gone(void **state)
{
	(void)state;
	struct sc_arena arena;
	unsigned char resident;
	assert_int_equal(sc_arena_init(&arena, (4 << 20) + 5, "a test", NULL), SC_OK);
	char *base = arena.base;
	assert_int_equal(mincore(base + (4 << 20), 1, &resident), 0); /* mapped */
	sc_arena_release(&arena);
	assert_int_equal(mincore(base, 1, &resident), -1);
	assert_int_equal(mincore(base + (6 << 20) - 4096, 1, &resident), -1); /* the last page of what was mapped */
}

static void test_an_empty_arena(void **state)
{
	(void)state;
	struct sc_arena arena = {.bytes = 1};
	assert_int_equal(sc_arena_init(&arena, 0, "a test", NULL), SC_OK);
	assert_null(arena.base);
	assert_int_equal(arena.bytes, 0);
	sc_arena_release(&arena);
}

static void test_arenas_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const int64_t sizes[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX - (4 << 20), INT64_C(1) << 60};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct sc_arena arena;
		struct sc_error error = {0};
		assert_int_equal(sc_arena_init(&arena, sizes[i], "the plan's arena", &error), SC_ERROR_MEMORY);
		assert_null(arena.base);
		assert_non_null(strstr(error.message, "no memory for the plan's arena"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiply_refuses_what_does_not_fit),
		cmocka_unit_test(test_round_up),
		cmocka_unit_test(test_allocate_gives_zeros_or_null),
		cmocka_unit_test(test_copy_string),
		cmocka_unit_test(test_arenas_are_aligned_and_zero),
		cmocka_unit_test(test_an_arena_is_not_touched_before_use),
		cmocka_unit_test(test_a_released_arena_is_gone),
		cmocka_unit_test(test_an_empty_arena),
		cmocka_unit_test(test_arenas_that_cannot_be_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
