/* pool.c - work cut into blocks, which threads of libpthreadpool take one after another until none is left.
 *
 * Blocks are handed out as threads come for them, so a processor that is busy with something else costs only its own share.
 * Threads that wait for the next run spin, which is the fastest where each has a processor to itself. Where not, they would keep
 * those with work from theirs (15 ms a run against 40 us, measured with 7 threads on 2 processors), so then they sleep. That
 * another program wants the processors too shows in how long the caller waits for the others; spinning is tried again after a
 * while, since waking costs up to 0.3 ms a run on a virtual machine.
 *
 * Two atomic counters order memory: who takes a block sees what the caller wrote before the run; the caller, after it, sees what
 * all slots wrote before they counted themselves as finished. libpthreadpool orders the same by its own means; ours are there so
 * that the order stands in this file, for readers and for ThreadSanitizer, which does not see inside that library. */
#include "base/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define MOST_THREADS 1024
#define WINDOW_RUNS  256  /* runs over which waiting is added up; as many are done without spinning after a crowded window */
#define CROWDED_WAIT 0.05 /* seconds that the caller waited for the others in a window, after its own work, that are too many ...  \
			   */
#define CROWDED_SHARE 0.5 /* ... if they are also this share of its time: uneven blocks never reach it */

struct sc_pool {
	int threads;
	pthreadpool_t workers; /* NULL: one thread, the caller */
	bool more_threads_than_processors;
	int64_t crowded_runs; /* still to be done without spinning, because another program took processors away */
	int64_t window_runs;  /* since the window began: */
	double waited, spent; /* seconds of the caller, after its own work and in all */

	/* The run: set by the caller between runs, read by slots between `taken` and `finished`. */
	sc_pool_function function;
	void *context;
	int64_t count, grain, blocks; /* units; units in a block; blocks */
	double first_slot_end;        /* when slot 0, which the caller works in, had no more to do */
	_Atomic int64_t taken;        /* blocks */
	_Atomic int64_t finished;     /* slots */
};

int sc_processor_count(void)
{
	/* The kernel refuses a set that is smaller than its own; no machine has 2^20 processors. */
	for (size_t room = 1024; room <= (size_t)1 << 20; room *= 2) {
		cpu_set_t *set = CPU_ALLOC(room);
		if (!set)
			return 1;
		int refused = sched_getaffinity(0, CPU_ALLOC_SIZE(room), set);
		int reason = errno;
		int count = refused ? 0 : CPU_COUNT_S(CPU_ALLOC_SIZE(room), set);
		CPU_FREE(set);
		if (count > 0)
			return count;
		if (reason != EINVAL)
			break;
	}
	return 1;
}

static void *wait_for_gate(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

/* libpthreadpool waits for ever for a thread that the system refused to start. So the threads are tried first: as many, all
 * alive at once. Returns 0 or an error number. */
static int try_threads(int count)
{
	pthread_t *threads = sc_allocate(count, sizeof *threads);
	if (!threads)
		return ENOMEM;
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&gate);
	int started = 0, reason = 0;
	while (started < count && reason == 0) {
		reason = pthread_create(&threads[started], NULL, wait_for_gate, &gate);
		started += reason == 0;
	}
	pthread_mutex_unlock(&gate);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	pthread_mutex_destroy(&gate);
	free(threads);
	return reason;
}

enum sc_status sc_pool_create(struct sc_pool **out, int threads, struct sc_error *error)
{
	*out = NULL;
	if (threads < 0 || threads > MOST_THREADS)
		return sc_fail(error, SC_ERROR_ARGUMENT, "threads", -1, "threads: expected 0 (all processors) to %d, found %d",
			       MOST_THREADS, threads);
	int processors = sc_processor_count();
	if (threads == 0)
		threads = processors < MOST_THREADS ? processors : MOST_THREADS;

