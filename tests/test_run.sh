#!/bin/bash
# The life of canring run: ready, ended, refused, killed; what it says and what it leaves behind.
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
cd "$work" || exit 1

# NAME…: a configuration of proxies, each with the channels NAME_a and NAME_b on a bus of its own.
configure() {
    local name
    echo "auxiliaries:"
    for name in "$@"; do
        echo "  $name: {connectors: {com: bus_$name}, config: {aux_list: [aux_a$name, aux_b$name]}, type: 'm:MpProxyAuxiliary'}"
        echo "  aux_a$name: {connectors: {com: ${name}_a}, type: 'm:CommunicationAuxiliary'}"
        echo "  aux_b$name: {connectors: {com: ${name}_b}, type: 'm:CommunicationAuxiliary'}"
    done
    echo "connectors:"
    for name in "$@"; do
        echo "  ${name}_a: {config: {processing: True}, type: CCMpProxy}"
        echo "  ${name}_b: {config: {processing: True}, type: CCMpProxy}"
        echo "  bus_$name: {config: {interface: virtual, channel: $name$$}, type: CCVirtualCan}"
    done
}
expect() { # STATUS WORDS COMMAND…
    local status=$1 words=$2 got
    shift 2
    timeout 20 "$@" >out 2>&1
    got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status: $(cat out)"
    grep -qF -- "$words" out || fail "$*: does not say '$words': $(cat out)"
}
# A process without a body has ended, though its parent has not noticed.
gone() { # PID
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}
configure one >one.yaml
configure left right >two.yaml

# Started, ended, nothing left.
start_proxy run one.yaml
grep -qx 'canring run: 1 proxy ready' run.err || fail "not said to be ready: $(cat run.err)"
expect 1 "proxy one: a proxy named 'one' is running already" "$CANRING" run --proxies-only --proxies-only one.yaml
[ "$(status length)" = 1 ] || fail "a refused one has disturbed the first: $(status .)"
for signal in TERM INT; do
    [ -n "${pids[run]:-}" ] || start_proxy run one.yaml
    start_aux aux one/one_a -L
    "$CANRING" send "virtual:one$$" 100#
    eventually grep -q '100#' aux.out || fail "SIG$signal: no frame before it"
    kill -$signal "${pids[run]}"
    for ((i = 0; i < 20; i++)); do # a second
        gone "${pids[run]}" && break
        sleep 0.05
    done
    gone "${pids[run]}" || fail "SIG$signal: lives on a second later"
    ends_with 0 run
    ends_with 0 aux
    nothing_left "SIG$signal"
done

# What cannot work.
expect 2 "No such file" "$CANRING" run --proxies-only --proxies-only none.yaml
expect 2 "no FILE given" "$CANRING" run
expect 2 "one FILE at a time" "$CANRING" run --proxies-only --proxies-only one.yaml two.yaml
expect 2 "no option '--nonsense'" "$CANRING" run --proxies-only --nonsense one.yaml
sed 's/aux_aone/aux_xone/g; s/MpProxyAuxiliary/MpProxyAuxiliari/' one.yaml >typo.yaml
expect 2 "typo.yaml:2:" "$CANRING" run --proxies-only --proxies-only typo.yaml
expect 2 "did you mean 'MpProxyAuxiliary'?" "$CANRING" run --proxies-only --proxies-only typo.yaml
expect 2 "cannot be used as it is" "$CANRING" run --proxies-only --proxies-only typo.yaml
expect 2 "CONNECTOR=TARGET" "$CANRING" run --proxies-only -b vcan0 one.yaml
expect 2 "--bus nobody=vcan0" "$CANRING" run --proxies-only -b nobody=vcan0 one.yaml
expect 2 "did you mean 'bus_one'?" "$CANRING" run --proxies-only -b bus_on=vcan0 one.yaml
expect 2 "found 'virtaul'" "$CANRING" run --proxies-only -b bus_one=virtaul:x one.yaml
expect 2 "option '-b' needs a value" "$CANRING" run --proxies-only -b
nowhere=udp_multicast:239.74.163.2%nosuchdev0
expect 1 "nosuchdev0" "$CANRING" run --proxies-only -b bus_one=$nowhere one.yaml
nothing_left "a bus that cannot be opened"
expect 1 "/nonexistent/recording.log" "$CANRING" run --proxies-only --bus bus_one=replay:/nonexistent/recording.log one.yaml
nothing_left "a recording that is not there"
# The first is served already when the second fails: it ends, too.
expect 1 "nosuchdev0" "$CANRING" run --proxies-only -b bus_right=$nowhere two.yaml
nothing_left "the second of two buses cannot be opened"
printf '%s\n' 'auxiliaries: {mine: {type: ./mine.so}}' 'connectors: {}' >alone.yaml
touch mine.so
expect 2 "has nothing to start" "$CANRING" run --proxies-only alone.yaml

