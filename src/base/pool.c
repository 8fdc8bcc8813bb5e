/* pool.c - work cut into blocks, which threads take one after another until none is left.
 *
 * A run ends when its blocks are done, not when all threads have been there: a thread whose processor is busy with something else
 * comes late, finds nothing left and has cost nobody anything. (A pool that waits for each thread in each run, as most do, loses
 * whole time slices of the system's scheduler that way.) For this, one atomic number says which run this is and how many of its
 * blocks are still to be taken; taking one is a compare-and-swap of both, so that nobody takes a block of a run that is over. The
 * run's other facts are plain memory: the caller writes them before it publishes the number, and they stay until the last taken
 * block is done.
 *
 * Who finds nothing to do looks again for a short while, then sleeps: waking takes up to 0.3 ms on a virtual machine, and looking
 * keeps a processor from others. With more threads than processors, sleep comes at once. */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define MOST_THREADS 1024
#define MOST_BLOCKS  INT64_C(0x7fffffff)
#define LOOK_SECONDS                                                                                                               \
	200e-6          /* for work, or for its end, before sleeping: longer than what lies between two runs of a training step */
#define LOOKS_A_TIME 32 /* between two looks at the clock */

struct worker {
	struct sc_pool *pool;
	int slot;
	pthread_t thread;
};

struct sc_pool {
	int threads;            /* the caller, which has slot 0, among them */
	struct worker *workers; /* threads - 1 */
	bool sleep_at_once;

	/* The run. */
	sc_pool_function function;
	void *context;
	int64_t count, grain, blocks; /* units; units in a block; blocks */
	_Atomic uint64_t open;        /* number of the run << 32 | blocks that nobody has taken */
	_Atomic int64_t finished;     /* blocks */

