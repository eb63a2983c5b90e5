find_package(PkgConfig REQUIRED)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing>=2.3)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(MSGPACK REQUIRED IMPORTED_TARGET msgpack)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
find_package(Threads REQUIRED)

add_library(canring_dependencies INTERFACE)
target_link_libraries(canring_dependencies INTERFACE
  PkgConfig::YAML PkgConfig::URING PkgConfig::JANSSON PkgConfig::MSGPACK PkgConfig::MNL
  Threads::Threads)
