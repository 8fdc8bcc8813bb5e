/* libhdf5_leaks.c - what libhdf5 itself forgets to free is no finding: of an object header that it refuses (seen in 1.10.8), memory of
 * its free lists stays behind. Only its own allocators are named, which is why stacks must be unwound exactly; what we forget is
 * still reported, in callbacks of libhdf5, too. */

const char *__asan_default_options(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0:malloc_context_size=8";
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

const char *__lsan_default_suppressions(void)
{
	return "leak:H5FL_\nleak:H5MM_\n";
}
