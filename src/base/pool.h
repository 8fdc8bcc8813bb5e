/* pool.h - the threads of an engine.
 *
 * sc_pool_run cuts `count` units of work among the threads and returns when all are done. Which thread does what may change
 * from run to run; work must therefore split outputs, never a sum. Calls from one thread at a time; no nesting. */
#ifndef SC_BASE_POOL_H
#define SC_BASE_POOL_H

#include <stdint.h>

#include "base/error.h"

struct sc_pool;

/* threads >= 1 (the caller counts as one); 0: sc_processor_count(). */
enum sc_status sc_pool_create(struct sc_pool **out, int threads, struct sc_error *error);
void sc_pool_destroy(struct sc_pool *pool);
int sc_pool_threads(const struct sc_pool *pool);

/* Units [begin, end) by worker `slot` in [0, threads): a slot is held by one thread at a time, so scratch memory can be a slot's own. */
typedef void (*sc_pool_function)(void *context, int slot, int64_t begin, int64_t end);
/* grain: units handed out at a time (>= 1). Allocates nothing. */
void sc_pool_run(struct sc_pool *pool, sc_pool_function function, void *context, int64_t count, int64_t grain);

int sc_processor_count(void); /* those that this process may use; at least 1 */

#endif
