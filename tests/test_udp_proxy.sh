#!/bin/bash
# A proxy on python-can's udp_multicast bus: what python-can sends comes to both auxiliaries, what
# an auxiliary sends comes to python-can and to the other one. Runs in a network namespace with
# nothing in it but lo.
if [ "${1-}" != inside ]; then
    /usr/bin/python3 -c 'import can, msgpack' 2>/dev/null || { echo "skipped: no python3-can with msgpack"; exit 77; }
    unshare -n true 2>/dev/null || { echo "skipped: unshare -n is not permitted here"; exit 77; }
    exec unshare -n bash "$0" inside
fi
. "$(dirname "$0")/e2e.bash"
command -v jq >/dev/null || skip "no jq"
cd "$work" || exit 1
ip link set lo multicast on
ip link set lo up
ip route add 239.0.0.0/8 dev lo || exit 1
frames=2000
python_can() {
    /usr/bin/python3 "$tests/test_udp_proxy.py" "$@"
}

start_proxy run -b can_channel=udp_multicast:239.74.163.2%lo "$tests/data/config/good_original.yaml"
start_aux aux1 proxy_aux/proxy_com1 -L
start_aux aux2 proxy_aux/proxy_com2 -L
python_can send $frames >sent || fail "python-can cannot send"
[ "$(wc -l <sent)" = $frames ] || fail "python-can has sent $(wc -l <sent) frames"
received() {
    [ "$(wc -l <"$1.out")" -ge "$2" ]
}
for name in aux1 aux2; do
    eventually received $name $frames
    frames_of $name.out >$name.frames
    same "python-can to $name" sent $name.frames
done
[ "$(status '.[0].bus | "\(.rx_frames) \(.rx_lost_kernel) \(.rx_malformed)"')" = "$frames 0 0" ] || fail "bus: $(status '.[0].bus')"

# From aux1 to python-can and to aux2, not back.
background python python_can receive 7FF#FF
eventually grep -q listening python.out || fail "python-can does not listen: $(cat python.err)"
stop aux1
outgoing=(123#1122 12345678#AABBCC 123##5112233445566778899AABBCC 124#R8 125##4 7FF#FF)
"$CANRING" send proxy_aux/proxy_com1 "${outgoing[@]}" || fail "send ends with $?"
ends_with 0 python
printf '%s\n' listening "${outgoing[@]}" >expected
same "aux1 to python-can" expected python.out
eventually received aux2 $((frames + ${#outgoing[@]}))
printf '%s\n' "${outgoing[@]}" >expected
tail -n +$((frames + 1)) aux2.out | cut -d' ' -f3 >aux2.tail
same "aux1 to aux2" expected aux2.tail
# The bus hands a socket's own datagrams back to it: the proxy must know them.
[ "$(status '.[0].bus.rx_frames')" = $frames ] || fail "own frames came back: $(status '.[0].bus')"
"$CANRING_BUILD/tests/e2e_aux" -s 50 -t 500 proxy_aux/proxy_com1 >self
grep -q '^received 0 .* own 0 other 0 ' self || fail "a sender hears itself: $(cat self)"

stop aux2
kill -TERM "${pids[run]}"
ends_with 0 run
nothing_left
echo "$frames frames from python-can the same at both auxiliaries"
exit $failed
