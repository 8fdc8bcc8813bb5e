/* test_hdf5.c - HDF5 files that are not what we read: each is refused, with its name, what was expected and what was found. They
 * are made by libhdf5 itself, and some then changed in a few bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <hdf5.h>
#include <string.h>

#include "io/bytes.h"
#include "io/hdf5.h"
#include "temporary.h"

/* ---- What the files hold --------------------------------------------------------------------------------------------------- */

/* A data set, without numbers unless `made` lets libhdf5 make room for them at once. */
static void add(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape, hid_t made)
{
	const hid_t space = H5Screate_simple(rank, shape, NULL),
		    set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, made, H5P_DEFAULT);
	assert_true(set >= 0);
	H5Dclose(set);
	H5Sclose(space);
}

static hid_t manner(H5D_layout_t layout)
{
	const hid_t made = H5Pcreate(H5P_DATASET_CREATE);
	H5Pset_layout(made, layout);
	H5Pset_alloc_time(made, layout == H5D_CHUNKED ? H5D_ALLOC_TIME_INCR : H5D_ALLOC_TIME_EARLY);
	if (layout == H5D_CHUNKED)
		H5Pset_chunk(made, 1, (hsize_t[]){2});
	return made;
}

static void add_small(hid_t file, const char *name, hid_t made)
{
	add(file, name, H5T_IEEE_F32LE, 1, (hsize_t[]){4}, made);
	H5Pclose(made);
}

static void plain(hid_t file)
{
	const hsize_t none[] = {0, 3};
	const hid_t early = manner(H5D_CONTIGUOUS);
	add(file, "a", H5T_IEEE_F32LE, 1, (hsize_t[]){4}, early);
	add(file, "b", H5T_STD_I16LE, 1, (hsize_t[]){4}, early);
	add(file, "empty", H5T_IEEE_F32LE, 2, none, early);
	H5Pclose(early);
}

static void chunked(hid_t file)
{
	add_small(file, "a", manner(H5D_CHUNKED));
}

static void compressed(hid_t file)
{
	const hid_t made = manner(H5D_CHUNKED);
	H5Pset_deflate(made, 1);
	add_small(file, "a", made);
}

static void compact(hid_t file)
{
	add_small(file, "a", manner(H5D_COMPACT));
}

static void external(hid_t file)
{
	const hid_t made = H5Pcreate(H5P_DATASET_CREATE);
	H5Pset_external(made, "elsewhere", 0, 16);
	add_small(file, "a", made);
}

static void without_numbers(hid_t file)
{
	add_small(file, "a", H5Pcreate(H5P_DATASET_CREATE));
}

static void virtual(hid_t file)
{
	const hid_t made = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, (hsize_t[]){4}, NULL);
	H5Pset_virtual(made, space, "elsewhere", "b", space);
	add_small(file, "a", made);
	H5Sclose(space);
}

static void other_order(hid_t file)
{
	add(file, "a", H5T_IEEE_F32BE, 1, (hsize_t[]){4}, H5P_DEFAULT);
}

static void texts(hid_t file)
{
	add(file, "a", H5T_C_S1, 1, (hsize_t[]){4}, H5P_DEFAULT);
}

