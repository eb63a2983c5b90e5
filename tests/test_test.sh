#!/bin/bash
# canring test, from a YAML file as pykiso has it to the JUnit report: a suite in Python and one in
# C on real processes and an in-memory bus; whose log records are where, and from which level on.
. "$(dirname "$0")/e2e.bash"
command -v xmllint >/dev/null || skip "no xmllint (package libxml2-utils)"
command -v cc >/dev/null || skip "no C compiler for the suite"
library=$CANRING_BUILD/libcanring.so
with_python=1
python_with_library || with_python=0 # the suite in C is run alone
export PYTHONDONTWRITEBYTECODE=1
example=$CANRING_SOURCE/examples/suite_mp_proxy
proxy_logger='proxy_aux [pykiso.lib.auxiliaries.mp_proxy_auxiliary] '
bus_logger='proxy_aux [pykiso.lib.connectors.cc_pcan_can] '
cd "$work" || exit 1
mkdir suite_mp_proxy
cp "$example/suite_mp_proxy/test_mp_proxy.py" suite_mp_proxy
build -o suite_mp_proxy/test_mp_proxy "$example/suite_mp_proxy/test_mp_proxy.c" || give_up "the suite in C does not build"

# STATUS ARGUMENT…: $work/out and $work/err hold what it printed, $work/junit.xml the report.
run() {
    local status=$1 got
    shift
    rm -f junit.xml
    timeout 60 "$CANRING" test --junit=junit.xml "$@" >out 2>err
    got=$?
    [ $got = "$status" ] || fail "$*: exit status $got, not $status: $(cat out err)"
    xmllint --noout --schema "$CANRING_SOURCE/tests/data/junit-10.xsd" junit.xml 2>words || fail "$*: $(cat words)"
    nothing_left "$*"
}
passed() { # FILE::CLASS::METHOD…, and nothing else
    local name
    for name in "$@"; do
        grep -q "^PASSED  $name " out || fail "$name has not passed: $(cat out err)"
    done
    grep -q "^$# passed, 0 failed, 0 errors, 0 skipped in" out || fail "not $# passed: $(cat out)"
}
outputs() { # CASE: what the report has of it
    xmllint --xpath "string(//testcase[@name='$1']/system-out)" junit.xml
}
logged() { # WORDS: on the console, and with the cases of the report
    local name
    grep -qF -- "$1" err || fail "not on the console: '$1': $(cat err)"
    for name in "${names[@]}"; do
        outputs $name | grep -qF -- "$1" || fail "not in the report of $name: '$1': $(cat junit.xml)"
    done
}
never_logged() {
    grep -F -- "$1" err && fail "on the console: '$1'"
    grep -F -- "$1" junit.xml && fail "in the report: '$1'"
}
python_case=test_mp_proxy.py::TestMpProxy::test_run
c_case=test_mp_proxy::test_mp_proxy::test_mp_proxy
cases=("$python_case" "$c_case") names=(test_run test_mp_proxy)
if [ $with_python = 0 ]; then
    rm suite_mp_proxy/test_mp_proxy.py
    cases=("$c_case") names=(test_mp_proxy)
fi

# The original's shape, its loggers cut down to the proxy's as there; the C program is one more file.
cat >mp_proxy_aux.yaml <<'YAML'
auxiliaries:
  proxy_aux:
    connectors:
        com: can_channel
    config:
      aux_list : [aux1, aux2]
      activate_trace : True
      trace_dir: ./suite_mp_proxy
      trace_name: can_trace
      activate_log :
        - pykiso.lib.auxiliaries.mp_proxy_auxiliary
        - pykiso.lib.connectors.cc_pcan_can
    type: pykiso.lib.auxiliaries.mp_proxy_auxiliary:MpProxyAuxiliary
  aux1:
    connectors:
        com: proxy_com1
    type: pykiso.lib.auxiliaries.communication_auxiliary:CommunicationAuxiliary
  aux2:
    connectors:
        com: proxy_com2
    type: pykiso.lib.auxiliaries.communication_auxiliary:CommunicationAuxiliary
