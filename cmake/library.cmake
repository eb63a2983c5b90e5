# libcanring.so (with a symbol map: what is not listed there is private) and libcanring.a. Headers
# have half of the ring inline, so programs are bound to the layout that they were compiled with:
# below 1.0 that of a minor number.
set(CANRING_SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
add_library(canring_shared SHARED)
target_link_libraries(canring_shared PRIVATE canring_objects)
set_target_properties(canring_shared PROPERTIES
  OUTPUT_NAME canring EXPORT_NAME canring
  VERSION ${PROJECT_VERSION} SOVERSION ${CANRING_SOVERSION}
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/canring.map)
# Never unloaded: its SIGBUS handler, which others may have saved to call, stays.
target_link_options(canring_shared PRIVATE
  -Wl,-z,nodelete,-Bsymbolic-functions,--version-script=${PROJECT_SOURCE_DIR}/src/canring.map)
if(NOT CANRING_SANITIZE AND NOT CANRING_FUZZ) # clang's runtime is in the program, not in the library
  target_link_options(canring_shared PRIVATE -Wl,-z,defs)
endif()

# In this build users of the static library get what its objects were compiled with; others get
# its dependencies from canringConfig.cmake.
add_library(canring_static STATIC $<TARGET_OBJECTS:canring_objects>)
target_link_libraries(canring_static PUBLIC
  $<BUILD_INTERFACE:canring_dependencies>
  $<INSTALL_INTERFACE:PkgConfig::CANRING_MODULES> $<INSTALL_INTERFACE:Threads::Threads>)
target_compile_definitions(canring_static PUBLIC $<BUILD_INTERFACE:_GNU_SOURCE>)
set_target_properties(canring_static PROPERTIES OUTPUT_NAME canring EXPORT_NAME static)

foreach(target canring_shared canring_static)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
add_library(canring::canring ALIAS canring_shared)
add_library(canring::static ALIAS canring_static)