	/* Those who sleep, and how they are woken. The counts are raised before the last look at `open` and `finished`, which are
	 * written before the look at the counts: so one of both sees the other. Such a write is an exchange or an addition: C orders
	 * a plain atomic store before the load that follows it just as well, but an emulator of ARM on x86 (qemu 7.2) does not. */
	pthread_mutex_t mutex;
	pthread_cond_t work, end;
	_Atomic int sleepers; /* workers */
	atomic_bool caller_sleeps, stop;
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

/* ---- Blocks ---------------------------------------------------------------------------------------------------------------- */

static int64_t blocks_left(uint64_t open)
{
	return (int64_t)(open & UINT32_MAX);
}

/* Takes a block of whatever run is open. False: none is left. */
static bool take_block(struct sc_pool *pool, int64_t *block)
{
	uint64_t open = atomic_load(&pool->open);
	do {
		if (blocks_left(open) == 0)
			return false;
	} while (!atomic_compare_exchange_weak(&pool->open, &open, open - 1));
	*block = pool->blocks - blocks_left(open); /* in rising order */
	return true;
}

static void run_block(const struct sc_pool *pool, int slot, int64_t block)
{
	int64_t begin = block * pool->grain;
	int64_t left = pool->count - begin;
	pool->function(pool->context, slot, begin, begin + (left < pool->grain ? left : pool->grain));
}

static void wake_caller(struct sc_pool *pool)
{
	if (!atomic_load(&pool->caller_sleeps))
		return;
	pthread_mutex_lock(&pool->mutex);
	pthread_cond_signal(&pool->end);
	pthread_mutex_unlock(&pool->mutex);
}

static void do_blocks(struct sc_pool *pool, int slot)
{
	int64_t block;
	while (take_block(pool, &block)) {
		int64_t blocks = pool->blocks; /* the run may be over, and another one begun, as soon as this block is counted */
		run_block(pool, slot, block);
		if (atomic_fetch_add(&pool->finished, 1) + 1 == blocks && slot != 0)
			wake_caller(pool);
	}
}

/* ---- Waiting --------------------------------------------------------------------------------------------------------------- */

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Whether `there` became true while looking. */
static bool look(struct sc_pool *pool, bool (*there)(struct sc_pool *pool))
{
	if (pool->sleep_at_once)
		return there(pool);
	double begin = sc_clock();
	do {
		for (int i = 0; i < LOOKS_A_TIME; i++) {
			if (there(pool))
				return true;
			relax();
		}
	} while (sc_clock() - begin < LOOK_SECONDS);
	return false;
}

static bool work_is_there(struct sc_pool *pool)
{
	return blocks_left(atomic_load(&pool->open)) > 0 || atomic_load(&pool->stop);
}

static bool all_is_finished(struct sc_pool *pool)
{
	return atomic_load(&pool->finished) == pool->blocks;
}

static void sleep_for_work(struct sc_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	atomic_fetch_add(&pool->sleepers, 1);
	while (!work_is_there(pool))
		pthread_cond_wait(&pool->work, &pool->mutex);
	atomic_fetch_sub(&pool->sleepers, 1);
	pthread_mutex_unlock(&pool->mutex);
}

static void sleep_for_end(struct sc_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	atomic_exchange(&pool->caller_sleeps, true);
	while (!all_is_finished(pool))
		pthread_cond_wait(&pool->end, &pool->mutex);
	atomic_store(&pool->caller_sleeps, false);
	pthread_mutex_unlock(&pool->mutex);
}

static void wake_workers(struct sc_pool *pool, int64_t most)
{
	if (atomic_load(&pool->sleepers) == 0)
		return;
	pthread_mutex_lock(&pool->mutex);
	for (int64_t i = 0; i < most && i < pool->threads - 1; i++)
		pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
}

/* ---- Threads --------------------------------------------------------------------------------------------------------------- */

static void *live(void *argument)
{
	const struct worker *worker = argument;
	struct sc_pool *pool = worker->pool;
	while (!atomic_load(&pool->stop)) {
		do_blocks(pool, worker->slot);
		if (!look(pool, work_is_there))
			sleep_for_work(pool);
	}
	return NULL;
}

static void stop_workers(struct sc_pool *pool, int started)
{
	pthread_mutex_lock(&pool->mutex);
	atomic_store(&pool->stop, true);
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
	while (started > 0)
		pthread_join(pool->workers[--started].thread, NULL);
}

/* Signals are left to the threads of the program. Returns 0 or an error number. */
static int start_workers(struct sc_pool *pool)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int started = 0, reason = 0;
	while (started < pool->threads - 1 && reason == 0) {
		struct worker *worker = &pool->workers[started];
		*worker = (struct worker){.pool = pool, .slot = started + 1};
		reason = pthread_create(&worker->thread, NULL, live, worker);
		started += reason == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (reason != 0)
		stop_workers(pool, started);
	return reason;
}

static void release(struct sc_pool *pool)
{
	pthread_mutex_destroy(&pool->mutex);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->end);
	free(pool->workers);
	free(pool);
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
	struct worker *workers = sc_allocate(threads, sizeof *workers); /* one more than there will be: never nothing */
	if (!pool || !workers) {
		free(pool);
		free(workers);
		return sc_fail_memory(error, (int64_t)sizeof *pool + threads * (int64_t)sizeof *workers, "a thread pool");
	}
	pool->threads = threads;
	pool->workers = workers;
	pool->sleep_at_once = threads > processors;
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->end, NULL);
	int reason = start_workers(pool);
	if (reason != 0) {
		release(pool);
		return sc_fail(error, SC_ERROR_SYSTEM, "threads", -1, "cannot start %d threads: %s", threads, strerror(reason));
	}
	*out = pool;
	return SC_OK;
}

void sc_pool_destroy(struct sc_pool *pool)
{
	if (!pool)
		return;
	stop_workers(pool, pool->threads - 1);
	release(pool);
}

int sc_pool_threads(const struct sc_pool *pool)
{
	return pool->threads;
}

/* ---- A run ----------------------------------------------------------------------------------------------------------------- */

static int64_t cut(int64_t count, int64_t grain)
{
	return count / grain + (count % grain != 0);
}

void sc_pool_run(struct sc_pool *pool, sc_pool_function function, void *context, int64_t count, int64_t grain)
{
	if (count <= 0)
		return;
	pool->function = function;
	pool->context = context;
	pool->count = count;
	pool->grain = cut(count, grain) <= MOST_BLOCKS ? grain : cut(count, MOST_BLOCKS);
	pool->blocks = cut(count, pool->grain);
	if (pool->threads == 1 || pool->blocks == 1) {
		for (int64_t block = 0; block < pool->blocks; block++)
			run_block(pool, 0, block);
		return;
	}
	uint64_t number = (atomic_load(&pool->open) >> 32) + 1;
	atomic_store(&pool->finished, 0);
	atomic_exchange(&pool->open, number << 32 | (uint64_t)pool->blocks);
	wake_workers(pool, pool->blocks - 1);
	do_blocks(pool, 0);
	if (!look(pool, all_is_finished))
		sleep_for_end(pool);
}
