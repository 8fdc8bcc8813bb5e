/* random.h - Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Every random number is a pure function of (seed, purpose, epoch, sample, counter): no state to save, no order to keep. */
#ifndef SC_BASE_RANDOM_H
#define SC_BASE_RANDOM_H

#include <stdint.h>

/* What a number is for: streams of different purposes never meet. Append only: the numbers are part of the bit contract. */
enum sc_purpose {
	SC_PURPOSE_INITIALISE = 1, /* sample: index of the tensor */
	SC_PURPOSE_SHUFFLE = 2,    /* the order of samples in an epoch */
	SC_PURPOSE_TAKE = 3,       /* which samples a sub-sample keeps */
	SC_PURPOSE_SPLIT = 4,
	SC_PURPOSE_AUGMENT = 5
};

struct sc_random {
	uint64_t seed;
	uint32_t purpose, epoch;
	uint64_t sample;
	uint64_t counter; /* of blocks of four numbers */
	uint32_t block[4];
	int used; /* of block; 4: empty */
};

/* The bare function: key (2 words), counter (4 words) -> 4 words. Known answer for zeros: 6627e8d5 e169c58d bc57ac4c 9b00dbd8. */
void sc_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* A stream. Key: the seed. Counter words: counter (low 32), sample (low 32), epoch, purpose | high bits of sample << 8. */
struct sc_random sc_random_stream(uint64_t seed, enum sc_purpose purpose, uint32_t epoch, uint64_t sample);
uint32_t sc_random_u32(struct sc_random *random);
/* Uniform in [0, bound), without bias (Lemire's rejection); bound >= 1. */
uint64_t sc_random_below(struct sc_random *random, uint64_t bound);
/* Uniform in [0, 1) with 24 bits. */
float sc_random_uniform(struct sc_random *random);
/* Standard normal by Box-Muller, in double, with sc_log and sc_cos; takes two numbers a call. */
double sc_random_normal(struct sc_random *random);
/* Fisher-Yates: values[0..count) becomes a random permutation of itself. */
void sc_random_shuffle(struct sc_random *random, int64_t *values, int64_t count);

#endif
