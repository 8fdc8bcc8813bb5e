/* allocator.h - the process's own malloc and its kin, and mmap: counted, and made to fail. For every library in the process.
 *
 * Linked into a test program (allocator.c). Under gcc's sanitizers the calls go on to theirs, which then find leaks; clang's cannot be
 * stood in front of, and nothing is counted or fails. */
#ifndef SC_TESTS_FAULTS_ALLOCATOR_H
#define SC_TESTS_FAULTS_ALLOCATOR_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__SANITIZE_THREAD__) /* it begins after the first allocations, which it would watch in our functions */
#define SANITIZED 1
#define NOT_INTERPOSED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#define NOT_INTERPOSED 1
#endif
#endif

bool allocations_can_fail(void); /* in this build */
long allocation_count(void); /* calls so far that want memory */
/* The n-th from now on fails (from 1), and with `all_later` so do those after it; 0: none fails. */
void fail_allocation(long n, bool all_later);
bool allocation_has_failed(void); /* since then */
/* What is held: blocks, and bytes of maps. */
long live_blocks(void);
long live_map_bytes(void);

#endif
