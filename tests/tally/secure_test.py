#!/usr/bin/env python3
"""Secure sums of a whole training in real processes: the bytes of the same fixed-point values in the clear, also where
a process is killed at each stage: secure_test.py BIN KILLPOINT."""

import pathlib
import signal
import sys
import tempfile
import unittest

BIN, KILLPOINT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import SMALL_SPEC, Run, Site, digest  # noqa: E402

MODEL = "{embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}"
SPEC = (SMALL_SPEC.replace(MODEL, "{method: tally}").replace("minClients: 2", "minClients: 3")
        .replace("  communication:", "  privacy: {secureAggregation: {encryption: masking, clip: 1000.0}}\n  communication:"))
SITES = ("site-1", "site-2", "site-3", "site-4")
STAGES = ("keys", "shares", "masked", "confirm", "reveal")


def message(stage, collection=3):
    return f"PUT /v1/collections/{collection}/contributions/site-1?attempt=1&stage={stage}"


class SecureTally(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-secure-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.site = Site(BIN, cls.dir / "site", sites=SITES, spec=SPEC)
        cls.expected = cls.site.undisturbed_model()

    def run_of(self, name):
        run = Run(self.site, self.dir / name)
        self.addCleanup(run.end)
        return run

    def start_all(self, run, victim=None, env=None):
        for name in ("server", *SITES):
            run.start(name, env if name == victim else None)

    def assert_trained(self, run):
        codes = run.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, run.logs()))
        self.assertEqual(run.model(), self.expected, run.logs())

    def test_masks_change_no_byte(self):
        self.site.genesis("run", "-f", self.site.spec, "--output-dir", self.dir / "clear", "--simulate", "--set", "output.rows=0",
                          "--set", "privacy.secureAggregation.encryption=none")
        self.assertEqual(digest(self.dir / "clear" / "model.safetensors"), self.expected)
        run = self.run_of("undisturbed")
        self.start_all(run)
        self.assert_trained(run)
        log = (run.dir / "server.log").read_text()
        self.assertRegex(log, "opened a secure sum over 4 of 4 sites")
        self.assertNotIn("distance", log)

    def test_a_site_that_is_killed_sends_the_same_again(self):
        for stage in STAGES:
            for point in (f"tls_write:{message(stage)} > send@middle", f"tls_write:{message(stage)} > tls_read"):
                with self.subTest(point=point):
                    self.killed("site-1", point)

    def test_a_server_that_is_killed_goes_through_the_same_attempt_again(self):
        for stage in STAGES:
            with self.subTest(stage=stage):
                self.killed("server", f"tls_read:{message(stage)} > tls_write:HTTP/1.1 200")

    def killed(self, victim, point):
        run = self.run_of(f"{victim}-{abs(hash(point))}")
        env = {"LD_PRELOAD": str(KILLPOINT), "GENESIS_FAULT_AT": point, "GENESIS_FAULT": "kill"}
        self.start_all(run, victim, env)
        code = run.parts[victim].wait(60)
        self.assertEqual(code, -signal.SIGKILL, f"the point was not met\n{run.logs()}")
        run.parts[victim].stdout.close()
        run.start(victim)
        self.assert_trained(run)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
