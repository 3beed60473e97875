#!/usr/bin/env python3
"""Trainings under differential privacy through the real programs, killed and hindered around the ledger: each question
is charged once and answered with the same bytes, and nothing leaves that was not charged:
private_training_test.py BIN KILLPOINT."""

import hashlib
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

BIN, KILLPOINT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import SMALL_SPEC, Run, Site, wait_until  # noqa: E402

MODEL = "{embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}"
PRIVATE = """{method: mixture, components: 40, target: flag}
  privacy: {differentialPrivacy: {epsilon: 3.0, delta: 0.00001}}
  table:
    columns:
      - {name: age, kind: integer, minimum: 0, maximum: 999, nullable: false}
      - {name: amount, kind: decimal, precision: 2, minimum: 0, maximum: 250, nullable: false}
      - {name: group, kind: category, categories: [a, b, c, d, e], nullable: false}
      - {name: flag, kind: category, categories: ["y", "n"], nullable: false}"""
SPEC = SMALL_SPEC.replace(MODEL, PRIVATE)

LEDGER, HEAD, ANSWERS = "ledger/site-1.ledger", "ledger/site-1.head", "ledger/site-1.answers/"
# What happens to one site in one training, one after the other; it is started again each time. Around each step of an
# answer: the charge, the kept counts, the release, the sending.
FIRST = [("kill", f"rename:{LEDGER}@after"), ("kill", f"rename:{HEAD}@before")]
CHARGE = [("ENOSPC", f"write:{LEDGER}"), ("kill", f"write:{LEDGER}@before"), ("kill", f"write:{LEDGER}@middle"),
          ("kill", f"write:{LEDGER}@after"), ("EIO", f"fsync:{LEDGER}"), ("kill", f"fsync:{LEDGER}@after"),
          ("kill", f"rename:{HEAD}@before"), ("kill", f"rename:{HEAD}@after")]
KEEP = [("ENOSPC", f"write:{ANSWERS}"), ("kill", f"write:{ANSWERS}@middle"), ("kill", f"rename:{ANSWERS}@before"),
        ("kill", f"rename:{ANSWERS}@after")]
RELEASE = [("EIO", f"fsync:{LEDGER}"), ("kill", f"fsync:{LEDGER}@after"), ("kill", f"rename:{HEAD}@after")]
LATER = [("kill", f"write:{LEDGER}@middle"), ("kill", f"write:{LEDGER}@after"), ("kill", f"rename:{ANSWERS}@after"),
         ("kill", f"write:{LEDGER}@middle")]
FAULTS = [*FIRST, *CHARGE, *KEEP, *RELEASE, ("kill", "tls_write:PUT /v1/collections/1/contributions > send@middle"),
          *LATER, ("kill", "tls_write:PUT /v1/collections/2/contributions > send@middle")]
POLICY = "apiVersion: federated.genesis.dev/v1alpha1\nkind: SitePolicy\nspec: {%s}\n"


class PrivateRun(Run):
    def __init__(self, site, folder):
        super().__init__(site, folder)
        self.ledger = self.dir / "ledger"

    def client_command(self, name):
        return [*super().client_command(name), "--ledger", self.ledger]


