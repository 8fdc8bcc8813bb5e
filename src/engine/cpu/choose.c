/* choose.c - which table of kernels this processor runs. Compiled for the baseline, once. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/reference/reference.h"

#if defined(SC_HAVE_X86_KERNELS)
extern const struct sc_kernels sc_cpu_avx512_kernels, sc_cpu_avx2_kernels, sc_cpu_sse2_kernels;

static bool runs_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool runs_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#elif defined(SC_HAVE_NEON_KERNELS)
extern const struct sc_kernels sc_cpu_neon_kernels;
#endif

static bool runs_always(void)
{
	return true;
}

static const struct {
	const struct sc_kernels *kernels;
	bool (*runs)(void);
} tables[] = {
#if defined(SC_HAVE_X86_KERNELS)
	{&sc_cpu_avx512_kernels, runs_avx512},
	{&sc_cpu_avx2_kernels, runs_avx2},
	{&sc_cpu_sse2_kernels, runs_always},
#elif defined(SC_HAVE_NEON_KERNELS)
	{&sc_cpu_neon_kernels, runs_always},
#endif
	{&sc_kernels_reference, runs_always},
};
#define TABLE_COUNT ((int)(sizeof(tables) / sizeof(tables[0])))

static const char *const known[] = {"avx512", "avx2", "sse2", "neon", "reference"};

static bool is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

const struct sc_kernels *sc_kernels_available(int index)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		if (tables[i].runs() && index-- == 0)
			return tables[i].kernels;
	return NULL;
}

enum sc_status sc_kernels_choose(const struct sc_kernels **out, const char *name, struct sc_error *error)
{
	const char *origin = "instruction set";
	if (!name || !*name) {
		name = getenv("SHORTCUT_ISA");
		origin = "SHORTCUT_ISA";
	}
	if (!name || !*name) {
		*out = sc_kernels_available(0);
		return SC_OK;
	}
	if (!is_known(name))
		return sc_fail(error, SC_ERROR_ARGUMENT, origin, -1,
			       "%s: expected avx512, avx2, sse2, neon or reference, found '%s'", origin, name);
	for (int i = 0; i < TABLE_COUNT; i++)
		if (strcmp(tables[i].kernels->name, name) == 0 && tables[i].runs()) {
			*out = tables[i].kernels;
			return SC_OK;
		}
	return sc_fail(error, SC_ERROR_UNSUPPORTED, origin, -1, "%s: this processor or build has no %s; the best here is %s",
		       origin, name, sc_kernels_available(0)->name);
}
