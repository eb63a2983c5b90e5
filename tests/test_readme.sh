#!/bin/bash
# The program in README.md compiles as it stands, its links lead somewhere, and its table has every
# command.
set -u
cd "$CANRING_SOURCE" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' README.md >"$work/example.c"
[ -s "$work/example.c" ] || { echo "FAILED: README.md has no program" && failed=1; }
libraries=$(pkg-config --libs yaml-0.1 liburing jansson msgpack libmnl)
# shellcheck disable=SC2086 # several words
gcc -std=c11 -Wall -Wextra -Werror -Iinclude -o "$work/example" "$work/example.c" \
    "$CANRING_BUILD/libcanring.a" $libraries -pthread || failed=1
grep -oE '\]\([^)#]+\)' README.md docs/*.md | sed 's/^\([^:]*\):](\(.*\))/\1 \2/' | while read -r from to; do
    case $to in http*) continue ;; esac
    [ -e "$(dirname "$from")/$to" ] || echo "$from points to $to, which does not exist"
done >"$work/dead"
[ -s "$work/dead" ] && cat "$work/dead" && failed=1
for command in $("$CANRING" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    grep -q "^| \`canring $command" README.md || { echo "FAILED: README.md lacks $command" && failed=1; }
done
exit $failed
