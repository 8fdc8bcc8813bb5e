/* shortcut.h - train, evaluate and run residual networks. The one installed header.
 *
 * Conventions, true of every function here:
 *   - Handles are opaque: `sc_<thing>_create/open/load` gives one through `out`, `sc_<thing>_destroy` takes it back; NULL may be destroyed.
 *   - Options structs: a member that is zero has its default; NULL for the struct means all defaults.
 *   - Functions that can fail return a status; on failure `*error` (if not NULL) says what, where, what was expected and what
 *     was found, and nothing else has changed. On success `*error` is untouched.
 *   - The library never exits, aborts or prints. A stream is written only where the caller passes one.
 *   - Images are NHWC: row by row, the channels of a pixel together. Paths are the caller's bytes, passed to the system as they are.
 *   - A handle may be used by one thread at a time; different handles by different threads at once.
 *
 * The same configuration, seed and data give the same bits: for any number of threads and every instruction set. */
#ifndef SHORTCUT_H
#define SHORTCUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SC_API __attribute__((visibility("default")))
#else
#define SC_API
#endif

#define SC_VERSION_MAJOR 0
#define SC_VERSION_MINOR 1
#define SC_VERSION_PATCH 0
#define SC_VERSION "0.1.0"

/* ---- Errors ------------------------------------------------------------------------------------------------------- */

/* One table makes the enum, the names and the sentences (src/base/status.c). */
#define SC_STATUS_MAP(X)                                                   \
	X(OK, 0, "success")                                                \
	X(ERROR_ARGUMENT, 1, "an argument or option is not valid")         \
	X(ERROR_MEMORY, 2, "memory could not be allocated")                \
	X(ERROR_NOT_FOUND, 3, "a file, folder or name was not found")      \
	X(ERROR_READ, 4, "a file could not be read")                       \
	X(ERROR_WRITE, 5, "a file could not be written")                   \
	X(ERROR_FORMAT, 6, "the content of a file is not valid")           \
	X(ERROR_MISMATCH, 7, "things that must agree do not")              \
	X(ERROR_NON_FINITE, 8, "a number became infinite or not-a-number") \
	X(ERROR_UNSUPPORTED, 9, "this is not supported here")              \
	X(ERROR_STOPPED, 10, "a callback asked to stop")                   \
	X(ERROR_SYSTEM, 11, "the operating system refused")

enum sc_status {
#define SC_STATUS_ENUM(name, code, sentence) SC_##name = code,
	SC_STATUS_MAP(SC_STATUS_ENUM)
#undef SC_STATUS_ENUM
};

/* The caller's own; the library fills it on failure and never keeps a pointer to it. */
struct sc_error {
	enum sc_status status;
	int64_t offset;     /* byte position in the file, or -1 */
	char subject[256];  /* the file, tensor or option it is about, or "" */
	char message[512];  /* one line, complete: fit to be shown as it is */
};

SC_API const char *sc_status_name(enum sc_status status);     /* "SC_ERROR_FORMAT" */
SC_API const char *sc_status_sentence(enum sc_status status); /* "the content of a file is not valid" */
SC_API const char *sc_version(void);                          /* "0.1.0" */
SC_API const char *sc_build_description(void);                /* compiler, optional parts; one line */

enum sc_log_level { SC_LOG_INFO, SC_LOG_WARNING };
typedef void (*sc_log_callback)(void *user, enum sc_log_level level, const char *message);
SC_API void sc_log_set(sc_log_callback callback, void *user); /* process-wide; set it before other calls; NULL: silent */

/* ---- Images and data ------------------------------------------------------------------------------------------------ */

struct sc_image {
	int64_t height, width, channels; /* pixels; channels 1 to 4 */
	uint8_t *pixels;                 /* (height, width, channels) */
};

/* Reads a PNG file as `channels` (1: grey, 3: RGB) 8-bit channels. Release with sc_image_release. */
SC_API enum sc_status sc_image_load(struct sc_image *image, const char *path, int64_t channels, struct sc_error *error);
SC_API void sc_image_release(struct sc_image *image);

struct sc_data; /* images with labels, in memory as 8-bit pixels */

enum sc_part { SC_TRAIN, SC_TEST };

struct sc_data_options {
	enum sc_part part;
	int64_t take;         /* keep a random sample of this many images (by `seed`, without repetition); 0: all */
	uint64_t seed;
	const char *data_dir; /* where to look data sets up by name; NULL: $SHORTCUT_DATA, ./data, then the installed folder */
};

