/* recorded.h - for tests that compare with recordings of other frameworks (tests/recorded, written by tools/): tensors by name,
 * and distances between what was recorded and what we got. Any trouble with a recording fails the test at once. */
#ifndef SC_TESTS_ENGINE_RECORDED_H
#define SC_TESTS_ENGINE_RECORDED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"

#define UNIT_ROUNDOFF 0x1p-24 /* the largest relative error of one rounding to float32 */

static inline void recorded_open(struct sc_safetensors *file, const char *name)
{
	char path[1024];
	struct sc_error error = {0};
	snprintf(path, sizeof path, "%s/tests/recorded/%s", SC_SOURCE_DIR, name);
	if (sc_safetensors_open(file, path, &error) != SC_OK)
		fail_msg("%s", error.message);
}

static inline int64_t element_count(const struct sc_array *tensor)
{
	int64_t count = 1;
	for (int axis = 0; axis < tensor->rank; axis++)
		count *= tensor->shape[axis];
	return count;
}

/* The numbers of the tensor "<group>/<name>" (or "<name>" where group is ""); free() them. */
static inline void *recorded_bytes(struct sc_safetensors *file, const char *group, const char *name, const char *dtype,
				   int64_t *count)
{
	char full[256];
	struct sc_error error = {0};
	snprintf(full, sizeof full, "%s%s%s", group, *group ? "/" : "", name);
	const struct sc_array *tensor = sc_safetensors_find(file, full);
	if (!tensor)
		fail_msg("%s: no tensor '%s'", file->path, full);
	assert_string_equal(tensor->dtype, dtype);
	void *bytes = malloc((size_t)tensor->bytes);
	assert_non_null(bytes);
	if (sc_safetensors_read(file, tensor, 0, bytes, tensor->bytes, &error) != SC_OK)
		fail_msg("%s", error.message);
	if (count)
		*count = element_count(tensor);
	return bytes;
}

/* NULL where the recording has no such tensor. */
static inline float *recorded_floats(struct sc_safetensors *file, const char *group, const char *name)
{
	char full[256];
	snprintf(full, sizeof full, "%s/%s", group, name);
	return sc_safetensors_find(file, full) ? recorded_bytes(file, group, name, "F32", NULL) : NULL;
}

/* ||a - b|| / ||b||, in double; infinite where a number is not finite. */
static inline double relative_distance(const float *a, const float *b, int64_t count)
{
	double difference = 0, norm = 0;
	for (int64_t i = 0; i < count; i++) {
		double d = (double)a[i] - (double)b[i];
		difference += d * d;
		norm += (double)b[i] * (double)b[i];
	}
	double distance = norm > 0 ? sqrt(difference / norm) : sqrt(difference);
	return isfinite(distance) ? distance : (double)INFINITY;
}

#endif
