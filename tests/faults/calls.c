/* calls.c - see calls.h. */
#include "calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include "allocator.h"
#include "interpose.h"

static struct order { /* in memory that is the other process's, too */
	long countdown;
	int reason;
	const char *failed;
} * order;

const char *calls_under = "/nowhere";

static bool refuse(const char *name)
{
	if (!order || order->countdown == 0 || --order->countdown > 0)
		return false;
	order->failed = name;
	errno = order->reason;
	return true;
}

static bool is_reason(int reason)
{
	return order && order->reason == reason;
}

static bool is_ours(const char *path)
{
	return !is_reason(ENOMEM) && strncmp(path, calls_under, strlen(calls_under)) == 0;
}

static bool is_open(int descriptor)
{
	char link[64], path[256];
	snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
	const ssize_t length = readlink(link, path, sizeof path - 1);
	path[length > 0 ? length : 0] = '\0';
	return is_ours(path) || (!is_reason(ENOMEM) && strncmp(path, "pipe:", 5) == 0);
}

static int before(struct call *call)
{
	static const char *const names[] = {"open", "write", "fsync", "close", "rename", "unlink", "mkdir"};
	const bool counted = call->path ? is_ours(call->path) : is_open(call->descriptor);
	return counted && refuse(names[call->kind]) ? order->reason : 0;
}

void fail_call(long n, int reason)
{
	if (!order)
		order = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*order = (struct order){n, reason, NULL};
	fault_before = before;
}

void stop_failing(void)
{
	if (order)
		order->countdown = 0;
}

static long change_at = -1;
static unsigned char change_to;
static bool changed;

void change_answer(long at, unsigned char value)
{
	change_at = at;
	change_to = value;
	changed = false;
}

bool answer_was_changed(void)
{
	return changed;
}

const char *failed_call(void)
{
	return order->failed;
}

/* ---- What stands in front ------------------------------------------------------------------------------------------------- */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define NAME_OF(name) #name

/* A function that passes its call on, or fails where `counted` and its turn has come. */
#define STAND_BEFORE(type, name, parameters, arguments, counted, failure)                                                          \
	__attribute__((visibility("default"))) type name parameters                                                                \
	{                                                                                                                          \
		static type(*next) parameters;                                                                                     \
		if (!next)                                                                                                         \
			*(void **)&next = dlsym(RTLD_NEXT, NAME_OF(name));                                                         \
		return (counted) && refuse(NAME_OF(name)) ? (failure) : next arguments;                                            \
	}

/* Of the system. */
STAND_BEFORE(int, stat, (const char *path, struct stat *found), (path, found), is_ours(path), -1)
STAND_BEFORE(int, fstat, (int descriptor, struct stat *found), (descriptor, found), is_open(descriptor), -1)
STAND_BEFORE(FILE *, fdopen, (int descriptor, const char *mode), (descriptor, mode), is_open(descriptor), NULL)
STAND_BEFORE(FILE *, fopencookie, (void *cookie, const char *mode, cookie_io_functions_t calls), (cookie, mode, calls),
	     !is_reason(ENOMEM), NULL)
STAND_BEFORE(int, fseeko, (FILE * stream, off_t offset, int whence), (stream, offset, whence), is_open(fileno(stream)), -1)
STAND_BEFORE(off_t, lseek, (int descriptor, off_t offset, int whence), (descriptor, offset, whence), is_open(descriptor), -1)
STAND_BEFORE(DIR *, opendir, (const char *path), (path), is_ours(path), NULL)
STAND_BEFORE(struct dirent *, readdir, (DIR * folder), (folder), is_open(dirfd(folder)), NULL)
STAND_BEFORE(int, flock, (int descriptor, int operation), (descriptor, operation), is_open(descriptor), -1)
STAND_BEFORE(int, pipe2, (int ends[2], int flags), (ends, flags), !is_reason(ENOMEM), -1)
STAND_BEFORE(pid_t, fork, (void), (), !is_reason(ENOMEM), -1)
/* It has no other reason, for our own child. */
STAND_BEFORE(pid_t, waitpid, (pid_t pid, int *result, int options), (pid, result, options), is_reason(EINTR), -1)

__attribute__((visibility("default"))) ssize_t read(int descriptor, void *bytes, size_t count)
{
	const bool counted = is_open(descriptor);
	if (counted && refuse("read"))
		return order->reason == CUT_SHORT ? 0 : -1;
	const ssize_t got = syscall(SYS_read, descriptor, bytes, count);
	if (counted && change_at >= 0 && change_at < got) {
		((unsigned char *)bytes)[change_at] = change_to;
		changed = true;
	}
	if (counted && got > 0)
		change_at -= got;
	return got;
}

/* The stream itself must see it: for this call a folder, or nothing, lies under it. */
static size_t read_nothing(size_t (*next)(void *, size_t, size_t, FILE *), void *to, size_t size, size_t count, FILE *stream)
{
	fflush(stream); /* forgets what has been read ahead */
	const int kept = dup(fileno(stream)), other = open(order->reason == CUT_SHORT ? "/dev/null" : "/", O_RDONLY | O_CLOEXEC);
	dup2(other, fileno(stream));
	errno = 0;
	const size_t got = next(to, size, count, stream);
	const int reason = errno;
	dup2(kept, fileno(stream));
	close(kept);
	close(other);
	errno = reason;
	return got;
}
STAND_BEFORE(size_t, fread, (void *to, size_t size, size_t count, FILE *stream), (to, size, count, stream), is_open(fileno(stream)),
	     read_nothing(next, to, size, count, stream))

/* Of zlib. */
STAND_BEFORE(int, inflateInit2_, (z_stream * stream, int bits, const char *version, int size), (stream, bits, version, size),
	     is_reason(EIO), Z_MEM_ERROR)