/* `name_or_folder`: "mnist", "cifar10", or a folder whose kind is recognised from its files: IDX, plain or .gz; CIFAR-10's binary
 * version. */
SC_API enum sc_status sc_data_open(struct sc_data **out, const char *name_or_folder, const struct sc_data_options *options,
				   struct sc_error *error);
SC_API void sc_data_destroy(struct sc_data *data);
SC_API int64_t sc_data_count(const struct sc_data *data);
SC_API int64_t sc_data_height(const struct sc_data *data);
SC_API int64_t sc_data_width(const struct sc_data *data);
SC_API int64_t sc_data_channels(const struct sc_data *data);
SC_API int64_t sc_data_classes(const struct sc_data *data);
SC_API const char *sc_data_class_name(const struct sc_data *data, int64_t label);
/* Borrowed: valid until the data is destroyed. `index` in [0, count). */
SC_API const uint8_t *sc_data_image(const struct sc_data *data, int64_t index); /* (height, width, channels) */
SC_API int64_t sc_data_label(const struct sc_data *data, int64_t index);

/* ---- Models ----------------------------------------------------------------------------------------------------------- */

struct sc_model; /* a description (nodes, names, shapes) and one buffer of parameters */

#define SC_MAX_CHANNELS 4

/* From 8-bit pixels to the numbers the net sees: x = (pixel / 255 - mean) / deviation for each channel of the net's input.
 * All zero: pixels 0..255 as they are (the Keras tutorial's choice). */
struct sc_preprocess {
	bool resize; /* resize with padding to the model's input (TensorFlow's resize_with_pad: bilinear, half-pixel centres,
			no antialiasing, zero padding); false: images must have the model's size */
	bool bgr;    /* the net's channels are blue, green, red, those of an image red, green, blue: they are swapped */
	float mean[SC_MAX_CHANNELS];
	float deviation[SC_MAX_CHANNELS]; /* [0] == 0: no scaling at all */
};

/* Mean and deviation of each channel over all pixels, on the scale 0 to 1, rounded to four digits as they are usually quoted (MNIST's
 * training images: 0.1307 and 0.3081). Sets these members alone. */
SC_API void sc_data_measure_pixels(const struct sc_data *data, struct sc_preprocess *preprocess);

struct sc_model_options {
	int64_t height, width, channels; /* of the input; 0: 224 x 224 x 3 */
	int64_t classes;                 /* 0: 1000; 10 for keras-tutorial-* and *cifar* */
	uint64_t seed;                   /* of the initial parameters */
	bool zero_init_last;             /* each block begins as its shortcut: its last BatchNorm's scale is 0 at first (Goyal et al., 2017) */
	struct sc_preprocess preprocess; /* travels with the weights */
	const char *const *class_names;  /* [classes], copied; NULL: "0", "1", ... */
};

/* `name`: a file that ends in .json and describes a net (docs/net.md), or a preset: resnet18 34 50 101 152 (torchvision's layout, v1.5),
 * keras-tutorial-18 34 50 101 152, cifar20 32 44 56 110 1202 (6n + 2 layers, zero-padded shortcuts), and their twins without shortcuts,
 * plain-cifar20 and so on, plain18 and plain34 (twins of resnet18-a and resnet34-a): twins have the same tensors, so one seed gives them
 * the same first values. sc_model_preset lists them all. */
SC_API enum sc_status sc_model_create(struct sc_model **out, const char *name, const struct sc_model_options *options,
				      struct sc_error *error);
/* `path`: a run folder, or a file written by sc_model_save, which carries its description with it. */
SC_API enum sc_status sc_model_load(struct sc_model **out, const char *path, struct sc_error *error);
/* A preset with the weights of a file that carries no description, in any format that sc_model_read_weights reads; `name` NULL: as
 * sc_model_load. */
SC_API enum sc_status sc_model_load_as(struct sc_model **out, const char *name, const struct sc_model_options *options, const char *path,
				       struct sc_error *error);
/* Replaces the parameters by those of a file: safetensors, PyTorch's .pth or .pt (a state_dict; nothing in it is run), NumPy's .npz, Keras'
 * .weights.h5, .h5 or .keras; which it is, its content says. Names and shapes must agree; on failure the model is unchanged. */
