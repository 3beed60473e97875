#!/usr/bin/env python3
"""Admitted members that spoil the demo: how far they move the overall score of its synthetic rows.

demo.py BIN SOURCE [--rounds 20] [--strategy median] [--attack weights,norms,extremes] [--max-share S] [--declared ROWS]

Trains manifests/samples/adult.yaml, in fewer rounds, at four real workers: once alone, and once with one attacker of each kind that
is named, all at once. Fails where the overall score of `genesis evaluate` against the holdout differs by more than 0.02.

  weights   claims 2^29 - 1 rows (with --declared ROWS so many, as participants[].maxRows holds it to them), and replaces the model by 0.5 everywhere
  norms     sends +-32,768 in every value
  extremes  has one row, of +-9e15 in each number, and sends nothing but zeros

Standard library only; talks to 127.0.0.1 alone.
"""

import argparse
import array
import gzip
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "hostile"), str(HERE)]
from members import Member, serve_proxy  # noqa: E402
from programs import DEADLINE, Run, Site, wait_until  # noqa: E402
from replay import Cleanups  # noqa: E402

MOST_ROWS = 2**29 - 1
TOLERANCE = 0.02
HONEST = tuple(f"site-{i}" for i in range(1, 5))
LONGEST = 3600  # seconds of one training


class Demo:
    def __init__(self, options, folder):
        self.options, self.dir = options, folder
        source = options.source.resolve()
        text = (source / "manifests/samples/adult.yaml").read_text()
        head = text[:text.index("  participants:")].replace("count: 130", f"count: {options.rounds}")
        head = head.replace("    strategy: weighted\n", f"    strategy: {options.strategy}\n"
                            + (f"    trimmedShare: {options.trimmed_share}\n" if options.strategy == "trimmed-mean" else "")
                            + (f"    maxShare: {options.max_share}\n" if options.max_share else ""))
        self.spec, self.data = head + "  participants:\n", source / "data/adult"
        self.holdout = self.data / "holdout.csv.gz"

    def site(self, name, attackers):
        """`Site` of the demo's tables and of attackers, who have none."""
        site = Site(self.options.bin, self.dir / name, (*HONEST, *attackers), self.spec, rows=1)
        for name_ in site.sites:
            rows = self.options.declared
            if name_ in HONEST:
                packed = (self.data / f"{name_}.csv.gz").read_bytes()
                (site.dir / f"{name_}.csv").write_bytes(packed)
                rows = len(gzip.decompress(packed).splitlines()) - 1
            if self.options.declared:
                site.spec.write_text(site.spec.read_text().replace(f"- name: {name_}\n", f"- name: {name_}\n    maxRows: {rows}\n"))
        return site

    def introduction(self):
        """What site-1 says of its table, for the attackers to alter."""
        site, seen = self.site("introduction", ()), []
        with Cleanups() as cleanups:
            server = Run(site, self.dir / "introduction-run")
            cleanups.callback(server.end)
            server.server_command = lambda: [server.aggregator, "--host", "127.0.0.1", "--port", "0", "--output", server.output, "-f", site.spec]
            server.start("server")
            url = serve_proxy(cleanups, server.url, lambda *_: None,
                              lambda method, path, body: seen.append(json.loads(body)["introduction"]) if path == "/v1/join" else None)
            server.client_command = lambda name: [site.bin / "genesis-worker", "--server", url, "--data", site.dir / f"{name}.csv", "--client-id", name]
            server.start("site-1")
            wait_until(lambda: seen, "the introduction of site-1")
        return seen[0]

    def score(self, name, attackers, introduction):
        site = self.site(name, attackers)
        run = Run(site, self.dir / f"{name}-run")
        try:
            run.start("server")
            threads = [threading.Thread(target=attack, args=(Member(run, kind), kind, introduction, self.options.declared), daemon=True) for kind in attackers]
            for honest in HONEST:
                run.start(honest)
            for thread in threads:
                thread.start()
            codes = run.finish(LONGEST)
            if set(codes.values()) != {0}:
                raise AssertionError(f"{codes}\n{run.logs()}")
            log = (run.dir / "server.log").read_text()
            scaled = len(re.findall("update scaled down", log))
            rows = site.dir / "rows.csv"
            site.genesis("generate", "--model", run.output / "model.safetensors", "--rows", "6512", "--seed", "7", "-o", rows)
            done = subprocess.run([site.bin / "genesis", "evaluate", "--real", self.holdout, "--synthetic", rows, "--json"],
                                  capture_output=True, text=True, check=True, timeout=DEADLINE)
            return json.loads(done.stdout)["overall"], scaled
        finally:
            run.end()