# A start that takes long is not waited for by who is asked to end.
printf '#!/bin/sh\ntouch started\nexec sleep 60\n' >slow
chmod +x slow
printf '%s\n' 'auxiliaries: {slow: {type: ./slow}}' 'connectors: {}' >slow.yaml
SECONDS=0
background slow "$CANRING" run slow.yaml
eventually test -e started || give_up "slow: $(cat slow.err)"
kill -TERM "${pids[slow]}"
ends_with 0 slow
[ $SECONDS -lt 20 ] || fail "a start is not abandoned: $SECONDS s"
nothing_left "an abandoned start"

# Two proxies in one file, independent of each other.
start_proxy run two.yaml
grep -qx 'canring run: 2 proxies ready' run.err || fail "two proxies: $(cat run.err)"
start_aux left_a left/left_a -L
start_aux left_b left/left_b -L
start_aux right_a right_a -L # the name of the channel is enough
"$CANRING" send "virtual:left$$" 101#01 || fail "send to the left bus"
"$CANRING" send "virtual:right$$" 102#02 || fail "send to the right bus"
"$CANRING" send right/right_b 103#03 || fail "send as right_b"
eventually grep -q '103#03' right_a.out || fail "right_a: $(cat right_a.out)"
eventually grep -q '101#01' left_a.out || fail "left_a: $(cat left_a.out)"
eventually grep -q '101#01' left_b.out || fail "left_b: $(cat left_b.out)"
[ "$(cut -d' ' -f3 right_a.out | tr '\n' ' ')" = "102#02 103#03 " ] || fail "right_a: $(cat right_a.out)"
[ "$(cat left_a.out left_b.out | wc -l)" = 2 ] || fail "left hears right: $(cat left_a.out left_b.out)"

# list and status.
right_a=${pids[right_a]}
"$CANRING" list | sort >list
printf '%s\n' "left/left_a	left$$	aux_aleft	pid ${pids[left_a]}" "left/left_b	left$$	aux_bleft	pid ${pids[left_b]}" \
    "right/right_a	right$$	aux_aright	pid $right_a" "right/right_b	right$$	aux_bright	free" >expected
same "list" expected list
[ "$("$CANRING" list --json | jq -r '[.[].channels[].name] | sort | join(" ")')" = "left_a left_b right_a right_b" ] || fail "list --json: $("$CANRING" list --json)"
[ "$(status '[.[] | .name] | sort | join(" ")')" = "left right" ] || fail "status --json: names"
[ "$(status '.[] | select(.name == "right") | .bus | "\(.interface) \(.rx_frames) \(.tx_frames) \(.state)"')" = "virtual 1 1 active" ] ||
    fail "status --json: $(status '.[].bus')"
[ "$(status '.[].channels[] | select(.name == "right_a") | "\(.attached) \(.pid) \(.published) \(.received) \(.dropped)"')" = "true $right_a 2 2 0" ] ||
    fail "status --json: $(status '.[].channels[] | select(.name == "right_a")')"
[ "$(status '.[].channels[] | select(.name == "right_b") | "\(.attached) \(.taken) \(.attachments)"')" = "false 1 1" ] ||
    fail "status --json: $(status '.[].channels[] | select(.name == "right_b")')"
