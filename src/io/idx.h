/* idx.h - the IDX format of MNIST, plain or gzip (documented byte by byte in idx.c). */
#ifndef SC_IO_IDX_H
#define SC_IO_IDX_H

#include "base/error.h"

struct sc_idx {   /* unsigned bytes only: type 0x08 */
	int rank; /* 1 to 4 */
	int64_t shape[4];
	int64_t count;   /* product of the shape */
	uint8_t *values; /* [count] */
};
/* expected_rank 1 for labels, 3 for grey images. Every byte of the file is accounted for: short and long files are refused. */
enum sc_status sc_idx_read(struct sc_idx *idx, const char *path, int expected_rank, struct sc_error *error);
void sc_idx_release(struct sc_idx *idx);

#endif
