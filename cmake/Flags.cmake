# How every file of the project is compiled and linked.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

# Adds the flags that this compiler knows.
function(sc_add_known_flags)
	foreach(flag IN LISTS ARGN)
		string(MAKE_C_IDENTIFIER "SC_KNOWS${flag}" known)
		check_c_compiler_flag(${flag} ${known})
		if(${known})
			list(APPEND flags ${flag})
		endif()
	endforeach()
	add_compile_options(${flags})
endfunction()

add_compile_definitions(_GNU_SOURCE)

# The bit contract (docs/design.md): a * b + c is one rounding where the source says fma, two where it does not. These come
# last on the command line, so no CFLAGS from outside can undo them.
add_compile_options(-fno-fast-math -ffp-contract=off)

# ---- Warnings: the OpenSSF C hardening guide, and what keeps C honest ----------------------------------------------------
add_compile_options(-Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Wimplicit-fallthrough -Werror=format-security -Werror=implicit
	-Werror=incompatible-pointer-types -Werror=int-conversion)
sc_add_known_flags(-Wtrampolines -Wbidi-chars=any)
if(SC_WARNINGS_AS_ERRORS)
	add_compile_options(-Werror)
endif()

# ---- Sanitizers and coverage ---------------------------------------------------------------------------------------------
if(SC_SANITIZE)
	add_compile_options(-fsanitize=${SC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=${SC_SANITIZE})
endif()
if(SC_COVERAGE)
	add_compile_options(--coverage -fprofile-update=single) # not atomic, as -pthread would have it: a lost count matters to nobody
	add_link_options(--coverage)
	add_compile_definitions(SC_COVERAGE)  # src/base/child.c: a process that ends by _exit
	add_compile_definitions(SC_NO_INLINE) # src/engine/cpu/lanes.h
	add_compile_options(-Wno-maybe-uninitialized) # where a register tile is passed by its address
endif()

# ---- Hardening -----------------------------------------------------------------------------------------------------------
# Sanitizers replace it; _FORTIFY_SOURCE needs an optimised build. A level that the C library lacks counts as its highest.
if(SC_HARDENING AND NOT SC_SANITIZE AND CMAKE_BUILD_TYPE MATCHES "^Rel")
	add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
	sc_add_known_flags(-fstack-protector-strong -fstack-clash-protection -fstrict-flex-arrays=3)
	if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i[3-6]86)$")
		sc_add_known_flags(-fcf-protection=full)
	elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
		sc_add_known_flags(-mbranch-protection=standard)
	endif()
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
