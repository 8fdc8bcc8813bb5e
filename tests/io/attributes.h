/* attributes.h - attributes of HDF5 files, read by libhdf5 itself. */
#ifndef SC_TESTS_IO_ATTRIBUTES_H
#define SC_TESTS_IO_ATTRIBUTES_H

#include <stdio.h>

#include "io/hdf5_library.h"

/* The texts of an attribute, with a space behind each. */
static inline void read_attribute(char text[256], const char *file, const char *group, const char *name)
{
	const hid_t opened = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
	const hid_t attribute = H5Aopen_by_name(opened, group, name, H5P_DEFAULT, H5P_DEFAULT);
	const hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
	const hssize_t count = H5Sget_simple_extent_npoints(space);
	char *texts[32];
	size_t used = 0;
	assert_true(count > 0 && count <= 32 && H5Tis_variable_str(type) > 0);
	assert_true(H5Aread(attribute, type, texts) >= 0);
	for (hssize_t i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, 256 - used, "%.200s ", texts[i]);
	assert_true(H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts) >= 0);
	H5Tclose(type);
	H5Sclose(space);
	H5Aclose(attribute);
	H5Fclose(opened);
}

#endif
