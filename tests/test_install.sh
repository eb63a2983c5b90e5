#!/bin/bash
# What cmake --install puts somewhere is enough for others: through pkg-config and CMake, shared
# and static, C and C++; and the shared library shows nothing but canring_*.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
uses() { # PROGRAM
    local said
    said=$("$1") && [ "$said" = 123#1122 ] || fail "${1##*/} says '$said'"
}

cmake --install "$CANRING_BUILD" --prefix "$work/first" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
mv "$work/first" "$prefix" # it may be moved
pc=$(find "$prefix" -name canring.pc)
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir

user=$CANRING_SOURCE/tests/install/use.c
read -ra flags <<<"$(pkg-config --cflags --libs canring)"
gcc -std=c11 -o "$work/shared" "$user" "${flags[@]}" && uses "$work/shared" || fail "pkg-config, shared"
ldd "$work/shared" | grep -q 'libcanring\.so\.[0-9.]* => /' || fail "the library has no SONAME with a version"
read -ra flags <<<"$(pkg-config --static --cflags --libs canring | sed "s|-lcanring|$libdir/libcanring.a|")"
gcc -std=c11 -o "$work/static" "$user" "${flags[@]}" && uses "$work/static" || fail "pkg-config, static"
ldd "$work/static" | grep -q libcanring && fail "the static program wants the shared library"

if command -v g++ >/dev/null; then
    if cmake -B "$work/cmake" -S "$CANRING_SOURCE/tests/install" -DCMAKE_PREFIX_PATH="$prefix" \
        >"$work/log" 2>&1 && cmake --build "$work/cmake" >>"$work/log" 2>&1; then
        for program in shared static cxx; do uses "$work/cmake/$program"; done
    else
        cat "$work/log"
        fail "find_package(canring)"
    fi
else
    echo "find_package and C++ not checked: no g++"
fi

nm -D --defined-only "$libdir/libcanring.so" | awk '$2 != "A" { sub("@.*", "", $3); print $3 }' | sort >"$work/shown"
grep -q '^canring_proxy_open$' "$work/shown" || fail "canring_proxy_open is not exported"
grep -v '^canring_' "$work/shown" && fail "these are exported as well"
# What a header declares is there. A header of which nothing is there yet is only told of.
for header in "$prefix"/include/canring/*.h; do
    grep -oE '\bcanring_[a-z_]+\(' "$header" | tr -d '(' | sort -u >"$work/named"
    cat "$prefix"/include/canring/*.h | grep -E -A1 '^static inline' |
        grep -oE '\bcanring_[a-z_]+\(' | tr -d '(' | sort -u >"$work/inline"
    comm -23 "$work/named" "$work/inline" >"$work/declared"
    comm -23 "$work/declared" "$work/shown" >"$work/missing"
    [ -s "$work/missing" ] || continue
    if cmp -s "$work/declared" "$work/missing"; then
        echo "nothing of ${header##*/} is in the library"
    else
        fail "${header##*/}: in the library are not: $(paste -sd ' ' "$work/missing")"
    fi
done

"$prefix/bin/canring" --version | grep -qx "canring $(pkg-config --modversion canring)" || fail "--version"
for page in "$CANRING_SOURCE"/man/*; do
    [ -e "$prefix/share/man/man${page##*.}/${page##*/}" ] || fail "${page##*/} is not installed"
done
[ -e "$prefix/share/bash-completion/completions/canring" ] || fail "no completion"
exit $failed
