/* finish.h - how a convolution's result is made of its sum: plus bias, plus an addend (what is there already, or the block's
 * shortcut), rectified. Branches on that for each vector of a tile would take as long as ten steps of its chain, so the usual ways
 * are compiled each by itself. */
#ifndef SC_ENGINE_CPU_FINISH_H
#define SC_ENGINE_CPU_FINISH_H

#include <stdbool.h>

#include "engine/cpu/lanes.h"

struct finish {
	bool bias, addend, relu;
};

/* run(given), with constants for what training (the sum, or added to what is there) and prediction ask for. */
#define RUN_FINISH(run, given)                                                                                                     \
	do {                                                                                                                       \
		if (!(given).bias && !(given).addend && !(given).relu)                                                             \
			run(((struct finish){false, false, false}));                                                               \
		else if (!(given).bias && (given).addend && !(given).relu)                                                         \
			run(((struct finish){false, true, false}));                                                                \
		else if ((given).bias && !(given).addend && (given).relu)                                                          \
			run(((struct finish){true, false, true}));                                                                 \
		else if ((given).bias && (given).addend && (given).relu)                                                           \
			run(((struct finish){true, true, true}));                                                                  \
		else                                                                                                               \
			run(given);                                                                                                \
	} while (0)

/* The sum with what is added to it; rectified, it is finished. `bias` and `addend` are read where the finish has them: whole vectors
 * of the bias, `count` numbers of the addend. */
SC_INLINE lanes added_first(lanes sum, const struct finish f, const float *bias, const float *addend, int count)
{
	if (f.bias)
		sum = lanes_add(sum, lanes_load(bias));
	if (f.addend)
		sum = lanes_add(sum, count == LANES ? lanes_load(addend) : lanes_load_first(addend, count));
	return sum;
}

SC_INLINE lanes rectified(lanes sum, const struct finish f)
{
	return f.relu ? lanes_rectify(sum) : sum;
}

SC_INLINE lanes finished(lanes sum, const struct finish f, const float *bias, const float *addend)
{
	return rectified(added_first(sum, f, bias, addend, LANES), f);
}

#endif
