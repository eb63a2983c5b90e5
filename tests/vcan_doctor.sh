#!/bin/bash
# canring doctor where there is CAN: each interface is looked at, and one that is down is BAD.
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
found() { # NAME
    "$CANRING" doctor --json | jq -r --arg name "$1" '.[] | select(.name == $name) | "\(.level) \(.found)"'
}
is() { # NAME WANTED
    local got
    got=$(found "$1")
    [ "$got" = "$2" ] || fail "$1: '$got', not '$2'"
}
is af_can "ok there"
is "vcan0 state" "ok up"
is "vcan0 irq" "ok none of its own (virtual, or USB's)"
is "vcan0 losses" "ok 0 overrun, 0 dropped"
[[ $(found "vcan0 txqueuelen") = "ok "* ]] || fail "txqueuelen: $(found "vcan0 txqueuelen")"
ip link set vcan0 down
is "vcan0 state" "bad down"
"$CANRING" doctor -q | grep -q 'ip link set vcan0 up' || fail "no way up is shown"
"$CANRING" doctor >/dev/null && fail "an interface that is down does not fail"
ip link set vcan0 up
is "vcan0 state" "ok up"
exit $failed
