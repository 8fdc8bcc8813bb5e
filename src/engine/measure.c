/* measure.c - the machine's multiply-add peak and each different convolution of a model, pass by pass, in one run. */
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/schedule.h"

struct bench {
	const struct sc_engine *engine;
	double seconds, peak;
	sc_bench_callback callback;
	void *user;
	struct sc_convolution c;
	float *src, *weights, *packed, *dst; /* one convolution's tensors, in one arena with the workspace */
	void *workspace;
};

/* ---- Peak
 * ------------------------------------------------------------------------------------------------------------------------- */

struct peak_work {
	const struct sc_kernels *kernels;
	int64_t repetitions, flops;
};

static void peak_unit(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	struct peak_work *w = context;
	for (int64_t i = begin; i < end; i++) {
		int64_t flops = w->kernels->fma_peak(w->repetitions);
		if (i == 0)
			w->flops = flops;
	}
}

/* Best rate of a few rounds, in each of which every thread does the same work. */
static double measure_peak(const struct sc_engine *engine)
{
	struct peak_work w = {engine->kernels, 100000, 0};
	int threads = sc_pool_threads(engine->pool);
	double best = 0, start = sc_clock(), last = start;
	for (int round = 0; round < 200 && last - start < 0.5; round++) {
		double before = sc_clock();
		sc_pool_run(engine->pool, peak_unit, &w, threads, 1);
		last = sc_clock();
		double rate = (double)w.flops * threads / (last - before);
		if (rate > best)
			best = rate;
		if (last - before < 0.01)
			w.repetitions *= 2;
	}
	return best;
}

/* ---- Convolutions
 * --------------------------------------------------------------------------------------------------------------------- */

static void run_pass(const struct bench *b, enum pass pass)
{
	const struct sc_kernels *k = b->engine->kernels;
	if (pass == PASS_FORWARD) {
		const struct sc_convolution_forward t = {.src = b->src, .packed = b->packed, .dst = b->dst};
		k->convolution_pack(&b->c, b->weights, b->packed, b->engine->pool);
		k->convolution_forward(&b->c, &t, b->workspace, b->engine->pool);
	} else if (pass == PASS_BACKWARD_DATA)
		k->convolution_backward_data(&b->c, b->dst, b->weights, b->src, false, b->workspace, b->engine->pool);
	else
		k->convolution_backward_weights(&b->c, b->src, b->dst, b->weights, NULL, b->workspace, b->engine->pool);
}

static void fill(float *numbers, int64_t count)
{
	struct sc_random random = sc_random_stream(1, SC_PURPOSE_INITIALISE, 0, 0);
	for (int64_t i = 0; i < count; i++)
		numbers[i] = sc_random_uniform(&random) - 0.5f;
}

static void measure_pass(const struct bench *b, const char *layer, enum pass pass, const char *name)
{
	const struct sc_convolution *c = &b->c;
	struct sc_bench_row row = {.layer = layer, .pass = name};
	row.flops = 2 * c->mb * c->oh * c->ow * sc_weight_count(c);
	fill(b->src, c->mb * c->ih * c->iw * c->ic); /* each pass writes one of the three: fresh numbers keep them tame */
	fill(b->weights, sc_weight_count(c));
	fill(b->dst, c->mb * c->oh * c->ow * c->oc);
	double start = sc_clock(), before, after;
	run_pass(b, pass);
	do {
		before = sc_clock();
		run_pass(b, pass);
		after = sc_clock();
		if (row.seconds == 0 || after - before < row.seconds)
			row.seconds = after - before;
	} while (after - start < b->seconds);
	row.share_of_peak = (double)row.flops / row.seconds / b->peak;
	b->callback(b->user, &row);
}

static int64_t largest(int64_t a, int64_t b, int64_t c)
{
	int64_t most = a > b ? a : b;
	return most > c ? most : c;
}

