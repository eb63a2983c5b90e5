"""The report on a run of bench/run: Markdown, with plots in SVG where gnuplot is installed."""
import os
import shutil
import subprocess

from results import Results, median, number, spread

COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280", "#718096", "#b7791f", "#319795")


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def ranged(one):
    low, high = spread(one)
    return f"{number(median(one))} [{number(low)} – {number(high)}]"


def plot(path, commands, data):
    """Run gnuplot on data blocks; the name of the file, None without gnuplot."""
    if not shutil.which("gnuplot"):
        return None
    blocks = "\n".join(f"$d{i} << EOD\n{block}\nEOD" for i, block in enumerate(data))
    head = (f"set terminal svg size 900,420 font 'sans,11' background '#ffffff'\n"
            f"set output '{path}'\nset border 3\nset tics nomirror\nset grid ytics lc '#dddddd'\n")
    done = subprocess.run(["gnuplot"], input=head + blocks + "\n" + commands, text=True,
                          capture_output=True, check=False)
    return None if done.returncode else os.path.basename(path)


def bars(path, title, unit, series):
    series = sorted(series, key=median, reverse=True)
    rows = "\n".join(f'{i} {median(one)} {spread(one)[0]} {spread(one)[1]} "{one["contender"]}"'
                     for i, one in enumerate(series))
    return plot(path, f"set title '{title}'\nset ylabel '{unit}'\nset yrange [0:*]\n"
                "set xtics rotate by -20\nunset key\nset style fill solid 0.85\nset boxwidth 0.6\n"
                f"plot $d0 using 1:2:xtic(5) with boxes lc rgb '{COLOURS[0]}', "
                "$d0 using 1:2:3:4 with yerrorbars lc rgb '#222222' pt 0\n", [rows])


def curves(path, title, labels, lines, logs="x"):
    """`lines`: name -> [(x, y)]."""
    blocks = ["\n".join(f"{x} {y}" for x, y in points) for points in lines.values()]
    draw = ", ".join(f"$d{i} using 1:2 with lines lw 2 lc rgb '{COLOURS[i % len(COLOURS)]}' "
                     f"title '{name}'" for i, name in enumerate(lines))
    return plot(path, f"set title '{title}'\nset xlabel '{labels[0]}'\nset ylabel '{labels[1]}'\n"
                f"set logscale {logs}\nset key outside right\nplot {draw}\n", blocks)


