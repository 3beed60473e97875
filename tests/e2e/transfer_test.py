#!/usr/bin/env python3
"""Links that are cut and processes that die in the middle of an upload or a download: the training ends in the bytes of
an undisturbed one, and no more travels again than what was under way.

transfer_test.py BIN [unittest arguments]: BIN holds the programs. Standard library only; talks to 127.0.0.1 alone.
"""

import pathlib
import re
import signal
import sys
import tempfile
import threading
import unittest

BIN = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import SMALL_SPEC, Run, Site  # noqa: E402
from relay import Relay  # noqa: E402

# An update of five chunks.
SPEC = SMALL_SPEC.replace("[64, 64]", "[320, 320]")
CHUNK = 256 * 1024
# Of one more connection: handshake, headers, the question how much has arrived, what waits in sockets.
CONNECTION = 40 * 1024


class Transfers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-transfer-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.sites = {}

    def site(self, communication="{compression: none}"):
        """A site for that communication, its model, and what site-1 moves when nothing goes wrong."""
        if communication not in self.sites:
            name = re.sub(r"\W+", "-", communication)
            site = Site(BIN, self.dir / name, spec=SPEC.replace("{compression: none}", communication))
            expected = site.undisturbed_model()
            self.start(site, name + "-whole")
            self.assert_trained(expected)
            self.sites[communication] = site, expected, dict(self.relay.passed)
        return self.sites[communication]

    def start(self, site, name, up=(), down=()):
        """A training in which site-1 is behind a relay."""
        self.run_ = Run(site, self.dir / name)
        self.addCleanup(self.run_.end)
        self.run_.start("server")
        self.relay = Relay(int(self.run_.port), up, down)
        self.addCleanup(self.relay.close)
        self.start_behind_relay()
        self.run_.start("site-2")

    def start_behind_relay(self):
        direct, self.run_.url = self.run_.url, f"https://127.0.0.1:{self.relay.port}"
        self.run_.start("site-1", None, "--verbose")
        self.run_.url = direct

    def assert_trained(self, expected):
        codes = self.run_.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, self.run_.logs()))
        self.assertEqual(self.run_.model(), expected)

    def assert_cut_without_waste(self, name, communication="{compression: none}"):
        site, expected, undisturbed = self.site(communication)
        parts = 9
        up = [undisturbed["up"] * i // parts for i in range(1, parts)]
        down = [undisturbed["down"] * i // parts for i in range(1, parts)]
        self.start(site, name, up, down)
        self.assert_trained(expected)
        self.assertGreaterEqual(self.relay.made, 12)
        extra = {way: self.relay.passed[way] - undisturbed[way] for way in ("up", "down")}
        print(f"{name}: {self.relay.made} cuts, {undisturbed} bytes undisturbed, {extra} more", flush=True)
        # A cut of either kind may meet a chunk; downloads go on at the byte.
        self.assertLess(extra["up"], self.relay.made * (CHUNK + CONNECTION))
        self.assertLess(extra["down"], self.relay.made * CONNECTION)

    def test_cut_links_cost_a_chunk_each_at_most(self):
        self.assert_cut_without_waste("cut")

    def test_compressed_transfers_go_on_too(self):
        self.assert_cut_without_waste("cut zstd", "{compression: zstd}")

    def test_a_worker_that_is_killed_in_an_upload_sends_the_rest(self):
        site, expected, undisturbed = self.site()
        for share in (0.15, 0.3):  # in the first round's update: most of what goes up are three of them
            with self.subTest(share=share):
                self.start(site, f"killed {share}", up=[(int(undisturbed["up"] * share), self.kill_worker)])
                self.assertEqual(self.run_.parts["site-1"].wait(60), -signal.SIGKILL)
                self.run_.parts["site-1"].stdout.close()
                self.start_behind_relay()
                self.assert_trained(expected)
                log = (self.run_.dir / "site-1.log").read_text()
                self.assertRegex(log, r"resume client=site-1 after-collection=2")
                self.assertLess(self.relay.passed["up"] - undisturbed["up"], CHUNK + 2 * CONNECTION)
                # What it trained from is not asked for again.
                self.assertLess(self.relay.passed["down"] - undisturbed["down"], 2 * CONNECTION)

    def test_quantized_updates_are_the_same_bytes_after_cuts_and_kills(self):
        """What rounding has taken away is part of the state that a killed worker goes on with."""
        whole = self.site()[2]["up"]
        models = set()
        for communication, most in (("{compression: none, quantization: fp16}", 0.55),
                                    ("{compression: zstd, quantization: int8}", 0.28)):
            with self.subTest(communication):
                site, expected, undisturbed = self.site(communication)
                models.add(expected)
                print(f"{communication}: {undisturbed['up'] / whole:.2f} of the bytes", flush=True)
                self.assertLess(undisturbed["up"], whole * most)
                self.start(site, f"killed {communication}", up=[(int(undisturbed["up"] * 0.55), self.kill_worker)])
                self.assertEqual(self.run_.parts["site-1"].wait(60), -signal.SIGKILL)
                self.run_.parts["site-1"].stdout.close()
                self.start_behind_relay()
                self.assert_trained(expected)
                log = (self.run_.dir / "site-1.log").read_text()
                self.assertRegex(log, r"resume client=site-1 after-collection=3")
        self.assertEqual(len(models | {self.site()[1]}), 3)

    def kill_worker(self):
        self.run_.parts["site-1"].send_signal(signal.SIGKILL)

    def test_a_server_that_is_killed_in_an_upload_is_sent_it_again(self):
        site, expected, undisturbed = self.site()

        is_back = threading.Event()

        def kill_server():
            self.run_.parts["server"].send_signal(signal.SIGKILL)
            self.run_.parts["server"].wait(30)
            self.run_.parts["server"].stdout.close()
            self.run_.start("server")
            is_back.set()

        self.start(site, "server killed", up=[(int(undisturbed["up"] * 0.3), kill_server)])
        self.assertTrue(is_back.wait(60), self.run_.logs())
        self.assert_trained(expected)
        self.assertFalse((self.run_.output / ".uploads").exists())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
