#!/usr/bin/env python3
"""The mixture goes through real processes, and through kills at named points, to the bytes of an undisturbed
simulation; its sites add noise that is drawn once: mixture_test.py BIN KILLPOINT."""

import csv
import pathlib
import signal
import sys
import tempfile
import unittest

BIN, KILLPOINT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import SMALL_SPEC, Run, Site  # noqa: E402

MODEL = "{embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}"
TABLE = "table: {discreteColumns: [group, flag], columns: [{name: age, kind: integer, minimum: 0, maximum: 999}]}"
SPEC = SMALL_SPEC.replace(MODEL, "{method: mixture, components: 40, target: flag}\n  " + TABLE)

# Collections: 1 fine, 2 zoom, 3 tables.
POINTS = {
    "server": [
        "tls_read:POST /v1/join > send@after",
        "tls_read:PUT /v1/collections/1/contributions > tls_write:HTTP/1.1 200",
        "write:checkpoints/round-0000000000@middle",
        "rename:checkpoints/round-0000000000@after",
        "tls_read:GET /v1/collections/3/documents/pairs > send@middle",
        "tls_read:PUT /v1/collections/3/contributions > tls_write:HTTP/1.1 200",
        "rename:checkpoints/round-0000000001@after",
        "write:served/model.safetensors@middle",
    ],
    "site-1": [
        "tls_write:POST /v1/join > send@after",
        "write:state/site-1/round-0000000000@middle",
        "rename:state/site-1/round-0000000000@after",
        "tls_write:PUT /v1/collections/2/contributions > send@middle",
        "write:state/site-1/round-0000000001@middle",
        "tls_write:PUT /v1/collections/3/contributions > tls_read",
    ],
}


class Mixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-mixture-")
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
        out = self.dir / "rows.csv"
        model = run.output / "model.safetensors"
        self.site.genesis("generate", "--model", model, "--rows", 500, "--where", "group=a", "-o", out)
        with out.open() as text:
            rows = list(csv.DictReader(text))
        self.assertEqual(len(rows), 500)
        self.assertEqual({row["group"] for row in rows}, {"a"})
        self.assertTrue(all(0 <= int(row["age"]) <= 999 for row in rows))

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
