# What the library stands on; scripts/packages.txt names Debian's packages. Nothing is downloaded here.
find_package(Threads REQUIRED)
find_package(Pthreadpool REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SHORTCUT_NEEDS REQUIRED IMPORTED_TARGET jansson>=2.13 nettle>=3.4 libpng>=1.6 zlib libxxhash>=0.8.0)
if(SC_BUILD_TESTS)
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka>=1.1.5)
endif()
find_program(SCDOC scdoc DOC "Makes the man page; without it none is installed")
