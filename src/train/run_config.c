/* run_config.c - config.json of a run: see run_config.h. */
#include "train/run_config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/hash.h"
#include "io/file.h"
#include "io/json.h"

#define LONGEST_CONFIG (16 << 20) /* bytes */

/* The decimal number with the fewest digits that is this float. */
static json_t *number(float value)
{
	char text[32];
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			break;
	}
	return json_real(strtod(text, NULL));
}

static json_t *data_object(const struct sc_data *data, const char *fingerprint)
{
	return json_pack("{s:s, s:I, s:[I, I, I], s:I, s:s}", "name", data->name, "images", (json_int_t)data->count, "image",
			 (json_int_t)data->height, (json_int_t)data->width, (json_int_t)data->channels, "classes",
			 (json_int_t)data->classes, "sha256", fingerprint);
}

static const char *const schedules[] = {"constant", "step", "cosine", "linear"}; /* by enum sc_schedule_kind */
static const char *const convolutions[] = {"auto", "direct", "winograd"};        /* by enum sc_convolution_method */
static const char *const policies[] = {"stop", "skip", "rollback"};               /* by enum sc_non_finite_policy */

/* What a run may go on with otherwise than it was begun. */
static const char *const changeable[] = {"on_non_finite", "non_finite_limit", "memory"};
#define CHANGEABLE_COUNT ((int)(sizeof(changeable) / sizeof(changeable[0])))

/* A checksum stands for the numbers. */
static json_t *sample_order(const struct sc_fit_options *o)
{
	return o->sample_order ? json_sprintf("%016" PRIx64, sc_checksum_of(o->sample_order, o->sample_order_count * (int64_t)sizeof(int64_t)))
			       : json_string("none");
}

static json_t *training_object(const struct sc_fit_options *o)
{
	const struct sc_optimizer *opt = &o->optimizer;
	const struct sc_schedule *s = &o->schedule;
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:s, s:b, s:o, s:s, s:b, s:s, s:o, s:I, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:s}",
			 "on_non_finite", policies[o->on_non_finite], "non_finite_limit", (json_int_t)o->non_finite_limit,
			 "memory", (json_int_t)o->memory,
			 "epochs", (json_int_t)o->epochs, "batch", (json_int_t)o->batch, "learning_rate",
			 number(opt->learning_rate), "momentum", number(opt->momentum), "momentum_form",
			 opt->momentum_form == SC_MOMENTUM_KERAS ? "keras" : "torch", "nesterov", opt->nesterov, "weight_decay",
			 number(opt->weight_decay), "weight_decay_form",
			 opt->weight_decay_form == SC_DECAY_DECOUPLED ? "decoupled" : "coupled", "decay_all", opt->decay_all,
			 "schedule", schedules[s->kind], "warmup_epochs", number(s->warmup_epochs), "step_epochs",
			 (json_int_t)s->step_epochs, "step_factor", number(s->step_factor), "final_learning_rate",
			 number(s->final_learning_rate), "validation_split", number(o->validation_split), "split",
			 o->split == SC_SPLIT_STRATIFIED ? "stratified" : "last", "shuffle", !o->no_shuffle, "sample_order",
			 sample_order(o), "seed",
			 json_sprintf("%llu", (unsigned long long)o->seed), "convolution", convolutions[o->compute.convolution]);
}

/* ---- Identity ---------------------------------------------------------------------------------------------------------- */

static char *text_of(const json_t *object)
{
	return object ? sc_json_text(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9)) : NULL;
}

/* `training` loses what may change here. */
static bool hash_identity(struct sc_run_identity *identity, json_t *training)
{
	json_object_del(training, "epochs");
	for (int i = 0; i < CHANGEABLE_COUNT; i++)
		json_object_del(training, changeable[i]);
	char *rest = text_of(training);
	struct sc_hash state;
	if (!rest)
		return false;
	sc_hash_init(&state);
	const char *const texts[] = {identity->model, identity->data_hash, rest};
	for (int i = 0; i < 3; i++)
		sc_hash_update(&state, texts[i], (int64_t)strlen(texts[i]) + 1);
	sc_hash_finish(&state, identity->hash);
	free(rest);
	return true;
}

enum sc_status sc_run_identity_init(struct sc_run_identity *identity, const struct sc_model *model, const struct sc_data *data,
				    const struct sc_fit_options *options, struct sc_error *error)
{
	*identity = (struct sc_run_identity){0};
	char *description = NULL;
	enum sc_status status = sc_model_describe(model, &description, error);
	if (status)
		return status;
	sc_data_fingerprint(data, identity->data_hash);
	json_t *described = sc_json_read_own(description), *sample = data_object(data, identity->data_hash);
	json_t *training = training_object(options);
	identity->model = text_of(described);
	identity->data = text_of(sample);
	identity->training = text_of(training);
	if (!identity->model || !identity->data || !identity->training || !hash_identity(identity, training)) {
		sc_run_identity_release(identity);
		status = sc_fail_memory(error, 0, "the description of a run");
	}
	json_decref(described);
	json_decref(sample);
	json_decref(training);
	free(description);
	return status;
}

