/* options.h - the one table of options, and what a command line says with them.
 *
 * The table (options.c) drives parsing, --help and completion. A command lists which options it takes and, for its help, their
 * defaults. Names are written in full: no abbreviations, no single letters but -h. Both --batch 64 and --batch=64 work. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum cli_option_id {
	CLI_MODEL,
	CLI_INPUT,
	CLI_CLASSES,
	CLI_DEPTHS,
	CLI_RECIPE,
	CLI_OUT,
	CLI_RESUME,
	CLI_CHECKPOINT_EVERY,
	CLI_KEEP_CHECKPOINTS,
	CLI_ON_SAVE_ERROR,
	CLI_DATA,
	CLI_ON_NON_FINITE,
	CLI_NON_FINITE_LIMIT,
	CLI_DATA_DIR,
	CLI_PART,
	CLI_TAKE,
	CLI_RESIZE,
	CLI_PREPROCESS,
	CLI_FIT_INPUT,
	CLI_CHECK,
	CLI_TOLERANCE,
	CLI_INDEX,
	CLI_TOP,
	CLI_EPOCH,
	CLI_EPOCHS,
	CLI_STEPS,
	CLI_BATCH,
	CLI_MEMORY,
	CLI_LEARNING_RATE,
	CLI_MOMENTUM,
	CLI_NESTEROV,
	CLI_NO_NESTEROV,
	CLI_WEIGHT_DECAY,
	CLI_DECOUPLED_DECAY,
	CLI_SCHEDULE,
	CLI_WARMUP_EPOCHS,
	CLI_STEP_EPOCHS,
	CLI_STEP_FACTOR,
	CLI_FINAL_LEARNING_RATE,
	CLI_VALIDATION_SPLIT,
	CLI_STRATIFIED,
	CLI_NO_SHUFFLE,
	CLI_SAMPLE_ORDER,
	CLI_WEIGHTS,
	CLI_MODE,
	CLI_SECONDS,
	CLI_SEED,
	CLI_ZERO_INIT_LAST,
	CLI_THREADS,
	CLI_CONVOLUTION,
	CLI_NO_FUSE,
	CLI_NO_CACHE,
	CLI_DESCRIBE,
	CLI_JSON,
	CLI_QUIET,
	CLI_HELP,
	CLI_OPTION_COUNT
};

enum cli_kind {
	CLI_KIND_FLAG,
	CLI_KIND_TEXT,
	CLI_KIND_WHOLE,  /* a whole number from `least` to `most` */
	CLI_KIND_REAL,   /* a number from `least` to `most` */
	CLI_KIND_CHOICE, /* one of `choices` */
	CLI_KIND_SIZE,   /* HxW or HxWxC, each from 1 */
	CLI_KIND_SPAN,   /* steps, or a time: 500, 10m */
	CLI_KIND_BYTES   /* a number of bytes: 512M, 2G */
};

struct cli_option {
	const char *name; /* without the dashes */
	enum cli_kind kind;
	const char *argument; /* as help shows it; NULL: a flag */
	const char *help;
	double least, most;  /* whole numbers up to 2^53 are exact in a double */
	const char *choices; /* "constant|step|cosine|linear" */
};

struct cli_use { /* that a command takes an option */
	enum cli_option_id option;
	const char *standard; /* its default, for help; NULL: none to show */
};

struct cli_value {
	bool given;
	const char *text; /* as it was written */
	int64_t whole;    /* CLI_KIND_WHOLE; CLI_KIND_CHOICE: index into the choices; CLI_KIND_SPAN: steps, or 0; CLI_KIND_BYTES */
	double real;      /* CLI_KIND_REAL; CLI_KIND_SPAN: seconds, or 0 */
	int64_t size[3];  /* height, width, channels */
};

struct cli_command;
struct cli_arguments {
	const struct cli_command *command;
	struct cli_value values[CLI_OPTION_COUNT];
	char **words; /* [word_count]: what is not an option */
	int word_count;
};

const struct cli_option *cli_option(enum cli_option_id id);

/* argv: the words after the command's name, `count` of them; words that are no options are moved to its front. Gives CLI_OK,
 * or CLI_USAGE after a complaint. --help ends the parsing at once. */
int cli_parse(struct cli_arguments *arguments, const struct cli_command *command, int count, char **argv);

bool cli_given(const struct cli_arguments *arguments, enum cli_option_id id);
const char *cli_text(const struct cli_arguments *arguments, enum cli_option_id id, const char *standard);
int64_t cli_whole(const struct cli_arguments *arguments, enum cli_option_id id, int64_t standard);
double cli_real(const struct cli_arguments *arguments, enum cli_option_id id, double standard);
int cli_choice(const struct cli_arguments *arguments, enum cli_option_id id, int standard);

/* values.c: strict values, the same in every locale. False: `text` is not exactly such a value; *value may be changed. */
bool cli_read_value(struct cli_value *value, const struct cli_option *option, const char *text);
/* "a whole number from 1 to 1000000" */
void cli_describe_value(char *buffer, size_t size, const struct cli_option *option);
bool cli_read_whole(const char *text, int64_t least, int64_t most, int64_t *value);

#endif
