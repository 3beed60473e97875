#!/usr/bin/env python3
"""The mixture goes through real processes, and through kills at named points, to the bytes of an undisturbed
simulation; its sites add noise that is drawn once: mixture_test.py BIN KILLPOINT."""

import csv
import pathlib
import sys
import unittest

BIN, KILLPOINT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from method_trainings import MethodTrainings, spec_of  # noqa: E402

TABLE = "table: {discreteColumns: [group, flag], columns: [{name: age, kind: integer, minimum: 0, maximum: 999}]}"
SPEC = spec_of("{method: mixture, components: 40, target: flag}", TABLE)

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


class Mixture(MethodTrainings):
    bin, killpoint, spec, points = BIN, KILLPOINT, SPEC, POINTS

    def test_processes_end_in_the_bytes_of_the_simulation(self):
        run = self.trained()
        out = self.dir / "rows.csv"
        model = run.output / "model.safetensors"
        self.site.genesis("generate", "--model", model, "--rows", 500, "--where", "group=a", "-o", out)
        with out.open() as text:
            rows = list(csv.DictReader(text))
        self.assertEqual(len(rows), 500)
        self.assertEqual({row["group"] for row in rows}, {"a"})
        self.assertTrue(all(0 <= int(row["age"]) <= 999 for row in rows))

    def test_kills_change_no_byte(self):
        self.assert_kills_change_no_byte()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
