/* allocator.c - see allocator.h. */
#include "allocator.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls, countdown, blocks, map_bytes;
static atomic_bool all_fail, failed;
static pthread_t asker; /* whose allocations fail: a sanitizer's part of another thread's beginning does not bear it, and ours have none */
static pid_t asking_process; /* a copy of it is for libhdf5, which does not bear every failure: base/child.c */

bool allocations_can_fail(void)
{
#ifdef NOT_INTERPOSED
	return false;
#else
	return true;
#endif
}

long allocation_count(void)
{
	return atomic_load(&calls);
}

void fail_allocation(long n, bool all_later)
{
	asker = pthread_self();
	asking_process = getpid();
	atomic_store(&failed, false);
	atomic_store(&all_fail, all_later);
	atomic_store(&countdown, n);
}

bool allocation_has_failed(void)
{
	return atomic_load(&failed);
}

long live_blocks(void)
{
	return atomic_load(&blocks);
}

long live_map_bytes(void)
{
	return atomic_load(&map_bytes);
}

#ifndef NOT_INTERPOSED
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define EXPORT __attribute__((visibility("default"))) /* for the libraries, too */

/* Counts a call; whether it is to fail. A countdown that has come to 1 stays there if all later ones are to fail. */
static bool refuse(void)
{
	atomic_fetch_add(&calls, 1);
	long n = atomic_load(&countdown);
	if (n <= 0 || !pthread_equal(pthread_self(), asker) || getpid() != asking_process)
		return false;
	if (n > 1) {
		atomic_store(&countdown, n - 1);
		return false;
	}
	if (!atomic_load(&all_fail))
		atomic_store(&countdown, 0);
	atomic_store(&failed, true);
	errno = ENOMEM;
	return true;
}

static void *held(void *block)
{
	if (block)
		atomic_fetch_add(&blocks, 1);
	return block;
}

#ifdef SANITIZED
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
extern void *REAL(malloc)(size_t), *REAL(calloc)(size_t, size_t), *REAL(realloc)(void *, size_t), *REAL(memalign)(size_t, size_t);
extern void REAL(free)(void *);

EXPORT void *malloc(size_t size)
{
	return refuse() ? NULL : held(REAL(malloc)(size));
}

EXPORT void *calloc(size_t count, size_t size)
{
	return refuse() ? NULL : held(REAL(calloc)(count, size));
}

EXPORT void *realloc(void *old, size_t size)
{
	if (refuse())
		return NULL;
	void *block = REAL(realloc)(old, size);
	return old ? block : held(block);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return refuse() ? NULL : held(REAL(memalign)(alignment, size));
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *block = memalign(alignment, size);
	if (!block)
		return ENOMEM;
	*out = block;
	return 0;
}

EXPORT void free(void *block)
{
	if (block)
		atomic_fetch_sub(&blocks, 1);
	REAL(free)(block);
}

EXPORT void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
	if (refuse())
		return MAP_FAILED;
	long result = syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
	if (result != -1)
		atomic_fetch_add(&map_bytes, (long)length);
	return (void *)result;
}

EXPORT int munmap(void *address, size_t length)
{
	atomic_fetch_sub(&map_bytes, (long)length);
	return (int)syscall(SYS_munmap, address, length);
}
#endif