void sc_run_identity_release(struct sc_run_identity *identity)
{
	free(identity->model);
	free(identity->data);
	free(identity->training);
	*identity = (struct sc_run_identity){0};
}

/* ---- Writing and reading ------------------------------------------------------------------------------------------------ */

enum sc_status sc_run_config_write(const char *path, const struct sc_run_identity *identity, struct sc_error *error)
{
	struct sc_file_writer writer;
	json_t *config =
		json_pack("{s:s, s:o, s:o, s:o}", "shortcut", SC_VERSION, "model", sc_json_read_own(identity->model), "data",
			  sc_json_read_own(identity->data), "training", sc_json_read_own(identity->training));
	char *text = config ? sc_json_text(config, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
	enum sc_status status = text ? sc_file_writer_open(&writer, path, error) : sc_fail_memory(error, 0, path);
	if (!status && text) {
		fprintf(writer.stream, "%s\n", text);
		status = sc_file_writer_commit(&writer, error);
	}
	free(text);
	json_decref(config);
	return status;
}

/* config.json as JSON, with the objects "model", "data" and "training" in it; the caller gives it back with json_decref. */
static enum sc_status read_config(json_t **out, const char *path, struct sc_error *error)
{
	char *text = NULL;
	json_error_t json_error;
	enum sc_status status = sc_file_read_text(&text, path, LONGEST_CONFIG, error);
	if (status)
		return status;
	json_t *config = sc_json_parse(text, (int64_t)strlen(text), path, &json_error, &status, error);
	free(text);
	if (status == SC_ERROR_MEMORY)
		return status;
	if (!config)
		return sc_fail(error, SC_ERROR_FORMAT, path, json_error.position, "%s: line %d: %s", path, json_error.line,
			       json_error.text);
	static const char *const parts[] = {"model", "data", "training"};
	for (int i = 0; i < 3; i++)
		if (!json_is_object(json_object_get(config, parts[i]))) {
			json_decref(config);
			return sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: expected the object \"%s\"", path, parts[i]);
		}
	*out = config;
	return SC_OK;
}

/* The numbers and names of "training"; the reverse of training_object. False, with *bad set, where one is missing or of another
 * kind. */
static bool read_training(const json_t *training, struct sc_fit_options *o, json_error_t *bad)
{
	json_int_t epochs, batch, step_epochs, limit = 0, memory = 0;
	double rate, momentum, decay, warmup, factor, last, split_share;
	int nesterov, decay_all, shuffle;
	const char *form, *decay_form, *schedule, *split, *seed, *convolution, *policy = policies[0];
	if (json_unpack_ex((json_t *)(uintptr_t)training, bad, 0,
			   "{s:I, s:I, s:F, s:F, s:s, s:b, s:F, s:s, s:b, s:s, s:F, s:I, s:F, s:F, s:F, s:s, s:b, s:s, s:s, s?s, s?I, s?I}",
			   "epochs", &epochs, "batch", &batch, "learning_rate", &rate, "momentum", &momentum, "momentum_form",
			   &form, "nesterov", &nesterov, "weight_decay", &decay, "weight_decay_form", &decay_form, "decay_all",
			   &decay_all, "schedule", &schedule, "warmup_epochs", &warmup, "step_epochs", &step_epochs, "step_factor",
			   &factor, "final_learning_rate", &last, "validation_split", &split_share, "split", &split, "shuffle",
			   &shuffle, "seed", &seed, "convolution", &convolution, "on_non_finite", &policy, "non_finite_limit", &limit,
			   "memory", &memory) != 0)
		return false;
	*o = (struct sc_fit_options){
		.epochs = epochs,
		.batch = batch,
		.optimizer = {(float)rate, (float)momentum, nesterov != 0, (float)decay,
			      strcmp(form, "keras") == 0 ? SC_MOMENTUM_KERAS : SC_MOMENTUM_TORCH,
			      strcmp(decay_form, "decoupled") == 0 ? SC_DECAY_DECOUPLED : SC_DECAY_COUPLED, decay_all != 0},
		.schedule = {.warmup_epochs = (float)warmup,
			     .step_epochs = step_epochs,
			     .step_factor = (float)factor,
			     .final_learning_rate = (float)last},
		.validation_split = (float)split_share,
		.split = strcmp(split, "stratified") == 0 ? SC_SPLIT_STRATIFIED : SC_SPLIT_LAST,
		.no_shuffle = !shuffle,
		.seed = strtoull(seed, NULL, 10),
		.non_finite_limit = limit,
		.memory = memory,
	};
	for (int kind = SC_NON_FINITE_STOP; kind <= SC_NON_FINITE_ROLLBACK; kind++)
		if (strcmp(policy, policies[kind]) == 0)
			o->on_non_finite = (enum sc_non_finite_policy)kind;
	for (int kind = SC_SCHEDULE_CONSTANT; kind <= SC_SCHEDULE_LINEAR; kind++)
		if (strcmp(schedule, schedules[kind]) == 0)
			o->schedule.kind = (enum sc_schedule_kind)kind;
	for (int method = SC_CONVOLUTION_AUTO; method <= SC_CONVOLUTION_WINOGRAD; method++)
		if (strcmp(convolution, convolutions[method]) == 0)
			o->compute.convolution = (enum sc_convolution_method)method;
	return true;
}

