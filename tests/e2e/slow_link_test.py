#!/usr/bin/env python3
"""A training over a link of 1 Mbit/s that loses every tenth packet in both directions and goes down for a few seconds
again and again: it finishes, in the bytes of an undisturbed one.

slow_link_test.py BIN: BIN holds the programs. Server and sites are in two network namespaces of the test's own, with a
veth pair between them. Rate and loss come from netem; where the kernel has none, from tbf and an nftables rule. Needs
root, ip, tc and, without netem, nft; else it ends with 77 and says what is missing. Standard library only.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import SMALL_SPEC, Run, Site  # noqa: E402

SPEC = SMALL_SPEC.replace("[64, 64]", "[160, 160]").replace("deadlineSeconds: 60", "deadlineSeconds: 120")
SERVER = "10.77.0.1"
UP_SECONDS, DOWN_SECONDS = 16, 4
LONGEST = 420


def run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


class Link:
    """Two namespaces and the slow link between them."""

    def __init__(self):
        self.spaces = [f"genesis-{os.getpid()}-{end}" for end in ("server", "site")]
        self.cuts, self.stop = 0, threading.Event()
        try:
            self.make()
        except (RuntimeError, OSError):
            self.remove()
            raise
        self.cutter = threading.Thread(target=self.cut_again_and_again, daemon=True)

    def make(self):
        for space in self.spaces:
            run("ip", "netns", "add", space)
        run("ip", "-n", self.spaces[0], "link", "add", "name", "wan", "type", "veth", "peer", "name", "wan", "netns", self.spaces[1])
        for number, space in enumerate(self.spaces, 1):
            run("ip", "-n", space, "address", "add", f"10.77.0.{number}/30", "dev", "wan")
            run("ip", "-n", space, "link", "set", "wan", "up")
            self.method = self.slow_down(space)

    def slow_down(self, space):
        qdisc = ["tc", "-n", space, "qdisc", "add", "dev", "wan", "root"]
        try:
            run(*qdisc, "netem", "rate", "1mbit", "loss", "10%")
            return "netem"
        except RuntimeError:
            run(*qdisc, "tbf", "rate", "1mbit", "burst", "8kb", "latency", "200ms")
            run("ip", "netns", "exec", space, "nft", "add table inet link; "
                "add chain inet link arriving { type filter hook input priority 0; }; "
                "add rule inet link arriving iifname wan numgen random mod 10 < 1 drop")
            return "tbf and nftables, as this kernel has no netem"

    def cut_again_and_again(self):
        while not self.stop.wait(UP_SECONDS if self.cuts else UP_SECONDS / 2):
            run("ip", "-n", self.spaces[0], "link", "set", "wan", "down")
            self.cuts += 1
            self.stop.wait(DOWN_SECONDS)
            run("ip", "-n", self.spaces[0], "link", "set", "wan", "up")

    def remove(self):
        self.stop.set()
        if hasattr(self, "cutter") and self.cutter.is_alive():
            self.cutter.join()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space], capture_output=True)


class Behind(Run):
    """A Run whose server and sites are at the two ends of a link."""

    def __init__(self, link, *arguments):
        super().__init__(*arguments)
        self.link = link

    def inside(self, end, command):
        return ["ip", "netns", "exec", self.link.spaces[end], *command]

    def server_command(self):
        return self.inside(0, [SERVER if part == "127.0.0.1" else part for part in super().server_command()])

    def client_command(self, name):
        return self.inside(1, [*super().client_command(name), "--verbose"])


class SlowLink(unittest.TestCase):
    def test_a_training_over_a_slow_and_failing_link_ends_in_the_same_bytes(self):
        with tempfile.TemporaryDirectory(prefix="genesis-slow-link-") as folder:
            site = Site(BIN, pathlib.Path(folder) / "site", spec=SPEC, hosts=("127.0.0.1", SERVER))
            expected = site.undisturbed_model()
            self.addCleanup(LINK.remove)
            training = Behind(LINK, site, pathlib.Path(folder) / "run")
            self.addCleanup(training.end)
            training.start("server")
            LINK.cutter.start()
            began = time.monotonic()
            for name in site.sites:
                training.start(name)
            codes = training.finish(LONGEST)
            took = time.monotonic() - began
            self.assertEqual(set(codes.values()), {0}, (codes, training.logs()))
            self.assertEqual(training.model(), expected)
            retries = sum((training.dir / f"{name}.log").read_text().count("retry client=") for name in site.sites)
            print(f"1 Mbit/s with 10% loss by {LINK.method}; {LINK.cuts} times down, {retries} requests tried again, {took:.0f} s", flush=True)
            self.assertGreater(LINK.cuts, 0)


if __name__ == "__main__":
    try:
        LINK = Link()
    except (RuntimeError, OSError) as missing:
        print(f"skipped: this machine makes no slow link: {missing}")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
