#!/usr/bin/env python3
"""A besieged aggregator: honest clients, which replay what real workers have sent, train while attackers of each kind do what they
can, links are cut and the aggregator is killed. Training after training has to end in the bytes of the same replay undisturbed.

siege.py BIN [--minutes 30] [--seed N] [--honest 200] [--attackers 20] [--rounds N] [--judge-times]

Fails where a byte of the model differs, an honest client is turned away or the aggregator has more than 256 MiB resident;
with --judge-times, for a machine that does nothing else, also where /healthz takes longer than 50 ms and four times what an
idle aggregator beside it takes (99th percentiles of 150, in each window). Prints what honest requests took and what the
attackers were answered. Standard library only; talks to 127.0.0.1 alone.
"""

import argparse
import collections
import json
import math
import multiprocessing
import os
import pathlib
import random
import re
import resource
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "hostile"), str(HERE)]
import besiegers  # noqa: E402
import replay  # noqa: E402
from attackers import BROKEN, Peer  # noqa: E402
from programs import DEADLINE, Run, Site  # noqa: E402

SPEC = """apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: siege}}
spec:
  seed: 11
  model: {{embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}}
  rounds: {{count: {rounds}, minClients: {clients}, maxClients: 1000, deadlineSeconds: 60, startDeadlineSeconds: {start}, retries: 100, maxFailures: 1000}}
  local: {{epochs: 1, batchSize: 50}}
  aggregation: {{strategy: weighted}}
  communication: {{compression: none}}
  participants:
"""
MEMORY_MIB = 256
HEALTH_SECONDS = 0.05
WINDOW = 150
CUTS = 0.01  # of the requests of an honest client
SLOWER = 6  # times as long as undisturbed may all clients take to join under siege
ROUND_SECONDS = 120  # that a round under siege may take
fork = multiprocessing.get_context("fork")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else math.nan


def in_ms(values):
    return f"{1000 * percentile(values, 0.5):.0f}/{1000 * percentile(values, 0.99):.0f}/{1000 * max(values, default=math.nan):.0f}"


class Health:
    """Asks one server for /healthz, over a connection that stays until the server closes it."""

    def __init__(self, run):
        self.peer, self.stream, self.seconds = Peer(run, "genesis-observer"), None, []
        self.request = self.peer.head("GET", "/healthz")

    def ask(self):
        try:
            if not self.stream:
                self.stream = self.peer.connect(60)
                self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            began, got = time.monotonic(), b""
            self.stream.sendall(self.request)
            while not got.endswith(b"ok\n"):
                piece = self.stream.recv(4096)
                if not piece:
                    raise ConnectionError("closed")
                got += piece
            self.seconds.append(time.monotonic() - began)
            return True
        except BROKEN:  # between a kill and the start that follows it
            self.close()
            return False

    def close(self):
        if self.stream:
            self.stream.close()
            self.stream = None


class Numbers:
    """What all trainings of a siege have shown together."""

    def __init__(self):
        self.trainings, self.rounds, self.kills, self.peak = 0, 0, 0, 0.0
        self.seconds, self.counted = collections.defaultdict(list), collections.Counter()
        self.answers = collections.defaultdict(collections.Counter)
        self.health, self.idle = [], []

    def say(self, what):
        every = [s for several in self.seconds.values() for s in several]
        print(f"{what}: honest requests p50/p99/max ms: all {in_ms(every)} of {len(every)}, "
              + ", ".join(f"{kind} {in_ms(s)}" for kind, s in sorted(self.seconds.items()))
              + f"; {self.counted['contributions']} contributions, {self.counted['cuts']} links cut, {self.counted['broken']} requests repeated after a cut, "
              f"a kill or a closed connection, {self.counted['later']} after 503, {self.counted['unheard']} clients that did not hear of the end; aggregator {self.peak:.0f} MiB resident at most", flush=True)
        if self.health:
            print(f"{what}: /healthz p50/p99/max ms: besieged {in_ms(self.health)}, idle {in_ms(self.idle)} of {len(self.idle)}", flush=True)
        for kind in besiegers.KINDS:
            if self.answers[kind]:
                print(f"{what}: {kind:25} " + ", ".join(f"{answer} x{count}" for answer, count in sorted(self.answers[kind].items(), key=str)), flush=True)


def started(target, count, *arguments):
    """`count` processes of target(part of count, ..., where it sends its numbers), and where to read these."""
    found = []
    for i in range(count):
        ours, theirs = fork.Pipe(duplex=False)
        process = fork.Process(target=target, args=(i, count, *arguments, theirs), daemon=True)
        process.start()
        theirs.close()
        found.append((process, ours))
    return found


