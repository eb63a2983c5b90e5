#!/bin/bash
# canring doctor on this machine: what it found is what the kernel says, text and JSON agree, and the
# exit status is that of the worst finding; what the caller may do is the caller's.
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
cd "$work" || exit 1

"$CANRING" doctor >text 2>err
status=$?
[ -s err ] && fail "says on stderr: $(cat err)"
"$CANRING" doctor --json >json || true
worst=$(jq -r 'if any(.level == "bad") then 1 else 0 end' json)
[ $status = "$worst" ] || fail "exit status $status, the worst is $worst"
jq -r '.[] | "\(.level) \(.name)"' json | sort >a
sed -n 's/^\(OK\|WARN\|BAD\)  *\([^ ]\+\( [a-z-]\+\)\?\)  *.*/\L\1 \E\2/p' text | awk '{ print $1, $2 }' | sort >b
awk '{ print $1, $2 }' a | sort | cmp -s - b || { fail "text and JSON differ" && diff <(awk '{ print $1, $2 }' a | sort) b; }
jq -e 'all(.level == "ok" or (.wanted != "" and .why != "" and .remedy != ""))' json >/dev/null ||
    fail "without advice: $(jq -c '.[] | select(.level != "ok")' json)"
[ "$(jq -r '.[].name' json | sort | uniq -d)" = "" ] || fail "a name is used twice"

found() { # NAME
    jq -r --arg name "$1" '.[] | select(.name == $name) | .found' json
}
[ "$(found kernel)" = "$(uname -r)" ] || fail "kernel: $(found kernel)"
[[ $(found rmem_max) = "$(cat /proc/sys/net/core/rmem_max) bytes"* ]] || fail "rmem_max: $(found rmem_max)"
clocksource=/sys/devices/system/clocksource/clocksource0/current_clocksource
[ -e $clocksource ] && [ "$(found clocksource)" != "$(cat $clocksource)" ] &&
    fail "clocksource: $(found clocksource)"

"$CANRING" doctor -q >quiet
grep -q '^OK' quiet && fail "-q shows what is OK"
[ "$(grep -cE '^(WARN|BAD)' quiet)" = "$(jq 'map(select(.level != "ok")) | length' json)" ] || fail "-q leaves something out"
"$CANRING" doctor -jq | jq -e 'all(.level != "ok")' >/dev/null || fail "-jq shows what is OK"
"$CANRING" doctor -s >/dev/null
strict=$?
[ $strict = "$(jq -r 'if all(.level == "ok") then 0 else 1 end' json)" ] || fail "-s: exit status $strict"
for misuse in extra --nonsense; do
    "$CANRING" doctor $misuse 2>/dev/null
    [ $? = 2 ] || fail "$misuse is not misuse"
done

# Somebody without privileges is told so.
if command -v prlimit >/dev/null && { [ "$(id -u)" != 0 ] || command -v setpriv >/dev/null; }; then
    drop=()
    [ "$(id -u)" = 0 ] && drop=(setpriv '--bounding-set=-sys_nice,-ipc_lock,-net_admin')
    "${drop[@]}" prlimit --rtprio=0 --memlock=65536 "$CANRING" doctor --json >json
    jq -c '.[] | select(.name == "rtprio" or .name == "memlock" or .name == "net_admin")' json >privileges
    [ "$(jq -r .level privileges | sort -u)" = warn ] || fail "without privileges: $(cat privileges)"
    [ "$(found memlock)" = "no CAP_IPC_LOCK, RLIMIT_MEMLOCK is 64 KiB" ] || fail "memlock: $(found memlock)"
fi

# Places that are not as they should be, in a mount namespace of their own.
in_namespace() { # MOUNT-COMMANDS: writes json; false where they are not permitted
    local words="mount --make-rprivate / && $1"
    unshare -m bash -c "$words" 2>/dev/null || return
    unshare -m bash -c "$words && exec '$CANRING' doctor --json" >json
    [ -s json ] || fail "$1: no findings"
}
level() { # NAME
    jq -r --arg name "$1" '.[] | select(.name == $name) | .level' json
}
if in_namespace "mount --bind /dev/shm /dev/shm && mount -o remount,bind,ro /dev/shm"; then
    [ "$(level /dev/shm) $(found /dev/shm)" = "bad Read-only file system" ] || fail "/dev/shm read-only: $(found /dev/shm)"
fi
if [ "$(stat -f -c %T "$work")" != tmpfs ] && in_namespace "mount --bind $work /dev/shm"; then
    [[ "$(level /dev/shm) $(found /dev/shm)" = "warn no tmpfs, "* ]] || fail "/dev/shm no tmpfs: $(found /dev/shm)"
fi
if in_namespace "mount -t tmpfs none /proc/sys/net && mount -t tmpfs none /sys"; then
    for name in rmem_max khugepaged idle_states governor smt isolcpus interfaces; do
        [ "$(level $name) $(found $name)" = "warn unknown" ] || fail "hidden $name: $(level $name) $(found $name)"
    done
fi
if unshare -n true 2>/dev/null && ! unshare -n test -e /proc/sys/net/core/netdev_max_backlog; then
    unshare -n "$CANRING" doctor --json >json
    [[ $(found backlog) = *" dropped since boot, queue of unknown length" ]] || fail "backlog: $(found backlog)"
fi
exit $failed