SC_API enum sc_status sc_model_read_weights(struct sc_model *model, const char *path, struct sc_error *error);
/* Writes a file of the format that its name asks for (.safetensors, .pth, .pt, .npz, .keras, .h5, .weights.h5): to a temporary file first,
 * then renamed, so that `path` is always old or new, never half. Keras' .keras and .h5 hold the whole model, as layers that Keras' load_model
 * builds, with the probabilities of the classes as output. Its .weights.h5 is for the nets of keras.applications and of the Keras
 * tutorial; others are refused. */
SC_API enum sc_status sc_model_save(const struct sc_model *model, const char *path, struct sc_error *error);
SC_API void sc_model_destroy(struct sc_model *model);

/* The net as the text of such a file, all fields; the caller frees it. */
SC_API enum sc_status sc_model_net(const struct sc_model *model, char **text, struct sc_error *error);
SC_API const char *sc_model_preset(int index); /* the presets' names, NULL past the last */
SC_API const char *sc_model_name(const struct sc_model *model);
SC_API int64_t sc_model_height(const struct sc_model *model); /* of the input, pixels */
SC_API int64_t sc_model_width(const struct sc_model *model);
SC_API int64_t sc_model_channels(const struct sc_model *model);
SC_API int64_t sc_model_classes(const struct sc_model *model);
SC_API const char *sc_model_class_name(const struct sc_model *model, int64_t label);
SC_API const struct sc_preprocess *sc_model_preprocess(const struct sc_model *model);

struct sc_layer {
	const char *name;   /* "layer1.0.conv1" */
	const char *type;   /* "convolution" */
	const char *detail; /* "3x3/2 64->128", or "" */
	const char *inputs; /* names, separated by ", " */
	int64_t height, width, channels;      /* of the output of one image */
	int64_t parameters, trainable;        /* counts; parameters include running statistics, as Keras counts */
	int64_t macs;                         /* multiply-adds for one image, padded taps counted, as other tools do */
	int64_t output_bytes;                 /* for one image, float32 */
};

struct sc_totals {
	int64_t parameters, trainable, non_trainable; /* counts */
	int64_t macs;                                 /* multiply-adds of a forward pass for one image */
	int64_t parameter_bytes, output_bytes;        /* output_bytes: all layers, one image, float32 */
};

SC_API int64_t sc_model_layer_count(const struct sc_model *model);
/* The strings are borrowed from the model. `index` in [0, layer_count). */
SC_API void sc_model_layer(const struct sc_model *model, int64_t index, struct sc_layer *layer);
SC_API void sc_model_totals(const struct sc_model *model, struct sc_totals *totals);
/* The layer table as people know it from Keras' model.summary(), written to `stream`, `columns` wide (0: 100). */
SC_API void sc_model_summary(const struct sc_model *model, FILE *stream, int columns);

/* A parameter tensor as a view into the model's one buffer. Convolution kernels are (kernel_h, kernel_w, in, out), dense
 * kernels (in, out): output channels last, as the engine computes. Files hold PyTorch's order (out, in, h, w), (out, in). */
struct sc_tensor {
	const char *name; /* "layer1.0.conv1.weight" */
	int rank;
	int64_t shape[4];
	int64_t count;
	float *values;
	bool trainable;
};
SC_API int64_t sc_model_tensor_count(const struct sc_model *model);
SC_API void sc_model_tensor(const struct sc_model *model, int64_t index, struct sc_tensor *tensor);

/* ---- Hashes ----------------------------------------------------------------------------------------------------------- */

#define SC_HASH_SIZE 65 /* SHA-256 as 64 hexadecimal digits and a NUL */

/* SHA-256 of the parameter tensors (name, dtype, shape, bytes; in name order): equal weights have equal hashes, whatever
 * else a file holds. `path`: a weights file or a run folder. */
SC_API enum sc_status sc_hash_file(char hash[SC_HASH_SIZE], const char *path, struct sc_error *error);
SC_API enum sc_status sc_model_hash(const struct sc_model *model, char hash[SC_HASH_SIZE], struct sc_error *error);

/* ---- Training ----------------------------------------------------------------------------------------------------------- */

/* Whether 3x3 convolutions of stride 1 go by Winograd's F(4x4, 3x3) (Lavin and Gray, 2015), on maps of 2x2 pixels by his F(2x2, 2x2)
 * (Winograd, 1980): less arithmetic, other rounding. */
