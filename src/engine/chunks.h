/* chunks.h - where long sums are cut, and how the parts are joined. Part of the bit contract: functions of shapes alone.
 *
 * A sum over many pixels is cut into chunks; each chunk is one chain; the chunks' results are joined along a fixed binary tree. So
 * chunks may be computed in any order, by any thread, and the rounding error grows with the chunk, not with the batch. */
#ifndef SC_ENGINE_CHUNKS_H
#define SC_ENGINE_CHUNKS_H

#include "engine/kernels.h"

/* Weight gradients: a chunk is so many whole images that it has about 4096 output pixels, or fewer, so that chunks are nearly the same
 * size: no thread waits for another's larger one. */
static inline int64_t sc_gradient_chunk_images(const struct sc_convolution *c)
{
	const int64_t pixels = c->oh * c->ow, most = (4096 + pixels - 1) / pixels, chunks = (c->mb + most - 1) / most;
	return (c->mb + chunks - 1) / chunks;
}
static inline int64_t sc_gradient_chunk_count(const struct sc_convolution *c)
{
	const int64_t images = sc_gradient_chunk_images(c);
	return (c->mb + images - 1) / images;
}

/* BatchNorm: a chunk is some whole rows of one image, 64 pixels or a little more; where an image has fewer, some whole images. */
struct sc_norm_chunks {
	int64_t image_pixels, chunk_pixels; /* the last chunk of an image (or of the batch) may be shorter */
	int64_t per_image;                  /* chunks in an image; 0 where a chunk holds whole images */
	int64_t count, pixels;
};
static inline struct sc_norm_chunks sc_norm_chunks(const struct sc_batch_norm *b)
{
	struct sc_norm_chunks k = {.image_pixels = b->height * b->width, .pixels = b->mb * b->height * b->width};
	if (k.image_pixels >= 64) {
		k.chunk_pixels = (64 + b->width - 1) / b->width * b->width;
		k.per_image = (k.image_pixels + k.chunk_pixels - 1) / k.chunk_pixels;
		k.count = b->mb * k.per_image;
	} else {
		k.chunk_pixels = (64 + k.image_pixels - 1) / k.image_pixels * k.image_pixels;
		k.count = (k.pixels + k.chunk_pixels - 1) / k.chunk_pixels;
	}
	return k;
}
/* Chunk `index` is the pixels [begin, end) of the batch. */
static inline void sc_norm_chunk(const struct sc_norm_chunks *k, int64_t index, int64_t *begin, int64_t *end)
{
	int64_t image = k->per_image ? index / k->per_image : 0;
	int64_t limit = k->per_image ? (image + 1) * k->image_pixels : k->pixels;
	*begin = k->per_image ? image * k->image_pixels + index % k->per_image * k->chunk_pixels : index * k->chunk_pixels;
	*end = *begin + k->chunk_pixels < limit ? *begin + k->chunk_pixels : limit;
}

/* The tree: part i takes in part i + distance, for distance 1, 2, 4, ... and i a multiple of 2 * distance. Its result is part 0. */
#define SC_FOR_TREE(distance, i, count)                                                                                            \
	for (int64_t distance = 1; distance < (count); distance *= 2)                                                              \
		for (int64_t i = 0; i + distance < (count); i += 2 * distance)

#endif
