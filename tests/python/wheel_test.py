#!/usr/bin/env python3
"""An installed wheel works: imports, trains, saves, makes rows. Needs nothing but the package and what it depends on."""

import pathlib
import sys
import tempfile
import time
import unittest

before = time.process_time()
import genesis
from genesis.federated import FederatedSynthesizer

IMPORT_SECONDS = time.process_time() - before

from tables import SMALL, patients


class Wheel(unittest.TestCase):
    def test_a_training_in_one_process(self):
        synthesizer = FederatedSynthesizer(n_rounds=2, local_epochs=1, config=SMALL, verbose=False)
        synthesizer.fit([patients(0), patients(1)], discrete_columns=["diagnosis"])
        rows = synthesizer.generate(100, conditions={"diagnosis": "flu"})
        self.assertEqual(len(rows), 100)
        self.assertEqual(set(rows["diagnosis"]), {"flu"})
        self.assertEqual(list(rows.dtypes), list(patients(0).dtypes))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "model.safetensors")
            synthesizer.save(path)
            self.assertEqual(genesis.Model.load(path).sha256, synthesizer.model.sha256)
        print(f"Python {sys.version.split()[0]}, genesis {genesis.__version__} imported in {IMPORT_SECONDS:.2f} s of processor time")

    def test_no_other_library_of_the_process_is_ours(self):
        maps = pathlib.Path("/proc/self/maps").read_text()
        self.assertNotIn("libtorch", maps)


if __name__ == "__main__":
    unittest.main()
