# The pool never sleeps for ever, not even under qemu, where ARM's loads overtake its stores: four programs of three threads, more
# than there are processors, a million short runs each. Skipped where there is no cross-compiler or no qemu.
set -euo pipefail
compiler=${CROSS_CC:-aarch64-linux-gnu-gcc}
command -v "$compiler" qemu-aarch64 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/runs.c" <<'END'
#include "base/pool.h"

static void count_units(void *context, int slot, int64_t begin, int64_t end)
{
	int64_t(*counts)[16] = context; /* a cache line for each slot */
	counts[slot][0] += end - begin;
}

int main(void)
{
	int64_t counts[3][16] = {0};
	struct sc_pool *pool;
	if (sc_pool_create(&pool, 3, NULL) != SC_OK)
		return 2;
	for (int run = 0; run < 1000000; run++)
		sc_pool_run(pool, count_units, counts, 3, 1);
	sc_pool_destroy(pool);
	return counts[0][0] + counts[1][0] + counts[2][0] != 3000000;
}
END
(cd "$SOURCE_DIR" && "$compiler" -std=c17 -D_GNU_SOURCE -O2 -Iinclude -Isrc -static -o "$folder/runs" "$folder/runs.c" \
	src/base/{clock,error,memory,pool,status}.c -lm -lpthread)
programs=()
for _ in 1 2 3 4; do
	timeout 100 qemu-aarch64 "$folder/runs" &
	programs+=($!)
done
for program in "${programs[@]}"; do
	wait "$program" || { printf 'a program ended with %d; 124: it slept for ever\n' $? >&2; exit 1; }
done
