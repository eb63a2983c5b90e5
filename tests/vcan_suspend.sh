#!/bin/bash
# A proxy on a real vcan is suspended and resumed while frames pour in: it goes on afterwards.
. "$(dirname "$0")/suspend_rig.bash"
command -v cangen candump >/dev/null || skip "no can-utils"
grep -q '^CAN_RAW' /proc/net/protocols || skip "no CAN in this kernel"

background noise cangen vcan0 -g 1 -I i -L 8 -D i
start_run vcan0 cc_socket_can:CCSocketCan
for _ in 1 2 3 4 5; do
    "$CANRING" suspend proxy_aux || give_up "suspend"
    sleep 0.05
    "$CANRING" resume proxy_aux || give_up "resume"
    timeout 20 "$CANRING" dump -n 5 proxy_aux >"$work/frames" || give_up "nothing comes after resume"
    [ "$(wc -l <"$work/frames")" = 5 ] || give_up "frames are missing"
done
"$CANRING" suspend proxy_aux || give_up "suspend"
"$CANRING" stop proxy_aux || give_up "a suspended proxy does not stop under traffic"
"$CANRING" stop aux1 || give_up "an auxiliary does not stop"
ends_with 0 run
exit $failed
