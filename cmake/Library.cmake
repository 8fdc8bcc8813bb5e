# libshortcut: everything under src/, compiled once, as an archive and as a shared object.
#
# The files of src/engine/cpu/ are compiled once for each instruction set, with SC_ISA=<name> and SC_ISA_<NAME>=1; only
# choose.c, which picks one at run time, is compiled like the rest, for the baseline of the processor family.
file(GLOB_RECURSE library_sources CONFIGURE_DEPENDS src/*.c)
file(GLOB kernel_sources CONFIGURE_DEPENDS src/engine/cpu/*.c)
list(FILTER kernel_sources EXCLUDE REGEX "/choose\\.c$")
list(REMOVE_ITEM library_sources ${kernel_sources})

if(SC_SANITIZE MATCHES "fuzzer") # it takes clang minutes to count each branch of the fast kernels, and no file reaches them
	set(instruction_sets)
	set(choice)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
	set(instruction_sets avx512 avx2 sse2)
	set(flags_avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma)
	set(flags_avx2 -mavx2 -mfma)
	set(choice SC_HAVE_X86_KERNELS=1)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
	set(instruction_sets neon)
	set(choice SC_HAVE_NEON_KERNELS=1)
else() # the reference kernels alone: the same bits, slowly
	set(instruction_sets)
	set(choice)
endif()

# What all compilations of the library share; never linked by anything outside it.
add_library(shortcut_settings INTERFACE)
target_include_directories(shortcut_settings INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(shortcut_settings INTERFACE SC_DATA_DIR="${CMAKE_INSTALL_FULL_DATADIR}/shortcut" ${choice}
	$<$<BOOL:${SHORTCUT_PLOTS_FOUND}>:SC_HAVE_PLOTS=1>)
target_compile_options(shortcut_settings INTERFACE -fno-semantic-interposition)
target_link_libraries(shortcut_settings INTERFACE PkgConfig::SHORTCUT_NEEDS PkgConfig::SHORTCUT_HDF5 Threads::Threads m)

add_library(shortcut_objects OBJECT ${library_sources})
target_link_libraries(shortcut_objects PRIVATE shortcut_settings)
set(library_objects $<TARGET_OBJECTS:shortcut_objects>)

foreach(isa IN LISTS instruction_sets)
	string(TOUPPER ${isa} upper)
	add_library(shortcut_kernels_${isa} OBJECT ${kernel_sources})
	target_compile_definitions(shortcut_kernels_${isa} PRIVATE SC_ISA=${isa} SC_ISA_${upper}=1)
	target_compile_options(shortcut_kernels_${isa} PRIVATE ${flags_${isa}})
	target_link_libraries(shortcut_kernels_${isa} PRIVATE shortcut_settings)
	list(APPEND library_objects $<TARGET_OBJECTS:shortcut_kernels_${isa}>)
endforeach()

set(library_needs PkgConfig::SHORTCUT_NEEDS PkgConfig::SHORTCUT_HDF5 Threads::Threads m)
if(SHORTCUT_PLOTS_FOUND)
	list(APPEND library_needs PkgConfig::SHORTCUT_PLOTS)
	target_link_libraries(shortcut_settings INTERFACE PkgConfig::SHORTCUT_PLOTS)
endif()

# The archive: its users link what it stands on.
add_library(shortcut_static STATIC ${library_objects})
target_link_libraries(shortcut_static PRIVATE ${library_needs})
set_target_properties(shortcut_static PROPERTIES OUTPUT_NAME shortcut EXPORT_NAME static)

# The shared object: shows the functions marked SC_API, under a version of their own.
set(version_script ${PROJECT_SOURCE_DIR}/cmake/shortcut.map)
add_library(shortcut SHARED ${library_objects})
target_link_libraries(shortcut PRIVATE ${library_needs})
target_link_options(shortcut PRIVATE -Wl,--version-script=${version_script})
if(NOT SC_SANITIZE)
	target_link_options(shortcut PRIVATE -Wl,-z,defs)
endif()
set_target_properties(shortcut PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
	LINK_DEPENDS ${version_script})

foreach(library IN ITEMS shortcut shortcut_static)
	target_include_directories(${library} PUBLIC
		$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
add_library(shortcut::shortcut ALIAS shortcut)
add_library(shortcut::static ALIAS shortcut_static)