connectors:
  proxy_com1:
    config:
      processing : True
    type: pykiso.lib.connectors.cc_mp_proxy:CCMpProxy
  proxy_com2:
    config:
      processing : True
    type: pykiso.lib.connectors.cc_mp_proxy:CCMpProxy
  can_channel:
    config:
      processing : True
      interface : 'pcan'
      channel: 'PCAN_USBBUS1'
      state: 'ACTIVE'
      remote_id : 0x123
    type: pykiso.lib.connectors.cc_pcan_can:CCPCanCan
test_suite_list:
- suite_dir: suite_mp_proxy
  test_filter_pattern: 'test_*'
  test_suite_id: 2
YAML
virtual=virtual:test$$
run 0 -c mp_proxy_aux.yaml --bus can_channel=$virtual
passed "${cases[@]}"
logged "INFO ${proxy_logger}suspended: "
logged "INFO ${proxy_logger}resumed: "
logged "INFO ${bus_logger}test$$: open (virtual)"
logged "INFO ${bus_logger}test$$: closing"
says_test="INFO test_mp_proxy.py \[root\] aux2 received (b'.x01.x02.x03', 291)"
written() { # by the case in Python, through logging
    outputs test_run | grep -q "$says_test" && grep -q "$says_test" err
}
[ $with_python = 0 ] || written || fail "what the test logs is not in log and report: $(cat err junit.xml)"
outputs test_mp_proxy | grep -q '^13 messages were exchanged$' || fail "the program's output is not in the report"
case $(ls suite_mp_proxy) in *_can_trace.log*) ;; *) fail "no trace: $(ls suite_mp_proxy)" ;; esac
frames=$((13 * ${#cases[@]}))
[ "$(cat suite_mp_proxy/*_can_trace.log | grep -c '123#')" = $frames ] || fail "the trace has not all $frames frames"
rm suite_mp_proxy/*.log

# Who is not in activate_log needs a WARNING; the others follow the command line.
sed '/- pykiso.lib.connectors/d' mp_proxy_aux.yaml >proxy_log.yaml
run 0 -c proxy_log.yaml --bus can_channel=$virtual -p test_mp_proxy
passed $c_case
grep -qF "INFO ${proxy_logger}suspended: " err || fail "activate_log: the proxy's own records are missing"
never_logged "$bus_logger"
run 0 -c mp_proxy_aux.yaml --bus can_channel=$virtual --log-level WARNING
passed "${cases[@]}"
never_logged " INFO "
written && fail "the test's INFO is in the report at --log-level WARNING"
sed 's/trace_dir: .*/trace_dir: nowhere/; s/- pykiso.*/- another/' mp_proxy_aux.yaml >other_log.yaml
run 0 -c other_log.yaml --bus can_channel=$virtual --log-level DEBUG -p test_mp_proxy
grep -q "WARNING proxy_aux .*trace_dir 'nowhere'" err || fail "a warning of a logger that is not listed is missing: $(cat err)"
never_logged "INFO $proxy_logger"
rm -f ./*_can_trace.log suite_mp_proxy/*.log

# Into a file as well, and the report at its usual place.
"$CANRING" test -c mp_proxy_aux.yaml --bus can_channel=$virtual -l run.log --junit -p test_mp_proxy >out 2>err || fail "--log-path: $(cat out err)"
grep -qF "INFO ${bus_logger}test$$: open" run.log || fail "--log-path: $(cat run.log)"
cat reports/????-??-??_??-??-??-mp_proxy_aux.xml | grep -q '<testcase ' || fail "no report in reports/: $(ls -R)"
rm suite_mp_proxy/*.log

# The original file where it lies: its folders are looked for in the current one.
original=$CANRING_SOURCE/../shared/data/mp_proxy_aux.yaml
if [ $with_python = 0 ]; then
    echo "skipped a part: the original's suite is in Python"
elif [ -r "$original" ]; then
    run 0 -c "$original" --bus can_channel=$virtual
    passed $python_case
    grep -qF "INFO ${proxy_logger}suspended: " err || fail "the original: no records of its proxy"
    cat suite_mp_proxy/*_can_trace.log | grep -q '123#' || fail "the original: no trace"
else
    echo "skipped a part: no $original"
fi
exit $failed
