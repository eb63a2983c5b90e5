# What is installed, and what lets others find it: pkg-config, CMake, man, the shell.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/canring)

install(TARGETS canring_shared canring_static EXPORT canringTargets)
install(DIRECTORY include/canring DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
install(EXPORT canringTargets NAMESPACE canring:: DESTINATION ${package})

configure_package_config_file(cmake/canringConfig.cmake.in ${PROJECT_BINARY_DIR}/canringConfig.cmake
  INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/canringConfigVersion.cmake
  COMPATIBILITY SameMinorVersion) # below 1.0 the minor number is the incompatible one
install(FILES ${PROJECT_BINARY_DIR}/canringConfig.cmake
  ${PROJECT_BINARY_DIR}/canringConfigVersion.cmake DESTINATION ${package})

# Relative, so that an installed tree can be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
list(JOIN CANRING_MODULES ", " pc_requires)
string(REPLACE ">=" " >= " pc_requires ${pc_requires})
configure_file(cmake/canring.pc.in ${PROJECT_BINARY_DIR}/canring.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/canring.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

file(GLOB pages CONFIGURE_DEPENDS man/*.[1-9])
foreach(page ${pages})
  string(REGEX REPLACE ".*\\." "" section ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES completion/canring DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
