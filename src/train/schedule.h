/* schedule.h - the learning rate of a step: a pure function. */
#ifndef SC_TRAIN_SCHEDULE_H
#define SC_TRAIN_SCHEDULE_H

#include "shortcut.h"

/* step: from 0. Computed in double, rounded to float once. With W warm-up steps, T steps in all, t = (step - W) / (T - W):
 *   step < W   peak (step + 1) / W                                     (the first step already learns)
 *   constant   peak
 *   step       peak step_factor^floor(epoch / step_epochs)             (torch.optim.lr_scheduler.StepLR)
 *   cosine     final + (peak - final) (1 + cos(pi t)) / 2              (I. Loshchilov, F. Hutter: "SGDR", 2017; CosineAnnealingLR)
 *   linear     peak + (final - peak) t                                 (torch.optim.lr_scheduler.LinearLR) */
float sc_scheduled_learning_rate(const struct sc_schedule *schedule, float peak, int64_t step, int64_t steps_per_epoch,
				 int64_t epochs);

#endif
