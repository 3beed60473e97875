#!/usr/bin/env python3
"""Random trainings whose processes are killed at random points, until the time is up. Each has to end in the model that the
same training gives undisturbed, byte for byte.

soak.py BIN KILLPOINT [--minutes 30] [--seed N] [--start N]

Seed and number determine what a training is (sites, strategy, compression, network, rounds) and where its processes are
killed; a failure names both, and --start begins there again. Standard library only; the points are those of chaos_test.py.
"""

import argparse
import collections
import pathlib
import random
import signal
import sys
import tempfile
import time

import chaos_test
from programs import Run, Site, wait_until

SPEC = """apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: soak}}
spec:
  seed: {seed}
  model: {{embeddingDim: 16, generatorDims: {dims}, discriminatorDims: {dims}, pac: 1}}
  rounds: {{count: {rounds}, minClients: {sites}, deadlineSeconds: 120, maxFailures: 1000}}
  local: {{epochs: 1, batchSize: 50}}
  aggregation: {{strategy: {strategy}}}
  communication: {{compression: {compression}}}
  participants:
"""
SMALL, LONGER_THAN_A_CHUNK = "[64, 64]", "[320, 320]"
LONGEST = 300


def at_round(point, number):
    """A point of the tables, which speak of rounds 1 to 3, with round 2 moved to `number` and its neighbours with it."""
    for said in (1, 2, 3):
        meant = said - 2 + number
        point = point.replace(f"round-{said:010}", f"round-#{meant:010}").replace(f"collections/{said + 1}/", f"collections/#{meant + 1}/")
    return point.replace("#", "")


class Training:
    def __init__(self, seed, number, folder):
        self.draw = random.Random(f"{seed}/{number}")
        sites = tuple(f"site-{i}" for i in range(1, self.draw.randint(2, 4) + 1))
        self.rounds = self.draw.randint(3, 6)
        self.strategy = self.draw.choice(list(chaos_test.STRATEGIES))
        self.chunked = self.draw.random() < 0.3
        spec = SPEC.format(seed=self.draw.randint(1, 10**6), rounds=self.rounds, sites=len(sites), strategy=chaos_test.STRATEGIES[self.strategy],
                           dims=LONGER_THAN_A_CHUNK if self.chunked else SMALL,
                           compression="none" if self.chunked else self.draw.choice(("none", "gzip", "zstd")))
        self.site = Site(chaos_test.BIN, folder / "site", sites=sites, spec=spec)
        self.run = Run(self.site, folder / "run")
        self.kills_left = self.draw.randint(1, 8)
        self.kills = collections.Counter()
        self.points = {}

    def point_for(self, name):
        """Where this start of a process is to be killed, or None: not at all."""
        if self.kills_left == 0 or self.draw.random() < 0.3:
            return None
        if name == "server":
            points = chaos_test.AGGREGATOR_CHUNK_POINTS if self.chunked and self.draw.random() < 0.5 else chaos_test.AGGREGATOR_POINTS
        else:
            points = chaos_test.WORKER_CHUNK_POINTS if self.chunked and self.draw.random() < 0.5 else chaos_test.WORKER_POINTS
        point = at_round(self.draw.choice(list(points.values())), self.draw.randint(2, self.rounds - 1))
        return point.replace("site-1", name) if name != "server" else point

    def start(self, name):
        point = self.point_for(name)
        self.points.setdefault(name, []).append(point)
        self.run.start(name, chaos_test.faulty(point) if point else None)

    def all_ended(self):
        """Starts what was killed once more; True once all processes have ended by themselves."""
        for name, part in list(self.run.parts.items()):
            code = part.poll()
            if code is None or code == 0:
                continue
            if code != -signal.SIGKILL:
                raise AssertionError(f"{name} ended with {code}")
            self.kills["aggregator" if name == "server" else "worker"] += 1
            self.kills_left = max(0, self.kills_left - 1)
            part.stdout.close()
            self.start(name)
        return all(part.poll() == 0 for part in self.run.parts.values())

    def check(self):
        expected = self.site.undisturbed_model()
        try:
            for name in ("server", *self.site.sites):
                self.start(name)
            wait_until(self.all_ended, "the end of the training", LONGEST)
            if self.run.model() != expected:
                raise AssertionError(f"model {self.run.model()}, undisturbed {expected}")
        except AssertionError as failure:
            raise AssertionError(f"{failure}\nkilled at {self.points}\n{self.run.logs()}") from None
        finally:
            self.run.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("killpoint")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--start", type=int, default=1)
    options = parser.parse_args()
    began, number, kills, strategies = time.monotonic(), options.start, collections.Counter(), collections.Counter()
    print(f"soak: seed {options.seed}", flush=True)
    while time.monotonic() - began < 60 * options.minutes:
        with tempfile.TemporaryDirectory(prefix="genesis-soak-") as folder:
            training = Training(options.seed, number, pathlib.Path(folder))
            try:
                training.check()
            except AssertionError as failure:
                print(f"{failure}\nsoak: training {number} of seed {options.seed} failed; repeat it with --seed {options.seed} --start {number}")
                return 1
        kills += training.kills
        strategies[training.strategy] += 1
        number += 1
    by_strategy = ", ".join(f"{count} {name}" for name, count in sorted(strategies.items()))
    print(f"soak: {sum(strategies.values())} trainings ({by_strategy}), {kills['aggregator']} kills of the aggregator and {kills['worker']} of "
          f"workers; every model as undisturbed; {(time.monotonic() - began) / 60:.0f} min, seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
