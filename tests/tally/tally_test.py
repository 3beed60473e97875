#!/usr/bin/env python3
"""A method that only these programs have goes through real processes, and through kills at named points, to the
bytes of an undisturbed simulation: tally_test.py BIN KILLPOINT."""

import pathlib
import sys
import unittest

BIN, KILLPOINT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from method_trainings import MethodTrainings, spec_of  # noqa: E402

SPEC = spec_of("{method: tally}").replace("count: 3", "count: 4")

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


class Tally(MethodTrainings):
    bin, killpoint, spec, points = BIN, KILLPOINT, SPEC, POINTS

    def test_processes_end_in_the_bytes_of_the_simulation(self):
        run = self.trained()
        self.site.genesis("generate", "--model", run.output / "model.safetensors", "--rows", 3, "-o", self.dir / "rows.csv")
        shared = [float(line) for line in (self.dir / "rows.csv").read_text().split()[1:]]
        # The sites' own numbers are 1, 2 and 3 times their rows; the mean of those goes by rows too.
        own = (150**2 + 160**2) / (150 + 160)
        for times, value in enumerate(shared, 1):
            self.assertTrue(0.8 * own * times < value < 1.2 * own * times, shared)

    def test_kills_change_no_byte(self):
        self.assert_kills_change_no_byte()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
