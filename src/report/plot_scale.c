/* plot_scale.c - which numbers an axis shows: see plot.h. */
#include "report/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not below `least`. */
static double round_step(double least)
{
	static const double factors[] = {1, 2, 2.5, 5, 10};
	double power = pow(10, floor(log10(least)));
	for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
		if (factors[i] * power >= least * (1 - 1e-9))
			return factors[i] * power;
	return 10 * power;
}

static void add_ticks(struct sc_scale *scale, double first, double last, double step)
{
	int count = (int)floor((last - first) / step + 1.5); /* both ends are ticks, up to rounding */
	for (int i = 0; i < count && scale->tick_count < SC_MOST_TICKS; i++) {
		double tick = first + i * step;
		scale->ticks[scale->tick_count++] = fabs(tick) < step * 1e-9 ? 0 : tick;
	}
}

static struct sc_scale make_linear(double low, double high, int wanted)
{
	struct sc_scale scale = {0};
	double step = round_step((high - low) / wanted);
	scale.low = step * floor(low / step + 1e-9);
	scale.high = step * ceil(high / step - 1e-9);
	add_ticks(&scale, scale.low, scale.high, step);
	return scale;
}

/* Powers of ten, so many decades apart that the ticks find room. */
static struct sc_scale make_log(double low, double high, int wanted)
{
	struct sc_scale scale = {.log = true};
	double first = floor(log10(low) + 1e-9), last = ceil(log10(high) - 1e-9);
	if (last <= first)
		last = first + 1;
	double step = ceil((last - first) / wanted);
	last = first + step * ceil((last - first) / step);
	scale.low = pow(10, first);
	scale.high = pow(10, last);
	for (double decade = first; decade <= last + 0.5 && scale.tick_count < SC_MOST_TICKS; decade += step)
		scale.ticks[scale.tick_count++] = pow(10, decade);
	return scale;
}

struct sc_scale sc_scale_make(double low, double high, bool log, int wanted)
{
	bool shown = isfinite(low) && isfinite(high) && low <= high && (!log || low > 0);
	if (!shown)
		low = log ? 0.1 : 0, high = 1;
	if (log)
		return make_log(low, high, wanted);
	double least = fmax(fabs(low), fabs(high)) * 1e-6;
	if (high - low <= least) /* one value: some room around it */
		low -= low != 0 ? fabs(low) / 2 : 0, high += high != 0 ? fabs(high) / 2 : 1;
	return make_linear(low, high, wanted);
}

struct sc_scale sc_scale_make_whole(double low, double high, int wanted)
{
	if (!isfinite(low) || !isfinite(high) || low > high)
		low = 0, high = 1;
	if (high - low < 1)
		high = low + 1;
	double step = round_step(fmax(1, (high - low) / wanted));
	if (step != floor(step)) /* 2.5 */
		step *= 2;
	struct sc_scale scale = {.low = low, .high = high};
	for (double tick = step * ceil(low / step); tick <= high && scale.tick_count < SC_MOST_TICKS; tick += step)
		scale.ticks[scale.tick_count++] = tick;
	return scale;
}

double sc_scale_place(const struct sc_scale *scale, double value)
{
	if (scale->log)
		return log(value / scale->low) / log(scale->high / scale->low);
	return (value - scale->low) / (scale->high - scale->low);
}

static const char *power_text(char text[SC_TICK_SIZE], int power)
{
	static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
	char plain[16];
	size_t length = (size_t)snprintf(text, SC_TICK_SIZE, "10%s", power < 0 ? "⁻" : "");
	snprintf(plain, sizeof plain, "%d", power < 0 ? -power : power);
	for (const char *c = plain; *c && length < SC_TICK_SIZE; c++)
		length += (size_t)snprintf(text + length, SC_TICK_SIZE - length, "%s", digits[*c - '0']);
	return text;
}

const char *sc_scale_tick_text(char text[SC_TICK_SIZE], const struct sc_scale *scale, int tick)
{
	double value = scale->ticks[tick];
	int power = (int)lround(scale->log ? log10(value) : 0);
	if (scale->log && (power < -2 || power > 3))
		return power_text(text, power);
	snprintf(text, SC_TICK_SIZE, "%.6g", value);
	return text;
}
