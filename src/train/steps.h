/* steps.h - steps.csv of a run: a row a step, held in memory until a checkpoint is written, so that file and checkpoint agree. */
#ifndef SC_TRAIN_STEPS_H
#define SC_TRAIN_STEPS_H

#include "io/append.h"

struct sc_step_row {
	int64_t step, epoch;
	double loss, accuracy, learning_rate, seconds;
};

struct sc_steps {
	struct sc_append file;
	struct sc_step_row *rows; /* [capacity]: not written yet */
	int64_t count, capacity;
	int64_t between; /* the most steps from one save to the next */
};

/* RUN/steps.csv with the rows of an older one up to step `last`; last 0: with none. between: see above. */
enum sc_status sc_steps_init(struct sc_steps *steps, const char *run, int64_t last, int64_t between, struct sc_error *error);
void sc_steps_release(struct sc_steps *steps);
void sc_steps_add(struct sc_steps *steps, const struct sc_step_row *row); /* allocates nothing, cannot fail */
/* Puts the rows on the disk; those that could not be put there are kept for the next time, beside which the rows up to then need room.
 */
enum sc_status sc_steps_save(struct sc_steps *steps, struct sc_error *error);
enum sc_status sc_steps_make_room(struct sc_steps *steps, struct sc_error *error);

#endif
