/* help.c - help for the program and each command, made from the tables; and the command `help`. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define OPTION_COLUMN 30 /* where the texts of options begin */
#define PAGE_COLUMNS  100

/* Words of `text` from column `indent` on, the first line going on at column `column`. */
static void print_wrapped(FILE *stream, const char *text, size_t indent, size_t column)
{
	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		if (column > indent && column + 1 + length > PAGE_COLUMNS) {
			fprintf(stream, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', stream);
			column++;
		}
		fprintf(stream, "%.*s", (int)length, text);
		column += length;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', stream);
}

static void print_option(FILE *stream, const struct cli_use *use)
{
	const struct cli_option *option = cli_option(use->option);
	char text[512];
	int written = fprintf(stream, "  --%s%s%s", option->name, option->argument != NULL ? " " : "",
			      option->argument != NULL ? option->argument : "");

	if (written >= OPTION_COLUMN)
		fprintf(stream, "\n%*s", OPTION_COLUMN, "");
	else if (written >= 0)
		fprintf(stream, "%*s", OPTION_COLUMN - written, "");
	snprintf(text, sizeof(text), "%s%s%s%s", option->help, use->standard != NULL ? " (default: " : "",
		 use->standard != NULL ? use->standard : "", use->standard != NULL ? ")" : "");
	print_wrapped(stream, text, OPTION_COLUMN, OPTION_COLUMN);
}

void cli_print_help(FILE *stream, const struct cli_command *command)
{
	const struct cli_use help = {CLI_HELP, NULL};

	fprintf(stream, "Usage: shortcut %s%s%s%s\n\n", command->name, command->arguments[0] != '\0' ? " " : "", command->arguments,
		command->options[0].option != CLI_OPTION_COUNT ? " [options]" : "");
	print_wrapped(stream, command->description, 0, 0);
	fputs("\nOptions:\n", stream);
	for (const struct cli_use *use = command->options; use->option != CLI_OPTION_COUNT; use++)
		print_option(stream, use);
	print_option(stream, &help);
	if (command->more_help != NULL) {
		fputc('\n', stream);
		command->more_help(stream);
	}
	fprintf(stream, "\nExamples:\n%s", command->examples);
}

void cli_print_usage(FILE *stream)
{
	const struct cli_command *command;

	fprintf(stream,
		"Usage: shortcut COMMAND ...\n\n"
		"Trains, evaluates and runs residual networks: the same bits on every machine, with any number of threads.\n\n"
		"Commands:\n");
	for (int i = 0; (command = cli_command(i)) != NULL; i++)
		fprintf(stream, "  %-12s %s\n", command->name, command->summary);
	fprintf(stream,
		"\n'shortcut COMMAND --help' explains a command; 'shortcut --version' says what this program was built from.\n\n"
		"Examples:\n"
		"  shortcut train mnist                        train ResNet-18 on MNIST, with a good recipe\n"
		"  shortcut summary resnet50                   the layers of a net\n\n"
		"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a number became infinite or not-a-number,\n"
		"4 an epoch was not as its receipt says (verify), 130 interrupted (Ctrl-C), 143 by SIGTERM, 138 by SIGUSR1.\n"
		"SHORTCUT_ISA=avx512|avx2|sse2|neon|reference caps the instruction set, SHORTCUT_DATA is where data sets are "
		"looked up.\n");
}

static int run_help(const struct cli_arguments *arguments)
{
	if (arguments->word_count == 0) {
		cli_print_usage(stdout);
		return CLI_OK;
	}
	const struct cli_command *command = cli_find_command(arguments->words[0]);
	if (command == NULL)
		return cli_misused(arguments, "there is no command '%s'; see 'shortcut help'", arguments->words[0]);
	cli_print_help(stdout, command);
	return CLI_OK;
}

static const struct cli_use no_options[] = {{CLI_OPTION_COUNT, NULL}};

const struct cli_command cli_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "explain a command",
	.description = "Explains a command: what it does, its options with their defaults, and how it is used.",
	.examples = "  shortcut help train\n",
	.options = no_options,
	.maximum_words = 1,
	.run = run_help,
};