enum sc_convolution_method {
	SC_CONVOLUTION_AUTO,    /* where it saves a third of the multiplications: a rule on shapes alone (src/engine/winograd.h) */
	SC_CONVOLUTION_DIRECT,  /* nowhere */
	SC_CONVOLUTION_WINOGRAD /* wherever it can: channel counts that are multiples of 16 */
};

/* How the engine computes; of these the bits depend on `convolution` alone. */
struct sc_compute {
	int threads;                 /* 0: one for each processor this process may use */
	const char *instruction_set; /* at most "avx512", "avx2", "sse2", "neon", "reference"; NULL: $SHORTCUT_ISA, else the best here */
	enum sc_convolution_method convolution;
	bool no_fuse; /* one step for each layer, where a plan would do a convolution or BatchNorm with what follows in one */
};

enum sc_momentum_form {
	SC_MOMENTUM_TORCH, /* v = m v + g;     w -= lr v */
	SC_MOMENTUM_KERAS  /* v = m v - lr g;  w += v */
};

enum sc_weight_decay_form {
	SC_DECAY_COUPLED,  /* g += wd w  (L2, PyTorch's SGD) */
	SC_DECAY_DECOUPLED /* w -= lr wd w, before the step (Keras' weight_decay) */
};

struct sc_optimizer { /* stochastic gradient descent */
	float learning_rate; /* 0: 0.01 */
	float momentum;
	bool nesterov;
	float weight_decay;
	enum sc_momentum_form momentum_form;
	enum sc_weight_decay_form weight_decay_form;
	bool decay_all; /* false: no decay on biases and BatchNorm scale and shift */
};

enum sc_schedule_kind { SC_SCHEDULE_CONSTANT, SC_SCHEDULE_STEP, SC_SCHEDULE_COSINE, SC_SCHEDULE_LINEAR };

struct sc_schedule { /* of the learning rate, by step */
	enum sc_schedule_kind kind;
	float warmup_epochs;          /* rises linearly from 0 to the learning rate */
	int64_t step_epochs;          /* SC_SCHEDULE_STEP: multiply by `step_factor` each so many epochs; 0: 30 */
	float step_factor;            /* 0: 0.1 */
	float final_learning_rate;    /* where cosine and linear end */
};

enum sc_split { SC_SPLIT_LAST, SC_SPLIT_STRATIFIED }; /* the last part before shuffling (Keras), or the same share of each class */

struct sc_score {
	int64_t count, correct;
	double loss;     /* mean cross-entropy, natural logarithm */
	double accuracy; /* correct / count */
};

/* What a callback is told after a step, and after an epoch. */
struct sc_progress_event {
	int64_t epoch, epochs;              /* epoch counts from 1 */
	int64_t step, steps;                /* inside the epoch, from 1 */
	int64_t global_step;                /* from 1 */
	int64_t images;                     /* seen in this epoch */
	double seconds;                     /* since the epoch began */
	double step_loss, step_accuracy;    /* of this step's batch */
	float learning_rate;
	struct sc_score train;              /* of the epoch so far (running mean over images, as Keras shows) */
	bool epoch_end;                     /* the epoch and its validation are over */
	bool has_validation;
	struct sc_score validation;         /* if epoch_end && has_validation */
	const char *checkpoint;             /* inside the run, if one was just written, or NULL */
	bool skipped;                       /* a number was not finite: this step changed nothing */
};
/* The model's weights are those of this step where epoch_end or checkpoint is set; else some, which this training does not read, may be older.
 * Non-zero stops the training cleanly: sc_fit writes a checkpoint and returns SC_ERROR_STOPPED with the model as it is after that step. */
typedef int (*sc_progress_callback)(void *user, const struct sc_progress_event *event);

/* What to do when a checkpoint cannot be written. The one before it is there in any case. */
enum sc_save_error {
	SC_SAVE_ERROR_STOP,    /* sc_fit returns SC_ERROR_WRITE */
	SC_SAVE_ERROR_CONTINUE /* a warning, and again at the next occasion; the training's last checkpoint must succeed */
};

/* What to do when a number in a step is not finite: the loss, a gradient, or what a weight or a running statistic would become. It is
 * found before anything is changed; then the step is computed again to find the first layer, tensor and image where it is so. */
