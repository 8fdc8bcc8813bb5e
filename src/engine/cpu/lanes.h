/* lanes.h - the few vector operations that the kernels need, one set for each instruction set.
 *
 * Lanes run along channels, never along a sum, so the number of lanes changes no bits. Every operation is the IEEE one on each
 * lane; lanes_fma rounds once, also where the processor has no such instruction (SSE2: through double and round-to-odd);
 * lanes_rectify makes 0 of what is below 0, and leaves NaN and -0 as they are.
 *
 * A file of this folder is compiled once for each instruction set, with SC_ISA set to its name: SC_CPU(name) gives each copy of a
 * function a name of its own. */
#ifndef SC_ENGINE_CPU_LANES_H
#define SC_ENGINE_CPU_LANES_H

#include <stdint.h>

#define SC_CPU_PASTE(isa, name)  sc_cpu_##isa##_##name
#define SC_CPU_EXPAND(isa, name) SC_CPU_PASTE(isa, name)
#define SC_CPU(name)             SC_CPU_EXPAND(SC_ISA, name)

/* Inlined everywhere: constant arguments choose what is compiled. Coverage and analysers look at each function once, whoever calls it
 * with whatever constants. */
#ifdef SC_NO_INLINE
#define SC_INLINE static __attribute__((noinline, unused))
#else
#define SC_INLINE static inline __attribute__((always_inline))
#endif

/* VECTORS * LANES output channels make a block; TILE_PIXELS x VECTORS accumulators, a block of weights and one broadcast fill the
 * vector registers of the instruction set. */
#if defined(SC_ISA_AVX512)

#include <immintrin.h>
typedef __m512 lanes;
#define LANES       16
#define VECTORS     2
#define TILE_PIXELS 14
SC_INLINE lanes lanes_zero(void)
{
	return _mm512_setzero_ps();
}
SC_INLINE lanes lanes_load(const float *p)
{
	return _mm512_loadu_ps(p);
}
SC_INLINE void lanes_store(float *p, lanes a)
{
	_mm512_storeu_ps(p, a);
}
/* The first `count` (0 to LANES) numbers; the other lanes are 0, and their memory is not touched. */
SC_INLINE lanes lanes_load_first(const float *p, int count)
{
	return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}
SC_INLINE void lanes_store_first(float *p, lanes a, int count)
{
	_mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), a);
}
SC_INLINE lanes lanes_broadcast(float x)
{
	return _mm512_set1_ps(x);
}
SC_INLINE lanes lanes_add(lanes a, lanes b)
{
	return _mm512_add_ps(a, b);
}
SC_INLINE lanes lanes_subtract(lanes a, lanes b)
{
	return _mm512_sub_ps(a, b);
}
SC_INLINE lanes lanes_multiply(lanes a, lanes b)
{
	return _mm512_mul_ps(a, b);
}
SC_INLINE lanes lanes_fma(lanes a, lanes b, lanes c)
{
	return _mm512_fmadd_ps(a, b, c);
}
SC_INLINE lanes lanes_rectify(lanes a)
{
	return _mm512_max_ps(_mm512_setzero_ps(), a);
}
/* Where `value` is greater than `best`, or not a number, it and `mark` take the places of `best` and `holder`. */
SC_INLINE void lanes_contend(lanes value, lanes mark, lanes *best, lanes *holder)
{
	__mmask16 wins = _mm512_cmp_ps_mask(value, *best, _CMP_GT_OQ) | _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
	*best = _mm512_mask_mov_ps(*best, wins, value);
	*holder = _mm512_mask_mov_ps(*holder, wins, mark);
}
/* Numbers of lanes; and lane i of the result is lane `from`[i] + shift of `a`. */
typedef __m512i lane_numbers;
SC_INLINE lane_numbers lane_numbers_load(const int32_t *p)
{
	return _mm512_loadu_si512(p);
}
SC_INLINE lanes lanes_permute(lanes a, lane_numbers from, int shift)
{
	return _mm512_permutexvar_ps(_mm512_add_epi32(from, _mm512_set1_epi32(shift)), a);
}

