/* engine.c - an engine: kernels and threads. */
#include "engine/plan.h"

enum sc_status sc_engine_init(struct sc_engine *engine, const struct sc_compute *compute, struct sc_error *error)
{
	const struct sc_compute defaults = {0};
	struct sc_engine made = {0};
	if (!compute)
		compute = &defaults;
	if (compute->convolution < SC_CONVOLUTION_AUTO || compute->convolution > SC_CONVOLUTION_WINOGRAD)
		return sc_fail(error, SC_ERROR_ARGUMENT, "convolution", -1,
			       "convolution: expected auto, direct or winograd, found %d", (int)compute->convolution);
	made.convolution = compute->convolution;
	made.no_fuse = compute->no_fuse;
	enum sc_status status = sc_kernels_choose(&made.kernels, compute->instruction_set, error);
	if (!status)
		status = sc_pool_create(&made.pool, compute->threads, error);
	if (!status)
		*engine = made;
	return status;
}

void sc_engine_release(struct sc_engine *engine)
{
	sc_pool_destroy(engine->pool);
	*engine = (struct sc_engine){0};
}
