/* schedule.c - the learning rate of a step: see schedule.h for the formulas. */
#include "train/schedule.h"

#include "base/exact.h"

float sc_scheduled_learning_rate(const struct sc_schedule *schedule, float peak, int64_t step, int64_t steps_per_epoch,
				 int64_t epochs)
{
	int64_t total = steps_per_epoch * epochs;
	int64_t warmup = (int64_t)((double)schedule->warmup_epochs * (double)steps_per_epoch);
	double high = (double)peak, low = (double)schedule->final_learning_rate;
	if (step < warmup)
		return (float)(high * (double)(step + 1) / (double)warmup);
	double progress = total > warmup ? (double)(step - warmup) / (double)(total - warmup) : 0;
	switch (schedule->kind) {
	case SC_SCHEDULE_STEP: {
		int64_t drops = step / steps_per_epoch / (schedule->step_epochs ? schedule->step_epochs : 30);
		double factor = schedule->step_factor != 0 ? (double)schedule->step_factor : 0.1;
		for (int64_t i = 0; i < drops; i++)
			high *= factor;
		return (float)high;
	}
	case SC_SCHEDULE_COSINE:
		return (float)(low + (high - low) * (1 + sc_cos_turns(progress / 2)) / 2);
	case SC_SCHEDULE_LINEAR:
		return (float)(high + (low - high) * progress);
	case SC_SCHEDULE_CONSTANT:
		break;
	}
	return peak;
}
