/* hdf5_walk.c - what libhdf5 says of a file, object by object: groups may be nested DEEPEST deep, and an object that can be reached
 * on several ways counts once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/hdf5_library.h"

#define DEEPEST      16
#define MOST_OBJECTS 50000 /* cifar1202 has 11,000 */
#define LONGEST_PATH 1024

struct listing {
	struct sc_arrays *arrays;
	int64_t capacity, file_bytes;
	haddr_t *seen; /* [seen_count]: groups and data sets */
	int64_t seen_count, seen_capacity;
	char path[LONGEST_PATH]; /* of the object under way */
	size_t length;
	int depth;
	enum sc_status status;
	struct sc_error *error;
};

/* After a call of libhdf5 that failed. */
static enum sc_status damaged(struct listing *l)
{
	char reason[128];
	sc_hdf5_reason(reason);
	return sc_fail(l->error, SC_ERROR_FORMAT, l->arrays->path, -1, "%s: '%.200s': libhdf5 cannot read it: %s", l->arrays->path,
		       l->length ? l->path : "/", reason);
}

static enum sc_status refuse(struct listing *l, const char *expected, const char *found)
{
	return sc_fail(l->error, SC_ERROR_FORMAT, l->path, -1, "%s: '%.200s': expected %s, found %s", l->arrays->path, l->path,
		       expected, found);
}

/* Room for one more of `size` bytes in *items. */
static enum sc_status make_room(void **items, int64_t count, int64_t *capacity, int64_t size, struct listing *l)
{
	if (count < *capacity)
		return SC_OK;
	const int64_t wanted = *capacity ? 2 * *capacity : 64;
	void *grown = realloc(*items, (size_t)(wanted * size));
	if (!grown)
		return sc_fail_memory(l->error, wanted * size, l->arrays->path);
	*items = grown;
	*capacity = wanted;
	return SC_OK;
}

/* Type, shape and size. */
static enum sc_status read_form(struct listing *l, struct sc_array *array, hid_t type, hid_t space)
{
	static const char *const classes[] = {
		"whole numbers", "floats",     "times",        "texts", "bit fields", "bytes of no type",
		"structures",    "references", "enumerations", "lists", "arrays"};
	hsize_t shape[H5S_MAX_RANK];
	const H5T_class_t class = H5Tget_class(type);
	const H5S_class_t form = H5Sget_simple_extent_type(space);
	const int rank = form == H5S_SIMPLE ? H5Sget_simple_extent_dims(space, shape, NULL) : form == H5S_SCALAR ? 0 : -1;
	array->dtype = sc_hdf5_dtype(type);
	if (!array->dtype) {
		char found[64];
		snprintf(found, sizeof found, "%s of %zu bytes",
			 class >= 0 && class < (int)(sizeof classes / sizeof *classes) ? classes[class] : "something",
			 H5Tget_size(type));
		return refuse(l, "little-endian numbers of 1 to 8 bytes", found);
	}
	if (rank < 0 || rank > SC_ARRAY_MAX_RANK)
		return refuse(l, "an array of at most 8 dimensions", "another shape");
	array->rank = rank;
	array->bytes = sc_dtype_find(array->dtype).bytes;
	for (int i = 0; i < rank; i++) {
		array->shape[i] = (int64_t)shape[i];
		if (shape[i] > INT64_MAX || !sc_multiply(array->bytes, array->shape[i], &array->bytes))
			return refuse(l, "a shape of less than 2^63 bytes", "a larger one");
	}
	return SC_OK;
}

/* Numbers in one piece, in this file and inside of it. */
static enum sc_status read_place(struct listing *l, struct sc_array *array, hid_t set, hid_t made)
{
	const H5D_layout_t layout = H5Pget_layout(made);
	if (layout != H5D_CONTIGUOUS)
		return refuse(l, "numbers in one piece ('h5repack -l CONTI -f NONE' makes them so)",
			      layout == H5D_CHUNKED   ? "chunks"
			      : layout == H5D_COMPACT ? "them in the header"
						      : "another layout");
	if (H5Pget_external_count(made) != 0)
		return refuse(l, "its numbers in this file", "a reference to another file");
	if (H5Pget_nfilters(made) != 0)
		return refuse(l, "plain numbers", "filters");
	if (array->bytes == 0)
		return SC_OK;
	const haddr_t begin = H5Dget_offset(set);
	if (begin == HADDR_UNDEF)
		return refuse(l, "numbers", "none");
	if (begin > (haddr_t)l->file_bytes || array->bytes > l->file_bytes - (int64_t)begin)
		return sc_fail(l->error, SC_ERROR_FORMAT, l->path, -1,
			       "%s: '%.200s': expected its %" PRId64 " bytes inside of the file's %" PRId64
			       ", found them at %" PRIu64,
			       l->arrays->path, l->path, array->bytes, l->file_bytes, (uint64_t)begin);
	array->begin = (int64_t)begin;
	return SC_OK;
}

static enum sc_status read_set(struct listing *l, hid_t set)
{
	struct sc_arrays *arrays = l->arrays;
	void *room = arrays->arrays;
	enum sc_status status = make_room(&room, arrays->count, &l->capacity, sizeof *arrays->arrays, l);
	if (status)
		return status;
	arrays->arrays = room;
	struct sc_array *array = &arrays->arrays[arrays->count];
	*array = (struct sc_array){.name = sc_copy_string(l->path)};
	if (!array->name)
		return sc_fail_memory(l->error, (int64_t)l->length, arrays->path);
	arrays->count++;
	const hid_t type = H5Dget_type(set), space = H5Dget_space(set), made = H5Dget_create_plist(set);
	if (type < 0 || space < 0 || made < 0)
		status = damaged(l);
	if (!status)
		status = read_form(l, array, type, space);
	if (!status)
		status = read_place(l, array, set, made);
	if (made >= 0)
		H5Pclose(made);
	if (space >= 0)
		H5Sclose(space);
	if (type >= 0)
		H5Tclose(type);
	return status;
}

