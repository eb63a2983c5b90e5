#!/bin/bash
# Every public header can be included alone, as C11 and as C++17, both without extensions.
set -u
cd "$CANRING_SOURCE/include" || exit 1
failed=0
check() { # LANGUAGE HEADER COMPILER OPTION...
    local language=$1 header=$2
    shift 2
    printf '#include <%s>\n#include <%s>\n' "$header" "$header" |
        "$@" -x "$language" -I. -Wall -Wextra -Werror -fsyntax-only - && return
    echo "FAILED: $header as $*"
    failed=1
}
for header in canring/*.h; do
    check c "$header" gcc -std=c11 -pedantic
    command -v g++ >/dev/null && check c++ "$header" g++ -std=c++17 -pedantic
done
command -v g++ >/dev/null || echo "C++ not checked: no g++"
exit $failed
