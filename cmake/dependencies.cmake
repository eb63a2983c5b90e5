# The modules that the library is linked with: for the build, and for canring.pc and
# canringConfig.cmake, which tell users of the static library.
find_package(PkgConfig REQUIRED)
pkg_search_module(CANRING_MSGPACK REQUIRED msgpack msgpack-c) # newer releases have renamed it
set(CANRING_MODULES yaml-0.1 liburing>=2.3 jansson zlib libzstd ${CANRING_MSGPACK_MODULE_NAME} libmnl)
pkg_check_modules(CANRING_MODULES REQUIRED IMPORTED_TARGET ${CANRING_MODULES})
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(canring_dependencies INTERFACE)
target_link_libraries(canring_dependencies INTERFACE PkgConfig::CANRING_MODULES Threads::Threads)
