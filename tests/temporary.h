/* temporary.h - a folder for the files of one test program: made before its tests, removed with all that is in it after them. */
#ifndef SC_TESTS_TEMPORARY_H
#define SC_TESTS_TEMPORARY_H

#include <dirent.h>
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

/* The path of a file in it; four of them at a time. */
static inline const char *in_folder(const char *name)
{
	static char paths[4][160];
	static int next;
	char *result = paths[next++ % 4];
	snprintf(result, sizeof(paths[0]), "%s/%s", folder, name);
	return result;
}

/* -1: it cannot be looked into. */
static inline int files_in_folder(void)
{
	DIR *opened = opendir(folder);
	int count = -2; /* . and .. */
	if (!opened)
		return -1;
	while (readdir(opened))
		count++;
	closedir(opened);
	return count;
}

#endif