enum sc_non_finite_policy {
	SC_NON_FINITE_STOP,    /* sc_fit returns SC_ERROR_NON_FINITE, which says where */
	SC_NON_FINITE_SKIP,    /* a warning, and the step changes nothing; its batch counts neither in losses nor in accuracies */
	SC_NON_FINITE_ROLLBACK /* a warning, and on from the run's newest checkpoint with half the learning rate, for good */
};

struct sc_fit_options {
	int64_t epochs; /* 0: 1 */
	int64_t steps;  /* stop after so many steps in all; 0: no limit */
	int64_t batch;  /* 0: 32 */
	struct sc_optimizer optimizer;
	struct sc_schedule schedule;
	float validation_split;          /* 0..1, taken from the training data */
	enum sc_split split;
	const struct sc_data *validation; /* instead of a split */
	bool no_shuffle;
	/* The order of the samples, instead of a random one: numbers of the training data's samples (from 0), epoch after epoch, and from the
	 * beginning again at the end. A multiple of the samples that train; none of them one that validates. Borrowed. NULL: none. */
	const int64_t *sample_order;
	int64_t sample_order_count;
	uint64_t seed;
	struct sc_compute compute;
	int64_t memory;                  /* bytes that `promised_bytes` of the result may come to; 0: any. See struct sc_plan_options */
	const char *run;                 /* folder for config.json, weights, checkpoints, history.csv, history.json, steps.csv, receipt.json; NULL: none */
	const char *resume;              /* a run folder to go on from, at its newest checkpoint that is whole */
	int64_t checkpoint_steps;        /* a checkpoint each so many steps, besides those at the start and after each epoch; 0: none */
	double checkpoint_seconds;       /* and after the first step that ends so long after the last one; 0: none */
	bool keep_checkpoints;           /* those of all epochs; false: only the two newest of all */
	enum sc_save_error on_save_error;
	enum sc_non_finite_policy on_non_finite;
	int64_t non_finite_limit;        /* steps skipped in a row, or rollbacks to one checkpoint, after which it stops all the same; 0: 3 */
	sc_progress_callback progress;   /* NULL: silent */
	void *user;                      /* for `progress` */
};

struct sc_fit_result {
	int64_t epochs, steps, images;
	double seconds;           /* wall time of the training steps, validation and saving left out */
	double images_per_second; /* images / seconds */
	double step_seconds;      /* median */
	struct sc_score train, validation; /* of the last epoch; validation.count 0: there was none */
	int64_t promised_bytes;   /* parameters, gradients, momenta, activations, workspace, and the images */
	int threads;
	const char *instruction_set;
};

/* The training options that a run was begun with, from its config.json, and `resume` set to `run`, which is borrowed: what sc_fit needs to
 * go on with it. sc_fit refuses to resume with other ones, but for what does not change the result (steps, progress, checkpoints, memory,
 * and of compute all but the convolution's method), for what to do about numbers that are not finite, and for more epochs where the learning
 * rate does not depend on their number. */
SC_API enum sc_status sc_run_options(const char *run, struct sc_fit_options *options, struct sc_error *error);

/* The model that a run trains, its parameters all zero: sc_fit with `resume` fills them from a checkpoint. */
SC_API enum sc_status sc_run_model(struct sc_model **out, const char *run, struct sc_error *error);

SC_API enum sc_status sc_fit(struct sc_model *model, const struct sc_data *data, const struct sc_fit_options *options,
			     struct sc_fit_result *result, struct sc_error *error);

/* The data that a run was begun with: name, number of images and the seed that draws them from its config.json. `name_or_folder`: where
 * they are now; NULL: where they were. data_dir: see sc_data_options. */
SC_API enum sc_status sc_run_data(struct sc_data **out, const char *run, const char *name_or_folder, const char *data_dir,
				  struct sc_error *error);

struct sc_verify_options {
	int64_t epoch; /* from 1 */
	struct sc_compute compute; /* but for the convolution's method, which is the run's */
	sc_progress_callback progress;
	void *user;
};
struct sc_verify_result {
	bool confirmed;
	int64_t from_step, steps; /* how many steps were trained again, after which */
	char expected[SC_HASH_SIZE], found[SC_HASH_SIZE]; /* of the weights after the epoch: the receipt's, and ours */
};
/* Trains an epoch of a run again and compares the weights' hash with that in its receipt.json. It begins at the newest checkpoint that is
 * not past the epoch's beginning (see keep_checkpoints), else at the first step, which needs weights that follow from the seed:
 * SC_ERROR_NOT_FOUND otherwise. `data`: as sc_run_data gives them, without validation data of their own. A rollback of the learning rate
 * before that checkpoint is known from it; one after it cannot be repeated. Writes nothing. */
