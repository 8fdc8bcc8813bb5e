/* options.h - --seed N and --count N of the programs of tests/faults/, which have a short form for CTest and a long one. */
#ifndef SC_TESTS_FAULTS_OPTIONS_H
#define SC_TESTS_FAULTS_OPTIONS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fault_seed = 1;
static long fault_count; /* 0: the short form's */

static inline void read_options(int count, char **words)
{
	for (int i = 1; i < count; i++) {
		if (i + 1 < count && strcmp(words[i], "--seed") == 0)
			fault_seed = strtoull(words[++i], NULL, 10);
		else if (i + 1 < count && strcmp(words[i], "--count") == 0)
			fault_count = strtol(words[++i], NULL, 10);
		else {
			fprintf(stderr, "usage: %s [--seed N] [--count N]\n", words[0]);
			exit(2);
		}
	}
}

#endif
