#!/usr/bin/env python3
"""The mixture's noisy counts as masked sums, in real processes and through kills: secure_test.py BIN KILLPOINT."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import secure_trainings  # noqa: E402

TABLE = "table: {discreteColumns: [group, flag], columns: [{name: age, kind: integer, minimum: 0, maximum: 999}]}"
# Each site's noise is as much as in the clear, so that the bytes can be compared.
ALONE = ", minSurvivors: 3, maxColluding: 2"


class Masked(secure_trainings.SecureTrainings):
    bin, killpoint = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    encryption = "masking"
    spec = secure_trainings.secure_spec("{method: mixture, components: 40, target: flag}", "masking", ALONE, TABLE)

    def test_masks_change_no_byte(self):
        self.assert_bytes_of_the_clear()

    def test_a_site_that_is_killed_sends_the_same_again(self):
        self.assert_killed_sites_send_the_same_again()

    def test_shared_noise_gives_another_model(self):
        self.assertNotEqual(self.simulated("shared", "--set", "privacy.secureAggregation.maxColluding=1"), self.expected)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
