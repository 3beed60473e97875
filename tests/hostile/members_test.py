#!/usr/bin/env python3
"""Members with a certificate and a token of their own that try to spoil or end the others'
training: each is bounded or refused by name, and the training goes on.

members_test.py BIN [unittest arguments]: BIN holds the programs. Standard library only; talks to
127.0.0.1 alone. Four sites where nothing else is said: site-4 is the attacker, the others run the
real client.
"""

import array
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

BIN = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attackers import FAR_EXTREMES, HIDDEN_COLUMNS, MIB, MANY_FEW_VALUES, NO_ROOM_FOR_VALUES, OTHER_COLUMNS, many_categories  # noqa: E402
from members import Member, serve_proxy, small_columns  # noqa: E402
from programs import DEADLINE, Run, Site, SMALL_SPEC, read_line, wait_until  # noqa: E402

HONEST = ("site-1", "site-2", "site-3")
ATTACKER = "site-4"


class Members(unittest.TestCase):
    spec = SMALL_SPEC.replace("minClients: 2", "minClients: 3")

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-members-")
        cls.addClassCleanup(folder.cleanup)
        cls.pki = Site(BIN, folder.name, sites=(*HONEST, ATTACKER, "genesis-admin", "genesis-observer")).pki

    def start(self, spec=None, sites=(*HONEST, ATTACKER), rows=150):
        folder = tempfile.TemporaryDirectory(prefix="genesis-members-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.site = Site(BIN, self.dir / "site", sites=sites, spec=spec or self.spec, rows=rows, pki=self.pki)
        self.run_ = Run(self.site, self.dir / "run")
        self.addCleanup(self.run_.end)
        self.run_.start("server", None, "--metrics-port", "0")
        self.metrics = re.search(r"metrics url=(\S+)", self.run_.log("server"))[1]
        self.attacker = Member(self.run_, sites[-1])
        self.observer = Member(self.run_, "genesis-observer")

    def start_honest(self, sites=HONEST):
        for site in sites:
            self.run_.start(site)
        wait_until(lambda: {c["id"] for c in self.attacker.status()["clients"]} >= set(sites), "the honest sites to join")

    def metric(self, name):
        with urllib.request.urlopen(f"{self.metrics}/metrics", timeout=30) as answer:
            found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else None

    def behave(self):
        """Joins as an honest site would, and takes part to the end with updates of 0."""
        self.assertEqual(self.attacker.join(160, small_columns()).status, 200)
        self.take_part(self.nothing)
        self.assert_honest_complete()

    @staticmethod
    def nothing(values, _):
        return array.array("f", bytes(4 * len(values)))

    def assert_honest_complete(self, sites=HONEST):
        for name in ("server", *sites):
            self.assertEqual(self.run_.parts[name].wait(DEADLINE), 0, self.run_.logs())

    def state_of(self, client):
        return next((c for c in self.attacker.status()["clients"] if c["id"] == client), None)

    def take_part(self, update, rows=160, counts=None, rounds=3):
        """Counts as asked, then sends `update(global, round)` in each round; the global models seen."""
        self.assertEqual(self.attacker.await_task("summaries"), "summaries")
        self.assertEqual(self.attacker.send_counts(rows, counts).status, 200)
        models = []
        for number in range(1, rounds + 1):
            if self.attacker.await_task("updates", number) != "updates":
                break
            model = self.attacker.parameters()
            models.append(model)
            answer = self.attacker.send_update({name: (shape, update(values, number)) for name, (shape, values) in model.items()})
            self.assertEqual(answer.status, 200, answer)
        return models

    # ---- who has to go

    def model_after_eviction(self, has_reported):
        """Of a training from which site-4 is evicted while round 1 waits for site-3."""
        honest = HONEST[:2]
        self.start(SMALL_SPEC)
        self.start_honest(honest)
        slow = Member(self.run_, "site-3")
        for member in (slow, self.attacker):
            self.assertEqual(member.join(160, small_columns()).status, 200)
        for member in (slow, self.attacker):
            self.assertEqual(member.await_task("summaries"), "summaries")
            self.assertEqual(member.send_counts(160).status, 200)
        for member in (slow, self.attacker):
            self.assertEqual(member.await_task("updates", 1), "updates")
        changed = lambda model, values: {name: (shape, values(old, 1)) for name, (shape, old) in model.items()}
        if has_reported:
            self.assertEqual(self.attacker.send_update(changed(self.attacker.parameters(), self.huge)).status, 200)
        pki = self.site.pki
        self.site.genesis("federated", "evict", ATTACKER, "--server", self.run_.url, "--ssl-verify", pki / "ca.crt", "--ssl-cert",
                          pki / "genesis-admin.crt", "--ssl-key", pki / "genesis-admin.key", "--auth-token-file", self.site.dir / "token")
        states = {c["id"]: c["state"] for c in self.observer.status()["clients"]}
        self.assertEqual(states[ATTACKER], "evicted")
        self.assertEqual("starts again without the client that was evicted" in self.run_.log("server"), has_reported)
        for number in (1, 2, 3):
            self.assertEqual(slow.await_task("updates", number), "updates")
            self.assertEqual(slow.send_update(changed(slow.parameters(), self.nothing)).status, 200)
        self.assert_honest_complete(honest)
        self.run_.end()
        return self.run_.model()

    def test_a_round_goes_on_at_once_without_a_member_that_is_evicted(self):
        without = self.model_after_eviction(has_reported=False)
        self.assertEqual(self.model_after_eviction(has_reported=True), without)

    # ---- weight and length

    def test_a_claim_of_2_to_the_29_rows_does_not_own_the_sum(self):
        """Replaces the model by 0.5 everywhere, if its weight is what it claims."""
        self.start()
        self.start_honest()
        self.assertEqual(self.attacker.join(2**29 - 1, small_columns()).status, 200)
        wanted = lambda values, number: array.array("f", [0.5 - x for x in values])
        models = self.take_part(wanted, rows=2**29 - 1)
        self.assertEqual(len(models), 3)
        off = max(abs(x - 0.5) for _, values in models[1].values() for x in values)
        self.assertGreater(off, 0.01, "the attacker owns the model")
        self.assertEqual(self.attacker.status()["warnings"], [])
        self.assertRegex(" ".join(self.observer.status()["warnings"]), r"client site-4 claims 100\.0% of all rows and weighs 50\.0% of the sum; declare participants\.maxRows")
        self.assertAlmostEqual(self.metric('genesis_client_weight_share{client="site-4"}'), 0.5, places=3)
        self.assert_honest_complete()

    def test_a_site_that_claims_more_rows_than_declared_is_refused(self):
        self.start(self.spec)
        spec = self.site.spec.read_text().replace("  - name: site-4\n", "  - name: site-4\n    maxRows: 1000\n")
        self.site.spec.write_text(spec)
        self.run_.parts["server"].kill()
        self.run_.parts["server"].wait(10)
        self.run_.start("server")
        self.start_honest()
        answer = self.attacker.join(1001, small_columns())
        self.assertEqual(answer.status, 400)
        self.assertIn("says 1001 rows, more than the 1000 of its participants.maxRows", answer.message)
        self.behave()

    def test_counts_of_a_claim_do_not_own_the_encoder(self):
        self.start()
        self.start_honest()
        self.assertEqual(self.attacker.join(2**29 - 1, small_columns()).status, 200)
        self.take_part(self.nothing, rows=2**29 - 1)
        encoder = self.attacker.encoder
        group = next(c for c in encoder["columns"] if c["name"] == "group")
        shares = {m["category"]: m["weight"] for m in group["modes"]}
        self.assertLess(shares["a"], 0.71)  # half of all is what the attacker may add; owned: 1.0
        self.assertAlmostEqual(sum(shares.values()), 1.0, places=6)
        self.assert_honest_complete()

    def huge(self, values, _):
        return array.array("f", [32768.0 if i % 2 else -32768.0 for i in range(len(values))])

    def test_an_update_of_32768_everywhere_is_scaled_down_and_no_honest_process_ends(self):
        self.start()
        self.start_honest()
        self.assertEqual(self.attacker.join(160, small_columns()).status, 200)
        models = self.take_part(self.huge)
        self.assertEqual(self.state_of(ATTACKER)["scaled_updates"], len(models))
        self.assertEqual(self.metric('genesis_scaled_updates_total{client="site-4"}'), len(models))
        self.assertEqual(self.metric('genesis_training_diverging'), 0)
        self.assert_honest_complete()
        weights = [x for _, values in models[-1].values() for x in values]
        self.assertLess(math.sqrt(sum(x * x for x in weights) / len(weights)), 2.0)

    def test_robust_strategies_leave_the_attack_out(self):
        for strategy in ("median", "trimmed-mean"):
            with self.subTest(strategy=strategy):
                self.start(self.spec.replace("  local:", f"  aggregation: {{strategy: {strategy}}}\n  local:"))
                self.start_honest()
                self.assertEqual(self.attacker.join(2**29 - 1, small_columns()).status, 200)
                models = self.take_part(self.huge, rows=2**29 - 1)
                self.assert_honest_complete()
                step = [b - a for name in models[0] for a, b in zip(models[0][name][1], models[1][name][1])]
                self.assertLess(math.sqrt(sum(x * x for x in step) / len(step)), 0.2)
                self.run_.end()

    def test_an_honest_client_whose_update_is_refused_goes_on(self):
        """Whatever the reason is: site-1's update of round 1 is answered with 400 on its way."""
        self.start(self.spec.replace("minClients: 3", "minClients: 2").replace("deadlineSeconds: 60", "deadlineSeconds: 5"), sites=HONEST)
        self.run_.end()
        server = subprocess.Popen([*map(str, [self.run_.aggregator, "--host", "127.0.0.1", "--port", "0", "--output", self.dir / "plain", "-f", self.site.spec])],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.addCleanup(server.stdout.close)
        url = read_line(server, DEADLINE).split()[1]
        refused = []

        def spoil(method, path):
            if method == "PUT" and path == "/v1/collections/2/contributions/site-1":
                refused.append(path)
                return b'{"code":"invalid_argument","message":"spoilt on the way"}'
            return None

        proxied = serve_proxy(self, url, spoil)
        clients = {}
        for site in HONEST:
            command = [BIN / "genesis-worker", "--server", proxied if site == "site-1" else url, "--data", self.site.dir / f"{site}.csv", "--client-id", site]
            with open(self.dir / f"{site}.log", "w") as log:
                clients[site] = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=log)
            self.addCleanup(clients[site].wait)
            self.addCleanup(clients[site].kill)
        codes = {site: client.wait(DEADLINE) for site, client in clients.items()}
        log = (self.dir / "site-1.log").read_text()
        self.assertEqual(set(codes.values()), {0}, (codes, log))
        self.assertEqual(len(refused), 1, "it is not sent again")
        self.assertRegex(log, "no update client=site-1 round=1, it goes on with the next round: .*spoilt on the way")
        self.assertRegex(log, "trained client=site-1 round=3")

    # ---- joins

    def test_a_first_join_with_other_columns_is_outvoted(self):
        self.start()
        self.assertEqual(self.attacker.join(1, OTHER_COLUMNS).status, 200)
        self.start_honest()
        self.assert_refused_later("column 'age' of client 'site-[123]' is missing at client 'site-4'")

    def assert_refused_later(self, reason):
        """Voted out once there is a majority: named in the status, told when it comes again."""
        wait_until(lambda: (self.state_of(ATTACKER) or {}).get("state") == "refused", "the attacker to be refused")
        self.assertRegex(self.state_of(ATTACKER)["reason"], reason)
        self.assertEqual(self.attacker.ask("GET", f"/v1/task?client={ATTACKER}").status, 412)
        again = self.attacker.rejoin()
        self.assertEqual(again.status, 400, again)
        self.assertRegex(again.message, reason)
        self.behave()

    def assert_refused_now(self, rows, columns, reason):
        """There is a majority already: the join itself is refused, and the training goes on."""
        self.start()
        self.start_honest()
        answer = self.attacker.join(rows, columns)
        self.assertEqual(answer.status, 400, answer)
        self.assertRegex(answer.message, reason)
        self.assertRegex(self.run_.log("server"), "join client=site-4 refused")
        self.behave()

    def test_a_kind_of_one_site_drops_no_column(self):
        self.start()
        self.assertEqual(self.attacker.join(160, HIDDEN_COLUMNS).status, 200)
        self.start_honest()
        self.assert_refused_later("column 'group': the kind is identifier at client 'site-4' and category at client 'site-[123]'")

    def test_a_kind_of_a_site_that_comes_after_the_vote_drops_no_column(self):
        self.assert_refused_now(160, HIDDEN_COLUMNS, "column 'group': the kind is identifier at client 'site-4' and category at client 'site-[123]'")

    def test_sites_that_are_half_and_half_end_the_training_with_both_named(self):
        self.start(self.spec.replace("minClients: 3", "minClients: 2"), sites=("site-1", "site-4"))
        self.assertEqual(self.attacker.join(160, small_columns()[1:]).status, 200)
        self.run_.start("site-1")
        self.assertNotEqual(self.run_.parts["server"].wait(DEADLINE), 0)
        self.assertIn("no majority of the sites agrees on the table: column 'age' of client 'site-1' is missing at client 'site-4'", self.run_.log("server"))

    def test_one_row_of_far_extremes_does_not_stretch_the_domain(self):
        self.start()
        self.start_honest()
        self.assertEqual(self.attacker.join(1, FAR_EXTREMES).status, 200)
        self.take_part(self.nothing, rows=1)
        self.assertRegex(" ".join(self.observer.status()["warnings"]), r"column 'age': client 'site-4' has values from -9e\+15 to 9e\+15, far beyond .* they count as \d+ to \d+")
        columns = {c["name"]: c for c in self.attacker.encoder["columns"]}
        self.assertGreaterEqual(columns["age"]["minimum"], 16)
        self.assertLessEqual(columns["age"]["maximum"], 72)
        self.assertGreaterEqual(columns["amount"]["minimum"], 0)
        self.assertLessEqual(columns["amount"]["maximum"], 256)
        self.assert_honest_complete()

    def test_extremes_that_contradict_the_values_are_refused(self):
        self.assert_refused_now(160, NO_ROOM_FOR_VALUES, "site-4: column 'age': its bounds leave room for few values")

    def test_few_values_that_are_many_are_refused(self):
        self.assert_refused_now(160, MANY_FEW_VALUES, "site-4: column 'age': lists 40 values and says that it has few")

    def test_a_join_of_twenty_mib_is_refused_before_it_is_read(self):
        texts = sorted(chr(0x41 + i) * (MIB - 300) for i in range(20))
        self.start()
        self.start_honest()
        answer = self.attacker.join(100_000, small_columns(group={"categories": texts}))
        self.assertEqual(answer.status, 413, answer)
        self.assertIn("larger than 4194304 bytes", answer.message)
        self.behave()

    def test_a_join_that_makes_the_model_too_large_is_the_one_refused(self):
        self.spec = self.spec.replace("  model: {embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}",
                                      "  model: {embeddingDim: 16, generatorDims: [4096], discriminatorDims: [64], pac: 1}")
        self.assert_refused_now(100_000, small_columns(group=many_categories(4090), flag=many_categories(4094)), "model: [0-9]+ parameters exceed|site-4")

    # ---- rollback

    def test_a_poisoned_round_is_rolled_back_by_an_administrator(self):
        self.start(self.spec.replace("count: 3", "count: 6"))
        admin = Member(self.run_, "genesis-admin")
        self.start_honest()
        self.assertEqual(self.attacker.join(160, small_columns()).status, 200)
        models = self.take_part(self.huge, rounds=3)
        self.assertEqual(self.attacker.await_task("updates", 4), "updates")
        self.assertEqual(self.attacker.ask("POST", "/v1/rollback", b'{"round":1}').status, 403)
        gone = admin.ask("POST", "/v1/rollback", b'{"round":9}')
        self.assertEqual(gone.status, 404)
        self.assertIn("no checkpoint of round 9 is kept; those of rounds 0, 1, 2, 3 are", gone.message)
        pki = self.site.pki
        told = self.site.genesis("federated", "rollback", "--server", self.run_.url, "--to-round", "1", "--ssl-verify", pki / "ca.crt", "--ssl-cert", pki / "genesis-admin.crt",
                                 "--ssl-key", pki / "genesis-admin.key", "--auth-token-file", self.site.dir / "token")
        self.assertEqual(told, "rolled back to round 1\n")
        self.assertEqual(self.attacker.await_task("updates", 2), "updates")
        self.assertEqual(self.attacker.parameters(), models[1])
        # A restart stays on the way that was chosen, and no site sends again what it sent before.
        self.run_.parts["server"].kill()
        self.run_.parts["server"].wait(10)
        self.run_.start("server")
        self.attacker.rejoin()
        self.assertEqual(self.attacker.await_task("updates", 2), "updates")
        self.assertEqual(self.attacker.parameters(), models[1])
        while self.attacker.await_task("updates") == "updates":
            model = self.attacker.parameters()
            self.attacker.send_update({name: (shape, array.array("f", bytes(4 * len(values)))) for name, (shape, values) in model.items()})
        self.assert_honest_complete()
        self.assertRegex((self.run_.dir / "site-1.log").read_text(), "rolled back by the server client=site-1 to-round=1")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
