/* output.h - results as JSON with the documented names, and numbers as people read them. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <shortcut.h>

/* The one object that --json prints. A failure is remembered and told by cli_json_print. */
struct cli_json {
	json_t *object;
	bool failed;
};

void cli_json_begin(struct cli_json *json);
void cli_json_whole(struct cli_json *json, const char *name, int64_t value);
void cli_json_real(struct cli_json *json, const char *name, double value); /* null where it is not finite */
void cli_json_text(struct cli_json *json, const char *name, const char *value);
/* parameters trainable non_trainable macs, and the model's name */
void cli_json_model(struct cli_json *json, const struct sc_model *model);
/* A new array under `name`; borrowed. NULL when there is no memory. */
json_t *cli_json_array(struct cli_json *json, const char *name);
/* Takes the element over and puts its object at the end of the array. */
void cli_json_append(struct cli_json *json, json_t *array, struct cli_json *element);
/* Prints the object on a line of its own and releases it; gives the exit code. */
int cli_json_print(struct cli_json *json);

int64_t cli_peak_bytes(void); /* the most memory that this process has held */
double cli_seconds(void);     /* of a clock that only goes forwards */

#define CLI_NUMBER_SIZE 32
const char *cli_thousands(char buffer[CLI_NUMBER_SIZE], int64_t value); /* "11,181,642" */
const char *cli_megabytes(char buffer[CLI_NUMBER_SIZE], int64_t bytes); /* "181.4 MB", a MB being 10^6 bytes */

#endif
