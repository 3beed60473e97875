#!/usr/bin/env python3
"""The times of a private training, each against its limit: private.py BIN

Processor time of one core for the fit and for sampling before rows are formatted (Adult at one site, epsilon 3); the
whole of `genesis run` with a process for each of Adult's four sites, from start to rows; the audit of that ledger's
first charge and of all its charges together with 100,000 canaries. Wall-clock times hold for a machine that does
nothing else.
"""

import gzip
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(sys.argv[1])
MU = 0.7191  # Gaussian privacy of epsilon 3 and delta 1e-5 (Balle and Wang 2018)
NUMBERS = ["age=17:90", "fnlwgt=0:1500000", "education-num=1:16", "capital-gain=0:99999", "capital-loss=0:5000",
           "hours-per-week=1:99"]


def told(what, value, limit, unit, is_floor=False):
    ratio = value / limit
    print(f"{what:<58} {value:>12,.2f} {unit:<7} {'at least' if is_floor else 'at most'} {limit:>9,}, ratio {ratio:.2f}")


def pooled(path):
    with open(path, "w") as file:
        for number, site in enumerate(sorted((ROOT / "data/adult").glob("site-*.csv.gz"))):
            with gzip.open(site, "rt") as rows:
                header = next(rows)
                file.write("" if number else header)
                file.writelines(rows)


def timed(*command):
    begun = time.monotonic()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]}: {done.stderr[-1000:]}")
    return time.monotonic() - begun, done.stdout


def main():
    with tempfile.TemporaryDirectory(prefix="bench-private-") as folder:
        work = pathlib.Path(folder)
        pooled(work / "pool.csv")
        _, text = timed(BIN / "bench_mixture", MU, "income", work / "rows.csv", 0, 1, work / "pool.csv", *NUMBERS)
        figures = dict(re.findall(r"(\w+)=([\d.]+)", text))
        told("fit of two groups of 500 components, one core", float(figures["fit_s"]), 2, "s")
        told("sampling before formatting, one core", float(figures["sampled_rows_per_s"]), 2_000_000, "rows/s", True)
        seconds, _ = timed(BIN / "genesis", "run", "-f", ROOT / "manifests/samples/adult-private.yaml", "--output-dir",
                           work / "out", "--ledger", work / "ledger")
        told("genesis run, four sites in processes, with its report", seconds, 10, "s")
        seconds, text = timed(BIN / "genesis", "audit", "ledger", "site-1", "--ledger", work / "ledger", "--canaries", 100_000)
        told("audit of each charge and all together, 100,000 canaries", seconds, 30, "s")
        print(text.rstrip())


if __name__ == "__main__":
    main()
