# cmake --install: program, header, libraries, pkg-config file, CMake package, man page, completion, the bundled data.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/shortcut)

install(TARGETS shortcut_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES include/shortcut.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY data/mnist DESTINATION ${CMAKE_INSTALL_DATADIR}/shortcut)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Two export sets: who links the shared object needs none of the libraries under it.
install(TARGETS shortcut EXPORT shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS shortcut_static EXPORT static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT shared FILE shortcutSharedTargets.cmake NAMESPACE shortcut:: DESTINATION ${package_dir})
install(EXPORT static FILE shortcutStaticTargets.cmake NAMESPACE shortcut:: DESTINATION ${package_dir})
configure_package_config_file(cmake/shortcutConfig.cmake.in shortcutConfig.cmake INSTALL_DESTINATION ${package_dir}
	NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(shortcutConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/shortcutConfig.cmake ${PROJECT_BINARY_DIR}/shortcutConfigVersion.cmake
	DESTINATION ${package_dir})

# Relative, so that the installed tree may be moved.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(plot_requires)
foreach(package IN LISTS plot_packages)
	string(APPEND plot_requires ", ${package}")
endforeach()
configure_file(cmake/shortcut.pc.in shortcut.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/shortcut.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES cli/shortcut.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME shortcut)
if(SCDOC)
	add_custom_command(OUTPUT shortcut.1 COMMAND ${SCDOC} < ${PROJECT_SOURCE_DIR}/docs/shortcut.1.scd > shortcut.1
		DEPENDS ${PROJECT_SOURCE_DIR}/docs/shortcut.1.scd VERBATIM)
	add_custom_target(shortcut_man ALL DEPENDS shortcut.1)
	install(FILES ${PROJECT_BINARY_DIR}/shortcut.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