enum sc_status sc_run_options(const char *run, struct sc_fit_options *options, struct sc_error *error)
{
	json_t *config = NULL;
	json_error_t bad;
	struct sc_fit_options made;
	char *path = sc_path_join(run, "config.json");
	enum sc_status status = path ? read_config(&config, path, error) : sc_fail_memory(error, 0, run);
	if (!status && !read_training(json_object_get(config, "training"), &made, &bad))
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: \"training\": %s", path, bad.text);
	if (!status) {
		made.resume = run;
		*options = made;
	}
	json_decref(config);
	free(path);
	return status;
}

enum sc_status sc_run_model(struct sc_model **out, const char *run, struct sc_error *error)
{
	json_t *config = NULL;
	char *path = sc_path_join(run, "config.json"), *text = NULL;
	enum sc_status status = path ? read_config(&config, path, error) : sc_fail_memory(error, 0, run);
	if (!status && !(text = text_of(json_object_get(config, "model"))))
		status = sc_fail_memory(error, 0, path);
	if (!status)
		status = sc_model_from_description(out, text, path, error);
	free(text);
	json_decref(config);
	free(path);
	return status;
}

enum sc_status sc_run_data(struct sc_data **out, const char *run, const char *name_or_folder, const char *data_dir,
			   struct sc_error *error)
{
	struct sc_fit_options kept = {0};
	json_t *config = NULL;
	enum sc_status status = sc_run_options(run, &kept, error);
	char *path = sc_path_join(run, "config.json");
	if (!status)
		status = path ? read_config(&config, path, error) : sc_fail_memory(error, 0, run);
	const json_t *data = json_object_get(config, "data");
	const char *name = name_or_folder ? name_or_folder : json_string_value(json_object_get(data, "name"));
	const struct sc_data_options some = {
		.take = json_integer_value(json_object_get(data, "images")), .seed = kept.seed, .data_dir = data_dir};
	if (!status && !name)
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: \"data\": expected a name", path);
	if (!status)
		status = sc_data_open(out, name, &some, error);
	json_decref(config);
	free(path);
	return status;
}

/* The learning rate of a step does not depend on how many epochs follow. */
static bool may_grow(const struct sc_fit_options *o)
{
	return o->schedule.kind == SC_SCHEDULE_CONSTANT || o->schedule.kind == SC_SCHEDULE_STEP;
}

static enum sc_status compare(const char *path, const json_t *kept, const json_t *given, bool epochs_may_grow,
			      struct sc_error *error)
{
	const char *key;
	json_t *now;
	json_object_foreach((json_t *)(uintptr_t)given, key, now)
	{
		const json_t *then = json_object_get(kept, key);
		bool same = then && (json_is_real(now) ? json_number_value(now) == json_number_value(then) : json_equal(now, then));
		if (!same && epochs_may_grow && strcmp(key, "epochs") == 0 && json_integer_value(now) > json_integer_value(then))
			same = true;
		if (same)
			continue;
		char *a = then ? sc_json_text(then, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
		char *b = sc_json_text(now, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
		enum sc_status status = sc_fail(error, SC_ERROR_MISMATCH, key, -1, "%s: the run was begun with %s %s, now it is %s",
						path, key, a ? a : "unknown", b ? b : "another");
		free(a);
		free(b);
		return status;
	}
	return SC_OK;
}

/* One part of config.json against the same part of the arguments. */
static enum sc_status check_part(const char *path, const json_t *config, const char *part, const char *given, bool epochs_may_grow,
				 struct sc_error *error)
{
	json_t *now = sc_json_read_own(given);
	json_object_del(now, "name"); /* of the data: where they lie */
	for (int i = 0; i < CHANGEABLE_COUNT; i++)
		json_object_del(now, changeable[i]);
	enum sc_status status =
		now ? compare(path, json_object_get(config, part), now, epochs_may_grow, error) : sc_fail_memory(error, 0, path);
	json_decref(now);
	return status;
}

enum sc_status sc_run_config_check(const char *path, const struct sc_run_identity *identity, const struct sc_fit_options *options,
				   bool *grown, struct sc_error *error)
{
	json_t *config = NULL;
	enum sc_status status = read_config(&config, path, error);
	if (status)
		return status;
	status = check_part(path, config, "model", identity->model, false, error);
	if (!status)
		status = check_part(path, config, "data", identity->data, false, error);
	if (!status)
		status = check_part(path, config, "training", identity->training, may_grow(options), error);
	if (!status)
		*grown = json_integer_value(json_object_get(json_object_get(config, "training"), "epochs")) != options->epochs;
	json_decref(config);
	return status;
}
