/* hdf5_library.c - see hdf5_library.h. */
#include "io/hdf5_library.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void sc_hdf5_begin(struct sc_hdf5_turn *turn)
{
	pthread_mutex_lock(&lock);
	*turn = (struct sc_hdf5_turn){0};
	turn->had_print = H5Eget_auto2(H5E_DEFAULT, &turn->print, &turn->print_data) >= 0;
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	if (H5PLget_loading_state(&turn->plugins) >= 0)
		H5PLset_loading_state(0);
}

void sc_hdf5_end(const struct sc_hdf5_turn *turn)
{
	if (turn->plugins)
		H5PLset_loading_state(turn->plugins);
	H5Eclear2(H5E_DEFAULT);
	if (turn->had_print)
		H5Eset_auto2(H5E_DEFAULT, turn->print, turn->print_data);
	pthread_mutex_unlock(&lock);
}

static herr_t take_first(unsigned depth, const H5E_error2_t *entry, void *text)
{
	if (depth == 0 && entry->desc)
		snprintf(text, 128, "%s", entry->desc);
	return 0;
}

void sc_hdf5_reason(char text[128])
{
	snprintf(text, 128, "no reason given");
	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, text);
}

/* libhdf5 knows its types only at run time. */
static hid_t type_at(int index, const char **dtype)
{
	static const char *const names[] = {"F32", "F64", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8"};
	const hid_t types[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I64LE, H5T_STD_I32LE, H5T_STD_I16LE,
			       H5T_STD_I8LE,   H5T_STD_U64LE,  H5T_STD_U32LE, H5T_STD_U16LE, H5T_STD_U8LE};
	if (index >= (int)(sizeof names / sizeof *names))
		return -1;
	*dtype = names[index];
	return types[index];
}

hid_t sc_hdf5_type(const char *dtype)
{
	const char *name;
	hid_t type;
	for (int i = 0; (type = type_at(i, &name)) >= 0; i++)
		if (strcmp(name, dtype) == 0)
			return type;
	return -1;
}

const char *sc_hdf5_dtype(hid_t type)
{
	const char *name;
	hid_t known;
	for (int i = 0; (known = type_at(i, &name)) >= 0; i++)
		if (H5Tequal(type, known) > 0)
			return name;
	return NULL;
}