	struct sc_pool *pool = sc_allocate(1, sizeof *pool);
	if (!pool)
		return sc_fail_memory(error, sizeof *pool, "a thread pool");
	pool->threads = threads;
	pool->more_threads_than_processors = threads > processors;
	if (threads > 1) {
		int reason = try_threads(threads - 1);
		if (reason == 0) {
			pool->workers = pthreadpool_create((size_t)threads);
			reason = ENOMEM;
		}
		if (!pool->workers) {
			free(pool);
			return sc_fail(error, SC_ERROR_SYSTEM, "threads", -1, "cannot start %d threads: %s", threads,
				       strerror(reason));
		}
	}
	*out = pool;
	return SC_OK;
}

void sc_pool_destroy(struct sc_pool *pool)
{
	if (!pool)
		return;
	if (pool->workers)
		pthreadpool_destroy(pool->workers);
	free(pool);
}

int sc_pool_threads(const struct sc_pool *pool)
{
	return pool->threads;
}

static void run_block(const struct sc_pool *pool, int slot, int64_t block)
{
	int64_t begin = block * pool->grain;
	int64_t left = pool->count - begin;
	pool->function(pool->context, slot, begin, begin + (left < pool->grain ? left : pool->grain));
}

static int64_t take_block(struct sc_pool *pool)
{
	return atomic_fetch_add_explicit(&pool->taken, 1, memory_order_acquire);
}

static void run_slot(void *argument, size_t slot)
{
	struct sc_pool *pool = argument;
	int64_t block = take_block(pool); /* before the first look at the run */
	while (block < pool->blocks) {
		run_block(pool, (int)slot, block);
		block = take_block(pool);
	}
	if (slot == 0)
		pool->first_slot_end = sc_clock();
	atomic_fetch_add_explicit(&pool->finished, 1, memory_order_release);
}

/* Whether threads shall sleep after this run instead of spinning. */
static uint32_t choose_flags(struct sc_pool *pool)
{
	if (pool->more_threads_than_processors)
		return PTHREADPOOL_FLAG_YIELD_WORKERS;
	if (pool->crowded_runs == 0)
		return 0;
	pool->crowded_runs--;
	return PTHREADPOOL_FLAG_YIELD_WORKERS;
}

/* A run that spun has ended: whether the processors are crowded. */
static void watch(struct sc_pool *pool, double begin)
{
	double end = sc_clock();
	pool->waited += end - pool->first_slot_end;
	pool->spent += end - begin;
	pool->window_runs++;
	bool crowded = pool->waited > CROWDED_WAIT && pool->waited > CROWDED_SHARE * pool->spent;
	if (crowded)
		pool->crowded_runs = WINDOW_RUNS;
	if (crowded || pool->window_runs == WINDOW_RUNS) {
		pool->window_runs = 0;
		pool->waited = pool->spent = 0;
	}
}

void sc_pool_run(struct sc_pool *pool, sc_pool_function function, void *context, int64_t count, int64_t grain)
{
	if (count <= 0)
		return;
	pool->function = function;
	pool->context = context;
	pool->count = count;
	pool->grain = grain;
	pool->blocks = count / grain + (count % grain != 0);
	if (!pool->workers || pool->blocks == 1) {
		for (int64_t block = 0; block < pool->blocks; block++)
			run_block(pool, 0, block);
		return;
	}
	int64_t slots = pool->blocks < pool->threads ? pool->blocks : pool->threads;
	atomic_store_explicit(&pool->finished, 0, memory_order_relaxed);
	atomic_store_explicit(&pool->taken, 0, memory_order_release);
	uint32_t flags = choose_flags(pool);
	double begin = sc_clock();
	pthreadpool_parallelize_1d(pool->workers, run_slot, pool, (size_t)slots, flags);
	int64_t finished = atomic_load_explicit(&pool->finished, memory_order_acquire);
	assert(finished == slots);
	(void)finished;
	if (!(flags & PTHREADPOOL_FLAG_YIELD_WORKERS))
		watch(pool, begin);
}
