/* options.c - the table of options, and the parser that it drives. What a value may look like is in values.c. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define FLAG(text)                   .kind = CLI_KIND_FLAG, .help = text
#define TEXT(shown, text)            .kind = CLI_KIND_TEXT, .argument = shown, .help = text
#define WHOLE(shown, from, to, text) .kind = CLI_KIND_WHOLE, .argument = shown, .least = from, .most = to, .help = text
#define REAL(from, to, text)         .kind = CLI_KIND_REAL, .argument = "X", .least = from, .most = to, .help = text
#define CHOICE(list, text)           .kind = CLI_KIND_CHOICE, .argument = list, .choices = list, .help = text
#define SIZE(shown, text)            .kind = CLI_KIND_SIZE, .argument = shown, .help = text
#define SPAN(shown, text)            .kind = CLI_KIND_SPAN, .argument = shown, .help = text
#define BYTES(shown, text)           .kind = CLI_KIND_BYTES, .argument = shown, .help = text

#define LARGEST_WHOLE 9007199254740992.0 /* 2^53 */

static const struct cli_option options[CLI_OPTION_COUNT] = {
	[CLI_MODEL] = {"model", TEXT("NAME", "the net: a preset, see 'shortcut help summary', or a file that ends in .json")},
	[CLI_INPUT] = {"input", SIZE("HxWxC", "what the net takes: height, width, channels")},
	[CLI_CLASSES] = {"classes", WHOLE("N", 1, 1000000, "how many classes the net tells apart")},
	[CLI_DEPTHS] = {"depths", TEXT("LIST", "numbers of layers, of 20, 32, 44, 56, 110, 1202")},
	[CLI_RECIPE] = {"recipe", CHOICE("default|keras-tutorial", "where the settings come from that no option gives")},
	[CLI_OUT] = {"out", TEXT("RUN", "folder for all that the training makes")},
	[CLI_RESUME] = {"resume", TEXT("RUN", "go on with a run from its newest checkpoint, to the same bits")},
	[CLI_CHECKPOINT_EVERY] = {"checkpoint-every",
				  SPAN("N|Nm", "besides after each epoch, a checkpoint each N steps, or N minutes")},
	[CLI_KEEP_CHECKPOINTS] = {"keep-checkpoints", FLAG("keep the checkpoint of each epoch, not only the last two")},
	[CLI_ON_SAVE_ERROR] = {"on-save-error",
			       CHOICE("stop|continue", "when a checkpoint cannot be written (the one before stays)")},
	[CLI_DATA] = {"data", TEXT("DATA", "what to train and test on: a name such as mnist or cifar10, or a folder")},
	[CLI_ON_NON_FINITE] = {"on-non-finite",
			       CHOICE("stop|skip|rollback", "when a number becomes infinite or not-a-number: stop, skip the step, or go "
							    "back to the last checkpoint with half the learning rate")},
	[CLI_NON_FINITE_LIMIT] = {"non-finite-limit", WHOLE("N", 1, 1000000, "how many skips in a row, or rollbacks to one checkpoint")},
	[CLI_DATA_DIR] = {"data-dir", TEXT("FOLDER", "where to look for data sets by name")},
	[CLI_PART] = {"part", CHOICE("train|test", "which part of the data")},
	[CLI_TAKE] = {"take", WHOLE("N", 1, LARGEST_WHOLE, "use a random sample of N images, drawn by --seed")},
	[CLI_RESIZE] = {"resize", SIZE("HxW", "resize images to this, with padding")},
	[CLI_PREPROCESS] = {"preprocess",
			    CHOICE("raw|unit|torch|caffe|tf", "how pixels become numbers: 0..255, 0..1, ImageNet's ways")},
	[CLI_FIT_INPUT] = {"fit-input", FLAG("resize images to the net's input, with padding")},
	[CLI_CHECK] = {"check", TEXT("FILE", "compare the outputs of layers with those that the origin has recorded (.npz; see the man page)")},
	[CLI_TOLERANCE] = {"tolerance", REAL(0, 1, "--check: how far a layer may be, relative L2")},
	[CLI_INDEX] = {"index", TEXT("LIST", "which images of an IDX file or data set: 0,5,7 or 0-9")},
	[CLI_TOP] = {"top", WHOLE("N", 1, 1000000, "how many classes to show for an image")},
	[CLI_EPOCH] = {"epoch", WHOLE("N", 1, 1000000, "which epoch, from 1")},
	[CLI_EPOCHS] = {"epochs", WHOLE("N", 1, 1000000, "passes over the training images")},
	[CLI_STEPS] = {"steps", WHOLE("N", 1, LARGEST_WHOLE, "end after N steps, in whatever epoch that is")},
	[CLI_BATCH] = {"batch", WHOLE("N", 1, 1000000, "images in a step")},
	[CLI_MEMORY] = {"memory", BYTES("N|NK|NM|NG", "take at most so many bytes (K, M, G: times 1024, 1024^2, 1024^3): blocks are then "
						      "computed again in backward as need be; the same results")},
	[CLI_LEARNING_RATE] = {"learning-rate", REAL(1e-12, 1000, "size of a step")},
	[CLI_MOMENTUM] = {"momentum", REAL(0, 0.99999, "share of the last step that is kept")},
	[CLI_NESTEROV] = {"nesterov", FLAG("Nesterov's momentum")},
	[CLI_NO_NESTEROV] = {"no-nesterov", FLAG("plain momentum")},
	[CLI_WEIGHT_DECAY] = {"weight-decay", REAL(0, 1, "pull of kernels towards zero")},
	[CLI_DECOUPLED_DECAY] = {"decoupled-decay", FLAG("decay weights apart from the gradient, as Keras does")},
	[CLI_SCHEDULE] = {"schedule", CHOICE("constant|step|cosine|linear", "how the learning rate changes")},
	[CLI_WARMUP_EPOCHS] = {"warmup-epochs", REAL(0, 1000000, "epochs in which the learning rate rises from 0")},
	[CLI_STEP_EPOCHS] = {"step-epochs", WHOLE("N", 1, 1000000, "--schedule step: epochs between two steps")},
	[CLI_STEP_FACTOR] = {"step-factor", REAL(1e-6, 1, "--schedule step: what a step multiplies by")},
	[CLI_FINAL_LEARNING_RATE] = {"final-learning-rate", REAL(0, 1000, "where --schedule cosine and linear end")},
	[CLI_VALIDATION_SPLIT] = {"validation-split", REAL(0, 0.99, "share of the training images kept for validation")},
	[CLI_STRATIFIED] = {"stratified", FLAG("validate on the same share of each class, not on the last images")},
	[CLI_NO_SHUFFLE] = {"no-shuffle", FLAG("visit the images in their order")},
	[CLI_SAMPLE_ORDER] = {"sample-order", TEXT("FILE", "visit the images in the order of the numbers in a text file (from 0), epoch after "
							    "epoch, and from its beginning again at its end")},
	[CLI_WEIGHTS] = {"weights", TEXT("FILE", "begin with the weights of this file, of any format that 'convert' reads")},
	[CLI_MODE] = {"mode", CHOICE("train|infer", "what the plan is for")},
	[CLI_SECONDS] = {"seconds", REAL(0.001, 3600, "time for each line of the table")},
	[CLI_SEED] = {"seed", WHOLE("N", 0, LARGEST_WHOLE, "where all random numbers come from")},
	[CLI_ZERO_INIT_LAST] = {"zero-init-last", FLAG("each block begins as its shortcut: its last BatchNorm's scale is 0")},
	[CLI_THREADS] = {"threads", WHOLE("N", 1, 1024, "threads to compute with; the results do not depend on it")},
	[CLI_CONVOLUTION] = {"convolution",
			     CHOICE("auto|direct|winograd", "3x3 convolutions: where Winograd pays, nowhere, wherever it can")},
	[CLI_NO_CACHE] = {"no-cache", FLAG("read the weights from their file, and keep no copy of them")},
	[CLI_NO_FUSE] = {"no-fuse", FLAG("a step for each layer, none for several; the same results")},
	[CLI_DESCRIBE] = {"describe", FLAG("print the net as a file that --model takes: a place to start from")},
	[CLI_JSON] = {"json", FLAG("print one JSON object instead of text")},
	[CLI_QUIET] = {"quiet", FLAG("no progress, no notes")},
	[CLI_HELP] = {"help", FLAG("show this help")},
};