class Over(threading.Event):
    """Whether a training has ended, for all processes: set where `flag`, which they share, is, or where `parent` has gone."""

    def __init__(self, flag, parent=None):
        super().__init__()
        self.flag = flag
        if parent is not None:
            threading.Thread(target=self.look, args=(parent,), daemon=True).start()

    def look(self, parent):
        while not (self.flag.value or os.getppid() != parent or self.wait(0.2)):
            pass
        self.set()

    def set(self):
        self.flag.value = 1
        super().set()


def replay_part(part, parts, run, honest, recordings, seed, cuts, flag, results):
    named = list(enumerate(honest))[part::parts]
    replay.replay(run.site.pki, int(run.port), named, recordings, seed, cuts, Over(flag, os.getppid()), results)


def besiege_part(part, parts, run, each, honest, recordings, seed, flag, results):
    besiegers.besiege(run, besiegers.KINDS[part::parts], each, honest, recordings[0], seed, Over(flag, os.getppid()), results)


class Siege:
    def __init__(self, options, folder):
        self.options, self.folder, self.numbers = options, folder, Numbers()
        self.honest = [f"honest-{i}" for i in range(options.honest)]
        members = [besiegers.name_of(kind, i) for kind in besiegers.MEMBERS for i in range(options.attackers)]
        strangers = [besiegers.name_of(kind, i) for kind in besiegers.STRANGERS for i in range(options.attackers)]
        spec = SPEC.format(rounds=options.rounds, clients=options.honest, start=DEADLINE)
        self.site = Site(options.bin, folder / "site", [*self.honest, *members], spec, rows=1)
        self.site.genesis("certs", "client", "--dir", self.site.pki, *strangers, "genesis-observer")
        # Of the honest alone, so that nobody waits for others to join: who could take part does not show in a model.
        self.honest_spec = self.site.dir / "honest.yaml"
        self.honest_spec.write_text(spec + "".join(f"  - name: {name}\n    data: {{path: rows.csv}}\n" for name in self.honest))
        self.recordings = replay.record(options.bin, folder / "recorded", SPEC.format(rounds=3, clients=4, start=DEADLINE))
        self.idle = Run(self.site, folder / "idle")
        self.idle.start("server")

    def end(self):
        self.idle.end()

    def undisturbed(self):
        """The model of the replay without attackers, cuts and kills, and how long it took."""
        numbers, began = Numbers(), time.monotonic()
        self.train("undisturbed", numbers, is_besieged=False)
        numbers.say("siege: undisturbed")
        # Who is refused never joins, so all of it passes in each training.
        start = 20 + math.ceil(SLOWER * self.joined_after)
        self.site.spec.write_text(self.site.spec.read_text().replace(f"startDeadlineSeconds: {DEADLINE}", f"startDeadlineSeconds: {start}"))
        return time.monotonic() - began

    def train(self, name, numbers, is_besieged):
        run, flag = Run(self.site, self.folder / name), fork.RawValue("b", 0)
        draw = random.Random(f"{self.options.seed}/{name}")
        seed = draw.randrange(2**32)
        try:
            if not is_besieged:
                run.server_command = lambda: [self.honest_spec if part == self.site.spec else part for part in Run.server_command(run)]
            run.start("server")
            cuts = CUTS if is_besieged else 0.0
            clients = started(replay_part, 2, run, self.honest, self.recordings, seed, cuts, flag)
            attackers = started(besiege_part, 4, run, self.options.attackers, self.honest, self.recordings, seed, flag) if is_besieged else []
            code = self.watch(run, numbers, draw, is_besieged, flag)
            flag.value = 1  # who has not heard of the end in time learns it so
            told = [read(*one) for one in clients]
            for answers in (read(*one) for one in attackers):
                for kind, counted in (answers or {}).items():
                    numbers.answers[kind].update(counted)
            self.judge(run, numbers, code, told)
            self.model = run.model()
            self.check_members(run)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{run.log('server')}") from None
        finally:
            flag.value = 1
            run.end()
        numbers.trainings += 1
        numbers.rounds += self.options.rounds

    def watch(self, run, numbers, draw, is_besieged, flag):
        """Kills, starts again and measures the server until it ends by itself; its exit code, None where a client failed before."""
        server, healths = run.parts["server"], (Health(run), Health(self.idle)) if is_besieged else ()
        deadline = time.monotonic() + DEADLINE + ROUND_SECONDS * self.options.rounds
        began, seen, checkpoints = time.monotonic(), "", run.output / "checkpoints"
        next_kill = began + draw.uniform(5, 15)  # joining begins anew, once in a training
        while server.poll() is None and not flag.value:
            if time.monotonic() > deadline:
                raise AssertionError("the training does not end")
            numbers.peak = max(numbers.peak, peak_mib(server.pid))
            all(health.ask() for health in healths)  # the idle one in turn, where there was an answer
            newest = max((path.name for path in checkpoints.glob("round-*[0-9].safetensors")), default="")
            if newest > seen:  # something is done since the last kill
                self.joined_after = self.joined_after if seen else time.monotonic() - began
                seen, next_kill = newest, min(next_kill, time.monotonic() + draw.uniform(0, 30))
            if is_besieged and time.monotonic() > next_kill:
                next_kill = math.inf
                server.kill()
                server.wait(30)
                server.stdout.close()
                server = run.start("server")
                numbers.kills += 1
            time.sleep(0.05)
        for health, into in zip(healths, (numbers.health, numbers.idle)):
            into += health.seconds
            health.close()
        return server.returncode

    def judge(self, run, numbers, code, told):
        failures = [f for _, _, failed in filter(None, told) for f in failed]
        for seconds, counted, _ in filter(None, told):
            for kind, several in seconds.items():
                numbers.seconds[kind] += several
            numbers.counted += counted
        if code != 0 or failures or None in told:
            raise AssertionError(f"exit code of the aggregator: {code}; {len(failures)} honest clients failed, such as {failures[:5]}")

    def check_members(self, run):
        """Those who took part are the honest clients, each in every round."""
        model = (run.output / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", model[:8])[0]
        provenance = json.loads(model[8:8 + size])["__metadata__"]["provenance"]
        names = set(re.findall(r"\b(?:honest|" + "|".join(k.replace("_", "-") for k in besiegers.KINDS) + r")-\d+\b", provenance))
        if names != set(self.honest):
            raise AssertionError(f"others took part: {sorted(names ^ set(self.honest))[:10]}")


def read(process, connection):
    """What a process has sent before it ended; None where it did not."""
    try:
        if connection.poll(replay.PATIENCE):
            return connection.recv()
    except EOFError:
        pass
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()
    return None


def peak_mib(pid):
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024
    except (OSError, TypeError):
        return 0.0  # it has just ended


def is_healthy(numbers):
    """Whether the 99th percentiles of some WINDOW of requests are as they should be: in others the machine may be busy with
    something else, for which a server that works waits longer than an idle one."""
    windows = [(numbers.health[i:i + WINDOW], numbers.idle[i:i + WINDOW]) for i in range(0, max(1, len(numbers.idle) - WINDOW + 1), WINDOW)]
    return any(percentile(besieged, 0.99) < max(HEALTH_SECONDS, 4 * percentile(idle, 0.99)) for besieged, idle in windows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--honest", type=int, default=200)
    parser.add_argument("--attackers", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--judge-times", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started ends with it
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384) if hard != resource.RLIM_INFINITY else 16384, hard))
    began = time.monotonic()
    print(f"siege: seed {options.seed}, {options.honest} honest clients, {options.attackers} attackers of each of {len(besiegers.KINDS)} kinds", flush=True)
    with tempfile.TemporaryDirectory(prefix="genesis-siege-") as folder:
        siege = Siege(options, pathlib.Path(folder))
        numbers = siege.numbers
        try:
            took = siege.undisturbed()
            expected = siege.model
            print(f"siege: the undisturbed replay took {took:.0f} s, its model is {expected}", flush=True)
            while numbers.trainings == 0 or time.monotonic() - began < 60 * options.minutes:
                siege.train(f"besieged-{numbers.trainings + 1}", numbers, is_besieged=True)
                if siege.model != expected:
                    raise AssertionError(f"besieged training {numbers.trainings}: model {siege.model}, undisturbed {expected}")
                print(f"siege: training {numbers.trainings} ended in the same bytes, {(time.monotonic() - began) / 60:.1f} min, {numbers.kills} kills", flush=True)
            if numbers.peak > MEMORY_MIB:
                raise AssertionError(f"{numbers.peak:.0f} MiB resident, more than {MEMORY_MIB}")
            if options.judge_times and not is_healthy(numbers):
                raise AssertionError(f"/healthz took more than {HEALTH_SECONDS} s and four times what it takes idle in all windows of {WINDOW} requests")
        except AssertionError as failure:
            numbers.say("siege")
            print(f"{failure}\nsiege: failed; repeat it with --seed {options.seed}")
            return 1
        finally:
            siege.end()
    numbers.say("siege")
    print(f"siege: {numbers.trainings} trainings of {options.rounds} rounds, {numbers.kills} kills of the aggregator; every model as undisturbed; "
          f"{(time.monotonic() - began) / 60:.1f} min, seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
