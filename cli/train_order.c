/* train_order.c - the file of --sample-order: whole numbers in decimal, with white space between them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

struct numbers {
	int64_t *values;
	int64_t count, capacity;
};

static bool append(struct numbers *numbers, int64_t value)
{
	if (numbers->count == numbers->capacity) {
		int64_t capacity = numbers->capacity > 0 ? 2 * numbers->capacity : 4096;
		int64_t *more = realloc(numbers->values, (size_t)capacity * sizeof(*more));
		if (more == NULL)
			return false;
		numbers->values = more;
		numbers->capacity = capacity;
	}
	numbers->values[numbers->count++] = value;
	return true;
}

/* False after a complaint. A number has at most 18 digits, and so fits. */
static bool read_numbers(struct numbers *numbers, FILE *stream, const char *path)
{
	char word[20];
	int64_t value;

	while (fscanf(stream, "%19s", word) == 1) {
		if (!cli_read_whole(word, 0, INT64_MAX, &value)) {
			cli_complain("%s: expected whole numbers, found '%s' as number %lld", path, word, (long long)numbers->count + 1);
			return false;
		}
		if (!append(numbers, value)) {
			cli_complain("%s: no memory for more than %lld numbers", path, (long long)numbers->count);
			return false;
		}
	}
	if (ferror(stream))
		cli_complain("%s: cannot be read: %s", path, strerror(errno));
	else if (numbers->count == 0)
		cli_complain("%s: expected the numbers of samples, found none", path);
	return !ferror(stream) && numbers->count > 0;
}

int train_read_order(int64_t **numbers, int64_t *count, const char *path)
{
	struct numbers read = {0};
	FILE *stream = fopen(path, "r");

	if (stream == NULL) {
		cli_complain("%s: cannot be opened: %s", path, strerror(errno));
		return CLI_FAILED;
	}
	bool whole = read_numbers(&read, stream, path);
	fclose(stream);
	if (!whole) {
		free(read.values);
		return CLI_FAILED;
	}
	*numbers = read.values;
	*count = read.count;
	return CLI_OK;
}
