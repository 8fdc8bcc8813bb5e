/* random.c - Philox4x32-10 and the distributions made of it.
 *
 * Streams of numbers for training, not for secrets. A stream holds 2^34 numbers before it repeats. */
#include "base/random.h"

#include "base/exact.h"

#define ROUNDS 10

/* The paper's multipliers, and what the key grows by each round (golden ratio, square root of 3). */
#define MULTIPLIER_0 UINT64_C(0xd2511f53)
#define MULTIPLIER_1 UINT64_C(0xcd9e8d57)
#define KEY_STEP_0   UINT32_C(0x9e3779b9)
#define KEY_STEP_1   UINT32_C(0xbb67ae85)

void sc_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
	uint32_t k0 = key[0], k1 = key[1];
	uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t left = MULTIPLIER_0 * x0, right = MULTIPLIER_1 * x2;
		x0 = (uint32_t)(right >> 32) ^ x1 ^ k0;
		x1 = (uint32_t)right;
		x2 = (uint32_t)(left >> 32) ^ x3 ^ k1;
		x3 = (uint32_t)left;
		k0 += KEY_STEP_0;
		k1 += KEY_STEP_1;
	}
	out[0] = x0;
	out[1] = x1;
	out[2] = x2;
	out[3] = x3;
}

struct sc_random sc_random_stream(uint64_t seed, enum sc_purpose purpose, uint32_t epoch, uint64_t sample)
{
	return (struct sc_random){.seed = seed, .purpose = (uint32_t)purpose, .epoch = epoch, .sample = sample, .used = 4};
}

uint32_t sc_random_u32(struct sc_random *random)
{
	if (random->used == 4) {
		const uint32_t key[2] = {(uint32_t)random->seed, (uint32_t)(random->seed >> 32)};
		const uint32_t counter[4] = {(uint32_t)random->counter, (uint32_t)random->sample, random->epoch,
					     random->purpose | (uint32_t)(random->sample >> 32) << 8};
		sc_philox(key, counter, random->block);
		random->counter++;
		random->used = 0;
	}
	return random->block[random->used++];
}

/* Two numbers: the first is the low half. */
static uint64_t next_u64(struct sc_random *random)
{
	uint64_t low = sc_random_u32(random);
	return low | (uint64_t)sc_random_u32(random) << 32;
}

__extension__ typedef unsigned __int128 wide;

/* Lemire, "Fast random integer generation in an interval" (2019): the high half of a product, rejecting the few low halves
 * that would favour some results. */
uint64_t sc_random_below(struct sc_random *random, uint64_t bound)
{
	wide product = (wide)next_u64(random) * bound;
	if ((uint64_t)product < bound) {
		uint64_t rejected = (0 - bound) % bound; /* 2^64 mod bound */
		while ((uint64_t)product < rejected)
			product = (wide)next_u64(random) * bound;
	}
	return (uint64_t)(product >> 64);
}

float sc_random_uniform(struct sc_random *random)
{
	return (float)(sc_random_u32(random) >> 8) * 0x1p-24f;
}

double sc_random_normal(struct sc_random *random)
{
	double radius_draw = ((double)sc_random_u32(random) + 1.0) * 0x1p-32; /* in (0, 1]: its logarithm is finite */
	double turns = (double)sc_random_u32(random) * 0x1p-32;
	return sc_square_root(-2.0 * sc_log(radius_draw)) * sc_cos_turns(turns);
}

void sc_random_shuffle(struct sc_random *random, int64_t *values, int64_t count)
{
	for (int64_t last = count - 1; last > 0; last--) {
		int64_t chosen = (int64_t)sc_random_below(random, (uint64_t)last + 1);
		int64_t value = values[last];
		values[last] = values[chosen];
		values[chosen] = value;
	}
}
