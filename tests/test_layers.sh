#!/bin/bash
# Who may include what: the tools are written as a user would, on the public headers alone, and
# the library's folders depend downwards only: proxy -> can -> shm.
set -u
cd "$CANRING_SOURCE" || exit 1
failed=0
refuse() { # WHO WHAT FILE...
    local who=$1 what=$2
    shift 2
    grep -nE "^ *# *include *[\"<]$what" "$@" || return
    echo "FAILED: $who must not include these"
    failed=1
}
private='((\.\./)*(src|shm|can|proxy)/)'
refuse "the tools" "$private" tools/*.[ch]
refuse "public headers" "$private" include/canring/*.h
refuse "src/shm" '((\.\./)?(can|proxy)/|canring/(bus|channel|config|filter|frame|proxy|text)\.h)' src/shm/*.[ch]
mapfile -t can < <(find src/can -name '*.[ch]') # src/can/trace as well
refuse "src/can" '((\.\./)?proxy/|canring/(channel|config|proxy)\.h)' "${can[@]}"
for file in $(grep -hoE '^ *# *include *"[^"]+"' tools/*.[ch] | sed 's/.*"\(.*\)"/\1/' | sort -u); do
    [ -e "tools/$file" ] || { echo "FAILED: tools include \"$file\", which is not in tools/" && failed=1; }
done
exit $failed
