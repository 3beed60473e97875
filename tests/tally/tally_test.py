#!/usr/bin/env python3
"""A method that only these programs have goes through real processes, and through kills at named points, to the
bytes of an undisturbed simulation: tally_test.py BIN KILLPOINT."""

import pathlib
import signal
import sys
import tempfile
import unittest

BIN, KILLPOINT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import SMALL_SPEC, Run, Site  # noqa: E402

MODEL = "{embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}"
SPEC = SMALL_SPEC.replace(MODEL, "{method: tally}").replace("count: 3", "count: 4")

UPDATE = "PUT /v1/collections/3/contributions"
POINTS = {
    "server": [
        "tls_read:POST /v1/join > send@after",
        "tls_read:PUT /v1/collections/1/contributions > tls_write:HTTP/1.1 200",
        "rename:checkpoints/round-0000000000@after",
        "tls_read:GET /v1/collections/3/documents/parameters > send@middle",
        f"tls_read:{UPDATE} > tls_write:HTTP/1.1 200",
        "write:checkpoints/round-0000000002@middle",
        "rename:checkpoints/round-0000000002 > tls_write:updates > send@middle",
        "write:served/model.safetensors@middle",
    ],
    "site-1": [
        "tls_write:POST /v1/join > send@after",
        "tls_write:PUT /v1/collections/1/contributions > send@middle",
        "write:state/site-1/round-0000000002@middle",
        "rename:state/site-1/round-0000000002@after",
        f"tls_write:{UPDATE} > send@middle",
        f"tls_write:{UPDATE} > tls_read",
    ],
}


class Tally(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-tally-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.site = Site(BIN, cls.dir / "site", spec=SPEC)
        cls.expected = cls.site.undisturbed_model()

    def run_of(self, name):
        run = Run(self.site, self.dir / name)
        self.addCleanup(run.end)
        return run

    def assert_trained(self, run):
        codes = run.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, run.logs()))
        self.assertEqual(run.model(), self.expected, run.logs())

    def test_processes_end_in_the_bytes_of_the_simulation(self):
        run = self.run_of("undisturbed")
        for name in ("server", *self.site.sites):
            run.start(name)
        self.assert_trained(run)
        self.site.genesis("generate", "--model", run.output / "model.safetensors", "--rows", 3, "-o", self.dir / "rows.csv")
        shared = [float(line) for line in (self.dir / "rows.csv").read_text().split()[1:]]
        # The sites' own numbers are 1, 2 and 3 times their rows; the mean of those goes by rows too.
        own = (150**2 + 160**2) / (150 + 160)
        for times, value in enumerate(shared, 1):
            self.assertTrue(0.8 * own * times < value < 1.2 * own * times, shared)

    def test_kills_change_no_byte(self):
        for victim, points in POINTS.items():
            for number, point in enumerate(points):
                with self.subTest(victim=victim, point=point):
                    run = self.run_of(f"{victim}-{number}")
                    env = {"LD_PRELOAD": str(KILLPOINT), "GENESIS_FAULT_AT": point, "GENESIS_FAULT": "kill"}
                    for name in ("server", *self.site.sites):
                        run.start(name, env if name == victim else None)
                    code = run.parts[victim].wait(60)
                    self.assertEqual(code, -signal.SIGKILL, f"the point was not met\n{run.logs()}")
                    run.parts[victim].stdout.close()
                    run.start(victim)
                    self.assert_trained(run)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