STAND_BEFORE(int, inflateReset, (z_stream * stream), (stream), is_reason(EIO), Z_STREAM_ERROR)
STAND_BEFORE(int, inflate, (z_stream * stream, int flush), (stream, flush), is_reason(EIO), Z_BUF_ERROR)

/* Of libhdf5: those that make something, and those that set or tell. */
#define MAKER(name, parameters, arguments)  STAND_BEFORE(hid_t, name, parameters, arguments, is_reason(EIO), -1)
#define SETTER(name, parameters, arguments) STAND_BEFORE(herr_t, name, parameters, arguments, is_reason(EIO), -1)
MAKER(H5Pcreate, (hid_t kind), (kind))
MAKER(H5Fcreate, (const char *name, unsigned flags, hid_t made, hid_t access), (name, flags, made, access))
MAKER(H5Fopen, (const char *name, unsigned flags, hid_t access), (name, flags, access))
MAKER(H5Gopen2, (hid_t place, const char *name, hid_t access), (place, name, access))
MAKER(H5Oopen, (hid_t place, const char *name, hid_t access), (place, name, access))
MAKER(H5Dcreate2, (hid_t place, const char *name, hid_t type, hid_t space, hid_t links, hid_t made, hid_t access),
      (place, name, type, space, links, made, access))
MAKER(H5Dget_type, (hid_t set), (set))
MAKER(H5Dget_space, (hid_t set), (set))
MAKER(H5Dget_create_plist, (hid_t set), (set))
MAKER(H5Screate, (H5S_class_t kind), (kind))
MAKER(H5Screate_simple, (int rank, const hsize_t shape[], const hsize_t most[]), (rank, shape, most))
MAKER(H5Tcopy, (hid_t type), (type))
MAKER(H5Acreate_by_name,
      (hid_t place, const char *object, const char *name, hid_t type, hid_t space, hid_t made, hid_t access, hid_t links),
      (place, object, name, type, space, made, access, links))
SETTER(H5Pset_fapl_core, (hid_t list, size_t growth, hbool_t kept), (list, growth, kept))
SETTER(H5Pset_fclose_degree, (hid_t list, H5F_close_degree_t degree), (list, degree))
SETTER(H5Pset_libver_bounds, (hid_t list, H5F_libver_t low, H5F_libver_t high), (list, low, high))
SETTER(H5Pset_layout, (hid_t list, H5D_layout_t layout), (list, layout))
SETTER(H5Pset_alloc_time, (hid_t list, H5D_alloc_time_t when), (list, when))
SETTER(H5Pset_fill_time, (hid_t list, H5D_fill_time_t when), (list, when))
SETTER(H5Pset_obj_track_times, (hid_t list, hbool_t tracked), (list, tracked))
SETTER(H5Pset_create_intermediate_group, (hid_t list, unsigned made), (list, made))
SETTER(H5Pset_file_locking, (hid_t list, hbool_t used, hbool_t ignored), (list, used, ignored))
SETTER(H5Pset_file_image_callbacks, (hid_t list, H5FD_file_image_callbacks_t *calls), (list, calls))
SETTER(H5Pset_file_image, (hid_t list, void *image, size_t bytes), (list, image, bytes))
SETTER(H5Tset_size, (hid_t type, size_t bytes), (type, bytes))
SETTER(H5Tset_cset, (hid_t type, H5T_cset_t set), (type, set))
SETTER(H5Awrite, (hid_t attribute, hid_t type, const void *value), (attribute, type, value))
SETTER(H5Fflush, (hid_t object, H5F_scope_t scope), (object, scope))
SETTER(H5Oget_info, (hid_t object, H5O_info_t *info), (object, info))
SETTER(H5Oget_info_by_name, (hid_t place, const char *name, H5O_info_t *info, hid_t links), (place, name, info, links))
SETTER(H5Literate, (hid_t group, H5_index_t index, H5_iter_order_t way, hsize_t *at, H5L_iterate_t visit, void *user),
       (group, index, way, at, visit, user))
SETTER(H5PLget_loading_state, (unsigned *kinds), (kinds))
SETTER(H5Eget_auto2, (hid_t stack, H5E_auto2_t *print, void **user), (stack, print, user))
STAND_BEFORE(ssize_t, H5Fget_file_image, (hid_t file, void *bytes, size_t room), (file, bytes, room), is_reason(EIO), -1)
STAND_BEFORE(haddr_t, H5Dget_offset, (hid_t set), (set), is_reason(EIO), HADDR_UNDEF)

/* ---- Memory ----------------------------------------------------------------------------------------------------------------- */

STAND_BEFORE(XXH3_state_t *, XXH3_createState, (void), (), is_reason(ENOMEM), NULL)

#ifndef NOT_INTERPOSED
#ifdef SANITIZED
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
extern void *REAL(malloc)(size_t), *REAL(calloc)(size_t, size_t), *REAL(realloc)(void *, size_t);
extern const char __executable_start, etext;

/* libhdf5 does not bear a failure of each of its own. */
static bool is_own(const void *caller)
{
	return is_reason(ENOMEM) && (const char *)caller >= &__executable_start && (const char *)caller < &etext;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size)
{
	return is_own(__builtin_return_address(0)) && refuse("malloc") ? NULL : REAL(malloc)(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	return is_own(__builtin_return_address(0)) && refuse("calloc") ? NULL : REAL(calloc)(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
	return is_own(__builtin_return_address(0)) && refuse("realloc") ? NULL : REAL(realloc)(old, size);
}

#undef strdup
STAND_BEFORE(char *, strdup, (const char *text), (text), is_own(__builtin_return_address(0)), NULL)
#endif
