/* main.c - the table of commands, and what is true of all of them: locale, signals, and that results reached their reader. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct cli_command *const commands[] = {
	&cli_train, &cli_eval,   &cli_predict, &cli_summary, &cli_plan, &cli_convert,
	&cli_hash,  &cli_verify, &cli_bench,   &cli_lab,     &cli_help, &cli_completion,
};
#define COMMAND_COUNT ((int)(sizeof(commands) / sizeof(commands[0])))

const struct cli_command *cli_command(int index)
{
	return index < COMMAND_COUNT ? commands[index] : NULL;
}

const struct cli_command *cli_find_command(const char *name)
{
	for (int i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void show_note(void *user, enum sc_log_level level, const char *message)
{
	(void)user;
	fprintf(stderr, "shortcut: %s%s\n", level == SC_LOG_WARNING ? "warning: " : "", message);
}

static void show_warning(void *user, enum sc_log_level level, const char *message)
{
	if (level == SC_LOG_WARNING)
		show_note(user, level, message);
}

static int run_command(const struct cli_command *command, int count, char **argv)
{
	struct cli_arguments arguments;
	int status = cli_parse(&arguments, command, count, argv);

	if (status != CLI_OK)
		return status;
	if (cli_given(&arguments, CLI_HELP)) {
		cli_print_help(stdout, command);
		return CLI_OK;
	}
	sc_log_set(cli_given(&arguments, CLI_QUIET) ? show_warning : show_note, NULL);
	return command->run(&arguments);
}

static int unknown_command(const char *name)
{
	static const char *const global_options[] = {"--help", "--version", NULL};
	const char *names[COMMAND_COUNT + 1];
	char suggestion[128];
	bool option = name[0] == '-';

	for (int i = 0; i < COMMAND_COUNT; i++)
		names[i] = commands[i]->name;
	names[COMMAND_COUNT] = NULL;
	cli_complain("unknown %s '%s'%s; see 'shortcut --help'", option ? "option" : "command", name,
		     cli_suggestion(suggestion, sizeof(suggestion), "", name, option ? global_options : names));
	return CLI_USAGE;
}

static int run(int count, char **argv)
{
	if (count < 2) {
		cli_print_usage(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		cli_print_usage(stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("shortcut %s\n%s\n", sc_version(), sc_build_description());
		return CLI_OK;
	}
	const struct cli_command *command = cli_find_command(argv[1]);
	return command != NULL ? run_command(command, count - 2, argv + 2) : unknown_command(argv[1]);
}

int main(int count, char **argv)
{
	setlocale(LC_CTYPE, "");  /* letters in names; numbers stay those of C */
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write error with a message, not a death */

	int status = run(count, argv);
	bool lost = ferror(stdout) != 0;
	errno = 0;
	if ((fclose(stdout) != 0 || lost) && status == CLI_OK) {
		cli_complain("standard output: the result could not be written%s%s", errno != 0 ? ": " : "",
			     errno != 0 ? strerror(errno) : "");
		status = CLI_FAILED;
	}
	return status;
}
