/* interpose.h - the calls by which a process writes files, watched and made to fail: open, write, fsync, close, rename, unlink.
 *
 * interpose.c is linked into a test program, whose hook then sees each call, or built as a shared object for LD_PRELOAD, which
 * takes its orders from the environment:
 *
 *     FAULTS_UNDER=TEXT   calls are counted for paths that hold TEXT, and for the descriptors of these
 *     FAULTS_COUNT=FILE   at the end the number of calls is written there
 *     FAULTS_AT=N         the N-th call (from 1) ...
 *     FAULTS_DO=WHAT      ... kill: the process dies instead; killed: it dies after it; torn: of a write, half is done, then it
 * dies; short: half of a write is done; ENOSPC, EIO, EDQUOT, EINTR: it fails so FAULTS_FOREVER=1    and so do all after it, of the
 * same kind of call (kill and torn need no more) */
#ifndef SC_TESTS_FAULTS_INTERPOSE_H
#define SC_TESTS_FAULTS_INTERPOSE_H

#include <stddef.h>

enum call_kind { CALL_OPEN, CALL_WRITE, CALL_FSYNC, CALL_CLOSE, CALL_RENAME, CALL_UNLINK, CALL_MKDIR };

struct call {
	enum call_kind kind;
	const char *path, *to; /* to: rename */
	int descriptor;
	int flags; /* open */
	const void *bytes;
	size_t count;
	long result; /* after the call */
};

/* Before the call: 0 to let it happen, an error number to have it fail with, or -1: write only half. */
extern int (*fault_before)(struct call *call);
extern void (*fault_after)(const struct call *call);

#endif
