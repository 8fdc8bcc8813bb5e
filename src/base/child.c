/* child.c - see child.h. */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SC_COVERAGE
#include <gcov.h>
#endif

#define FIRST_PIECE 65536

/* What dies here is no matter of the program around us: neither its handlers, nor its standard error, nor its disk. */
static void set_apart(void)
{
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU};
	const struct rlimit no_core = {0, 0}, time = {SC_CHILD_SECONDS, SC_CHILD_SECONDS};
	const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
		signal(deadly[i], SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_CPU, &time);
	if (nowhere >= 0)
		dup2(nowhere, STDERR_FILENO);
}

static _Noreturn void be_child(int to, sc_child_work *work, const void *context)
{
#ifdef SC_COVERAGE
	__gcov_reset(); /* what has been counted before is the asker's */
#endif
	set_apart();
	FILE *answer = fdopen(to, "wb");
	if (answer) {
		work(context, answer);
		fflush(answer);
	}
#ifdef SC_COVERAGE
	__gcov_dump(); /* which _exit leaves out, too */
#endif
	_exit(0); /* nothing that the program has registered for its end */
}

static enum sc_status read_all(int from, uint8_t **answer, int64_t *bytes, const char *subject, struct sc_error *error)
{
	int64_t capacity = 0;
	for (;;) {
		if (*bytes == capacity) {
			capacity = capacity ? 2 * capacity : FIRST_PIECE;
			uint8_t *grown = realloc(*answer, (size_t)capacity);
			if (!grown)
				return sc_fail_memory(error, capacity, subject);
			*answer = grown;
		}
		const ssize_t got = read(from, *answer + *bytes, (size_t)(capacity - *bytes));
		if (got > 0)
			*bytes += got;
		else if (got == 0 || errno != EINTR)
			return SC_OK; /* what is missing is the asker's to see */
	}
}

static enum sc_status no_process(const char *subject, struct sc_error *error)
{
	return sc_fail(error, SC_ERROR_READ, subject, -1, "%s: no process to read it in: %s", subject, strerror(errno));
}

enum sc_status sc_child_run(sc_child_work *work, const void *context, uint8_t **answer, int64_t *bytes, const char *subject,
			    struct sc_error *error)
{
	int ends[2];
	*answer = NULL;
	*bytes = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return no_process(subject, error);
	const pid_t child = fork();
	if (child == 0)
		be_child(ends[1], work, context);
	enum sc_status status = child < 0 ? no_process(subject, error) : SC_OK;
	close(ends[1]);
	if (!status)
		status = read_all(ends[0], answer, bytes, subject, error);
	close(ends[0]); /* a child that still writes ends by that */
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (status) {
		free(*answer);
		*answer = NULL;
	}
	return status;
}