SC_API enum sc_status sc_verify(const char *run, const struct sc_data *data, const struct sc_verify_options *options,
				struct sc_verify_result *result, struct sc_error *error);

struct sc_evaluate_options {
	int64_t batch; /* 0: 128 */
	struct sc_compute compute;
};
SC_API enum sc_status sc_evaluate(const struct sc_model *model, const struct sc_data *data, const struct sc_evaluate_options *options,
				  struct sc_score *score, struct sc_error *error);

/* Probabilities of `count` images: (count, classes). */
SC_API enum sc_status sc_predict(const struct sc_model *model, const struct sc_image *images, int64_t count,
				 float *probabilities, struct sc_error *error);

/* ---- Classifier: from a file to the first prediction in the shortest time --------------------------------------------- */

/* A net from a file with everything ready to predict: plan, threads, memory. Unlike a model it does not give its parameters out. */
struct sc_classifier;

struct sc_classifier_options {
	const char *model;                            /* a preset, for a file that carries no description; NULL: as the file says */
	const struct sc_model_options *model_options; /* with `model` */
	int64_t batch;                                /* images that are computed together; 0: 1 */
	struct sc_compute compute;
	/* A folder for copies of the weights as the kernels read them (BatchNorm folded in): from there they are mapped the next time, in a
	 * tenth of the time, and shared by all processes. A copy is used only if the file's bytes, the net and the kernels are what they were
	 * when it was made; a large net for one image has another copy than for many. The eight used last are kept. NULL: no copies. */
	const char *cache;
};
/* `path`: as for sc_model_load. The caller destroys it. */
SC_API enum sc_status sc_classifier_open(struct sc_classifier **out, const char *path, const struct sc_classifier_options *options,
					 struct sc_error *error);
SC_API void sc_classifier_destroy(struct sc_classifier *classifier);
/* As sc_predict. One call at a time. */
SC_API enum sc_status sc_classifier_predict(struct sc_classifier *classifier, const struct sc_image *images, int64_t count,
					    float *probabilities, struct sc_error *error);
/* What the net is; borrowed. Its kernels read as 0: of them the classifier has its own form only. */
SC_API const struct sc_model *sc_classifier_model(const struct sc_classifier *classifier);
SC_API bool sc_classifier_is_mapped(const struct sc_classifier *classifier); /* the weights came from the cache */

/* ---- Certificate: the same outputs as the program that a net came from ----------------------------------------------- */

struct sc_activation_row {
	const char *layer; /* its name; borrowed */
	int64_t count;     /* numbers compared */
	double largest;    /* absolute difference */
	double relative;   /* L2: of the difference, by that of what was recorded */
};
typedef void (*sc_activation_callback)(void *user, const struct sc_activation_row *row);
/* Runs the net, as for inference, on recorded images, and compares the outputs of its layers with recorded ones: a row for each, in the
 * net's order. `path`: arrays of float32 by name (.npz, .safetensors, .pth): "images" (mb, height, width, channels), prepared as the net
 * wants them, and by the names of layers (of sc_model_layer), as many as wanted, (mb, height, width, channels) or, of single pixels,
 * (mb, channels). Names and shapes must agree. compute NULL: defaults. */
SC_API enum sc_status sc_check_activations(const struct sc_model *model, const char *path, const struct sc_compute *compute,
					   sc_activation_callback callback, void *user, struct sc_error *error);

/* ---- Progress bar: what Keras' fit shows ---------------------------------------------------------------------------- */

struct sc_progress_bar; /* draws on a terminal; writes plain lines elsewhere; respects NO_COLOR, CI, TERM=dumb, the width */

SC_API enum sc_status sc_progress_bar_create(struct sc_progress_bar **out, FILE *stream, struct sc_error *error);
SC_API void sc_progress_bar_destroy(struct sc_progress_bar *bar);
/* An sc_progress_callback; `bar` is the sc_progress_bar. Always returns 0. */
SC_API int sc_progress_bar_show(void *bar, const struct sc_progress_event *event);

