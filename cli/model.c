/* model.c - which net a command works with: a preset, a net's own file, a run folder or a weights file. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

#define MOST_PRESETS 255 /* that a wrong name is compared with */

static bool ends_in_json(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

bool cli_is_net(const char *name)
{
	if (ends_in_json(name))
		return true;
	for (int i = 0; sc_model_preset(i) != NULL; i++)
		if (strcmp(sc_model_preset(i), name) == 0)
			return true;
	return false;
}

int cli_check_net(const struct cli_arguments *arguments, const char *subject, const char *name)
{
	const char *names[MOST_PRESETS + 1];
	char suggestion[128];
	int count = 0;

	if (cli_is_net(name))
		return CLI_OK;
	while (count < MOST_PRESETS && sc_model_preset(count) != NULL) {
		names[count] = sc_model_preset(count);
		count++;
	}
	names[count] = NULL;
	return cli_misused(arguments, "%sthere is no model '%s'%s; see 'shortcut help summary'", subject, name,
			   cli_suggestion(suggestion, sizeof(suggestion), "", name, names));
}

/* A file or folder that carries its description. */
static int open_own(struct sc_model **out, const char *path, const struct cli_arguments *arguments)
{
	struct sc_error error = {0};

	if (cli_given(arguments, CLI_INPUT) || cli_given(arguments, CLI_CLASSES))
		return cli_misused(arguments, "--%s: is for presets and files of nets; a run or weights file brings its own",
				   cli_given(arguments, CLI_INPUT) ? "input" : "classes");
	return sc_model_load(out, path, &error) != SC_OK ? cli_failed(&error) : CLI_OK;
}

int cli_open_model(struct sc_model **out, const char *name_or_path, const struct cli_arguments *arguments,
		   const struct sc_model_options *options)
{
	struct sc_model_options chosen = options != NULL ? *options : (struct sc_model_options){0};
	struct sc_error error = {0};
	struct stat information;

	if (!cli_is_net(name_or_path)) {
		if (strchr(name_or_path, '/') == NULL && stat(name_or_path, &information) != 0)
			return cli_check_net(arguments, "", name_or_path);
		return open_own(out, name_or_path, arguments);
	}
	if (cli_given(arguments, CLI_INPUT)) {
		chosen.height = arguments->values[CLI_INPUT].size[0];
		chosen.width = arguments->values[CLI_INPUT].size[1];
		chosen.channels = arguments->values[CLI_INPUT].size[2];
	}
	chosen.classes = cli_whole(arguments, CLI_CLASSES, chosen.classes);
	return sc_model_create(out, name_or_path, &chosen, &error) != SC_OK ? cli_failed(&error) : CLI_OK;
}

int cli_open_trained(struct sc_model **out, const struct cli_arguments *arguments)
{
	/* Of a foreign file's pixels nothing is known: 0 to 1, as most programs feed them. */
	const struct sc_model_options options = {.preprocess = {.deviation = {1, 1, 1, 1}}};
	const char *path = arguments->words[0], *preset = cli_text(arguments, CLI_MODEL, NULL);
	struct sc_error error = {0};

	if (cli_is_net(path))
		return cli_misused(arguments, "'%s' is a net, whose weights are random; expected a run or a weights file", path);
	if (preset == NULL)
		return open_own(out, path, arguments);
	int status = cli_check_net(arguments, "--model: ", preset);
	if (status == CLI_OK)
		status = cli_open_model(out, preset, arguments, &options);
	if (status != CLI_OK)
		return status;
	if (sc_model_read_weights(*out, path, &error) == SC_OK)
		return CLI_OK;
	sc_model_destroy(*out);
	*out = NULL;
	return cli_failed(&error);
}

struct sc_compute cli_compute(const struct cli_arguments *arguments)
{
	static const enum sc_convolution_method methods[] = {SC_CONVOLUTION_AUTO, SC_CONVOLUTION_DIRECT, SC_CONVOLUTION_WINOGRAD};

	return (struct sc_compute){
		.threads = (int)cli_whole(arguments, CLI_THREADS, 0),
		.convolution = methods[cli_choice(arguments, CLI_CONVOLUTION, 0)],
		.no_fuse = cli_given(arguments, CLI_NO_FUSE),
	};
}
