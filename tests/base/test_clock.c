/* test_clock.c - seconds that pass, and only forwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static void test_the_clock_never_goes_back(void **state)
{
	(void)state;
	double before = sc_clock();
	for (int i = 0; i < 100000; i++) {
		double now = sc_clock();
		assert_true(now >= before);
		before = now;
	}
}

static void test_the_clock_counts_seconds(void **state)
{
	(void)state;
	double before = sc_clock();
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	double passed = sc_clock() - before;
	assert_true(passed >= 0.0199 && passed < 10); /* a busy machine may sleep longer */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_clock_never_goes_back),
		cmocka_unit_test(test_the_clock_counts_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
