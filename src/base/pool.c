/* pool.c - threads on libpthreadpool: see pool.h.
 *
 * Each thread is given one slot and takes units from a shared counter until none are left: a thread whose processor is busy with
 * something else takes fewer. ThreadSanitizer cannot see into libpthreadpool, so the hand-over of work and of results is told to it. */
#include "base/pool.h"

#include <pthreadpool.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#ifdef TSAN
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(address) __tsan_release(address)
#define TAKE_OVER(address) __tsan_acquire(address)
#else
#define HAND_OVER(address) ((void)(address))
#define TAKE_OVER(address) ((void)(address))
#endif

#define MAX_THREADS 1024

struct sc_pool {
	int threads;
	pthreadpool_t workers; /* NULL with one thread */
	char begun, ended;     /* addresses that stand for the two hand-overs */
};

struct job {
	struct sc_pool *pool;
	sc_pool_function function;
	void *context;
	int64_t count, grain;
	_Atomic int64_t next; /* first unit that nobody has taken */
};

int sc_processor_count(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	int count = CPU_COUNT(&set);
	return count > 0 ? count : 1;
}

enum sc_status sc_pool_create(struct sc_pool **out, int threads, struct sc_error *error)
{
	if (threads < 0 || threads > MAX_THREADS)
		return sc_fail(error, SC_ERROR_ARGUMENT, "threads", -1, "threads: expected 0 to %d, found %d", MAX_THREADS, threads);
	struct sc_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return sc_fail_memory(error, sizeof(*pool), "a thread pool");
	pool->threads = threads ? threads : sc_processor_count();
	if (pool->threads > 1) {
		pool->workers = pthreadpool_create((size_t)pool->threads);
		if (!pool->workers) {
			free(pool);
			return sc_fail(error, SC_ERROR_SYSTEM, "threads", -1, "threads: %d could not be started", threads);
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

static void work(void *context, size_t slot)
{
	struct job *job = context;
	TAKE_OVER(&job->pool->begun);
	for (;;) {
		int64_t begin = atomic_fetch_add_explicit(&job->next, job->grain, memory_order_relaxed);
		if (begin >= job->count)
			break;
		int64_t end = job->count - begin < job->grain ? job->count : begin + job->grain;
		job->function(job->context, (int)slot, begin, end);
	}
	HAND_OVER(&job->pool->ended);
}

void sc_pool_run(struct sc_pool *pool, sc_pool_function function, void *context, int64_t count, int64_t grain)
{
	if (count <= 0)
		return;
	if (pool->threads == 1 || count <= grain) {
		function(context, 0, 0, count);
		return;
	}
	struct job job = {.pool = pool, .function = function, .context = context, .count = count, .grain = grain};
	HAND_OVER(&pool->begun);
	pthreadpool_parallelize_1d(pool->workers, work, &job, (size_t)pool->threads, 0);
	TAKE_OVER(&pool->ended);
}
