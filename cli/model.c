/* model.c - which net a command works with: a preset, a net's own file, a run folder or a weights file. */
#include <stdio.h>
#include <stdlib.h>
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

static int check_own(const struct cli_arguments *arguments)
{
	if (cli_given(arguments, CLI_INPUT) || cli_given(arguments, CLI_CLASSES))
		return cli_misused(arguments, "--%s: is for presets and files of nets; a run or weights file brings its own",
				   cli_given(arguments, CLI_INPUT) ? "input" : "classes");
	return CLI_OK;
}

/* A file or folder that carries its description. */
static int open_own(struct sc_model **out, const char *path, const struct cli_arguments *arguments)
{
	struct sc_error error = {0};
	int status = check_own(arguments);

	if (status == CLI_OK && sc_model_load(out, path, &error) != SC_OK)
		status = cli_failed(&error);
	return status;
}

/* What the command line says of a preset's input and classes, over `options` (or NULL). */
static struct sc_model_options preset_options(const struct cli_arguments *arguments, const struct sc_model_options *options)
{
	struct sc_model_options chosen = options != NULL ? *options : (struct sc_model_options){0};

	if (cli_given(arguments, CLI_INPUT)) {
		chosen.height = arguments->values[CLI_INPUT].size[0];
		chosen.width = arguments->values[CLI_INPUT].size[1];
		chosen.channels = arguments->values[CLI_INPUT].size[2];
	}
	chosen.classes = cli_whole(arguments, CLI_CLASSES, chosen.classes);
	return chosen;
}

int cli_open_model(struct sc_model **out, const char *name_or_path, const struct cli_arguments *arguments)
{
	struct sc_error error = {0};
	struct stat information;

	if (!cli_is_net(name_or_path)) {
		if (strchr(name_or_path, '/') == NULL && stat(name_or_path, &information) != 0)
			return cli_check_net(arguments, "", name_or_path);
		return open_own(out, name_or_path, arguments);
	}
	struct sc_model_options chosen = preset_options(arguments, NULL);
	return sc_model_create(out, name_or_path, &chosen, &error) != SC_OK ? cli_failed(&error) : CLI_OK;
}

int cli_load_as(struct sc_model **out, const char *preset, const char *path, const struct cli_arguments *arguments,
		const struct sc_model_options *options)
{
	struct sc_model_options chosen = preset_options(arguments, options);
	struct sc_error error = {0};
	int status = cli_check_net(arguments, "--model: ", preset);

	if (status == CLI_OK && sc_model_load_as(out, preset, &chosen, path, &error) != SC_OK)
		status = cli_failed(&error);
	return status;
}

/* Of a foreign file's pixels nothing is known: 0 to 1, as most programs feed them. */
static const struct sc_model_options foreign = {.preprocess = {.deviation = {1, 1, 1, 1}}};

/* Whether words[0] and the options about it make sense. */
static int check_trained(const struct cli_arguments *arguments)
{
	const char *path = arguments->words[0], *preset = cli_text(arguments, CLI_MODEL, NULL);

	if (cli_is_net(path))
		return cli_misused(arguments, "'%s' is a net, whose weights are random; expected a run or a weights file", path);
	return preset == NULL ? check_own(arguments) : cli_check_net(arguments, "--model: ", preset);
}

int cli_open_trained(struct sc_model **out, const struct cli_arguments *arguments)
{
	const char *path = arguments->words[0], *preset = cli_text(arguments, CLI_MODEL, NULL);
	int status = check_trained(arguments);

	if (status != CLI_OK)
		return status;
	return preset == NULL ? open_own(out, path, arguments) : cli_load_as(out, preset, path, arguments, &foreign);
}

/* SUBFOLDER of what an environment variable names, into `folder`; false where it is not set. */
static bool folder_in(char *folder, size_t size, const char *variable, const char *subfolder)
{
	const char *value = getenv(variable);

	return value != NULL && value[0] != '\0' && (size_t)snprintf(folder, size, "%s%s", value, subfolder) < size;
}

int cli_open_classifier(struct sc_classifier **out, const struct cli_arguments *arguments, int64_t batch)
{
	char cache[4096];
	const char *preset = cli_text(arguments, CLI_MODEL, NULL);
	const struct sc_model_options chosen = preset_options(arguments, &foreign);
	struct sc_classifier_options options = {.model = preset, .model_options = &chosen, .batch = batch};
	struct sc_error error = {0};
	int status = check_trained(arguments);

	if (status != CLI_OK)
		return status;
	if (!cli_given(arguments, CLI_NO_CACHE) &&
	    (folder_in(cache, sizeof(cache), "SHORTCUT_CACHE", "") || folder_in(cache, sizeof(cache), "XDG_CACHE_HOME", "/shortcut") ||
	     folder_in(cache, sizeof(cache), "HOME", "/.cache/shortcut")))
		options.cache = cache;
	return sc_classifier_open(out, arguments->words[0], &options, &error) != SC_OK ? cli_failed(&error) : CLI_OK;
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
