/* test_schedule.c - the learning rate of each step, against its closed form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "train/schedule.h"

/* 10 epochs of 5 steps; one rounding to float of a number computed in double: half a unit of 2^-24. */
static void check(const struct sc_schedule *schedule, int64_t step, double expected)
{
	float found = sc_scheduled_learning_rate(schedule, 0.5f, step, 5, 10);
	if (!(fabs((double)found - expected) <= 0x1p-24 * expected + 1e-9))
		fail_msg("step %d: %.9g, expected %.9g", (int)step, (double)found, expected);
}

static void constant(void **state)
{
	(void)state;
	const struct sc_schedule s = {.kind = SC_SCHEDULE_CONSTANT};
	check(&s, 0, 0.5);
	check(&s, 49, 0.5);
}

static void warmup_rises_in_a_line_and_learns_at_once(void **state)
{
	(void)state;
	for (int kind = SC_SCHEDULE_CONSTANT; kind <= SC_SCHEDULE_LINEAR; kind++) {
		const struct sc_schedule s = {.kind = (enum sc_schedule_kind)kind, .warmup_epochs = 2};
		for (int step = 0; step < 10; step++)
			check(&s, step, 0.5 * (step + 1) / 10);
		check(&s, 10, 0.5);
	}
}

static void steps_drop_by_the_factor(void **state)
{
	(void)state;
	const struct sc_schedule s = {.kind = SC_SCHEDULE_STEP, .step_epochs = 3, .step_factor = 0.5f};
	check(&s, 14, 0.5);
	check(&s, 15, 0.25);
	check(&s, 30, 0.125);
	check(&s, 49, 0.0625);
}

static void cosine_ends_at_the_final_rate(void **state)
{
	(void)state;
	const struct sc_schedule s = {.kind = SC_SCHEDULE_COSINE, .final_learning_rate = 0.1f};
	for (int step = 0; step < 50; step++)
		check(&s, step, (double)0.1f + (0.5 - (double)0.1f) * (1 + cos(3.14159265358979323846 * step / 50)) / 2);
	check(&s, 50, (double)0.1f);
}

static void linear_falls_in_a_line_after_the_warmup(void **state)
{
	(void)state;
	const struct sc_schedule s = {.kind = SC_SCHEDULE_LINEAR, .warmup_epochs = 1, .final_learning_rate = 0.05f};
	check(&s, 5, 0.5);
	check(&s, 14, 0.5 + ((double)0.05f - 0.5) * 9 / 45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant),
		cmocka_unit_test(warmup_rises_in_a_line_and_learns_at_once),
		cmocka_unit_test(steps_drop_by_the_factor),
		cmocka_unit_test(cosine_ends_at_the_final_rate),
		cmocka_unit_test(linear_falls_in_a_line_after_the_warmup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
