#!/usr/bin/env python3
"""Secure sums of a whole training in real processes: the bytes of the same fixed-point values in the clear, also where
a process is killed at each stage: secure_test.py BIN KILLPOINT."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import secure_trainings  # noqa: E402


class OfTally(secure_trainings.SecureTrainings):
    bin, killpoint = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()

    @classmethod
    def setUpClass(cls):
        if cls is OfTally:
            raise unittest.SkipTest("what both derive from")
        cls.spec = secure_trainings.secure_spec("{method: tally}", cls.encryption, ", clip: 1000.0")
        super().setUpClass()

    def test_what_hides_the_terms_changes_no_byte(self):
        self.assert_bytes_of_the_clear()

    def test_a_site_that_is_killed_sends_the_same_again(self):
        self.assert_killed_sites_send_the_same_again()

    def test_a_server_that_is_killed_goes_through_the_same_attempt_again(self):
        self.assert_a_killed_server_goes_through_the_same_attempt()


class Masked(OfTally):
    encryption = "masking"


class Encrypted(OfTally):
    encryption = "paillier"

    def test_a_site_has_the_key_from_its_join_bundle(self):
        run = self.run_of("bundle")
        first, *others = secure_trainings.SITES
        for name in ("server", *others):
            self.start(run, name)
        bundle, pki = run.dir / "bundle.yaml", self.site.pki
        files = {"authority": pki / "ca.crt", "certificate": pki / f"{first}.crt", "key": pki / f"{first}.key",
                 "paillierKey": self.key[1]}
        bundle.write_text(json.dumps({"server": run.url, "serverName": "127.0.0.1", "clientId": first,
                                      "token": (self.site.dir / "token").read_text().strip(),
                                      **{field: path.read_text() for field, path in files.items()}}))
        run.client_command = lambda name: [self.bin / "genesis-worker", "--join", bundle, "--data",
                                           self.site.dir / f"{name}.csv", "--state", run.dir / "state" / name]
        run.start(first)
        self.assert_trained(run)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
