/* classifier.c - a net from a file, ready to predict, with its prepared weights mapped from a cache where they are there.
 *
 * Once the kernels of convolutions and dense layers are prepared, the parameters themselves are forgotten: a classifier holds one copy
 * of the weights, or none of its own. What is kept, in memory and in the cache, is the prepared weights and behind them the vectors
 * (biases, scales, statistics), which plans read where they are: in the model. Two plans share all this, and an arena, for whole
 * batches and for what is left over. */
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "io/file.h"
#include "serve/predict.h"
#include "serve/prepared_file.h"

struct sc_classifier {
	struct sc_model *model;
	struct sc_engine engine;
	struct sc_plan *batch_plan; /* NULL where batches are of one image */
	struct sc_plan *single_plan;
	struct sc_arena memory;
	struct sc_prepared_file prepared;
};

/* What the prepared weights depend on, into a key that has their length. */
static enum sc_status make_key(struct sc_prepared_key *key, const struct sc_classifier *c, const char *weights, struct sc_error *error)
{
	char *text = NULL;
	enum sc_status status = sc_model_describe(c->model, &text, error);
	if (!status)
		status = sc_file_checksum(&key->origin, weights, error);
	if (!status) {
		const uint64_t parts[] = {sc_checksum_of(text, (int64_t)strlen(text)), sc_plan_prepared_layout(c->single_plan)};
		key->layout = sc_checksum_of(parts, sizeof(parts));
	}
	free(text);
	return status;
}

static int64_t vector_numbers(const struct sc_model *model)
{
	int64_t count = 0;
	for (int i = 0; i < model->parameter_count; i++)
		count += model->parameters[i].rank == 1 ? model->parameters[i].count : 0;
	return count;
}

/* `vectors`: they lie end to end there. */
static void take_vectors(const struct sc_model *model, float *vectors)
{
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *p = &model->parameters[i];
		if (p->rank != 1)
			continue;
		memcpy(vectors, sc_parameter_values(model, i), (size_t)p->count * sizeof(float));
		vectors += p->count;
	}
}

/* The model is left with its vectors alone. */
static void keep_vectors(struct sc_model *model, const float *vectors)
{
	sc_arena_clear(&model->storage);
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *p = &model->parameters[i];
		if (p->rank != 1)
			continue;
		memcpy(sc_parameter_values(model, i), vectors, (size_t)p->count * sizeof(float));
		vectors += p->count;
	}
}

/* Bytes of the plans' memory besides what is prepared: they never run at the same time. */
static int64_t arena_bytes(const struct sc_classifier *c)
{
	const struct sc_plan *plans[] = {c->single_plan, c->batch_plan};
	int64_t largest = 0;
	for (int i = 0; i < 2; i++) {
		int64_t bytes = plans[i] ? sc_plan_arena_bytes(plans[i]) - sc_plan_prepared_bytes(plans[i]) : 0;
		largest = bytes > largest ? bytes : largest;
	}
	return largest;
}

static void bind_plans(struct sc_classifier *c, void *arena, void *prepared)
{
	sc_plan_bind_prepared(c->single_plan, arena, prepared);
	if (c->batch_plan)
		sc_plan_bind_prepared(c->batch_plan, arena, prepared);
}

/* With the weights of the cache, which nothing writes to. */
static enum sc_status use_mapped(struct sc_classifier *c, struct sc_error *error)
{
	enum sc_status status = sc_arena_init(&c->memory, arena_bytes(c), "a classifier", error);
	if (status)
		return status;
	char *kept = (char *)(uintptr_t)c->prepared.weights;
	bind_plans(c, c->memory.base, kept);
	keep_vectors(c->model, (float *)(void *)(kept + sc_plan_prepared_bytes(c->single_plan)));
	return SC_OK;
}