/* ---- Plans: for those who embed ------------------------------------------------------------------------------------- */

struct sc_plan; /* a model bound to a batch size, a mode and an engine: all memory, all kernels chosen */

enum sc_mode { SC_MODE_TRAIN, SC_MODE_INFER };

struct sc_plan_options {
	enum sc_mode mode;
	int64_t batch; /* 0: 32 */
	struct sc_compute compute;
	bool keep_outputs; /* for sc_plan_layer_output: a step and memory of its own for each layer, nothing fused or folded */
	int64_t memory;    /* bytes that sc_plan_promised_bytes may come to; 0: any. For training, blocks are computed again in backward until it
			      is so, to the same bits; where they cannot be: SC_ERROR_MEMORY, which names the smallest amount that would do */
};

struct sc_plan_block { /* a residual block, or the stem, whose inside backward computes again so as not to keep it */
	char name[136];  /* "layer1.0", "conv1 to maxpool" */
	int64_t bytes;   /* that need not be kept */
	int64_t flops;   /* arithmetic that it takes */
};

struct sc_plan_step {
	const char *pass;   /* "prepare" (once, before the first run), "forward", "loss", "forward again", "backward", "backward-data",
			       "backward-weights", "sum" */
	const char *layer;  /* the layer's name */
	char kernel[64];    /* "convolution direct avx512" */
	char shape[80];     /* "56x56x64 -> 56x56x64" */
	int64_t flops;      /* arithmetic of the whole batch; a multiply-add is 2; padded taps counted */
	int64_t bytes;      /* read and written, each tensor once */
	double seconds;     /* of the last run; 0 before it, and for passes that it left out */
};

/* The model must outlive the plan. After this, forward and step allocate nothing and cannot fail. */
SC_API enum sc_status sc_plan_create(struct sc_plan **out, struct sc_model *model, const struct sc_plan_options *options,
				     struct sc_error *error);
SC_API void sc_plan_destroy(struct sc_plan *plan);
/* An infer plan holds the parameters as they were when it was made, BatchNorm folded into the convolutions; this takes them anew. */
SC_API void sc_plan_refresh(struct sc_plan *plan);
/* images: (batch, height, width, channels), already preprocessed. scores: (batch, classes), before the softmax. */
SC_API void sc_plan_forward(struct sc_plan *plan, const float *images, float *scores);
/* Forward, loss and backward of one batch; gradients are then in the plan (a train plan only). labels: (batch), each in [0, classes). */
SC_API struct sc_score sc_plan_step(struct sc_plan *plan, const float *images, const int32_t *labels);
/* One update of the model's parameters from the plan's gradients. */
SC_API void sc_plan_update(struct sc_plan *plan, const struct sc_optimizer *optimizer);
/* The same in less time for many steps: weights that this plan never reads, those of a kernel's taps that meet padding alone, make their
 * steps together in sc_plan_catch_up, with the same bits. It is due, by the same optimizer but for its learning rate, before the model is
 * saved, read, evaluated or put into another plan. sc_plan_update is the one and the other. */
SC_API void sc_plan_update_late(struct sc_plan *plan, const struct sc_optimizer *optimizer);
SC_API void sc_plan_catch_up(struct sc_plan *plan, const struct sc_optimizer *optimizer);
/* Of a plan with keep_outputs, after a run: the output of layer `layer` (of sc_model_layer), (batch, height, width, channels). Valid until
 * the next run. NULL without keep_outputs. */
SC_API const float *sc_plan_layer_output(const struct sc_plan *plan, int64_t layer);
/* After sc_plan_step with a finite loss: the gradient of tensor `tensor` (of sc_model_tensor), of its shape: of the batch's mean loss. Valid
 * until the next step. NULL for tensors that are not trained, and for infer plans. */
SC_API const float *sc_plan_tensor_gradient(const struct sc_plan *plan, int64_t tensor);
SC_API int64_t sc_plan_promised_bytes(const struct sc_plan *plan); /* parameters, gradients, momenta, activations, workspace */
SC_API int64_t sc_plan_arena_bytes(const struct sc_plan *plan);    /* activations and workspace alone */
/* The blocks that are computed again because of `memory`, in the net's order; `index` in [0, block_count). */
SC_API int64_t sc_plan_block_count(const struct sc_plan *plan);
SC_API void sc_plan_describe_block(const struct sc_plan *plan, int64_t index, struct sc_plan_block *block);
SC_API int64_t sc_plan_step_count(const struct sc_plan *plan);
SC_API void sc_plan_describe_step(const struct sc_plan *plan, int64_t index, struct sc_plan_step *step);
SC_API int sc_plan_threads(const struct sc_plan *plan);
SC_API const char *sc_plan_instruction_set(const struct sc_plan *plan);

