/* cmd_hash.c - shortcut hash: the SHA-256 of weights, in the form of sha256sum. */
#include <stdio.h>

#include "cli.h"
#include "output.h"

static int run_hash(const struct cli_arguments *arguments)
{
	bool as_json = cli_given(arguments, CLI_JSON);
	struct cli_json json = {0};
	json_t *files = NULL;
	int status = CLI_OK;

	if (as_json) {
		cli_json_begin(&json);
		files = cli_json_array(&json, "files");
	}
	for (int i = 0; i < arguments->word_count; i++) {
		struct sc_error error = {0};
		char hash[SC_HASH_SIZE];
		if (sc_hash_file(hash, arguments->words[i], &error) != SC_OK) {
			status = cli_failed(&error); /* the others are still of use */
			continue;
		}
		if (!as_json) {
			printf("%s  %s\n", hash, arguments->words[i]);
			continue;
		}
		struct cli_json file;
		cli_json_begin(&file);
		cli_json_text(&file, "file", arguments->words[i]);
		cli_json_text(&file, "weights_sha256", hash);
		cli_json_append(&json, files, &file);
		if (arguments->word_count == 1)
			cli_json_text(&json, "weights_sha256", hash);
	}
	if (as_json && status != CLI_OK)
		json_decref(json.object); /* a part would look like the whole */
	else if (as_json)
		status = cli_json_print(&json);
	return status;
}

static const struct cli_use options[] = {{CLI_JSON, NULL}, {CLI_OPTION_COUNT, NULL}};

const struct cli_command cli_hash = {
	.name = "hash",
	.arguments = "FILE|RUN...",
	.summary = "print the SHA-256 of weights",
	.description =
		"Prints the SHA-256 of the parameter tensors of a weights file or a run: name, type, shape and bytes of each, "
		"in the order of their names. Equal weights have equal hashes, whatever else a file holds.",
	.examples = "  shortcut hash runs/resnet18-mnist-1\n  shortcut hash a.safetensors b.safetensors\n",
	.options = options,
	.minimum_words = 1,
	.maximum_words = -1,
	.run = run_hash,
};
