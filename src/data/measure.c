/* measure.c - mean and deviation of a data set's pixels, channel by channel. */
#include "base/exact.h"
#include "data/data.h"

#include <math.h>

static double round_to_four_digits(double value)
{
	return floor(value * 1e4 + 0.5) / 1e4;
}

void sc_data_measure_pixels(const struct sc_data *data, struct sc_preprocess *preprocess)
{
	int64_t channels = data->channels, pixels = data->count * data->height * data->width;
	uint64_t sums[SC_MAX_CHANNELS] = {0}, squares[SC_MAX_CHANNELS] = {0}; /* exact, whatever the order */

	for (int64_t p = 0; p < pixels; p++)
		for (int64_t c = 0; c < channels; c++) {
			uint64_t pixel = data->pixels[p * channels + c];
			sums[c] += pixel;
			squares[c] += pixel * pixel;
		}
	for (int64_t c = 0; c < channels; c++) {
		double mean = (double)sums[c] / (double)pixels;
		double variance = (double)squares[c] / (double)pixels - mean * mean;
		double deviation = variance > 0 ? round_to_four_digits(sc_square_root(variance) / 255) : 0;
		preprocess->mean[c] = (float)round_to_four_digits(mean / 255);
		preprocess->deviation[c] = deviation > 0 ? (float)deviation : 1; /* all pixels equal */
	}
}
