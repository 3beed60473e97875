#!/usr/bin/env python3
"""Epsilon and time of dp-accounting and of bench_accountant on the same runs: accountant.py BENCH."""

import statistics
import subprocess
import sys
import time

from dp_accounting.pld import privacy_loss_distribution as pld

RUNS = [(0.01, 1.0, 10000, 1e-5), (0.0152, 1.1, 10000, 1e-5), (0.004, 0.6, 10000, 1e-5), (0.1, 2.0, 10000, 1e-5)]

print("q       sigma   steps   ours epsilon, ms      dp-accounting epsilon, ms   times faster")
for q, sigma, steps, delta in RUNS:
    ours, ms = map(float, subprocess.run([sys.argv[1], *map(str, (q, sigma, steps, delta))],
                                         check=True, capture_output=True, text=True).stdout.split())
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        theirs = (pld.from_gaussian_mechanism(sigma, sampling_prob=q, value_discretization_interval=1e-4)
                  .self_compose(steps).get_epsilon_for_delta(delta))
        times.append(1000 * (time.perf_counter() - begin))
    their_ms = statistics.median(times)
    print(f"{q:<7} {sigma:<7} {steps:<7} {ours:8.4f} {ms:8.1f}    {theirs:8.4f} {their_ms:12.1f}    {their_ms / ms:12.1f}")
