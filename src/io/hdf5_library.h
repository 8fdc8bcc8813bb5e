/* hdf5_library.h - libhdf5's header, in the form that all its versions from 1.10 on have, and its turn-taking. */
#ifndef SC_IO_HDF5_LIBRARY_H
#define SC_IO_HDF5_LIBRARY_H

#define H5_USE_110_API
#include <hdf5.h>

#include "io/arrays.h"

/* What the program around us may have set, and gets back. */
struct sc_hdf5_turn {
	H5E_auto2_t print;
	void *print_data;
	unsigned plugins;
	bool had_print;
};
/* Waits for the lock; then libhdf5 prints nothing and loads no plugins until the end of the turn. */
void sc_hdf5_begin(struct sc_hdf5_turn *turn);
void sc_hdf5_end(const struct sc_hdf5_turn *turn);
/* Right after a call that failed: libhdf5's own words for the innermost reason. */
void sc_hdf5_reason(char text[128]);
/* Fills arrays->arrays as sc_hdf5_list, in any order and without a check for overlaps; for a process that libhdf5 may be the end
 * of. */
enum sc_status sc_hdf5_walk(struct sc_arrays *arrays, const uint8_t *image, int64_t bytes, struct sc_error *error);
/* The type of safetensors' `dtype` in a file, negative if there is none; and back, NULL if it is no plain little-endian number. */
hid_t sc_hdf5_type(const char *dtype);
const char *sc_hdf5_dtype(hid_t type);

#endif
