/* non_finite.c - what becomes of a step in which a number was not finite. It has not changed the model yet. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "train/optimizer.h"
#include "train/session.h"

static const char *name_of(float value)
{
	return isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

struct words {
	char subject[192], text[512];
};

/* Which number it was: the step is computed again, with a look at each result. overflow: the parameter that the update, all else
 * being finite, would have made infinite, or NULL. */
static struct words describe(struct sc_session *s, const char *overflow)
{
	struct words w;
	int64_t images;
	struct sc_non_finite found;
	struct sc_plan *plan = sc_session_fill_batch(s, &images);
	int written = snprintf(w.text, sizeof(w.text), "epoch %" PRId64 ", step %" PRId64 " (step %" PRId64 " in all), learning rate %g: ",
			       s->at.epochs + 1, s->at.epoch_step + 1, s->at.step + 1, (double)s->event.learning_rate);
	char *text = w.text + written;
	size_t room = sizeof(w.text) - (size_t)written;
	if (overflow) {
		snprintf(w.subject, sizeof(w.subject), "%s", overflow);
		snprintf(text, room, "%s: the update would make it infinite", overflow);
	} else if (!sc_plan_find_non_finite(plan, &found)) {
		snprintf(w.subject, sizeof(w.subject), "the step");
		snprintf(text, room, "a number was not finite, but all were when the step was computed again: is the memory or the processor faulty?");
	} else {
		bool at_image = found.image >= 0 && found.image < images;
		char where[96] = "";
		if (at_image)
			snprintf(where, sizeof(where), ", first at image %" PRId64 " of the batch, sample %" PRId64, found.image + 1,
				 s->batch[found.image]);
		snprintf(w.subject, sizeof(w.subject), "%s", found.layer);
		snprintf(text, room, "%s: %s is not finite (%s)%s", found.layer, found.tensor, name_of(found.value), where);
	}
	return w;
}

static enum sc_status stop(const struct words *w, const char *why, int64_t count, struct sc_error *error)
{
	char reason[96] = "";
	if (why)
		snprintf(reason, sizeof(reason), "; %" PRId64 " %s", count, why);
	return sc_fail(error, SC_ERROR_NON_FINITE, w->subject, -1, "%s; no weight was changed by this step%s", w->text, reason);
}

enum sc_status sc_session_non_finite(struct sc_session *s, const char *overflow, bool *skip, struct sc_error *error)
{
	struct words w = describe(s, overflow);
	int64_t limit = s->options.non_finite_limit;
	*skip = false;
	switch (s->options.on_non_finite) {
	case SC_NON_FINITE_STOP:
		break;
	case SC_NON_FINITE_SKIP:
		if (s->at.skipped >= limit)
			return stop(&w, "steps in a row were skipped before it", s->at.skipped, error);
		sc_log_line(SC_LOG_WARNING, "%s; the step is skipped", w.text);
		*skip = true;
		return SC_OK;
	case SC_NON_FINITE_ROLLBACK:
		if (s->rollbacks >= limit)
			return stop(&w, "rollbacks to the same checkpoint were tried before it", s->rollbacks, error);
		sc_log_line(SC_LOG_WARNING, "%s; going back to the last checkpoint, with half the learning rate", w.text);
		return sc_session_go_back(s, error);
	}
	return stop(&w, NULL, 0, error);
}