/* With the weights of the file. The arena: what is kept, then what the plans compute with. */
static enum sc_status prepare(struct sc_classifier *c, const struct sc_prepared_key *key, const char *weights, struct sc_error *error)
{
	int64_t kept = sc_round_up(key->bytes, SC_ALIGNMENT);
	enum sc_status status = sc_arena_init(&c->memory, kept + arena_bytes(c), "a classifier", error);
	if (!status)
		status = sc_model_fill(c->model, weights, error);
	if (status)
		return status;
	char *base = c->memory.base;
	float *vectors = (float *)(void *)(base + sc_plan_prepared_bytes(c->single_plan));
	bind_plans(c, base + kept, base);
	sc_plan_run_prepare(c->single_plan);
	take_vectors(c->model, vectors);
	keep_vectors(c->model, vectors);
	return SC_OK;
}

static enum sc_status make_ready(struct sc_classifier *c, const char *weights, const char *cache, struct sc_error *error)
{
	struct sc_prepared_key key = {.bytes = sc_plan_prepared_bytes(c->single_plan) + vector_numbers(c->model) * (int64_t)sizeof(float)};
	enum sc_status status = SC_OK;
	if (!cache)
		return prepare(c, &key, weights, error);
	status = make_key(&key, c, weights, error);
	if (status)
		return status;
	if (sc_prepared_file_open(&c->prepared, cache, &key))
		return use_mapped(c, error);
	status = prepare(c, &key, weights, error);
	if (!status)
		sc_prepared_file_keep(cache, &key, c->memory.base);
	return status;
}

static enum sc_status open_classifier(struct sc_classifier *c, const char *path, const struct sc_classifier_options *options,
				      struct sc_error *error)
{
	char *weights = NULL;
	enum sc_status status = sc_model_open(&c->model, &weights, options->model, options->model_options, path, error);
	if (!status)
		status = sc_engine_init(&c->engine, &options->compute, error);
	c->engine.packing_batch = options->batch; /* of both plans */
	if (!status)
		status = sc_plan_layout(&c->single_plan, c->model, &c->engine, SC_MODE_INFER, 1, error);
	if (!status && options->batch != 0 && options->batch != 1)
		status = sc_plan_layout(&c->batch_plan, c->model, &c->engine, SC_MODE_INFER, options->batch, error);
	if (!status)
		status = make_ready(c, weights, options->cache, error);
	free(weights);
	return status;
}

enum sc_status sc_classifier_open(struct sc_classifier **out, const char *path, const struct sc_classifier_options *options,
				  struct sc_error *error)
{
	const struct sc_classifier_options defaults = {0};
	struct sc_classifier *c = sc_allocate(1, sizeof(*c));
	if (!c)
		return sc_fail_memory(error, sizeof(*c), "a classifier");
	enum sc_status status = open_classifier(c, path, options ? options : &defaults, error);
	if (status)
		sc_classifier_destroy(c);
	else
		*out = c;
	return status;
}

void sc_classifier_destroy(struct sc_classifier *c)
{
	if (!c)
		return;
	sc_plan_destroy(c->batch_plan);
	sc_plan_destroy(c->single_plan);
	sc_engine_release(&c->engine);
	sc_arena_release(&c->memory);
	sc_prepared_file_release(&c->prepared);
	sc_model_destroy(c->model);
	free(c);
}

enum sc_status sc_classifier_predict(struct sc_classifier *c, const struct sc_image *images, int64_t count, float *probabilities,
				     struct sc_error *error)
{
	enum sc_status status = sc_predict_check(c->model, images, count, error);
	if (status)
		return status;
	int64_t batch = c->batch_plan ? sc_plan_batch(c->batch_plan) : 1, together = count - count % batch;
	if (c->batch_plan)
		sc_predict_run(c->batch_plan, images, together, probabilities);
	else
		together = 0;
	sc_predict_run(c->single_plan, images + together, count - together, probabilities + together * c->model->classes);
	return SC_OK;
}

const struct sc_model *sc_classifier_model(const struct sc_classifier *c)
{
	return c->model;
}

bool sc_classifier_is_mapped(const struct sc_classifier *c)
{
	return c->prepared.weights != NULL;
}
