/* output.c - results as JSON with the documented names, and numbers as people read them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cli.h"
#include "output.h"

#define REAL_DIGITS 12 /* enough to compare, few enough to read */

void cli_json_begin(struct cli_json *json)
{
	json->object = json_object();
	json->failed = json->object == NULL;
}

static void put(struct cli_json *json, const char *name, json_t *value)
{
	if (json->failed) {
		json_decref(value);
		return;
	}
	json->failed = json_object_set_new(json->object, name, value) != 0; /* refuses NULL */
}

void cli_json_whole(struct cli_json *json, const char *name, int64_t value)
{
	put(json, name, json_integer(value));
}

void cli_json_real(struct cli_json *json, const char *name, double value)
{
	put(json, name, isfinite(value) ? json_real(value) : json_null());
}

void cli_json_text(struct cli_json *json, const char *name, const char *value)
{
	json_t *text = json_string(value);

	if (text == NULL) { /* a path need not be UTF-8, JSON must be */
		char *copy = strdup(value);
		for (char *c = copy; c != NULL && *c != '\0'; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		text = copy != NULL ? json_string(copy) : NULL;
		free(copy);
	}
	put(json, name, text);
}

void cli_json_model(struct cli_json *json, const struct sc_model *model)
{
	struct sc_totals totals;

	sc_model_totals(model, &totals);
	cli_json_text(json, "model", sc_model_name(model));
	cli_json_whole(json, "parameters", totals.parameters);
	cli_json_whole(json, "trainable", totals.trainable);
	cli_json_whole(json, "non_trainable", totals.non_trainable);
	cli_json_whole(json, "macs", totals.macs);
}

json_t *cli_json_array(struct cli_json *json, const char *name)
{
	put(json, name, json_array());
	return json->failed ? NULL : json_object_get(json->object, name);
}

void cli_json_append(struct cli_json *json, json_t *array, struct cli_json *element)
{
	if (json->failed || element->failed) {
		json_decref(element->object);
		json->failed = true;
		return;
	}
	json->failed = json_array_append_new(array, element->object) != 0;
}

int cli_json_print(struct cli_json *json)
{
	int status = CLI_OK;

	if (json->failed) {
		cli_complain("the result could not be written as JSON: no memory");
		status = CLI_FAILED;
	} else {
		json_dumpf(json->object, stdout, JSON_REAL_PRECISION(REAL_DIGITS)); /* write errors are found in main */
		putchar('\n');
	}
	json_decref(json->object);
	return status;
}

int64_t cli_peak_bytes(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

double cli_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *cli_thousands(char buffer[CLI_NUMBER_SIZE], int64_t value)
{
	char digits[CLI_NUMBER_SIZE];
	int length = snprintf(digits, sizeof(digits), "%lld", (long long)value), out = 0;

	for (int i = 0; i < length; i++) {
		buffer[out++] = digits[i];
		if (digits[i] != '-' && i + 1 < length && (length - i - 1) % 3 == 0)
			buffer[out++] = ',';
	}
	buffer[out] = '\0';
	return buffer;
}

const char *cli_megabytes(char buffer[CLI_NUMBER_SIZE], int64_t bytes)
{
	snprintf(buffer, CLI_NUMBER_SIZE, "%.1f MB", (double)bytes / 1e6);
	return buffer;
}