static void of_nine_dimensions(hid_t file)
{
	add(file, "a", H5T_IEEE_F32LE, 9, (hsize_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, H5P_DEFAULT);
}

static void of_no_shape(hid_t file)
{
	const hid_t space = H5Screate(H5S_NULL);
	H5Dclose(H5Dcreate2(file, "a", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
	H5Sclose(space);
}

static void of_many_numbers(hid_t file)
{
	const hid_t made = manner(H5D_CHUNKED);
	add(file, "a", H5T_IEEE_F32LE, 1, (hsize_t[]){(hsize_t)1 << 62}, made);
	H5Pclose(made);
}

static void soft_link(hid_t file)
{
	H5Lcreate_soft("/elsewhere", file, "a", H5P_DEFAULT, H5P_DEFAULT);
}

static void external_link(hid_t file)
{
	H5Lcreate_external("elsewhere", "/", file, "a", H5P_DEFAULT, H5P_DEFAULT);
}

static void type_alone(hid_t file)
{
	const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
	H5Tcommit2(file, "a", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	H5Tclose(type);
}

static void nest(hid_t file, int depth, size_t name_length)
{
	char name[512];
	hid_t group = H5Gopen2(file, "/", H5P_DEFAULT);
	memset(name, 'g', name_length);
	name[name_length] = '\0';
	for (int i = 0; i < depth; i++) {
		const hid_t inner = H5Gcreate2(group, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		assert_true(inner >= 0);
		H5Gclose(group);
		group = inner;
	}
	H5Gclose(group);
}

static void deep(hid_t file)
{
	nest(file, 16, 1);
}

static void of_long_paths(hid_t file)
{
	nest(file, 3, 400);
}

/* Each object in two places, and a group in itself. */
static void cyclic(hid_t file)
{
	plain(file);
	nest(file, 1, 1);
	H5Lcreate_hard(file, "a", file, "g/a", H5P_DEFAULT, H5P_DEFAULT);
	H5Lcreate_hard(file, "/", file, "g/root", H5P_DEFAULT, H5P_DEFAULT);
}

/* ---- Changes of bytes ---------------------------------------------------------------------------------------------------------
 */

static uint8_t content[1 << 16];
static size_t content_bytes;

static void read_content(void)
{
	FILE *stream = fopen(path, "rb");
	assert_non_null(stream);
	content_bytes = fread(content, 1, sizeof(content), stream);
	fclose(stream);
}

static void write_content(void)
{
	FILE *stream = fopen(path, "wb");
	assert_non_null(stream);
	assert_int_equal(fwrite(content, 1, content_bytes, stream), content_bytes);
	assert_int_equal(fclose(stream), 0);
}

/* What the n-th message of layout (from 0) says that says so at its beginning: version 3, then 1 for numbers in one piece or 2 for
 * chunks. */
static uint8_t *find_layout(uint8_t kind, int n)
{
	for (size_t i = 0; i + 32 <= content_bytes; i++)
		if (sc_load_le(content + i, 4) == (8 | 24 << 16) && content[i + 8] == 3 && content[i + 9] == kind && n-- == 0)
			return content + i + 8;
	fail_msg("there is no such layout");
	return NULL;
}

static void move_behind_the_end(void)
{
	sc_store_le(find_layout(1, 0) + 2, content_bytes - 4, 8);
}

static void move_far_away(void)
{
	sc_store_le(find_layout(1, 0) + 2, (uint64_t)1 << 40, 8);
}

static void move_onto_another(void)
{
	memcpy(find_layout(1, 1) + 2, find_layout(1, 0) + 2, 8);
}

/* Chunks become one piece; the filters stay. */
static void join_chunks(void)
{
	uint8_t *layout = find_layout(2, 0);
	layout[1] = 1;
	sc_store_le(layout + 2, 512, 8);
	sc_store_le(layout + 10, 16, 8);
}

static void set_version(void)
{
	content[8] = 4;
}

static void set_offset_size(void)
{
	content[13] = 4;
}

static void set_length_size(void)
{
	content[14] = 4;
}

static void set_base(void)
{
	content[24] = 8;
}

static void set_driver(void)
{
	content[48] = 0;
}

static void spoil_root(void)
{
	memset(content + 96, 0xff, 64);
}

/* ---- How they are read ---------------------------------------------------------------------------------------------------------
 */

static void make(void (*fill)(hid_t file))
{
	const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
	H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
	const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
	assert_true(file >= 0);
	fill(file);
	assert_true(H5Fclose(file) >= 0);
	H5Pclose(access);
	read_content();
}

static void release(struct sc_arrays *arrays)
{
	for (int64_t i = 0; i < arrays->count; i++)
		free(arrays->arrays[i].name);
	free(arrays->arrays);
}

/* From the disk and as an image in memory; whether somebody wants to know why or not. */
static void check_refused(const char *message)
{
	for (int way = 0; way < 4; way++) {
		struct sc_arrays arrays = {.path = path};
		struct sc_error error = {0};
		const enum sc_status status =
			sc_hdf5_list(&arrays, way & 1 ? content : NULL, (int64_t)content_bytes, way & 2 ? NULL : &error);
		release(&arrays);
		if (status != SC_ERROR_FORMAT && status != SC_ERROR_UNSUPPORTED)
			fail_msg("expected \"%s\", found status %d", message, status);
		if (!(way & 2) && (!strstr(error.message, message) || !strstr(error.message, path)))
			fail_msg("expected \"%s\", found \"%s\"", message, error.message);
	}
}

static void what_we_do_not_read_is_named(void **state)
{
	(void)state;
	static const struct {
		void (*fill)(hid_t file);
		void (*change)(void);
		const char *message;
	} cases[] = {
		{chunked, NULL, "'a': expected numbers in one piece ('h5repack -l CONTI -f NONE' makes them so), found chunks"},
		{compact, NULL,
		 "'a': expected numbers in one piece ('h5repack -l CONTI -f NONE' makes them so), found them in the header"},
		{virtual, NULL,
		 "'a': expected numbers in one piece ('h5repack -l CONTI -f NONE' makes them so), found another layout"},
		{external, NULL, "'a': expected its numbers in this file, found a reference to another file"},
		{compressed, join_chunks, "'a': expected plain numbers, found filters"},
		{without_numbers, NULL, "'a': expected numbers, found none"},
		{other_order, NULL, "'a': expected little-endian numbers of 1 to 8 bytes, found floats of 4 bytes"},
		{texts, NULL, "'a': expected little-endian numbers of 1 to 8 bytes, found texts of 1 bytes"},
		{of_nine_dimensions, NULL, "'a': expected an array of at most 8 dimensions, found another shape"},
		{of_no_shape, NULL, "'a': expected an array of at most 8 dimensions, found another shape"},
		{of_many_numbers, NULL, "'a': expected a shape of less than 2^63 bytes, found a larger one"},
		{soft_link, NULL, "'a': expected objects of this file, found a link to another place"},
		{external_link, NULL, "'a': expected objects of this file, found a link to another place"},
		{type_alone, NULL, "'a': expected groups and data sets, found another object"},
		{deep, NULL, "expected groups nested at most 16 deep, found more"},
		{of_long_paths, NULL, "expected paths of less than 1024 bytes, found a longer one in it"},
		{plain, move_behind_the_end, "'a': expected its 16 bytes inside of the file's"},
		{plain, move_far_away, "'a': expected its 16 bytes inside of the file's"},
		{plain, move_onto_another, "its numbers lie on those of another data set"},
		{plain, set_version, "expected an HDF5 file of version 0 to 3, found 4"},
		{plain, set_offset_size, "expected an HDF5 file with 8-byte offsets"},
		{plain, set_length_size, "expected an HDF5 file with 8-byte offsets"},
		{plain, set_base, "expected an HDF5 file with 8-byte offsets, from its first byte on"},
		{plain, set_driver, "without driver or extension"},
		{plain, spoil_root, "'/': libhdf5 cannot read it"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(cases[i].fill);
		if (cases[i].change)
			cases[i].change();
		write_content();
		check_refused(cases[i].message);
	}
}

static void what_is_there_twice_counts_once(void **state)
{
	(void)state;
	static const int64_t bytes[] = {16, 8, 0};
	static const char *const names[] = {"a", "b", "empty"};
	struct sc_error error = {0};
	make(cyclic);
	for (int in_memory = 0; in_memory < 2; in_memory++) {
		struct sc_arrays arrays = {.path = path};
		if (sc_hdf5_list(&arrays, in_memory ? content : NULL, (int64_t)content_bytes, &error))
			fail_msg("%s", error.message);
		assert_int_equal(arrays.count, 3);
		for (int i = 0; i < 3; i++) {
			assert_string_equal(arrays.arrays[i].name, names[i]);
			assert_int_equal(arrays.arrays[i].bytes, bytes[i]);
		}
		release(&arrays);
	}
}

/* Numbers without a shape, and shapes without a number. */
static void what_is_written_is_read(void **state)
{
	(void)state;
	const struct sc_array declared[] = {{.name = (char *)"group/empty", .dtype = "F32", .rank = 2, .shape = {0, 3}},
					    {.name = (char *)"group/full", .dtype = "I16", .rank = 1, .shape = {4}, .bytes = 8},
					    {.name = (char *)"single", .dtype = "F64", .bytes = 8}};
	const struct sc_hdf5_content asked = {.arrays = declared, .count = 3};
	struct sc_arrays arrays = {.path = path};
	struct sc_error error = {0};
	uint8_t *head = NULL;
	int64_t bytes = 0;
	assert_int_equal(sc_hdf5_head(&head, &bytes, &asked, path, NULL), SC_OK);
	memset(content, 0, sizeof(content));
	memcpy(content, head, (size_t)bytes);
	free(head);
	content_bytes = (size_t)bytes + 16;
	write_content();
	if (sc_hdf5_list(&arrays, NULL, (int64_t)content_bytes, &error))
		fail_msg("%s", error.message);
	assert_int_equal(arrays.count, 3);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(arrays.arrays[i].name, declared[i].name);
		assert_int_equal(arrays.arrays[i].rank, declared[i].rank);
		assert_int_equal(arrays.arrays[i].bytes, declared[i].bytes);
	}
	assert_int_equal(arrays.arrays[1].begin, bytes);
	assert_int_equal(arrays.arrays[2].begin, bytes + 8);
	release(&arrays);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_we_do_not_read_is_named),
					   cmocka_unit_test(what_is_there_twice_counts_once),
					   cmocka_unit_test(what_is_written_is_read)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
