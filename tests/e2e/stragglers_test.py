#!/usr/bin/env python3
"""Slow, silent, hostile and late clients through the real programs.

stragglers_test.py BIN SOURCE [TESTS]: as federation_test.py. Processes are stopped and killed by
their own ids; plain HTTP on 127.0.0.1, so that a test can speak as a client that misbehaves.
"""

import http.client
import json
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse

from federation_test import BIN, DEADLINE, Programs
from programs import wait_until

TOKEN = "a-token-only-for-this-test"


class Stragglers(Programs):
    def start(self, sites, deadline, count, rounds="", listed=True):
        spec = self.write_spec({site: self.sites(200)["site-1"] for site in sites})
        text = spec.read_text().replace("rounds: {count: 3, minClients: 2}",
                                        f"rounds: {{count: {count}, minClients: 2, deadlineSeconds: {deadline}{rounds}}}")
        spec.write_text(text if listed else text.partition("  participants:")[0])
        (self.dir / "token").write_text(TOKEN + "\n")
        self.server, self.url = self.start_server("-f", spec, "--auth-token-file", self.dir / "token")
        self.clients = {site: self.start_plain_client(site) for site in sites}

    def start_plain_client(self, name):
        process = subprocess.Popen(
            [BIN / "genesis-worker", "--server", self.url, "--data", self.dir / f"{name}.csv", "--client-id", name,
             "--auth-token-file", self.dir / "token", "--state", self.dir / "state" / name],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.started.append(process)
        return process

    def pause(self, name):
        self.clients[name].send_signal(signal.SIGSTOP)

    def go_on(self, name):
        self.clients[name].send_signal(signal.SIGCONT)

    def ask(self, method, path, body=None, headers=None):
        """The status and JSON of one request with the training's token."""
        address = urllib.parse.urlparse(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=DEADLINE)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", **(headers or {})})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def report(self):
        return self.ask("GET", "/v1/status")[1]

    def client(self, name):
        return next((c for c in self.report()["clients"] if c["id"] == name), {"state": "absent", "reason": ""})

    def wait_for_round(self, round_):
        wait_until(lambda: self.report()["round"]["current"] >= round_, f"round {round_}")

    def wait_for_state(self, name, state):
        wait_until(lambda: self.client(name)["state"] == state, f"{name} to be {state}")

    def last_rounds(self):
        """From the finished model: the last round that has an update of each client."""
        model = (self.dir / "served" / "model.safetensors").read_bytes()
        header = json.loads(model[8:8 + int.from_bytes(model[:8], "little")])
        return {name: client["lastRound"] for name, client in json.loads(header["__metadata__"]["provenance"])["clients"].items()}

    def assert_all_end_well(self, *names):
        for name in names:
            self.assertEqual(self.clients[name].wait(DEADLINE), 0, self.log())
        self.assertEqual(self.server.wait(DEADLINE), 0, self.log())

    def log(self):
        return (self.dir / "server.log").read_text()[-3000:]

    def test_a_stopped_worker_holds_the_others_for_one_deadline_at_most(self):
        deadline, count = 8, 12
        self.start(["site-1", "site-2", "site-3"], deadline, count)
        self.wait_for_round(2)
        self.pause("site-3")
        stopped = time.monotonic()
        seen = {}
        while self.server.poll() is None and time.monotonic() < stopped + DEADLINE:
            try:
                client = self.client("site-3")
                seen[client["state"]] = client.get("reason", "")
            except OSError:
                pass  # the server is ending
            time.sleep(0.02)
        took = time.monotonic() - stopped
        self.assert_all_end_well("site-1", "site-2")
        self.assertEqual(self.last_rounds()["site-1"], count)
        self.assertLess(self.last_rounds()["site-3"], count)
        self.assertRegex(seen["lost"], r"silent for \d+ s")
        # Every round waiting for it would take ten deadlines.
        self.assertLess(took, 4 * deadline, self.log())

    def test_a_worker_that_goes_on_is_taken_back(self):
        count = 6
        self.start(["site-1", "site-2", "site-3"], deadline=3, count=count, rounds=", retries: 1000")
        self.wait_for_round(2)
        self.pause("site-2")
        self.pause("site-3")
        # Without a quorum the round is tried again and again, and nothing is lost but time.
        self.wait_for_state("site-2", "lost")
        self.wait_for_state("site-3", "lost")
        self.assertIsNone(self.server.poll())
        self.go_on("site-3")
        self.assert_all_end_well("site-1", "site-3")
        self.assertEqual(self.last_rounds()["site-3"], count)
        self.assertLess(self.last_rounds()["site-2"], count)

    def test_a_client_that_sends_garbage_is_quarantined(self):
        count = 5
        self.start(["site-1", "site-2", "site-3"], deadline=60, count=count)
        self.wait_for_round(2)
        self.clients["site-3"].kill()
        self.clients["site-3"].wait(DEADLINE)

        def only_it_is_awaited():
            states = {c["id"]: c["state"] for c in self.report()["clients"]}
            return states == {"site-1": "reported", "site-2": "reported", "site-3": "training"}

        wait_until(only_it_is_awaited, "a round that waits for site-3 alone")
        current = self.report()["round"]["current"]
        path = f"/v1/collections/{current + 1}/contributions/site-3"
        instance = (self.dir / "state" / "site-3" / "instance").read_text()
        for garbage in (b"", b"\x00" * 64, json.dumps({"no": "tensors"}).encode()):
            status, refused = self.ask("PUT", path, garbage, {"Genesis-Instance": instance})
            self.assertIn(status, (400, 413, 422), refused)
            self.assertIn("client site-3", refused["message"])
        wait_until(lambda: self.report()["round"]["current"] > current or self.server.poll() is not None, "the round to close without it")
        self.assert_all_end_well("site-1", "site-2")
        self.assertEqual(self.last_rounds()["site-1"], count)
        self.assertLess(self.last_rounds()["site-3"], current)
        self.assertIn("quarantined", self.log())

    def test_a_site_that_joins_late_takes_part_from_the_next_round(self):
        self.start(["site-1", "site-2"], deadline=3, count=5, rounds=", retries: 1000", listed=False)
        self.wait_for_round(1)
        self.pause("site-2")  # so that the round stays open
        self.wait_for_state("site-2", "lost")
        lines = (self.dir / "site-1.csv").read_text().splitlines()
        (self.dir / "site-3.csv").write_text("\n".join(lines[:100]) + "\n")
        self.clients["site-3"] = self.start_plain_client("site-3")
        wait_until(lambda: self.client("site-3")["state"] != "absent", "site-3 to join")
        joined_in = self.report()["round"]["current"]
        self.go_on("site-2")
        self.assert_all_end_well("site-1", "site-2", "site-3")
        self.assertLess(joined_in, 5)
        self.assertEqual(self.last_rounds(), {"site-1": 5, "site-2": 5, "site-3": 5})

    def test_a_late_site_that_does_not_fit_is_told_why(self):
        self.start(["site-1", "site-2"], deadline=3, count=5, rounds=", retries: 1000", listed=False)
        self.wait_for_round(1)
        self.pause("site-2")
        lines = (self.dir / "site-1.csv").read_text().splitlines()
        other = [lines[0].replace("sex", "gender"), *lines[1:50]]
        (self.dir / "site-3.csv").write_text("\n".join(other) + "\n")
        late = self.start_plain_client("site-3")
        self.assertEqual(late.wait(DEADLINE), 3)
        said = late.stderr.read()
        self.assertIn("joins after the start", said)
        self.assertIn("column 'sex': is missing", said)
        self.go_on("site-2")
        self.assert_all_end_well("site-1", "site-2")

    def test_a_training_without_its_quorum_fails_and_names_who_was_missing(self):
        self.start(["site-1", "site-2"], deadline=2, count=1000, rounds=", retries: 1")
        self.wait_for_round(2)
        self.clients["site-2"].kill()
        self.clients["site-2"].wait(DEADLINE)
        self.assertEqual(self.server.wait(DEADLINE), 3)
        self.assertEqual(self.clients["site-1"].wait(DEADLINE), 1)
        said = self.clients["site-1"].stderr.read()
        self.assertRegex(said, r"only 1 of the 2 clients that rounds.minClients asks for reported within 2 times "
                               r"rounds.deadlineSeconds; missing: site-2 \(lost: silent for")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