class Report:
    def __init__(self, path):
        self.results = Results.load(path)
        self.base = path[:-len(".json")]
        self.parts = []

    def say(self, *words):
        self.parts += words

    def picture(self, name):
        if name:
            self.say(f"![]({name})")

    def head(self):
        about = self.results.about
        self.say(f"# canring's benches, {about['date']}",
                 f"{about['processor']}, {about['processors']} processors, Linux "
                 f"{about['kernel']}, commit {about['commit']}; `{about['command']}`, "
                 f"{about['repeat']} turns each, contenders interleaved. Medians, [range]. \"Cores\" says how far apart the processors "
                     "were before and after each turn (shared: one core; near: one last-level cache; "
                     "far), since a virtual machine is moved about: figures compare within one "
                     "placement only. Bare "
                 f"cache-line round trip before and after: {about.get('ping_pong_before_ns')} and "
                 f"{about.get('ping_pong_after_ns')} ns.")

    def counted(self, one, event):
        """What the producer and the consumer of one queue counted, "–" where it is not known."""
        cells = {"producer": "–", "consumer": "–"}
        for side in cells:
            for other in self.results.find("spsc", f"{side}_{event}", **one["setting"]):
                if other["contender"] == one["contender"]:
                    cells[side] = number(median(other))
        return ", ".join(cells.values())

    def counters(self, group):
        """The columns of a table: a header and a cell for each of the group."""
        for event in ("cycles", "instructions", "cache_misses"):
            cells = [self.counted(one, event) for one in group]
            if set(cells) != {"–, –"}:
                yield f"{event.replace('_', ' ')} of producer, consumer", cells

    def spsc(self):
        every = [one for one in self.results.series
                 if one["bench"] == "spsc" and one["unit"] == "M records/s"]
        if every and len(every) == sum(one["bench"] == "spsc" for one in self.results.series):
            self.say("No cycles, instructions and cache misses: the machine gave no CPU counters.")
        for size, mode, cores in sorted({tuple(one["setting"][key] for key in
                                               ("size", "mode", "cores")) for one in every}):
            group = [one for one in every
                     if (one["setting"]["size"], one["setting"]["mode"],
                         one["setting"]["cores"]) == (size, mode, cores)]
            ours = next((median(one) for one in group if one["contender"] == "canring"), None)
            group.sort(key=median, reverse=True)
            counters = list(self.counters(group))
            self.say(f"## One producer, one consumer: {size} bytes, {mode}, cores {cores}",
                     "Each at its own best settings; every word written and checked. A record of "
                     "canring's has 8 bytes of header in these bytes, the others' have none, nor "
                     "have those of a batch that is one record.",
                     table(("queue", "M records/s", "GB/s", "turns", "canring's ratio", "batch",
                            "slots", "pause", *(header for header, _ in counters)),
                           [(one["contender"], ranged(one), number(median(one) * size / 1000),
                             len(one["values"]), f"{ours / median(one):.2f}" if ours else "–",
                             *(one["setting"][key] for key in ("batch", "slots", "pause")),
                             *(cells[i] for _, cells in counters))
                            for i, one in enumerate(group)]))
            self.picture(bars(f"{self.base}-spsc-{size}-{mode}-{cores}.svg",
                              f"{size} bytes, {mode}, cores {cores}", "M records/s", group))

    def placements(self, bench):
        """Where the cores were during its turns, the most frequent first."""
        turns = {}
        for one in self.results.series:
            if one["bench"] == bench:
                cores = one["setting"].get("cores")
                turns[cores] = turns.get(cores, 0) + len(one["values"])
        return sorted(turns, key=turns.get, reverse=True)

    def sizes(self):
        for cores in self.placements("sizes"):
            self.sizes_at(cores)

    def sizes_at(self, cores):
        lines = {}
        for one in self.results.find("sizes", "rate", cores=cores):
            setting = one["setting"]
            name = (f"{one['contender']}, batch {setting['batch']}"
                    + (", late consumer" if setting["late"] else ""))
            lines.setdefault(name, []).append((setting["slots"], median(one)))
        sizes = sorted({x for points in lines.values() for x, _ in points})
        if lines:
            best = {name: max(y for _, y in points) for name, points in lines.items()}
            self.say(f"## Ring sizes, 32 bytes, cores {cores}",
                     "The bare stream has no ring about it: where it is slow, too, it is the memory. "
                     "Lines that both cores have in a cache of their own cost more to write than "
                     "those that both have lost to the shared one.", table(
                ("", "lowest of best", *(f"{x} slots" for x in sizes)),
                [(name, f"{min(y for _, y in points) / best[name]:.0%}",
                  *(number(dict(points)[x]) if x in dict(points) else "–" for x in sizes))
                 for name, points in lines.items()]))
            self.picture(curves(f"{self.base}-sizes-{cores}.svg", f"ring size, cores {cores}",
                                ("slots", "M records/s"),
                                {name: sorted(points) for name, points in lines.items()}))

    def ipc(self):
        for cores in self.placements("ipc"):
            self.ipc_at(cores)
        self.picture(curves(f"{self.base}-latency.svg", "round trip", ("ns", "share"),
                            self.results.about.get("cdf", {})))

    def ipc_at(self, cores):
        peers = sorted(self.results.find("ipc", "p50_ns", cores=cores), key=median)
        rows = []
        for peer in peers:
            row = [peer["contender"]]
            for metric in ("p50_ns", "p99_ns", "p999_ns", "one_way_p50_ns", "one_way_p99_ns",
                           "mmessages_per_s"):
                found = [one for one in self.results.find("ipc", metric, cores=cores)
                         if one["contender"] == peer["contender"]]
                row.append(ranged(found[0]) if found else "–")
            rows.append(row)
        self.say(f"## Messages of 32 bytes between two processes, cores {cores}",
                 "Round trip; one way to a peer that has waited for 200 µs; flood in one direction.",
                 table(("", "round trip p50 ns", "p99", "p99.9", "one way p50 ns", "p99",
                        "M messages/s"), rows))

    def others(self):
        for bench, title in (("echo", "From auxiliary to auxiliary, through the proxy"),
                             ("fanout", "From a bus to N channels"),
                             ("command", "A command and its report"),
                             ("scaling", "CPU time of the proxy per frame, channels and rate"),
                             ("formats", "Encoding and decoding, one core"),
                             ("rate", "Capture from an in-memory bus, by format"),
                             ("convert", "Whole programs"),
                             ("dump", "Frames of a flooded vcan, shown by whole programs"),
                             ("capture", "Capture on vcan"),
                             ("capture_udp", "Capture on udp_multicast")):
            every = [one for one in self.results.series if one["bench"] == bench]
            if every:
                self.say(f"## {title}", table(
                    ("", "setting", "metric", "unit", "median [range]"),
                    [(one["contender"],
                      " ".join(f"{k} {v}" for k, v in one["setting"].items()), one["metric"],
                      one["unit"], ranged(one)) for one in every]))
        lines = {}
        for one in self.results.find("fanout", "mframes_per_s"):
            lines.setdefault(f"cores {one['setting'].get('cores')}", []).append(
                (one["setting"]["channels"], median(one)))
        if lines:
            self.picture(curves(f"{self.base}-fanout.svg", "fan-out",
                                ("channels", "M frames/s in total"),
                                {name: sorted(points) for name, points in lines.items()}))

    def scaling(self):
        lines = {}
        for one in self.results.find("scaling", "cpu_ns_per_frame"):
            setting = one["setting"]
            lines.setdefault(f"{setting['rate']:,} frames/s", []).append(
                (setting["channels"], median(one) / setting["channels"]))
        if lines:
            self.picture(curves(f"{self.base}-scaling.svg", "what a frame costs the proxy",
                                ("channels", "ns per frame and channel"), lines))

    def write(self):
        self.head()
        self.spsc()
        self.sizes()
        self.ipc()
        self.others()
        self.scaling()
        path = f"{self.base}.md"
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n\n".join(self.parts) + "\n")
        return path


def write_report(path):
    return Report(path).write()