#elif defined(SC_ISA_AVX2)

#include <immintrin.h>
typedef __m256 lanes;
#define LANES       8
#define VECTORS     2
#define TILE_PIXELS 6
SC_INLINE lanes lanes_zero(void)
{
	return _mm256_setzero_ps();
}
SC_INLINE lanes lanes_load(const float *p)
{
	return _mm256_loadu_ps(p);
}
SC_INLINE void lanes_store(float *p, lanes a)
{
	_mm256_storeu_ps(p, a);
}
SC_INLINE __m256i first_lanes(int count)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SC_INLINE lanes lanes_load_first(const float *p, int count)
{
	return _mm256_maskload_ps(p, first_lanes(count));
}
SC_INLINE void lanes_store_first(float *p, lanes a, int count)
{
	_mm256_maskstore_ps(p, first_lanes(count), a);
}
SC_INLINE lanes lanes_broadcast(float x)
{
	return _mm256_set1_ps(x);
}
SC_INLINE lanes lanes_add(lanes a, lanes b)
{
	return _mm256_add_ps(a, b);
}
SC_INLINE lanes lanes_subtract(lanes a, lanes b)
{
	return _mm256_sub_ps(a, b);
}
SC_INLINE lanes lanes_multiply(lanes a, lanes b)
{
	return _mm256_mul_ps(a, b);
}
SC_INLINE lanes lanes_fma(lanes a, lanes b, lanes c)
{
	return _mm256_fmadd_ps(a, b, c);
}
SC_INLINE lanes lanes_rectify(lanes a)
{
	return _mm256_max_ps(_mm256_setzero_ps(), a);
}
SC_INLINE void lanes_contend(lanes value, lanes mark, lanes *best, lanes *holder)
{
	lanes wins = _mm256_or_ps(_mm256_cmp_ps(value, *best, _CMP_GT_OQ), _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
	*best = _mm256_blendv_ps(*best, value, wins);
	*holder = _mm256_blendv_ps(*holder, mark, wins);
}
typedef __m256i lane_numbers;
SC_INLINE lane_numbers lane_numbers_load(const int32_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
SC_INLINE lanes lanes_permute(lanes a, lane_numbers from, int shift)
{
	return _mm256_permutevar8x32_ps(a, _mm256_add_epi32(from, _mm256_set1_epi32(shift)));
}

#elif defined(SC_ISA_SSE2)

#include <emmintrin.h>
typedef __m128 lanes;
#define LANES       4
#define VECTORS     2
#define TILE_PIXELS 2
SC_INLINE lanes lanes_zero(void)
{
	return _mm_setzero_ps();
}
SC_INLINE lanes lanes_load(const float *p)
{
	return _mm_loadu_ps(p);
}
SC_INLINE void lanes_store(float *p, lanes a)
{
	_mm_storeu_ps(p, a);
}
SC_INLINE lanes lanes_broadcast(float x)
{
	return _mm_set1_ps(x);
}
SC_INLINE lanes lanes_add(lanes a, lanes b)
{
	return _mm_add_ps(a, b);
}
SC_INLINE lanes lanes_subtract(lanes a, lanes b)
{
	return _mm_sub_ps(a, b);
}
SC_INLINE lanes lanes_multiply(lanes a, lanes b)
{
	return _mm_mul_ps(a, b);
}
SC_INLINE lanes lanes_rectify(lanes a)
{
	return _mm_max_ps(_mm_setzero_ps(), a);
}
SC_INLINE lanes chosen(lanes where, lanes a, lanes b)
{
	return _mm_or_ps(_mm_and_ps(where, a), _mm_andnot_ps(where, b));
}
SC_INLINE void lanes_contend(lanes value, lanes mark, lanes *best, lanes *holder)
{
	lanes wins = _mm_or_ps(_mm_cmpgt_ps(value, *best), _mm_cmpunord_ps(value, value));
	*best = chosen(wins, value, *best);
	*holder = chosen(wins, mark, *holder);
}
/* a * b + c of two floats held in doubles, rounded to odd: the product is exact; if the sum is not, the one of its two neighbours
 * with an odd last bit is taken, and then a second rounding to float gives what a single one would have given (S. Boldo, G.
 * Melquiond: "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008). */
SC_INLINE __m128d fma_rounded_to_odd(__m128d a, __m128d b, __m128d c)
{
	const __m128d zero = _mm_setzero_pd();
	const __m128i one = _mm_set1_epi64x(1);
	__m128d product = _mm_mul_pd(a, b);
	__m128d sum = _mm_add_pd(product, c);
	__m128d part = _mm_sub_pd(sum, product);
	__m128d rest = _mm_add_pd(_mm_sub_pd(product, _mm_sub_pd(sum, part)), _mm_sub_pd(c, part));
	__m128d above = _mm_cmpgt_pd(rest, zero), below = _mm_cmplt_pd(rest, zero);
	__m128d positive = _mm_cmpgt_pd(sum, zero), negative = _mm_cmplt_pd(sum, zero);
	__m128d away = _mm_or_pd(_mm_and_pd(above, positive), _mm_and_pd(below, negative));
	__m128d towards = _mm_or_pd(_mm_and_pd(above, negative), _mm_and_pd(below, positive));
	__m128i bits = _mm_castpd_si128(sum);
	__m128i even = _mm_sub_epi64(_mm_and_si128(bits, one), one); /* all ones where the last bit is 0 */
	__m128i step = _mm_and_si128(even, one);
	bits = _mm_add_epi64(bits, _mm_and_si128(step, _mm_castpd_si128(away)));
	bits = _mm_sub_epi64(bits, _mm_and_si128(step, _mm_castpd_si128(towards)));
	return _mm_castsi128_pd(bits);
}
SC_INLINE lanes lanes_fma(lanes a, lanes b, lanes c)
{
	__m128d low = fma_rounded_to_odd(_mm_cvtps_pd(a), _mm_cvtps_pd(b), _mm_cvtps_pd(c));
	__m128d high = fma_rounded_to_odd(_mm_cvtps_pd(_mm_movehl_ps(a, a)), _mm_cvtps_pd(_mm_movehl_ps(b, b)),
					  _mm_cvtps_pd(_mm_movehl_ps(c, c)));
	return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}

#elif defined(SC_ISA_NEON)

#include <arm_neon.h>
typedef float32x4_t lanes;
#define LANES       4
#define VECTORS     4
#define TILE_PIXELS 6
SC_INLINE lanes lanes_zero(void)
{
	return vdupq_n_f32(0);
}
SC_INLINE lanes lanes_load(const float *p)
{
	return vld1q_f32(p);
}
SC_INLINE void lanes_store(float *p, lanes a)
{
	vst1q_f32(p, a);
}
SC_INLINE lanes lanes_broadcast(float x)
{
	return vdupq_n_f32(x);
}
SC_INLINE lanes lanes_add(lanes a, lanes b)
{
	return vaddq_f32(a, b);
}
SC_INLINE lanes lanes_subtract(lanes a, lanes b)
{
	return vsubq_f32(a, b);
}
SC_INLINE lanes lanes_multiply(lanes a, lanes b)
{
	return vmulq_f32(a, b);
}
SC_INLINE lanes lanes_fma(lanes a, lanes b, lanes c)
{
	return vfmaq_f32(c, a, b);
}
SC_INLINE lanes lanes_rectify(lanes a)
{
	return vbslq_f32(vcltq_f32(a, vdupq_n_f32(0)), vdupq_n_f32(0), a);
}
SC_INLINE void lanes_contend(lanes value, lanes mark, lanes *best, lanes *holder)
{
	uint32x4_t wins = vorrq_u32(vcgtq_f32(value, *best), vmvnq_u32(vceqq_f32(value, value)));
	*best = vbslq_f32(wins, value, *best);
	*holder = vbslq_f32(wins, mark, *holder);
}

#else
#error "name the instruction set: -DSC_ISA=... -DSC_ISA_..."
#endif

/* Four numbers of each of four rows, from `begin` on, become columns: to[j * stride + i] = rows[i][begin + j]. */
#if defined(SC_ISA_NEON)
SC_INLINE void transpose_four(const float *const *rows, int64_t begin, float *to, int64_t stride)
{
	const float32x4x2_t a = vtrnq_f32(vld1q_f32(rows[0] + begin), vld1q_f32(rows[1] + begin));
	const float32x4x2_t b = vtrnq_f32(vld1q_f32(rows[2] + begin), vld1q_f32(rows[3] + begin));
	vst1q_f32(to, vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0])));
	vst1q_f32(to + stride, vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1])));
	vst1q_f32(to + 2 * stride, vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0])));
	vst1q_f32(to + 3 * stride, vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1])));
}
#else
SC_INLINE void transpose_four(const float *const *rows, int64_t begin, float *to, int64_t stride)
{
	__m128 a = _mm_loadu_ps(rows[0] + begin), b = _mm_loadu_ps(rows[1] + begin);
	__m128 c = _mm_loadu_ps(rows[2] + begin), d = _mm_loadu_ps(rows[3] + begin);
	_MM_TRANSPOSE4_PS(a, b, c, d);
	_mm_storeu_ps(to, a);
	_mm_storeu_ps(to + stride, b);
	_mm_storeu_ps(to + 2 * stride, c);
	_mm_storeu_ps(to + 3 * stride, d);
}
#endif

