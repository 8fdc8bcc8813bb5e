/* hdf5_write.c - the head of a new HDF5 file. (hdf5.c reads such files.)
 *
 * libhdf5 makes the file in memory, with data sets that have no numbers yet, in the oldest form, which every reader knows: no
 * checksums, and object headers that are lists of messages. Then we say where the numbers will lie: in each data set's layout
 * message, and the file's length at its start.
 *
 *     object header     0: version 1; 2: messages; 8: bytes of the messages, which begin at 16
 *     message           0: type, 2: bytes behind its own 8
 *     layout (type 8)   0: version 3; 1: class 1, numbers in one piece; 2: their place, all ones for none yet; 10: their bytes
 *     file              8: version 0; 40: its length */
#include "io/hdf5.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/bytes.h"
#include "io/hdf5_library.h"

#define LENGTH_AT      40
#define MESSAGES_AT    16
#define LAYOUT_MESSAGE 8
#define LAYOUT_BYTES   18
#define NOWHERE        UINT64_MAX
#define ALIGNMENT      8
#define GROWTH         65536 /* bytes, of the file in memory */

struct making {
	const struct sc_hdf5_content *content;
	haddr_t *headers; /* [content->count]: of the data sets */
	const char *subject;
	struct sc_error *error;
};

/* After a call of libhdf5 that failed. */
static enum sc_status failed(const struct making *m, const char *what)
{
	char reason[128];
	sc_hdf5_reason(reason);
	return sc_fail(m->error, SC_ERROR_WRITE, m->subject, -1, "%s: '%.200s': libhdf5 cannot make it: %s", m->subject, what,
		       reason);
}

/* A file in memory; negative after a failure. */
static hid_t make_file(void)
{
	const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
	hid_t file = -1;
	if (access < 0)
		return -1;
	if (H5Pset_fapl_core(access, GROWTH, 0) >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
	    H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0)
		file = H5Fcreate("new", H5F_ACC_TRUNC, H5P_DEFAULT, access);
	H5Pclose(access);
	return file;
}

/* How data sets are made: numbers in one piece, for which no place is taken yet, and no time noted, so that equal weights make
 * equal files. Negative after a failure. */
static hid_t make_manner(void)
{
	const hid_t manner = H5Pcreate(H5P_DATASET_CREATE);
	if (manner >= 0 && (H5Pset_layout(manner, H5D_CONTIGUOUS) < 0 || H5Pset_alloc_time(manner, H5D_ALLOC_TIME_LATE) < 0 ||
			    H5Pset_fill_time(manner, H5D_FILL_TIME_NEVER) < 0 || H5Pset_obj_track_times(manner, false) < 0)) {
		H5Pclose(manner);
		return -1;
	}
	return manner;
}

static hid_t make_links(void)
{
	const hid_t links = H5Pcreate(H5P_LINK_CREATE);
	if (links >= 0 && H5Pset_create_intermediate_group(links, 1) < 0) {
		H5Pclose(links);
		return -1;
	}
	return links;
}

static enum sc_status make_set(const struct making *m, int64_t index, hid_t file, hid_t links, hid_t manner)
{
	const struct sc_array *array = &m->content->arrays[index];
	const hid_t type = sc_hdf5_type(array->dtype);
	hsize_t shape[SC_ARRAY_MAX_RANK];
	H5O_info_t object;
	if (type < 0)
		return sc_fail(m->error, SC_ERROR_UNSUPPORTED, array->name, -1,
			       "%s: array '%.120s': our HDF5 files have no numbers of type %s", m->subject, array->name,
			       array->dtype);
	for (int i = 0; i < array->rank; i++)
		shape[i] = (hsize_t)array->shape[i];
	const hid_t space = array->rank ? H5Screate_simple(array->rank, shape, NULL) : H5Screate(H5S_SCALAR);
	const hid_t set = space < 0 ? -1 : H5Dcreate2(file, array->name, type, space, links, manner, H5P_DEFAULT);
	enum sc_status status = SC_OK;
	if (set < 0 || H5Oget_info(set, &object) < 0)
		status = failed(m, array->name);
	else
		m->headers[index] = object.addr;
	if (set >= 0)
		H5Dclose(set);
	if (space >= 0)
		H5Sclose(space);
	return status;
}

/* Texts of any length each, which lie in the file's heap. */
static enum sc_status make_attribute(const struct making *m, const struct sc_hdf5_attribute *attribute, hid_t file)
{
	const hsize_t count = (hsize_t)attribute->count;
	const hid_t type = H5Tcopy(H5T_C_S1);
	const hid_t space = attribute->count == SC_HDF5_SINGLE ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, NULL);
	hid_t made = -1;
	bool good = type >= 0 && space >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0;
	if (good)
		made = H5Acreate_by_name(file, attribute->group, attribute->name, type, space, H5P_DEFAULT, H5P_DEFAULT,
					 H5P_DEFAULT);
	good = made >= 0 && H5Awrite(made, type, attribute->texts) >= 0;
	enum sc_status status = good ? SC_OK : failed(m, attribute->group);
	if (made >= 0)
		H5Aclose(made);
	if (space >= 0)
		H5Sclose(space);
	if (type >= 0)
		H5Tclose(type);
	return status;
}