class PrivateTraining(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="genesis-private-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def run_of(self, name="run", spec=SPEC):
        run = PrivateRun(Site(BIN, self.dir / f"{name}-site", spec=spec, rows=1500), self.dir / name)
        self.addCleanup(run.end)
        return run

    def entries(self, run, site="site-1"):
        path = run.dir / "ledger" / f"{site}.ledger"
        return [json.loads(line)["entry"] for line in path.read_text().splitlines()]

    def roll_back(self, folder, site):
        """Restores the ledger as it was once it had charged for the first time, with its head."""
        path = folder / f"{site}.ledger"
        kept = path.read_text().splitlines(keepends=True)[:2]
        path.write_text("".join(kept))
        identity, last = json.loads(kept[0])["entry"]["id"], json.loads(kept[1])
        (folder / f"{site}.head").write_text(f"{identity}:1:{last['hash']}\n")

    def assert_older_copy_is_found(self, run, site, kept):
        """The ledger contains the head in the file `kept`; a copy from before its last answer does not."""
        older = self.dir / f"older-{kept.name}"
        shutil.copytree(run.dir / "ledger", older)
        self.roll_back(older, site)
        verify = ("privacy", "ledger", "verify", site, "--ledger")
        self.assertIn("contains every head", run.site.genesis(*verify, run.dir / "ledger", "--against", kept))
        run.site.genesis(*verify, older)
        with self.assertRaises(AssertionError) as refused:
            run.site.genesis(*verify, older, "--against", kept)
        self.assertIn("cut or restored", str(refused.exception))

    def assert_accounted(self, run, site="site-1"):
        """Every question was charged once, and what was released is what was kept."""
        entries = self.entries(run, site)
        charges = {e["sequence"]: e for e in entries if e["kind"] == "charged"}
        released = {e["charge"]: e["sha256"] for e in entries if e["kind"] == "released"}
        self.assertEqual(len({c["querySha256"] for c in charges.values()}), len(charges), entries)
        self.assertEqual(set(charges), set(released), entries)
        for charge, sha256 in released.items():
            kept = run.dir / "ledger" / f"{site}.answers" / f"{entries[0]['id']}-{charge}.counts"
            self.assertEqual(hashlib.sha256(kept.read_bytes()).hexdigest(), sha256)
        shown = json.loads(run.site.genesis("privacy", "ledger", "show", site, "--json", "--ledger", run.dir / "ledger"))
        self.assertLessEqual(shown["epsilon"], 3.0)
        return charges

    def assert_trained(self, run):
        codes = run.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, run.logs()))
        for site in run.site.sites:
            self.assert_accounted(run, site)

    def start_all(self, run, env=None, more=()):
        run.start("server")
        run.start("site-2")
        run.start("site-1", env, *more)

    def test_a_training_is_charged_by_each_site_and_the_model_takes_conditions(self):
        run = self.run_of()
        self.start_all(run)
        self.assert_trained(run)
        self.assertGreaterEqual(len(self.assert_accounted(run)), 2)
        out = self.dir / "rows.csv"
        run.site.genesis("generate", "--model", run.output / "model.safetensors", "--rows", 300, "--where", "group=a", "-o", out)
        rows = out.read_text().splitlines()
        self.assertEqual(len(rows), 301)
        self.assertEqual({row.split(",")[2] for row in rows[1:]}, {"a"})
        card = run.output / "model-card.json"
        self.assertEqual(set(json.loads(card.read_text())["ledgerHeads"]), set(run.site.sites))
        run.site.genesis("privacy", "ledger", "verify", "site-1", "--ledger", run.dir / "ledger", "--against", card)
        self.assert_older_copy_is_found(run, "site-1", card)
        self.assertNotIn("rows=15", run.log("site-1"))  # neither the number of rows

    def test_a_network_is_charged_round_by_round_and_no_loss_is_told(self):
        network = PRIVATE.replace("{method: mixture, components: 40, target: flag}", MODEL)
        run = self.run_of(spec=SMALL_SPEC.replace(MODEL, network))
        run.site.spec.write_text(run.site.spec.read_text().replace("    data:", "    maxRows: 1500\n    data:"))
        self.start_all(run)
        self.assert_trained(run)
        trainings = [charge["tables"] for charge in self.assert_accounted(run).values() if "sampling" in charge]
        self.assertEqual(trainings, [30, 30, 30])  # steps of three rounds
        for part in ("server", *run.site.sites):
            self.assertNotIn("loss=", run.log(part))
        out = self.dir / "rows.csv"
        run.site.genesis("generate", "--model", run.output / "model.safetensors", "--rows", 300, "--where", "group=a", "-o", out)
        self.assertEqual({row.split(",")[2] for row in out.read_text().splitlines()[1:]}, {"a"})

    def test_kills_and_failing_disks_at_every_step_charge_and_draw_once(self):
        run = self.run_of(spec=SPEC.replace("deadlineSeconds: 60", "deadlineSeconds: 900"))
        run.start("server")
        run.start("site-2")
        for number, (fault, point) in enumerate(FAULTS):
            with self.subTest(number=number, fault=fault, point=point):
                run.start("site-1", {"LD_PRELOAD": str(KILLPOINT), "GENESIS_FAULT_AT": point, "GENESIS_FAULT": fault})
                code = run.parts["site-1"].wait(100)
                self.assertEqual(code, -signal.SIGKILL if fault == "kill" else 1, f"not met as meant\n{run.logs()}")
                run.parts["site-1"].stdout.close()
                if number < len(FIRST) + len(CHARGE) + len(KEEP) + len(RELEASE):
                    self.assertNotIn("contribution client=site-1", run.log("site-1"))
        for checkpoint in (run.output / "checkpoints").iterdir():  # after the first sum
            self.assert_older_copy_is_found(run, "site-2", checkpoint)
            break
        else:
            self.fail("the server has no checkpoint")
        run.start("site-1")
        self.assert_trained(run)

    def test_a_second_training_beyond_the_total_is_refused_before_it_begins(self):
        policy = self.dir / "policy.yaml"
        policy.write_text(POLICY % "totalEpsilon: 4.0")
        run = self.run_of()
        self.start_all(run, None, ("--policy", policy))
        self.assert_trained(run)
        before = self.entries(run)
        again = PrivateRun(run.site, self.dir / "again")
        self.addCleanup(again.end)
        (again.dir / "ledger").symlink_to(run.dir / "ledger")
        self.start_all(again, None, ("--policy", policy))
        self.assertEqual(again.parts["site-1"].wait(60), 3, again.logs())
        self.assertIn("privacy budget exhausted: data set site-1 has spent epsilon", again.log("site-1"))
        self.assertEqual(self.entries(run), before)

    def test_a_ledger_that_is_lost_or_restored_from_an_older_copy_is_not_charged_again(self):
        run = self.run_of()
        self.start_all(run)
        self.assert_trained(run)
        for path in (run.dir / "ledger").glob("site-1.*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        again = PrivateRun(run.site, self.dir / "again")
        self.addCleanup(again.end)
        (again.dir / "state").symlink_to(run.dir / "state")
        again.start("server")
        again.start("site-1")
        self.assertNotEqual(again.parts["site-1"].wait(60), 0, again.logs())
        self.assertIn("restored from an older copy", again.log("site-1"))
        self.assertNotIn("joined", again.log("site-1"))

    def test_a_ledger_that_is_older_than_the_head_that_the_server_has_is_not_charged(self):
        run = self.run_of(spec=SPEC.replace("deadlineSeconds: 60", "deadlineSeconds: 900"))
        run.start("server")
        run.start("site-1")
        # The first sum stays open: the other site ends before it has answered.
        run.start("site-2", {"LD_PRELOAD": str(KILLPOINT), "GENESIS_FAULT": "kill",
                             "GENESIS_FAULT_AT": "tls_write:PUT /v1/collections/1/contributions > send@middle"})
        self.assertEqual(run.parts["site-2"].wait(100), -signal.SIGKILL, run.logs())
        wait_until(lambda: "contribution client=site-1" in run.log("site-1"), "site-1's first answer")
        run.parts["site-1"].kill()
        run.parts["site-1"].wait(60)
        run.parts["site-1"].stdout.close()
        self.roll_back(run.dir / "ledger", "site-1")
        shutil.rmtree(run.dir / "state" / "site-1")  # which remembers the head
        run.start("site-1")
        self.assertNotEqual(run.parts["site-1"].wait(60), 0, run.logs())
        self.assertIn("the server has a head that it has signed and does not contain", run.log("site-1"))

    def test_a_policy_that_asks_for_protection_keeps_the_site_out_of_trainings_without(self):
        policy = self.dir / "policy.yaml"
        policy.write_text(POLICY % "leastProtection: differentialPrivacy")
        run = self.run_of(spec=SMALL_SPEC)
        run.start("server")
        run.start("site-1", None, "--policy", policy)
        self.assertEqual(run.parts["site-1"].wait(60), 3, run.logs())
        self.assertIn("leastProtection", run.log("site-1"))

    def test_exact_tables_are_refused_beyond_a_simulation(self):
        run = self.run_of(spec=SPEC.replace("privacy: {differentialPrivacy: {epsilon: 3.0, delta: 0.00001}}", "privacy: {}"))
        run.start("server")
        run.start("site-1")
        self.assertNotEqual(run.parts["site-1"].wait(60), 0, run.logs())
        self.assertIn("set privacy.differentialPrivacy", run.log("site-1"))

    def test_a_site_without_a_place_for_its_ledger_releases_nothing(self):
        run = self.run_of()
        blocked = self.dir / "blocked"
        blocked.write_text("no folder")
        run.ledger = blocked / "ledger"
        run.start("server")
        run.start("site-1")
        self.assertNotEqual(run.parts["site-1"].wait(60), 0, run.logs())
        self.assertNotIn("joined", run.log("site-1"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
