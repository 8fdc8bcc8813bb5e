/* status.c - the table of statuses as text, and what this build is: its version, compiler and libraries.
 *
 * The table itself is SC_STATUS_MAP of the public header: a new status is one row there and nothing here. */
#include "shortcut.h"

#include <jansson.h>
#include <nettle/version.h>
#include <png.h>
#include <xxhash.h>
#include <zlib.h>

#define QUOTE_(x) #x
#define QUOTE(x)  QUOTE_(x)

#if defined(__clang__)
#define COMPILER "clang " QUOTE(__clang_major__) "." QUOTE(__clang_minor__) "." QUOTE(__clang_patchlevel__)
#elif defined(__GNUC__)
#define COMPILER "gcc " QUOTE(__GNUC__) "." QUOTE(__GNUC_MINOR__) "." QUOTE(__GNUC_PATCHLEVEL__)
#else
#define COMPILER "an unknown compiler"
#endif

#ifdef SC_HAVE_PLOTS
#include <cairo.h>
#include <pango/pango.h>
#define PLOTS "cairo " CAIRO_VERSION_STRING ", pango " PANGO_VERSION_STRING
#else
#define PLOTS "no cairo and pango: no pictures"
#endif

#define LIBRARIES                                                                                                                  \
	"jansson " JANSSON_VERSION ", libpng " PNG_LIBPNG_VER_STRING ", nettle " QUOTE(NETTLE_VERSION_MAJOR) "." QUOTE(            \
		NETTLE_VERSION_MINOR) ", xxhash " QUOTE(XXH_VERSION_MAJOR) "." QUOTE(XXH_VERSION_MINOR) ", zlib " ZLIB_VERSION

const char *sc_status_name(enum sc_status status)
{
	switch (status) {
#define NAME_CASE(name, code, sentence)                                                                                            \
	case SC_##name:                                                                                                            \
		return "SC_" #name;
		SC_STATUS_MAP(NAME_CASE)
#undef NAME_CASE
	}
	return "SC_ERROR_UNKNOWN";
}

const char *sc_status_sentence(enum sc_status status)
{
	switch (status) {
#define SENTENCE_CASE(name, code, sentence)                                                                                        \
	case SC_##name:                                                                                                            \
		return sentence;
		SC_STATUS_MAP(SENTENCE_CASE)
#undef SENTENCE_CASE
	}
	return "an unknown status";
}

const char *sc_version(void)
{
	return SC_VERSION;
}

const char *sc_build_description(void)
{
	return COMPILER "; " LIBRARIES "; " PLOTS;
}
