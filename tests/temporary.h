/* temporary.h - a folder for the files of one test program: made before its tests, removed with all that is in it after them. */
#ifndef SC_TESTS_TEMPORARY_H
#define SC_TESTS_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[40] = "/tmp/shortcut-test-XXXXXX";
static char path[64]; /* of a file in it, which is not there yet */

/* For cmocka_run_group_tests. */
static inline int make_folder(void **state)
{
	(void)state;
	if (access("/dev/shm", W_OK) == 0) /* where syncing costs nothing */
		snprintf(folder, sizeof(folder), "/dev/shm/shortcut-test-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static inline int remove_folder(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

#endif
