#!/bin/bash
# Values are what PyYAML makes of them: random and known scalars, in lists, as keys, quoted and
# tagged, read by both and compared with their types.
set -eu
python=/usr/bin/python3
program=$CANRING_BUILD/tests/test_config_yaml
$python -c 'import yaml' 2>/dev/null || { echo "skipped: python3-yaml is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/compare.py" <<'EOF'
import datetime, json, math, random, subprocess, sys, yaml

program, folder = sys.argv[1:3]
random.seed(20261122)

known = """yes no on off y n Yes YES yEs true True tRUE null Null NULL ~ nil 0 00 0x300 0X300 0o17 0123
089 0_7 1_000 1__0 _1 1_ 0b101 0b2 -0x1F +0x1f - + -- 1:30 -1:30 1:60 1:2:3 01:30 1:30.5 1:30. 1e3 1.e3
1e+3 1.5e3 1.5e+3 1.5E-3 .5 -.5 +.5 .5e+1 . .. ... 1. 1.. 1._ ._1 1_0.5 .inf -.inf +.Inf .INF .iNF .nan .NaN -.nan
2026-11-22 2026-1-2 2026-11-22T10:11:12 2026-11-22t1:11:12Z 2026-11-22 10:11:12.5 +1 999-1-1
12345678901234567 -9223372036854775807 9223372036854775807 = << a:b 0.1.2 192.168.0.1 1,000 0x 0b 1e 12e+03
190:20:30 190:20:30.15 685_230.15 6.8523015e+5 0xdead_beef +12 -0 +0 -0.0 0.0 0_ 0__ 1:0 10:59 PCAN_USBBUS1""".split()
spaced = ["2026-11-22 10:11:12", "2026-11-22 10:11:12.5 +1", "2026-11-22  1:11:12 -01:30", "a b", "1 2", "yes no"]
alphabet = "0123456789_.:+-eExXbaFoyntruflsNY~"
words = known + spaced + ["".join(random.choices(alphabet, k=random.randint(1, 7))) for _ in range(6000)]
words += ["".join(random.choices("01289_.:+-e", k=random.randint(1, 9))) for _ in range(6000)]

def ours(text):
    path = folder + "/case.yaml"
    with open(path, "w") as out:
        out.write(text)
    run = subprocess.run([program, path], capture_output=True, text=True)
    return json.loads(run.stdout) if run.returncode == 0 else None

def typed(value):
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", value]
    if isinstance(value, float):
        return ["float", value]
    if isinstance(value, str):
        return ["str", value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return ["date"]
    if isinstance(value, list):
        return ["list"] + [typed(item) for item in value]
    return ["map"] + sorted(([typed(k), typed(v)] for k, v in value.items()), key=repr)

def canonical(value):
    if value[0] == "float":
        return ["float", float(value[1])]
    if value[0] == "list":
        return ["list"] + [canonical(item) for item in value[1:]]
    if value[0] == "map":
        return ["map"] + sorted(([canonical(k), canonical(v)] for k, v in value[1:]), key=repr)
    return value

def same(a, b):
    if a[0] == "float" and b[0] == "float":
        return repr(a[1]) == repr(b[1]) or math.isclose(a[1], b[1], rel_tol=1e-15)
    return a == b

def theirs(text):
    try:
        return typed(yaml.safe_load(text))
    except Exception:
        return None

def too_large(value):
    return value and value[0] == "int" and not -2**63 <= value[1] < 2**63

compared = wrong = 0
# One file for all the words that PyYAML can read; those it cannot, we must not read as a number.
readable = [w for w in words if theirs("- " + w + "\n") is not None]
readable = [w for w in readable if not too_large(theirs(w + "\n"))]
text = "".join("- %s\n" % w for w in readable)
expected, found = theirs(text), ours(text)
assert found is not None, "our reader refused what PyYAML reads"
for word, a, b in zip(readable, expected[1:], map(canonical, found[1:])):
    compared += 1
    if not same(a, b):
        wrong += 1
        print("%r: PyYAML %r, ours %r" % (word, a, b))

structures = [
    "a: 1\n'b': 'yes'\n\"c\": \"0x1\"\n", "a: !!str 1\nb: !!int '7'\nc: !!float 3\n", "? a\n: b\n",
    "base: &b {x: 1, y: 2}\nd:\n  <<: *b\n  y: 3\n", "p: &p {a: 1}\nq: &q {a: 2, b: 2}\nr: {<<: [*p, *q], c: 3}\n",
    "a: |\n  text\n  more\nb: >-\n  folded\n  text\n", "- [1, [2, {a: b}]]\n- {}\n- []\n- ''\n", "on: 1\nno: 2\n0x10: 3\n~: 4\n",
    "a: &x [1, 2]\nb: *x\n", "", "# only a comment\n", "--- \na: 1\n...\n",  "a: \"\\u00e4\"\n",
    "%YAML 1.1\n---\na: yes\n", "a: 'it''s'\n", "a: b # comment\nc: 'd # none'\n", "{a: 1, b: [x, y]}\n",
]
for text in structures:
    compared += 1
    a, b = theirs(text), ours(text)
    if b is None or canonical(a) != canonical(b):
        wrong += 1
        print("%r: PyYAML %r, ours %r" % (text, a, b))
print("%d values compared, %d differ" % (compared, wrong))
sys.exit(1 if wrong else 0)
EOF
$python "$folder/compare.py" "$program" "$folder"
