#!/usr/bin/env python3
"""`genesis privacy ledger` and `genesis audit` on a ledger that is written here by its documented format, as an
independent reading of docs/privacy.md: privacy_test.py BIN."""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

GENESIS = pathlib.Path(sys.argv[1]) / "genesis"
TIME = "2026-03-01T12:00:00Z"


def lines_of(entries):
    lines, previous = [], ""
    for sequence, entry in enumerate(entries):
        entry = {**entry, "previous": previous, "sequence": sequence, "time": TIME}
        body = json.dumps(entry, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(body.encode()).hexdigest()
        lines.append('{"entry":%s,"hash":"%s"}\n' % (body, previous))
    return lines, previous


class Key:
    """A ledger's key of Ed25519, by openssl."""

    def __init__(self, folder, name):
        self.pem, self.message, self.signature = (folder / f"{name}.{end}" for end in ("pem", "message", "signature"))
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", self.pem)
        self.private = self.openssl("pkey", "-in", self.pem, "-outform", "DER")[-32:].hex()
        self.public = self.openssl("pkey", "-in", self.pem, "-pubout", "-outform", "DER")[-32:].hex()

    @staticmethod
    def openssl(*arguments):
        return subprocess.run(["openssl", *arguments], capture_output=True, check=True, timeout=60).stdout

    def sign(self, head, run="run-1"):
        digest = hashlib.sha256(run.encode()).hexdigest()
        self.message.write_text(f"genesis ledger head v1\n{head}\n{digest}")
        self.openssl("pkeyutl", "-sign", "-inkey", self.pem, "-rawin", "-in", self.message, "-out", self.signature)
        return f"{head}:{digest}:{self.signature.read_bytes().hex()}"


def charged(collection, tables, sigma):
    return {"kind": "charged", "run": "run-1", "collection": collection, "attempt": 0, "querySha256": "a" * 64,
            "tables": tables, "cells": 100 * tables, "variance": int(sigma * sigma * 2**20), "shift": 1, "shares": 1,
            "extraDelta": 0, "distance": 1}


class Privacy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="genesis-privacy-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.keys = tempfile.TemporaryDirectory(prefix="genesis-keys-")
        self.addCleanup(self.keys.cleanup)
        self.key = Key(pathlib.Path(self.keys.name), "own")
        self.write([charged(1, 15, 22.4), charged(2, 91, 14.14), {"kind": "released", "charge": 2, "sha256": "b" * 64}])

    def write(self, entries):
        identity = "5" * 32
        opened = {"kind": "opened", "dataSet": "patients", "format": 1, "id": identity, "publicKey": self.key.public}
        self.lines, last = lines_of([opened, *entries])
        self.head = f"{identity}:{len(entries)}:{last}"
        (self.dir / "patients.ledger").write_text("".join(self.lines))
        (self.dir / "patients.head").write_text(self.head + "\n")

    def genesis(self, *arguments, folder=None):
        return subprocess.run([GENESIS, *arguments, "--ledger", folder or self.dir], capture_output=True, text=True, timeout=300)

    def assert_refused(self, done, text):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(text, done.stderr)

    def test_show_tells_what_was_spent(self):
        done = self.genesis("privacy", "ledger", "show", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = json.loads(done.stdout)
        # mu^2 = 15 / 22.4^2 + 91 / 14.14^2; epsilon at 1e-5 by Balle and Wang's formula: 2.89
        self.assertAlmostEqual(shown["epsilon"], 2.889, delta=0.02)
        self.assertEqual((shown["answers"], shown["head"]), (2, self.head))
        self.assertIn("collection 2: 91 tables", self.genesis("privacy", "ledger", "show", "patients").stdout)

    def test_verify_finds_what_was_done_to_a_ledger(self):
        self.assertEqual(self.genesis("privacy", "ledger", "verify", "patients", "--head", self.head).returncode, 0)
        path = self.dir / "patients.ledger"
        path.write_text("".join(self.lines).replace('"tables":91', '"tables":19'))
        self.assert_refused(self.genesis("privacy", "ledger", "verify", "patients"), "line 3 was altered")
        path.write_text("".join(self.lines[:-1]))
        self.assert_refused(self.genesis("privacy", "ledger", "verify", "patients"), "cut or restored")
        # Restored together with its head: only a head from elsewhere shows it.
        newest = self.head
        self.write([charged(1, 15, 22.4)])
        self.assertEqual(self.genesis("privacy", "ledger", "verify", "patients").returncode, 0)
        self.assert_refused(self.genesis("privacy", "ledger", "verify", "patients", "--head", newest), "cut or restored")
        # The card of a training that the rows took part in has such a head; of others it has none.
        card = self.dir / "model-card.json"
        def write_card(heads):
            card.write_text(json.dumps({"format": "genesis.model-card.v1", "ledgerHeads": heads}))
        verify = ("privacy", "ledger", "verify", "patients", "--against", card)
        foreign = "1" * 32 + ":0:" + "c" * 64
        write_card({"a": foreign, "b": self.key.sign(newest)})
        self.assert_refused(self.genesis(*verify), "cut or restored")
        write_card({"a": foreign})
        self.assert_refused(self.genesis(*verify), "has no head of ledger " + "5" * 32)
        write_card({"a": "no head", "b": self.key.sign(self.head)})
        done = self.genesis(*verify)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("contains every head that counts", done.stdout)
        # A head that the ledger's key has not signed says nothing, whoever has made it up.
        for forged in (Key(pathlib.Path(self.keys.name), "other").sign(newest), newest,
                       self.key.sign(newest).replace(":2:" if ":2:" in newest else ":3:", ":9:")):
            write_card({"b": forged})
            done = self.genesis(*verify)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("a head was ignored", done.stderr)
            self.assertIn("shows only against a newer head", done.stdout)
        card.write_text("{}")
        self.assert_refused(self.genesis(*verify), "is no model card")
        self.assert_refused(self.genesis("privacy", "ledger", "verify", "visits"), "no ledger of data set visits")
        self.assert_refused(self.genesis("privacy", "ledger", "verify", "../x"), "is no name")

    def test_a_ledger_moves_once(self):
        export, new = self.dir / "export", self.dir / "new"
        self.assertEqual(self.genesis("privacy", "ledger", "export", "patients", "-o", export).returncode, 0)
        self.assertIn("closed", self.genesis("privacy", "ledger", "show", "patients").stdout)
        done = self.genesis("privacy", "ledger", "import", "patients", export, folder=new)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(self.genesis("privacy", "ledger", "show", "--json", folder=new).stdout)["answers"], 2)
        self.assert_refused(self.genesis("privacy", "ledger", "import", "patients", export, folder=new), "there is a ledger already")
        self.assert_refused(self.genesis("privacy", "ledger", "import", "patients", self.dir / "patients.head"), "")

    def test_the_audit_bounds_each_charge(self):
        done = self.genesis("audit", "ledger", "patients", "--canaries", "60000", "--json")
        # A sound mechanism is refuted once in 1000 audits; there are three.
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        answers = json.loads(done.stdout)["answers"]
        self.assertEqual(len(answers), 3)
        # A bound's standard deviation is 0.04 to 0.06 here: each floor is at least five of them below its mean.
        for answer in answers:
            share = 0.3 if answer["claimedEpsilon"] < 1 else 0.75
            self.assertGreater(answer["lowerBound"], share * answer["claimedEpsilon"])

    def test_a_plan_of_a_network_needs_the_fields_that_bound_it(self):
        spec = self.dir / "training.yaml"
        for model, field in (("{method: ctgan}", "spec.model.pac: must be 1"), ("{method: ctgan, pac: 1}", "maxRows"),
                             ("{method: autoregressive}", "maxRows")):
            spec.write_text("apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\nmetadata: {name: x}\n"
                            f"spec: {{model: {model}, privacy: {{differentialPrivacy: {{epsilon: 3}}}}}}\n")
            done = subprocess.run([GENESIS, "privacy", "plan", "-f", spec], capture_output=True, text=True, timeout=60)
            self.assert_refused(done, field)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
