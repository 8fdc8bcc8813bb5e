/* try_allocations.h - an action is done again and again, and each time another of its allocations fails: what comes of it is an
 * error that speaks of memory, or the right result; nothing leaks, and the action works again afterwards. */
#ifndef SC_TESTS_FAULTS_TRY_ALLOCATIONS_H
#define SC_TESTS_FAULTS_TRY_ALLOCATIONS_H

#include <stdio.h>
#include <string.h>

#include "faults/allocator.h"
#include "faults/options.h"
#include "shortcut.h"

/* Whether there is anything to try in this build. */
static inline bool begin_allocations(int count, char **words)
{
	read_options(count, words);
	if (!allocations_can_fail())
		puts("skipped: the allocator cannot be stood in front of here");
	return allocations_can_fail();
}

#ifndef SHORT_FORM
#define SHORT_FORM 200 /* about as many of an action's allocations fail without --count */
#endif

typedef enum sc_status (*action)(struct sc_error *error);

/* The n-th allocation fails. Gives whether there was one. */
static inline bool try_one(action act, const char *name, long n, bool all_later)
{
	struct sc_error error = {0};
	long blocks = live_blocks(), bytes = live_map_bytes();
	fail_allocation(n, all_later);
	enum sc_status status = act(&error);
	bool failed = allocation_has_failed();
	fail_allocation(0, false);
	if (!failed && status)
		fail_msg("%s: %s", name, error.message);
	if (status && status != SC_ERROR_MEMORY && !strstr(error.message, "memory"))
		fail_msg("%s, allocation %ld: status %d: %s", name, n, status, error.message);
#ifndef SANITIZED
	if (live_blocks() != blocks || live_map_bytes() != bytes)
		fail_msg("%s, allocation %ld: %ld blocks and %ld bytes of maps more than before: %s", name, n,
			 live_blocks() - blocks, live_map_bytes() - bytes, error.message);
#else
	(void)blocks, (void)bytes; /* LeakSanitizer looks at the end */
#endif
	return failed;
}

static inline void try_all(action act, const char *name)
{
	struct sc_error error = {0};
	long tried = 0;
	for (int i = 0; i < 2; i++)
		if (act(&error) != SC_OK)
			fail_msg("%s: %s", name, error.message);
	long before = allocation_count();
	assert_int_equal(act(NULL), SC_OK);
	long count = allocation_count() - before;
	long stride = fault_count || count < SHORT_FORM ? 1 : (count + SHORT_FORM - 1) / SHORT_FORM;
	for (int all_later = 0; all_later < 2; all_later++)
		for (long n = 1 + (long)(fault_seed - 1) % stride; try_one(act, name, n, all_later); n += stride, tried++)
			if (tried % 8 == 0 && act(&error) != SC_OK)
				fail_msg("%s: after allocation %ld failed: %s", name, n, error.message);
	assert_int_equal(act(NULL), SC_OK);
	printf("%-20s %ld allocations, %ld failures tried\n", name, count, tried);
	assert_true(tried > 0);
}

#define TEST(name)                                                                                                                 \
	static void try_##name(void **state)                                                                                       \
	{                                                                                                                          \
		(void)state;                                                                                                       \
		try_all(name, #name);                                                                                              \
	}

#endif
