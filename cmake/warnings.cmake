# One interface target carries the warnings and sanitizers of everything that we compile.
add_library(canring_warnings INTERFACE)
target_compile_options(canring_warnings INTERFACE
  -Wall -Wextra -Werror -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wcast-align -Wcast-qual -Wwrite-strings -Wundef -Wvla
  -Wformat=2 -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(canring_warnings INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(CANRING_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(CANRING_SANITIZE)
  add_compile_options(-fsanitize=${CANRING_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CANRING_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
  add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
endif()
