/* cli.h - what the program's files share: the table of commands, exit codes, and how errors are shown.
 *
 * The program is a thin user of shortcut.h: a command parses its words, calls the library, prints. Results go to standard output,
 * everything else to standard error. */
#ifndef CLI_H
#define CLI_H

#include <shortcut.h>

#include "options.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_NON_FINITE = 3, CLI_REFUTED = 4, CLI_INTERRUPTED = 130 };

struct cli_command {
	const char *name;
	const char *arguments;                             /* as usage shows them: "RUN IMAGE..." */
	const char *summary;                               /* one line, in the list of commands */
	const char *description;                           /* one paragraph of --help */
	const char *examples;                              /* lines */
	const struct cli_use *options;                     /* ends with {CLI_OPTION_COUNT, NULL}; --help belongs to all */
	int minimum_words, maximum_words;                  /* without options; a maximum of -1: no limit */
	int (*run)(const struct cli_arguments *arguments); /* gives the exit code */
	void (*more_help)(FILE *stream);                   /* after the options; NULL: nothing */
};

extern const struct cli_command cli_train, cli_eval, cli_predict, cli_summary, cli_plan, cli_convert, cli_hash, cli_verify, cli_bench,
	cli_lab, cli_help, cli_completion;

const struct cli_command *cli_command(int index); /* NULL past the last */
const struct cli_command *cli_find_command(const char *name);

/* help.c */
void cli_print_usage(FILE *stream);                                   /* the list of commands */
void cli_print_help(FILE *stream, const struct cli_command *command); /* of one command */
/* completion.c */
void cli_print_bash_completion(FILE *stream);

/* report.c: "shortcut: <message>" on standard error, always one line: control characters become '?'. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "shortcut <command>: <message>"; gives CLI_USAGE. */
int cli_misused(const struct cli_arguments *arguments, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Shows the library's error; gives the exit code that belongs to it. */
int cli_failed(const struct sc_error *error);
/* " (did you mean 'x'?)" with the nearest of the candidates, `prefix` before it, or "" where none is near. They end with NULL. */
const char *cli_suggestion(char *buffer, size_t size, const char *prefix, const char *word, const char *const *candidates);

/* model.c: a preset by name, a net's file (.json), else a run folder or weights file, to which --input and --classes do not belong. */
int cli_open_model(struct sc_model **out, const char *name_or_path, const struct cli_arguments *arguments);
/* A net with a foreign file's weights; --input and --classes over `options`. */
int cli_load_as(struct sc_model **out, const char *preset, const char *path, const struct cli_arguments *arguments,
		const struct sc_model_options *options);
/* words[0]: a run or a weights file; a foreign file, which carries no description, with --model (and --input, --classes). */
int cli_open_trained(struct sc_model **out, const struct cli_arguments *arguments);
/* The same; batch: images that are computed together. */
int cli_open_classifier(struct sc_classifier **out, const struct cli_arguments *arguments, int64_t batch);
bool cli_is_net(const char *name); /* a preset, or a name that ends in .json */
/* CLI_OK, or CLI_USAGE after a complaint that names the nearest preset. */
int cli_check_net(const struct cli_arguments *arguments, const char *subject, const char *name);
/* --threads and --convolution; the instruction set is left to SHORTCUT_ISA. */
struct sc_compute cli_compute(const struct cli_arguments *arguments);

#endif
