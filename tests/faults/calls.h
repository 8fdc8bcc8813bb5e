/* calls.h - calls by which the library reads: of the system, of zlib and of libhdf5, and its allocations; counted, and made to
 * fail. Those by which it writes are interpose.h's, which calls.c takes in.
 *
 * Counted are the calls on files whose path begins with calls_under, on pipes, and those on no file at all; in a process that ours
 * has made, too. */
#ifndef SC_TESTS_FAULTS_CALLS_H
#define SC_TESTS_FAULTS_CALLS_H

#include <stdbool.h>

#define CUT_SHORT (-1) /* no error: fread and read find the end, write takes only half */

extern const char *calls_under;
/* The n-th from now on (from 1) fails with this errno. For EIO those of zlib and libhdf5 are counted too, which have no errno; for
 * ENOMEM, where the allocator can be stood in front of, only the allocations that the program's own code asks for. */
void fail_call(long n, int reason);
void stop_failing(void);
/* Byte `at` of what is read next from a pipe becomes `value`; -1: none. */
void change_answer(long at, unsigned char value);
bool answer_was_changed(void); /* it has had so many bytes */
const char *failed_call(void); /* its name; NULL: none has failed since then */

#endif
