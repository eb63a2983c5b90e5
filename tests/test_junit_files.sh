#!/bin/bash
# The JUnit files that test_junit writes, hostile ones included, as other programs read them: valid
# by the schema (xmllint), and what Python's XML parser finds in them.
set -u
command -v xmllint >/dev/null || { echo "skipped: no xmllint (package libxml2-utils)"; exit 77; }
program=$CANRING_BUILD/tests/test_junit
[ -x "$program" ] || { echo "skipped: $program is not built"; exit 77; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failures=0

CANRING_JUNIT_DIR=$out "$program" >"$out/words" 2>&1 || { cat "$out/words"; exit 1; }
for name in outcomes empty hostile logs; do
    xmllint --noout --schema "$CANRING_SOURCE/tests/data/junit-10.xsd" "$out/$name.xml" 2>"$out/words" ||
        { echo "$name.xml is not valid:"; head -c 2000 "$out/words"; failures=$((failures + 1)); }
done

# The schema is not one that takes anything.
sed 's/ time="[0-9.]*"//' "$out/outcomes.xml" >"$out/untimed.xml"
xmllint --noout --schema "$CANRING_SOURCE/tests/data/junit-10.xsd" "$out/untimed.xml" 2>/dev/null &&
    { echo "a report without times passes"; failures=$((failures + 1)); }

if /usr/bin/python3 -c 'import xml.etree.ElementTree' 2>/dev/null; then
    /usr/bin/python3 - "$out" <<'PYTHON' || failures=$((failures + 1))
import sys
import xml.etree.ElementTree as tree

folder = sys.argv[1]
outcomes = tree.parse(folder + "/outcomes.xml").getroot()
suites = outcomes.findall("testsuite")
assert [s.get("name") for s in suites] == ["suite 1", "suite 2"]
assert outcomes.get("tests") == "4" == str(len(outcomes.findall("*/testcase")))
assert outcomes.find("*/testcase/failure").text == "Traceback\n  1 != 2\n"
assert "printed\n" in outcomes.findall("*/testcase")[1].find("system-out").text

hostile = tree.parse(folder + "/hostile.xml").getroot()
case = hostile.find("testsuite/testcase")
assert [e.tag for e in case] == ["failure", "system-out", "system-err"]
name = case.get("name")
assert name.startswith("\\x01\\x02") and name.endswith("\\xfe\\xff") and "\t\n" in name and "<=>" in name
for element in case:
    assert "]]></system-out></testcase><!-- &amp; &undefined; <![CDATA[" in element.text
    assert "\\x00\\x01" in element.text and " bytes cut …" in element.text

logs = tree.parse(folder + "/logs.xml").getroot()
one, two = logs.findall("*/testcase")
assert "proxy_aux says <hello>\n" in one.find("system-out").text
assert "aux2" not in one.find("system-out").text
PYTHON
else
    echo "skipped a part: no /usr/bin/python3"
fi
[ "$failures" = 0 ]
