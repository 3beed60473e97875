#!/usr/bin/env python3
"""Reads an invented table of 1,000,000 rows and 15 columns with genesis and with single-threaded pyarrow, in turn.

read_table.py BENCH_READ [--rows N]

BENCH_READ is the program of tests/bench/read_table.cpp. Prints speed as a ratio to pyarrow's and peak memory as a ratio
to the compact table's; ends with 1 where the table is read at less than half of pyarrow's speed, or in three times the
compact table's memory or more.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import pyarrow.csv

COLUMNS = 15
RUNS = 3


def cell(r, column):
    kind = column % 5
    if kind == 0:
        return str(r.randrange(100))
    if kind == 1:
        return f"{r.random() * 1000:.2f}"
    if kind == 2:
        return r.choice(("cardiology", "surgery", "oncology"))
    if kind == 3:
        return f"20{r.randrange(10, 24)}-{r.randrange(1, 13):02d}-{r.randrange(1, 29):02d}"
    return "" if r.random() < 0.1 else f"{r.gauss(50, 12):.3f}"


def write(path, rows):
    r = random.Random(2)
    with open(path, "w", encoding="utf-8") as out:
        out.write(",".join(f"c{i}" for i in range(COLUMNS)) + "\n")
        for _ in range(rows):
            out.write(",".join(cell(r, i) for i in range(COLUMNS)) + "\n")


def arrow_seconds(path):
    best = float("inf")
    for _ in range(RUNS):
        begin = time.perf_counter()
        pyarrow.csv.read_csv(path, read_options=pyarrow.csv.ReadOptions(use_threads=False))
        best = min(best, time.perf_counter() - begin)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench_read", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.csv"
        write(path, arguments.rows)
        size = path.stat().st_size
        ours = json.loads(subprocess.run([arguments.bench_read, path], check=True, capture_output=True, text=True).stdout)
        arrow = arrow_seconds(path)
    speed = arrow / ours["seconds"]
    memory = ours["peak_bytes"] / ours["compact_bytes"]
    print(f"{arguments.rows} rows, {size / 2**20:.0f} MiB: genesis {ours['seconds']:.2f} s, pyarrow {arrow:.2f} s, speed {speed:.2f} of pyarrow's; "
          f"peak {ours['peak_bytes'] / 2**20:.0f} MiB, {memory:.2f} times the compact table")
    sys.exit(speed < 0.5 or memory >= 3)


if __name__ == "__main__":
    main()