/* The file's bytes, up to a multiple of ALIGNMENT. */
static enum sc_status take_image(const struct making *m, hid_t file, uint8_t **image, int64_t *bytes)
{
	const ssize_t size = H5Fflush(file, H5F_SCOPE_LOCAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
	if (size < MESSAGES_AT)
		return failed(m, "/");
	*bytes = sc_round_up(size, ALIGNMENT);
	*image = sc_allocate(*bytes, 1);
	if (!*image)
		return sc_fail_memory(m->error, *bytes, m->subject);
	return H5Fget_file_image(file, *image, (size_t)size) == size ? SC_OK : failed(m, "/");
}

static enum sc_status make_image(const struct making *m, uint8_t **image, int64_t *bytes)
{
	struct sc_hdf5_turn turn;
	sc_hdf5_begin(&turn);
	const hid_t file = make_file(), links = make_links(), manner = make_manner();
	enum sc_status status = file < 0 || links < 0 || manner < 0 ? failed(m, "/") : SC_OK;
	for (int64_t i = 0; i < m->content->count && !status; i++)
		status = make_set(m, i, file, links, manner);
	for (int64_t i = 0; i < m->content->attribute_count && !status; i++)
		status = make_attribute(m, &m->content->attributes[i], file);
	if (!status)
		status = take_image(m, file, image, bytes);
	if (manner >= 0)
		H5Pclose(manner);
	if (links >= 0)
		H5Pclose(links);
	if (file >= 0)
		H5Fclose(file);
	sc_hdf5_end(&turn);
	return status;
}

/* ---- Where the numbers lie --------------------------------------------------------------------------------------------- */

/* The layout message of the data set whose header is there; NULL: the header has another form. */
static uint8_t *find_layout(uint8_t *image, int64_t bytes, haddr_t header)
{
	if (header > (haddr_t)bytes || (haddr_t)bytes - header < MESSAGES_AT || image[header] != 1)
		return NULL;
	const int64_t begin = (int64_t)header + MESSAGES_AT, length = (int64_t)sc_load_le(image + header + 8, 4);
	const int64_t end = length > bytes - begin ? bytes : begin + length;
	for (int64_t at = begin; end - at >= 8;) {
		uint8_t *message = image + at;
		const int64_t size = (int64_t)sc_load_le(message + 2, 2);
		if (size > end - at - 8)
			return NULL;
		if (sc_load_le(message, 2) == LAYOUT_MESSAGE && size >= LAYOUT_BYTES)
			return message + 8;
		at += 8 + size;
	}
	return NULL;
}

static enum sc_status place_numbers(const struct making *m, uint8_t *image, int64_t bytes)
{
	int64_t end = bytes;
	for (int64_t i = 0; i < m->content->count; i++) {
		const struct sc_array *array = &m->content->arrays[i];
		uint8_t *layout = find_layout(image, bytes, m->headers[i]);
		if (!layout || layout[0] != 3 || layout[1] != 1 || sc_load_le(layout + 2, 8) != NOWHERE ||
		    sc_load_le(layout + 10, 8) != (uint64_t)array->bytes)
			return sc_fail(m->error, SC_ERROR_UNSUPPORTED, m->subject, -1,
				       "%s: '%.200s': expected a header of HDF5's first form from libhdf5, found another",
				       m->subject, array->name);
		if (array->bytes > 0)
			sc_store_le(layout + 2, (uint64_t)end, 8);
		end += array->bytes;
	}
	if (image[8] != 0)
		return sc_fail(m->error, SC_ERROR_UNSUPPORTED, m->subject, 8,
			       "%s: expected an HDF5 file of version 0 from libhdf5, found %d", m->subject, image[8]);
	sc_store_le(image + LENGTH_AT, (uint64_t)end, 8);
	return SC_OK;
}

enum sc_status sc_hdf5_head(uint8_t **head, int64_t *bytes, const struct sc_hdf5_content *content, const char *subject,
			    struct sc_error *error)
{
	struct making making = {.content = content, .subject = subject, .error = error};
	uint8_t *image = NULL;
	making.headers = sc_allocate(content->count, sizeof *making.headers);
	if (!making.headers)
		return sc_fail_memory(error, content->count * (int64_t)sizeof *making.headers, subject);
	enum sc_status status = make_image(&making, &image, bytes);
	if (!status)
		status = place_numbers(&making, image, *bytes);
	free(making.headers);
	if (status)
		free(image);
	else
		*head = image;
	return status;
}
