/* libhdf5.c - what libhdf5 itself does wrong is no finding (seen in 1.10.8):
 *
 * - It forgets memory of its free lists when it refuses an object header. Only its own allocators are named here, which is why
 *   stacks must be unwound exactly: what we forget is still reported, in callbacks of libhdf5, too.
 * - It asks for as much memory as a damaged size in the file says, before it finds that the file has not so many bytes. It bears a
 *   NULL, and touches nothing of what it gets; for libFuzzer that is -malloc_limit_mb=1000000. */

const char *__asan_default_options(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:fast_unwind_on_malloc=0:malloc_context_size=8";
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

const char *__lsan_default_suppressions(void)
{
	return "leak:H5FL_\nleak:H5MM_\n";
}
