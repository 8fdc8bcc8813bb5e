/* class_names.c - the names of a data set's classes, copied into one allocation. */
#include "base/memory.h"
#include "data/sources.h"

#include <string.h>

enum sc_status sc_data_name_classes(struct sc_data *data, const char *const *names, int64_t count, struct sc_error *error)
{
	int64_t bytes = count * (int64_t)sizeof(char *);
	for (int64_t i = 0; i < count; i++)
		bytes += (int64_t)strlen(names[i]) + 1;
	data->class_names = sc_allocate(bytes, 1);
	if (!data->class_names)
		return sc_fail_memory(error, bytes, "the names of the classes");
	char *at = (char *)(data->class_names + count);
	for (int64_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]) + 1;
		data->class_names[i] = memcpy(at, names[i], length);
		at += length;
	}
	data->classes = count;
	return SC_OK;
}
