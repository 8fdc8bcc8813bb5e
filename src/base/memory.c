/* memory.c - checked sizes, small objects, and arenas taken straight from the system.
 *
 * An arena is not touched here: its pages are zero by the system's word, and the thread that first uses one places it. */
#include "base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SMALL_PAGE INT64_C(4096)
#define HUGE_PAGE  (INT64_C(2) << 20)

bool sc_multiply(int64_t a, int64_t b, int64_t *product)
{
	return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

void *sc_allocate(int64_t count, int64_t size)
{
	int64_t bytes;
	if (!sc_multiply(count, size, &bytes) || (uint64_t)bytes > SIZE_MAX)
		return NULL;
	return calloc(1, bytes > 0 ? (size_t)bytes : 1); /* calloc(1, 0) may be NULL, which means failure here */
}

char *sc_copy_string(const char *string)
{
	return strdup(string);
}

/* What an arena of `bytes` takes from the system. */
static int64_t mapped_bytes(int64_t bytes)
{
	return sc_round_up(bytes, bytes >= HUGE_PAGE ? HUGE_PAGE : SMALL_PAGE);
}

/* Maps `bytes` (a multiple of HUGE_PAGE) at an address that is one too: only then can huge pages hold all of it. */
static void *map_aligned(size_t bytes)
{
	size_t wide = bytes + (size_t)HUGE_PAGE;
	char *wide_base = mmap(NULL, wide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (wide_base == MAP_FAILED)
		return MAP_FAILED;

	size_t before = (size_t)HUGE_PAGE - (uintptr_t)wide_base % (size_t)HUGE_PAGE; /* 1 to HUGE_PAGE */
	before %= (size_t)HUGE_PAGE;
	char *base = wide_base + before;
	size_t after = (size_t)HUGE_PAGE - before;
	if ((before > 0 && munmap(wide_base, before) != 0) || munmap(base + bytes, after) != 0) {
		int reason = errno;
		munmap(wide_base, wide);
		errno = reason;
		return MAP_FAILED;
	}
	/* A wish: a system without huge pages serves small ones. */
	(void)madvise(base, bytes, MADV_HUGEPAGE);
	return base;
}

enum sc_status sc_arena_init(struct sc_arena *arena, int64_t bytes, const char *what, struct sc_error *error)
{
	*arena = (struct sc_arena){0};
	if (bytes == 0)
		return SC_OK;
	if (bytes < 0 || bytes > INT64_MAX - 2 * HUGE_PAGE || (uint64_t)bytes > SIZE_MAX - 2 * (uint64_t)HUGE_PAGE)
		return sc_fail_memory(error, bytes, what);

	size_t mapped = (size_t)mapped_bytes(bytes);
	void *base = bytes >= HUGE_PAGE ? map_aligned(mapped)
					: mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return sc_fail(error, SC_ERROR_MEMORY, what, -1, "no memory for %s: %" PRId64 " bytes wanted: %s", what, bytes,
			       strerror(errno));
	*arena = (struct sc_arena){.base = base, .bytes = bytes};
	return SC_OK;
}

void sc_arena_clear(struct sc_arena *arena)
{
	if (!arena->base)
		return;
	madvise(arena->base, (size_t)mapped_bytes(arena->bytes), MADV_NOHUGEPAGE); /* only a wish */
	if (madvise(arena->base, (size_t)mapped_bytes(arena->bytes), MADV_DONTNEED) != 0)
		memset(arena->base, 0, (size_t)arena->bytes);
}

void sc_arena_release(struct sc_arena *arena)
{
	if (arena->base)
		munmap(arena->base, (size_t)mapped_bytes(arena->bytes));
	*arena = (struct sc_arena){0};
}
