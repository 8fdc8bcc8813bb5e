/* loss.c - softmax and cross-entropy, in double with our own exp and log: the same for every instruction set. */
#include <stddef.h>

#include "base/exact.h"
#include "engine/kernels.h"

/* loss = log(sum exp(s - max)) - (s_label - max); probability = exp(s - max) / sum; each sum one chain over the classes. */
struct sc_score sc_softmax_cross_entropy(int64_t mb, int64_t classes, const float *scores, const int32_t *labels,
					 float *probabilities, float *diff_scores)
{
	struct sc_score score = {.count = mb};
	for (int64_t n = 0; n < mb; n++) {
		const float *s = scores + n * classes;
		int64_t best = 0;
		for (int64_t c = 1; c < classes; c++)
			if (s[c] > s[best])
				best = c;
		double sum = 0;
		for (int64_t c = 0; c < classes; c++)
			sum += sc_exp((double)s[c] - (double)s[best]);
		for (int64_t c = 0; c < classes; c++) {
			double probability = sc_exp((double)s[c] - (double)s[best]) / sum;
			if (probabilities)
				probabilities[n * classes + c] = (float)probability;
			if (diff_scores)
				diff_scores[n * classes + c] = (float)((probability - (c == labels[n] ? 1 : 0)) / (double)mb);
		}
		if (labels) {
			score.loss += sc_log(sum) - ((double)s[labels[n]] - (double)s[best]);
			score.correct += best == labels[n];
		}
	}
	score.loss /= (double)mb;
	score.accuracy = (double)score.correct / (double)mb;
	return score;
}