/* Notes the object; *known: it was there before. */
static enum sc_status note(struct listing *l, haddr_t address, bool *known)
{
	void *room = l->seen;
	*known = false;
	for (int64_t i = 0; i < l->seen_count && !*known; i++)
		*known = l->seen[i] == address;
	if (*known)
		return SC_OK;
	if (l->seen_count == MOST_OBJECTS)
		return refuse(l, "at most 50000 groups and data sets", "more");
	enum sc_status status = make_room(&room, l->seen_count, &l->seen_capacity, sizeof *l->seen, l);
	l->seen = room;
	if (!status)
		l->seen[l->seen_count++] = address;
	return status;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *user);

static enum sc_status read_group(struct listing *l, hid_t group)
{
	if (l->depth == DEEPEST)
		return refuse(l, "groups nested at most 16 deep", "more");
	l->depth++;
	if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, l) < 0 && !l->status)
		l->status = damaged(l);
	l->depth--;
	return l->status;
}

static enum sc_status read_object(struct listing *l, hid_t group, const char *name, const H5L_info_t *link)
{
	H5O_info_t object;
	bool known;
	if (link->type != H5L_TYPE_HARD)
		return refuse(l, "objects of this file", "a link to another place");
	if (H5Oget_info_by_name(group, name, &object, H5P_DEFAULT) < 0)
		return damaged(l);
	if (object.type != H5O_TYPE_GROUP && object.type != H5O_TYPE_DATASET)
		return refuse(l, "groups and data sets", "another object");
	enum sc_status status = note(l, object.addr, &known);
	if (status || known)
		return status;
	const hid_t opened = H5Oopen(group, name, H5P_DEFAULT);
	if (opened < 0)
		return damaged(l);
	status = object.type == H5O_TYPE_GROUP ? read_group(l, opened) : read_set(l, opened);
	H5Oclose(opened);
	return status;
}

/* libhdf5 calls this for each member of a group. */
static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *user)
{
	struct listing *l = user;
	const size_t before = l->length, added = strlen(name) + (before > 0);
	if (added >= LONGEST_PATH - before) {
		l->status = refuse(l, "paths of less than 1024 bytes", "a longer one in it");
		return -1;
	}
	snprintf(l->path + before, LONGEST_PATH - before, "%s%s", before ? "/" : "", name);
	l->length += added;
	l->status = read_object(l, group, name, link);
	if (l->status)
		return -1;
	l->length = before;
	l->path[before] = '\0';
	return 0;
}

/* ---- Files and images --------------------------------------------------------------------------------------------------- */

/* libhdf5 reads an image where it lies: no copies are made, and nothing is freed. */
static void *image_place(size_t size, H5FD_file_image_op_t operation, void *image)
{
	(void)size;
	(void)operation;
	return image;
}
static void *image_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *image)
{
	(void)operation;
	(void)image;
	if (to != from)
		memcpy(to, from, size);
	return to;
}
static void *image_grow(void *from, size_t size, H5FD_file_image_op_t operation, void *image)
{
	(void)from;
	(void)size;
	(void)operation;
	(void)image;
	return NULL;
}
static herr_t image_free(void *from, H5FD_file_image_op_t operation, void *image)
{
	(void)from;
	(void)operation;
	(void)image;
	return 0;
}
static void *image_keep(void *image)
{
	return image;
}
static herr_t image_forget(void *image)
{
	(void)image;
	return 0;
}

/* Negative after a failure, which l->status says. */
static hid_t open_file(struct listing *l, const uint8_t *image)
{
	const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
	if (access < 0) {
		l->status = damaged(l);
		return -1;
	}
	herr_t status = H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
	if (status >= 0)
		status = H5Pset_file_locking(access, false, true); /* some file systems have no locks, and reading needs none */
	if (image) {
		void *place = (void *)(uintptr_t)image;
		H5FD_file_image_callbacks_t callbacks = {image_place, image_copy,   image_grow, image_free,
							 image_keep,  image_forget, place};
		if (status >= 0)
			status = H5Pset_fapl_core(access, 1, 0);
		if (status >= 0)
			status = H5Pset_file_image_callbacks(access, &callbacks);
		if (status >= 0)
			status = H5Pset_file_image(access, place, (size_t)l->file_bytes);
	}
	const hid_t file = status < 0 ? -1 : H5Fopen(image ? "image" : l->arrays->path, H5F_ACC_RDONLY, access);
	if (file < 0)
		l->status = damaged(l);
	H5Pclose(access); /* libhdf5 forgets the reason here */
	return file;
}

enum sc_status sc_hdf5_walk(struct sc_arrays *arrays, const uint8_t *image, int64_t bytes, struct sc_error *error)
{
	struct listing listing = {.arrays = arrays, .file_bytes = bytes, .error = error}, *l = &listing;
	bool known;
	const hid_t file = open_file(l, image);
	const hid_t root = file < 0 ? -1 : H5Gopen2(file, "/", H5P_DEFAULT);
	H5O_info_t object;
	if (!l->status && (root < 0 || H5Oget_info(root, &object) < 0))
		l->status = damaged(l);
	if (!l->status)
		l->status = note(l, object.addr, &known);
	if (!l->status)
		read_group(l, root);
	if (root >= 0)
		H5Gclose(root);
	if (file >= 0)
		H5Fclose(file);
	free(l->seen);
	return l->status;
}