const struct cli_option *cli_option(enum cli_option_id id)
{
	return &options[id];
}

/* The option that the command takes under the first `length` bytes of `name`, or CLI_OPTION_COUNT. */
static enum cli_option_id find(const struct cli_command *command, const char *name, size_t length)
{
	for (const struct cli_use *use = command->options; use->option != CLI_OPTION_COUNT; use++)
		if (strlen(options[use->option].name) == length && memcmp(options[use->option].name, name, length) == 0)
			return use->option;
	return CLI_OPTION_COUNT;
}

static int unknown(const struct cli_arguments *arguments, const char *word)
{
	const char *candidates[CLI_OPTION_COUNT + 1];
	char name[64], suggestion[128];
	int count = 0;

	for (const struct cli_use *use = arguments->command->options; use->option != CLI_OPTION_COUNT; use++)
		candidates[count++] = options[use->option].name;
	candidates[count] = NULL;
	if (word[1] != '-')
		return cli_misused(arguments, "unknown option '%s'; options begin with two dashes, see 'shortcut %s --help'", word,
				   arguments->command->name);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	return cli_misused(arguments, "unknown option '--%s'%s; see 'shortcut %s --help'", name,
			   cli_suggestion(suggestion, sizeof(suggestion), "--", name, candidates), arguments->command->name);
}

