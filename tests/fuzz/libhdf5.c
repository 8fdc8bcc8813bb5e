/* libhdf5.c - what libhdf5 itself does wrong is no finding (seen in 1.10.8): it asks for as much memory as a damaged size in the file
 * says, before it finds that the file has not so many bytes. It bears a NULL, and touches nothing of what it gets; for libFuzzer that is
 * -malloc_limit_mb=1000000. Where it dies, it does so in a process of its own (src/io/hdf5.c). */

const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}