static enum sc_status measure_layer(struct bench *b, bool first, struct sc_error *error)
{
	const struct sc_convolution *c = &b->c;
	const struct sc_kernels *k = b->engine->kernels;
	int threads = sc_pool_threads(b->engine->pool);
	int64_t src = sc_round_up(c->mb * c->ih * c->iw * c->ic, 16), weights = sc_round_up(sc_weight_count(c), 16);
	int64_t dst = sc_round_up(c->mb * c->oh * c->ow * c->oc, 16);
	int64_t packed = sc_round_up(k->convolution_packed_bytes(c), SC_ALIGNMENT) / (int64_t)sizeof(float);
	int64_t workspace =
		largest(k->convolution_forward_workspace(c, threads), k->convolution_backward_data_workspace(c, threads),
			k->convolution_backward_weights_workspace(c, threads));
	struct sc_arena arena;
	enum sc_status status =
		sc_arena_init(&arena, (src + weights + packed + dst) * (int64_t)sizeof(float) + workspace, "a measurement", error);
	if (status)
		return status;
	b->src = arena.base, b->weights = b->src + src, b->packed = b->weights + weights, b->dst = b->packed + packed,
	b->workspace = b->dst + dst;
	char layer[96];
	snprintf(layer, sizeof(layer), "%lldx%lld/%lld %lldx%lldx%lld->%lld", (long long)c->kh, (long long)c->kw,
		 (long long)c->stride_h, (long long)c->ih, (long long)c->iw, (long long)c->ic, (long long)c->oc);
	measure_pass(b, layer, PASS_FORWARD, "forward");
	if (!first) /* nobody asks for the gradient of the images */
		measure_pass(b, layer, PASS_BACKWARD_DATA, "backward-data");
	measure_pass(b, layer, PASS_BACKWARD_WEIGHTS, "backward-weights");
	sc_arena_release(&arena);
	return SC_OK;
}

static bool same(const struct sc_convolution *a, const struct sc_convolution *b)
{
	return memcmp(a, b, offsetof(struct sc_convolution, winograd)) == 0 && a->winograd == b->winograd;
}

/* Whether an earlier node poses the same problem. */
static bool seen_before(const struct sc_plan *plan, int node)
{
	struct sc_convolution c = node_convolution(plan, node);
	for (int i = 1; i < node; i++) {
		if (!is_convolution(&plan->model->nodes[i]))
			continue;
		struct sc_convolution other = node_convolution(plan, i);
		if (same(&c, &other))
			return true;
	}
	return false;
}

static enum sc_status measure_model(struct bench *b, const struct sc_plan *plan, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	for (int i = 1; i < plan->model->node_count && !status; i++)
		if (is_convolution(&plan->model->nodes[i]) && !seen_before(plan, i)) {
			b->c = node_convolution(plan, i);
			status = measure_layer(b, plan->model->nodes[i].inputs[0] == 0, error);
		}
	return status;
}

enum sc_status sc_bench_layers(const struct sc_model *model, const struct sc_bench_options *options, double *peak,
			       sc_bench_callback callback, void *user, struct sc_error *error)
{
	const struct sc_bench_options defaults = {0};
	if (!options)
		options = &defaults;
	struct sc_engine engine;
	struct sc_plan *plan = NULL;
	enum sc_status status = sc_engine_init(&engine, &options->compute, error);
	if (status)
		return status;
	/* The plan is only asked for shapes: it gets no memory and leaves the model alone. */
	status = sc_plan_layout(&plan, (struct sc_model *)(uintptr_t)model, &engine, SC_MODE_INFER,
				options->batch ? options->batch : 16, error);
	if (!status) {
		struct bench b = {.engine = &engine,
				  .seconds = options->seconds > 0 ? options->seconds : 0.3,
				  .callback = callback,
				  .user = user};
		b.peak = *peak = measure_peak(&engine);
		status = measure_model(&b, plan, error);
	}
	sc_plan_destroy(plan);
	sc_engine_release(&engine);
	return status;
}
