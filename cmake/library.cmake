# libcanring.so (with a symbol map: what is not listed there is private), libcanring.a,
# and what others need to find them.
add_library(canring_shared SHARED)
target_link_libraries(canring_shared PRIVATE canring_objects)
set_target_properties(canring_shared PROPERTIES
  OUTPUT_NAME canring VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/canring.map)
target_link_options(canring_shared PRIVATE
  -Wl,--version-script=${PROJECT_SOURCE_DIR}/src/canring.map)
if(NOT CANRING_SANITIZE AND NOT CANRING_FUZZ) # clang's runtime is in the program, not in the library
  target_link_options(canring_shared PRIVATE -Wl,-z,defs)
endif()
target_include_directories(canring_shared PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

add_library(canring_static STATIC)
target_link_libraries(canring_static PUBLIC canring_objects)
set_target_properties(canring_static PROPERTIES OUTPUT_NAME canring)