/* Reads the option at argv[0], with its value there or in argv[1]; *used counts the words it took. */
static int parse_option(struct cli_arguments *arguments, int count, char **argv, int *used)
{
	const char *name = argv[0] + 2, *text = NULL;
	size_t length = strcspn(name, "=");
	enum cli_option_id id = find(arguments->command, name, length);
	char expected[160];

	*used = 1;
	if (strncmp(argv[0], "--", 2) != 0 || id == CLI_OPTION_COUNT)
		return unknown(arguments, argv[0]);
	const struct cli_option *option = &options[id];
	struct cli_value *value = &arguments->values[id];
	if (option->kind == CLI_KIND_FLAG) {
		if (name[length] == '=')
			return cli_misused(arguments, "--%s: takes no value, found '%s'", option->name, name + length + 1);
		value->given = true;
		return CLI_OK;
	}
	cli_describe_value(expected, sizeof(expected), option);
	if (name[length] == '=') {
		text = name + length + 1;
	} else if (count > 1 && strncmp(argv[1], "--", 2) != 0) {
		text = argv[1];
		*used = 2;
	} else {
		return cli_misused(arguments, "--%s: expected %s, found nothing", option->name, expected);
	}
	if (!cli_read_value(value, option, text))
		return cli_misused(arguments, "--%s: expected %s, found '%s'", option->name, expected, text);
	value->given = true;
	value->text = text;
	return CLI_OK;
}

static int check_words(const struct cli_arguments *arguments)
{
	const struct cli_command *command = arguments->command;

	if (arguments->word_count < command->minimum_words)
		return cli_misused(arguments, "something is missing; usage: shortcut %s %s", command->name, command->arguments);
	if (command->maximum_words >= 0 && arguments->word_count > command->maximum_words)
		return cli_misused(arguments, "unexpected '%s'; usage: shortcut %s %s", arguments->words[command->maximum_words],
				   command->name, command->arguments);
	return CLI_OK;
}

int cli_parse(struct cli_arguments *arguments, const struct cli_command *command, int count, char **argv)
{
	bool only_words = false;

	*arguments = (struct cli_arguments){.command = command, .words = argv};
	for (int i = 0; i < count;) {
		if (only_words || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[arguments->word_count++] = argv[i++];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			only_words = true;
			i++;
			continue;
		}
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			arguments->values[CLI_HELP].given = true;
			return CLI_OK;
		}
		int used = 1, status = parse_option(arguments, count - i, argv + i, &used);
		if (status != CLI_OK)
			return status;
		i += used;
	}
	return check_words(arguments);
}

bool cli_given(const struct cli_arguments *arguments, enum cli_option_id id)
{
	return arguments->values[id].given;
}

const char *cli_text(const struct cli_arguments *arguments, enum cli_option_id id, const char *standard)
{
	return cli_given(arguments, id) ? arguments->values[id].text : standard;
}

int64_t cli_whole(const struct cli_arguments *arguments, enum cli_option_id id, int64_t standard)
{
	return cli_given(arguments, id) ? arguments->values[id].whole : standard;
}

double cli_real(const struct cli_arguments *arguments, enum cli_option_id id, double standard)
{
	return cli_given(arguments, id) ? arguments->values[id].real : standard;
}

int cli_choice(const struct cli_arguments *arguments, enum cli_option_id id, int standard)
{
	return cli_given(arguments, id) ? (int)arguments->values[id].whole : standard;
}
