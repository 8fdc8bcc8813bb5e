/* completion.c - a completion script for bash, made from the tables; and the command `completion`. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void print_words(FILE *stream, const struct cli_command *command)
{
	for (const struct cli_use *use = command->options; use->option != CLI_OPTION_COUNT; use++)
		fprintf(stream, "--%s ", cli_option(use->option)->name);
	fputs("--help", stream);
}

/* One branch for each option whose values can be listed. */
static void print_values(FILE *stream)
{
	for (int id = 0; id < CLI_OPTION_COUNT; id++) {
		const struct cli_option *option = cli_option((enum cli_option_id)id);
		if (option->kind != CLI_KIND_CHOICE)
			continue;
		fprintf(stream, "\t--%s)\n\t\tCOMPREPLY=($(compgen -W '", option->name);
		for (const char *c = option->choices; *c != '\0'; c++)
			fputc(*c == '|' ? ' ' : *c, stream);
		fputs("' -- \"$word\"))\n\t\treturn\n\t\t;;\n", stream);
	}
	fputs("\t--model)\n\t\tCOMPREPLY=($(compgen -W '", stream);
	for (int i = 0; sc_model_preset(i) != NULL; i++)
		fprintf(stream, "%s%s", i > 0 ? " " : "", sc_model_preset(i));
	fputs("' -- \"$word\"))\n\t\treturn\n\t\t;;\n", stream);
}

void cli_print_bash_completion(FILE *stream)
{
	const struct cli_command *command;

	fputs("# Completion of shortcut's command line for bash: eval \"$(shortcut completion bash)\"\n"
	      "_shortcut() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options\n"
	      "\tCOMPREPLY=()\n"
	      "\tif ((COMP_CWORD == 1)); then\n"
	      "\t\tCOMPREPLY=($(compgen -W '",
	      stream);
	for (int i = 0; (command = cli_command(i)) != NULL; i++)
		fprintf(stream, "%s ", command->name);
	fputs("--help --version' -- \"$word\"))\n\t\treturn\n\tfi\n\tcase $before in\n", stream);
	print_values(stream);
	fputs("\tesac\n\tcase ${COMP_WORDS[1]} in\n", stream);
	for (int i = 0; (command = cli_command(i)) != NULL; i++) {
		fprintf(stream, "\t%s) options='", command->name);
		print_words(stream, command);
		fputs("' ;;\n", stream);
	}
	fputs("\t*) options= ;;\n"
	      "\tesac\n"
	      "\tif [[ $word == -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
	      "\tfi\n"
	      "}\n"
	      "complete -o bashdefault -o default -F _shortcut shortcut\n",
	      stream);
}

static int run_completion(const struct cli_arguments *arguments)
{
	if (strcmp(arguments->words[0], "bash") != 0)
		return cli_misused(arguments, "expected the shell 'bash', found '%s'", arguments->words[0]);
	cli_print_bash_completion(stdout);
	return CLI_OK;
}

static const struct cli_use no_options[] = {{CLI_OPTION_COUNT, NULL}};

const struct cli_command cli_completion = {
	.name = "completion",
	.arguments = "bash",
	.summary = "print a script that completes this command line in bash",
	.description = "Prints a script that lets bash complete commands, options and their values.",
	.examples = "  eval \"$(shortcut completion bash)\"\n",
	.options = no_options,
	.minimum_words = 1,
	.maximum_words = 1,
	.run = run_completion,
};
