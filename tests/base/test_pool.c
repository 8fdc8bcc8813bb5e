/* test_pool.c - every unit once, slots of one's own, memory handed over cleanly (the thread sanitizer looks at that). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/pool.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const int thread_counts[] = {1, 2, 3, 5, 7};
#define THREAD_COUNTS (sizeof thread_counts / sizeof *thread_counts)

struct job {
	int threads;
	int64_t count, grain;
	int32_t *done;         /* [count]: how often each unit was done; plain memory, on purpose */
	atomic_int in_slot[8]; /* workers in each slot now */
	atomic_int wrong;      /* asserts do not work in other threads */
};

static void do_units(void *context, int slot, int64_t begin, int64_t end)
{
	struct job *job = context;
	if (slot < 0 || slot >= job->threads || atomic_fetch_add(&job->in_slot[slot], 1) != 0)
		atomic_fetch_add(&job->wrong, 1);
	if (begin < 0 || begin >= end || end > job->count || end - begin > job->grain || begin % job->grain != 0)
		atomic_fetch_add(&job->wrong, 1);
	for (int64_t i = begin; i < end; i++)
		job->done[i]++;
	atomic_fetch_sub(&job->in_slot[slot], 1);
}

static void test_every_unit_is_done_once(void **state)
{
	(void)state;
	static const int64_t counts[] = {0, 1, 2, 3, 7, 8, 100, 1000};
	static const int64_t grains[] = {1, 2, 7, 100, 5000, INT64_MAX};
	for (size_t t = 0; t < THREAD_COUNTS; t++) {
		struct sc_pool *pool = NULL;
		assert_int_equal(sc_pool_create(&pool, thread_counts[t], NULL), SC_OK);
		assert_int_equal(sc_pool_threads(pool), thread_counts[t]);
		for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
			for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
				int32_t done[1000] = {0};
				struct job job = {
					.threads = thread_counts[t], .count = counts[c], .grain = grains[g], .done = done};
				sc_pool_run(pool, do_units, &job, counts[c], grains[g]);
				assert_int_equal(job.wrong, 0);
				for (int64_t i = 0; i < 1000; i++)
					assert_int_equal(done[i], i < counts[c]);
			}
		sc_pool_destroy(pool);
	}
}

/* A small network's step: the caller prepares, workers compute from it, the caller sums up, again and again. All data are plain
 * memory, and the next step reads what other threads wrote in the last. */
struct relay {
	int64_t factor; /* by the caller */
	int64_t from[64], to[64];
	int64_t slot_units[7]; /* by each slot */
};

static void relay_units(void *context, int slot, int64_t begin, int64_t end)
{
	struct relay *relay = context;
	for (int64_t i = begin; i < end; i++)
		relay->to[i] = relay->from[(i + 1) % 64] * relay->factor + i;
	relay->slot_units[slot] += end - begin;
}

static void test_plain_memory_is_handed_over_both_ways(void **state)
{
	(void)state;
	int64_t expected_sum = 0;
	for (size_t t = 0; t < THREAD_COUNTS; t++) {
		struct sc_pool *pool = NULL;
		assert_int_equal(sc_pool_create(&pool, thread_counts[t], NULL), SC_OK);
		struct relay relay = {0};
		int64_t sum = 0;
		for (int64_t step = 0; step < 2000; step++) {
			relay.factor = step % 5;
			sc_pool_run(pool, relay_units, &relay, 64, 3);
			for (int i = 0; i < 64; i++) {
				relay.from[i] = relay.to[i] % 1000;
				sum += relay.to[i];
			}
		}
		int64_t units = 0;
		for (int slot = 0; slot < 7; slot++)
			units += relay.slot_units[slot];
		assert_int_equal(units, 2000 * 64);
		expected_sum = t == 0 ? sum : expected_sum;
		assert_int_equal(sum, expected_sum);
		sc_pool_destroy(pool);
	}
}

/* Two blocks that wait for each other: one thread alone would wait for ever (the other counts up to 10 seconds). */
static void meet(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot, (void)begin, (void)end;
	atomic_int *present = context;
	atomic_fetch_add(present, 1);
	for (int i = 0; i < 10000 && atomic_load(present) < 2; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	if (atomic_load(present) < 2)
		atomic_fetch_add(present, 100);
}

static void test_blocks_run_at_the_same_time(void **state)
{
	(void)state;
	struct sc_pool *pool = NULL;
	atomic_int present = 0;
	assert_int_equal(sc_pool_create(&pool, 2, NULL), SC_OK);
	sc_pool_run(pool, meet, &present, 2, 1);
	assert_int_equal(present, 2);
	sc_pool_destroy(pool);
}

static void test_zero_threads_means_all_processors(void **state)
{
	(void)state;
	struct sc_pool *pool = NULL;
	assert_true(sc_processor_count() >= 1);
	assert_int_equal(sc_pool_create(&pool, 0, NULL), SC_OK);
	assert_int_equal(sc_pool_threads(pool), sc_processor_count());
	sc_pool_destroy(pool);
	sc_pool_destroy(NULL);
}

static void test_the_count_of_processors_follows_the_affinity(void **state)
{
	(void)state;
	cpu_set_t all, one;
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	assert_int_equal(sc_processor_count(), CPU_COUNT(&all));
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
			break;
		}
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	int count = sc_processor_count();
	assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
	assert_int_equal(count, 1);
}

static void test_absurd_numbers_of_threads_are_refused(void **state)
{
	(void)state;
	static const int counts[] = {-1, 1025, INT32_MAX, INT32_MIN};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct sc_pool *pool = NULL;
		struct sc_error error = {0};
		assert_int_equal(sc_pool_create(&pool, counts[i], &error), SC_ERROR_ARGUMENT);
		assert_null(pool);
		assert_non_null(strstr(error.message, "threads: expected 0 (all processors) to 1024, found "));
	}
}

/* In a process of its own with too little address space for the stacks. */
static void test_threads_that_the_system_refuses_are_an_error(void **state)
{
	(void)state;
	if (SANITIZED)
		skip(); /* their shadow memory is larger than any limit */
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct sc_pool *pool = NULL;
		struct sc_error error = {0};
		alarm(20); /* rather than hang */
		struct rlimit limit = {512 << 20, 512 << 20};
		bool refused = setrlimit(RLIMIT_AS, &limit) == 0 && sc_pool_create(&pool, 1000, &error) == SC_ERROR_SYSTEM &&
			       !pool && strstr(error.message, "cannot start 1000 threads: ");
		bool recovered = sc_pool_create(&pool, 2, &error) == SC_OK;
		sc_pool_destroy(pool);
		_exit(refused && recovered ? 0 : 1);
	}
	int result = -1;
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_int_equal(result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_unit_is_done_once),
		cmocka_unit_test(test_plain_memory_is_handed_over_both_ways),
		cmocka_unit_test(test_blocks_run_at_the_same_time),
		cmocka_unit_test(test_zero_threads_means_all_processors),
		cmocka_unit_test(test_the_count_of_processors_follows_the_affinity),
		cmocka_unit_test(test_absurd_numbers_of_threads_are_refused),
		cmocka_unit_test(test_threads_that_the_system_refuses_are_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