#if LANES == 4
SC_INLINE lanes lanes_load_first(const float *p, int count)
{
	float numbers[4] = {0};
	for (int i = 0; i < count; i++)
		numbers[i] = p[i];
	return lanes_load(numbers);
}
SC_INLINE void lanes_store_first(float *p, lanes a, int count)
{
	float numbers[4];
	lanes_store(numbers, a);
	for (int i = 0; i < count; i++)
		p[i] = numbers[i];
}
typedef struct {
	int32_t from[4];
} lane_numbers;
SC_INLINE lane_numbers lane_numbers_load(const int32_t *p)
{
	return (lane_numbers){{p[0], p[1], p[2], p[3]}};
}
SC_INLINE lanes lanes_permute(lanes a, lane_numbers n, int shift)
{
	float numbers[4];
	lanes_store(numbers, a);
	const float moved[4] = {numbers[n.from[0] + shift], numbers[n.from[1] + shift], numbers[n.from[2] + shift],
				numbers[n.from[3] + shift]};
	return lanes_load(moved);
}
#endif

#define BLOCK (LANES * VECTORS) /* output channels of a register tile */

/* X(0) X(1) ... for the rows of a register tile and for the vectors of a block: written out, since neither gcc nor clang reliably
 * unrolls a loop early enough to keep an array of lanes in registers. */
#if TILE_PIXELS == 2
#define EACH_ROW(X) X(0) X(1)
#elif TILE_PIXELS == 6
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#elif TILE_PIXELS == 14
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#endif
#if VECTORS == 2
#define EACH_VECTOR(X, row) X(row, 0) X(row, 1)
#elif VECTORS == 4
#define EACH_VECTOR(X, row) X(row, 0) X(row, 1) X(row, 2) X(row, 3)
#endif

/* How many lanes of vector v exist in a block that has `channels` channels. */
SC_INLINE int lanes_of(int64_t channels, int v)
{
	int64_t left = channels - v * LANES;
	return left <= 0 ? 0 : left < LANES ? (int)left : LANES;
}

/* The same pointer, but the compiler does not know that: what is read through it is read anew. */
SC_INLINE const float *anew(const float *p)
{
	__asm__("" : "+r"(p));
	return p;
}

/* Asks for what is read much later: its cache line comes into the L2 cache, and the first is left to what is in use. */
SC_INLINE void fetch_early(const float *p)
{
	__builtin_prefetch(p, 0, 2);
}

#endif