expect 0 "  right_a          attached received 2/2  dropped 0" "$CANRING" status right
grep -q left out && fail "status of one shows the other: $(cat out)"
expect 0 "  bus      received 1  lost in kernel 0  sent 1" "$CANRING" status right_b
grep -q 'right_a' out && fail "status of one channel shows the other: $(cat out)"
expect 1 "nothing of that name runs" "$CANRING" status middle
expect 2 "'right' is not expected" "$CANRING" list right
expect 0 "in use by pid $right_a" bash -c "'$CANRING' dump right/right_a; [ \$? = 1 ]"
expect 0 "proxy right has no channel 'right_c'; it has right_a, right_b" bash -c "'$CANRING' dump right/right_c; [ \$? = 1 ]"
stop right_a
eventually grep -q free <("$CANRING" list | grep right_a) || fail "right_a is not free again"

# One that is stopped is named, and the others are shown.
victim=$(status '.[] | select(.name == "left") | .pid')
kill -STOP "$victim"
expect 1 "left: the proxy does not answer" "$CANRING" status
grep -q '^right  pid' out || fail "status: a stopped proxy hides the other: $(cat out)"
grep -q '^left' out && fail "status of a stopped proxy: $(cat out)"
expect 1 "left: the proxy does not answer" "$CANRING" list
kill -CONT "$victim"
eventually "$CANRING" status >/dev/null

# A proxy is killed: the coordinator says so and ends the others; the next run works.
victim=$(status '.[] | select(.name == "left") | .pid')
kill -KILL "$victim"
ends_with 1 run
grep -q 'left was ended by signal 9' run.err || fail "a killed proxy goes unnoticed: $(cat run.err)"
ends_with 0 left_a
ends_with 0 left_b
expect 0 "no proxy is running" "$CANRING" list
start_proxy run two.yaml
start_aux left_a left/left_a -L
"$CANRING" send "virtual:left$$" 104#04
eventually grep -q '104#04' left_a.out || fail "after a killed proxy: $(cat left_a.out)"

# The coordinator is killed: its proxies end by themselves and clean up.
left=$(status '.[] | select(.name == "left") | .pid')
right=$(status '.[] | select(.name == "right") | .pid')
kill -KILL "${pids[run]}"
wait_bounded "${pids[run]}" run
unset "pids[run]"
eventually gone "$left" || fail "a proxy outlives its coordinator"
eventually gone "$right" || fail "a proxy outlives its coordinator"
ends_with 0 left_a
nothing_left "a killed coordinator"

# All of them at once, an observer's channel included: what is left does not hinder the next, and is gone after it.
start_proxy run two.yaml
background observer "$CANRING" dump left/
eventually attached left/observer1
proxies=$(status '.[].pid')
# Stopped first, so that neither side has the time to see the other die and tidy up.
kill -STOP "${pids[run]}"
# shellcheck disable=SC2086 # several
kill -KILL $proxies
kill -KILL "${pids[run]}"
wait_bounded "${pids[run]}" run
unset "pids[run]"
for pid in $proxies; do eventually gone "$pid"; done
[ -n "$(left_behind)" ] || fail "killed proxies leave nothing: this is no test"
expect 0 "no proxy is running" "$CANRING" list
ls /dev/shm | grep -q "canring-$(mark).channel" && fail "channels of killed proxies stay"
start_proxy run two.yaml
[ "$(status length)" = 2 ] || fail "after all were killed: $(status .)"
kill -TERM "${pids[run]}"
ends_with 0 run
nothing_left "the run after all were killed"

# Every option that a manual explains is in --help, and the other way round.
for command in run status list; do
    page=$CANRING_SOURCE/man/canring-$command.1
    grep '^\.It Fl' "$page" | grep -oE 'Fl -?[A-Za-z0-9]+' | sed 's/Fl /-/' | sort -u >manual
    "$CANRING" $command --help | grep -oE '^  -[^ ]+( --[a-z]+)?' | tr -d ' ' | tr ',' '\n' | sort -u >help
    same "manual and help of $command" manual help
    if command -v mandoc >/dev/null; then
        mandoc -T lint -W warning "$page" || fail "mandoc -T lint canring-$command.1"
    fi
done

background quiet "$CANRING" run --proxies-only --quiet two.yaml
both() { [ "$(status length)" = 2 ]; }
eventually both || fail "--quiet: does not start"
kill -TERM "${pids[quiet]}"
wait_bounded "${pids[quiet]}" quiet
[ -s quiet.err ] && fail "--quiet: $(cat quiet.err)"
nothing_left "--quiet"
exit $failed
