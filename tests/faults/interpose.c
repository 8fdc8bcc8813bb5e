/* interpose.c - stands between a program and the C library: see interpose.h. The real calls go straight to the kernel. */
#include "interpose.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int (*fault_before)(struct call *call);
void (*fault_after)(const struct call *call);

static long perform(const struct call *c, size_t count, int mode)
{
	switch (c->kind) {
	case CALL_OPEN:
		return syscall(SYS_openat, AT_FDCWD, c->path, c->flags, mode);
	case CALL_WRITE:
		return syscall(SYS_write, c->descriptor, c->bytes, count);
	case CALL_FSYNC:
		return syscall(SYS_fsync, c->descriptor);
	case CALL_CLOSE:
		return syscall(SYS_close, c->descriptor);
	case CALL_RENAME:
		return syscall(SYS_renameat2, AT_FDCWD, c->path, AT_FDCWD, c->to, 0);
	case CALL_UNLINK:
		return syscall(SYS_unlinkat, AT_FDCWD, c->path, 0);
	case CALL_MKDIR:
		return syscall(SYS_mkdirat, AT_FDCWD, c->path, mode);
	}
	return -1;
}

/* A close that fails has closed all the same, as on Linux. */
static long go(struct call c, int mode)
{
	int reason = fault_before ? fault_before(&c) : 0;
	if (reason > 0) {
		if (c.kind == CALL_CLOSE)
			perform(&c, 0, 0);
		c.result = -1;
		errno = reason;
	} else {
		c.result = perform(&c, reason < 0 && c.count > 1 ? c.count / 2 : c.count, mode);
	}
	reason = errno;
	if (fault_after)
		fault_after(&c);
	errno = reason;
	return c.result;
}

#define EXPORT __attribute__((visibility("default")))
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

EXPORT int open(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
	va_end(arguments);
	return (int)go((struct call){.kind = CALL_OPEN, .path = path, .flags = flags, .descriptor = -1}, mode);
}

EXPORT ssize_t write(int descriptor, const void *bytes, size_t count)
{
	return go((struct call){.kind = CALL_WRITE, .descriptor = descriptor, .bytes = bytes, .count = count}, 0);
}

EXPORT int fsync(int descriptor)
{
	return (int)go((struct call){.kind = CALL_FSYNC, .descriptor = descriptor}, 0);
}

EXPORT int close(int descriptor)
{
	return (int)go((struct call){.kind = CALL_CLOSE, .descriptor = descriptor}, 0);
}

EXPORT int rename(const char *path, const char *to)
{
	return (int)go((struct call){.kind = CALL_RENAME, .path = path, .to = to, .descriptor = -1}, 0);
}

EXPORT int unlink(const char *path)
{
	return (int)go((struct call){.kind = CALL_UNLINK, .path = path, .descriptor = -1}, 0);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	return (int)go((struct call){.kind = CALL_MKDIR, .path = path, .descriptor = -1}, (int)mode);
}

/* ---- Orders from the environment ------------------------------------------------------------------------------------------ */

#define MOST_DESCRIPTORS 1024

static const char *under, *action;
static long at, calls;
static int forever, broken_kind = -1;
static char watched[MOST_DESCRIPTORS];

static int error_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR}};
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(name, errors[i].name) == 0)
			return errors[i].number;
	return 0;
}

static int is_watched(const struct call *c)
{
	if (c->path)
		return strstr(c->path, under) != NULL;
	return c->descriptor >= 0 && c->descriptor < MOST_DESCRIPTORS && watched[c->descriptor];
}

static void die(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
}

static int before(struct call *c)
{
	if (!is_watched(c))
		return 0;
	calls++;
	int hit = calls == at || (forever && broken_kind == (int)c->kind);
	if (!hit)
		return 0;
	broken_kind = (int)c->kind;
	if (strcmp(action, "kill") == 0)
		die();
	if (strcmp(action, "torn") == 0) {
		if (c->kind == CALL_WRITE)
			perform(c, c->count / 2, 0);
		die();
	}
	if (strcmp(action, "short") == 0)
		return c->kind == CALL_WRITE ? -1 : 0;
	return error_of(action);
}

static void after(const struct call *c)
{
	if (is_watched(c) && calls == at && strcmp(action, "killed") == 0)
		die();
	if (c->kind == CALL_OPEN && c->result >= 0 && c->result < MOST_DESCRIPTORS)
		watched[c->result] = strstr(c->path, under) != NULL;
	if (c->kind == CALL_CLOSE && c->descriptor >= 0 && c->descriptor < MOST_DESCRIPTORS)
		watched[c->descriptor] = 0;
}

__attribute__((constructor)) static void read_environment(void)
{
	under = getenv("FAULTS_UNDER");
	if (!under)
		return;
	action = getenv("FAULTS_DO");
	action = action ? action : "";
	const char *text = getenv("FAULTS_AT");
	at = text ? strtol(text, NULL, 10) : 0;
	forever = getenv("FAULTS_FOREVER") != NULL;
	fault_before = before;
	fault_after = after;
}

__attribute__((destructor)) static void write_count(void)
{
	const char *path = getenv("FAULTS_COUNT");
	FILE *stream = path ? fopen(path, "w") : NULL;
	if (stream) {
		fprintf(stream, "%ld\n", calls);
		fclose(stream);
	}
}