/* ---- Experiments --------------------------------------------------------------------------------------------------------- */

/* The degradation experiment (He et al., 2015, section 4.2): of each depth a plain net and a residual one, with equal first values, on
 * equal images in equal order. For each net: its errors by epoch; the gradient of each layer's weights before and after training; the
 * responses of its layers; and its error when one block is taken away (Veit et al., 2016). */
#define SC_LAB_EPOCHS        5
#define SC_LAB_TAKE          5000
#define SC_LAB_BATCH         128
#define SC_LAB_LEARNING_RATE 0.05f

enum sc_lab_stage {
	SC_LAB_BEGIN,    /* of a net */
	SC_LAB_TRAINING, /* after a step: see `training` */
	SC_LAB_LESION    /* after `done` of `total` blocks */
};

struct sc_lab_event {
	enum sc_lab_stage stage;
	const char *net;      /* "plain-cifar56" */
	int64_t number, nets; /* from 1; of how many */
	int64_t done, total;
	const struct sc_progress_event *training; /* NULL at other stages */
};
/* Non-zero stops the experiment: SC_ERROR_STOPPED; called again with the same options it goes on from there, to the same bits. */
typedef int (*sc_lab_callback)(void *user, const struct sc_lab_event *event);

struct sc_lab_options {
	const char *data;      /* as sc_data_open takes it; training and test part */
	const char *data_dir;  /* as in struct sc_data_options */
	const char *out;       /* a folder: OUT/<net> is a run of each net; errors.csv, gradients.csv, responses.csv, lesions.csv; and, where this
				  build has cairo and pango, degradation.svg and degradation.png */
	const int64_t *depths; /* [depth_count], each of 20, 32, 44, 56, 110, 1202 */
	int64_t depth_count;   /* 0: 20 and 56 */
	int64_t epochs;        /* 0: SC_LAB_EPOCHS; likewise the next three */
	int64_t take;          /* images to train on, a random sample, all where there are fewer; half as many (1000 at least) to test on */
	int64_t batch;
	float learning_rate; /* at the start; it falls to 0 along a cosine */
	uint64_t seed;
	struct sc_compute compute;
	sc_lab_callback progress; /* NULL: silent */
	void *user;
};

struct sc_lab_net {
	char name[64];
	int64_t depth;
	bool residual;
	double train_error, test_error;       /* of the last epoch, 0 to 1; in training as the images were learnt from */
	double whole_error, lesion_error;     /* on up to 1000 test images: of the whole net; mean over the nets without one block */
	double gradient_first, gradient_last; /* before training: norm of the gradient of the first and the last layer's weights */
	double seconds;                       /* of its training */
};

struct sc_lab_result {
	int64_t net_count;
	struct sc_lab_net *nets; /* by depth, the plain one first */
	bool pictures;           /* drawn */
};

/* Give the result back with sc_lab_result_release. */
SC_API enum sc_status sc_lab_degradation(const struct sc_lab_options *options, struct sc_lab_result *result, struct sc_error *error);
SC_API void sc_lab_result_release(struct sc_lab_result *result);

/* ---- Measuring -------------------------------------------------------------------------------------------------------- */

struct sc_bench_row {
	const char *layer, *pass; /* "3x3/1 56x56x64->64", "forward" */
	int64_t flops;            /* of the measured batch, padded taps counted */
	double seconds;           /* best of the repetitions */
	double share_of_peak;     /* flops / seconds / peak */
};
struct sc_bench_options {
	int64_t batch;       /* 0: 16 */
	double seconds;      /* for each row; 0: 0.3 */
	struct sc_compute compute;
};
typedef void (*sc_bench_callback)(void *user, const struct sc_bench_row *row);
/* Fused multiply-add peak of all threads, then each different convolution of the model, each pass. Peak: FLOP a second. */
SC_API enum sc_status sc_bench_layers(const struct sc_model *model, const struct sc_bench_options *options, double *peak,
				      sc_bench_callback callback, void *user, struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