def shrink(columns, rows, to):
    """Makes what `columns` count of `rows` rows counts of no more than `to`."""
    def scaled(counts):
        return [count * to // rows for count in counts]

    for column in columns if to < rows else ():
        digits = column["digits"]
        column.update(heavyCounts=scaled(column["heavyCounts"]), missing=column["missing"] * to // rows,
                      digits={name: scaled(counts) if isinstance(counts, list) else counts * to // rows for name, counts in digits.items()})


def attack(member, kind, introduction, declared):
    """Takes part as `kind` says until the training is over."""
    rows, columns = declared or introduction["rows"], json.loads(json.dumps(introduction["columns"]))
    if kind == "weights":
        rows = declared or MOST_ROWS
    if kind == "extremes":
        rows = 1
        for column in columns:
            if column["extremes"]:
                column.update(extremes=[-9e15, 9e15], heavyValues=[], heavyCounts=[], fewValues=False, missing=0,
                              digits={"decimals": [], "whole": [], "significant": [], "full": 0})
            else:
                column.update(categories=column["categories"][:1], missing=0)
    else:
        shrink(columns, introduction["rows"], rows)
    answer = member.join(rows, columns)
    if answer.status != 200:
        print(f"demo: {kind}: join: {answer}", flush=True)
        return
    if member.await_task("summaries", seconds=LONGEST) != "summaries":
        return
    answer = member.send_counts(rows)
    while answer.status == 200 and member.await_task("updates", seconds=LONGEST) == "updates":
        model = member.parameters()
        answer = member.send_update({name: (shape, spoilt(kind, values)) for name, (shape, values) in model.items()})
    if answer.status not in (0, 200):
        print(f"demo: {kind}: {answer}", flush=True)


def spoilt(kind, values):
    if kind == "weights":
        return array.array("f", [0.5 - x for x in values])
    if kind == "norms":
        return array.array("f", [32768.0 if i % 2 else -32768.0 for i in range(len(values))])
    return array.array("f", bytes(4 * len(values)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--strategy", default="median")
    parser.add_argument("--trimmed-share", type=float, default=0.4)
    parser.add_argument("--max-share", type=float)
    parser.add_argument("--declared", type=int)
    parser.add_argument("--attack", default="weights,norms,extremes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with it
    attackers = tuple(filter(None, options.attack.split(",")))
    with tempfile.TemporaryDirectory(prefix="genesis-demo-") as folder:
        demo = Demo(options, pathlib.Path(folder))
        introduction = demo.introduction()
        alone, _ = demo.score("alone", (), introduction)
        print(f"demo: {options.strategy}, {options.rounds} rounds: overall {alone:.3f} alone", flush=True)
        spoilt_, scaled = demo.score("spoilt", attackers, introduction)
    is_held = abs(alone - spoilt_) <= TOLERANCE
    print(f"demo: {options.strategy}, {options.rounds} rounds: overall {spoilt_:.3f} with {', '.join(attackers)}: moved by {abs(alone - spoilt_):.3f}, "
          f"{'at most' if is_held else 'more than'} {TOLERANCE}; {scaled} updates scaled down")
    return 0 if is_held else 1


if __name__ == "__main__":
    sys.exit(main())
