#!/usr/bin/env python3
"""Times the ctgan package on a table, as a peer of our model.

    peer_ctgan.py TABLE [TABLE...] [--epochs 3] [--rows 100000] [--threads 1] [--save OUT.csv] [--untimed]
                  [--missing WORD ...]

TABLEs (.csv or .csv.gz) are put together. Columns that are not all numbers are discrete. Prints one
line of JSON:
  encoder_seconds   fit and transform of its data transformer
  step_ms           one training step (discriminator and generator) at batch 500, from the difference
                    between trainings of 1 and 1 + EPOCHS epochs, so that preparation cancels out
  rows_per_second   sampling
  peak_rss_mib      of this process, after training
Runs on the CPU. With --save, writes as many rows as the table has, for utility.py and
sdmetrics_overall.py: give --epochs 299 for the usual 300; with --untimed it does that alone. Of a
number column with missing cells (empty ones, and --missing words) the package is given the mean in
their place, as SDV does, and as large a share of its rows goes missing again.
"""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is loaded

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd
import threadpoolctl
import torch
from ctgan import CTGAN
from ctgan.data_transformer import DataTransformer

BATCH = 500


def timed(action):
    begin = time.perf_counter()
    result = action()
    return result, time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save")
    parser.add_argument("--untimed", action="store_true")
    parser.add_argument("--missing", nargs="*", default=[])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # Debian's torch does not pass that on to OpenBLAS, whose threads wait in sched_yield() for each other: on a busy
    # machine a training of a minute took hours.
    threadpoolctl.threadpool_limits(arguments.threads)
    torch.manual_seed(7)

    table = pd.concat(
        [pd.read_csv(path, keep_default_na=False, na_values=["", *arguments.missing]) for path in arguments.tables],
        ignore_index=True)
    discrete = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    missing = {name: table[name].isna().mean() for name in table.columns.difference(discrete)}
    table = table.fillna({name: table[name].mean() for name, share in missing.items() if share > 0})

    def save(model):
        rows = model.sample(len(table))
        random = np.random.default_rng(7)
        for name, share in missing.items():
            if share > 0:
                rows[name] = rows[name].astype(float).mask(random.random(len(rows)) < share)
        rows.to_csv(arguments.save, index=False)

    def encode():
        transformer = DataTransformer()
        transformer.fit(table, discrete)
        transformer.transform(table)

    def train(epochs):
        model = CTGAN(epochs=epochs, batch_size=BATCH, verbose=False)
        model.fit(table, discrete)
        return model

    if arguments.untimed:
        save(train(1 + arguments.epochs))
        return
    _, encoder_seconds = timed(encode)
    _, short = timed(lambda: train(1))
    model, long = timed(lambda: train(1 + arguments.epochs))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _, sampling = timed(lambda: model.sample(arguments.rows))
    steps = arguments.epochs * max(1, len(table) // BATCH)
    if arguments.save:
        save(model)
    print(json.dumps({
        "peer": "ctgan",
        "rows": len(table),
        "threads": arguments.threads,
        "torch": torch.__version__,
        "encoder_seconds": round(encoder_seconds, 2),
        "step_ms": round((long - short) / steps * 1000, 2),
        "training_seconds": round(long, 1),
        "rows_per_second": round(arguments.rows / sampling),
        "peak_rss_mib": round(peak),
    }))


if __name__ == "__main__":
    main()
