#!/usr/bin/env python3
"""Those who fill the real aggregator with connections, bodies and nesting: honest sites are served
meanwhile, in bounded memory, and what certificates say is taken up while it runs.

connections_test.py BIN [unittest arguments]: BIN holds the programs. Standard library only; talks
to 127.0.0.1 alone.
"""

import json
import os
import pathlib
import re
import resource
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

BIN = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attackers import BROKEN, MIB, TOKEN, Peer, nested, read_all, send_unfinished, split  # noqa: E402
from programs import Run, Site, wait_until  # noqa: E402

FLOOD = 1024  # as many connections as the server holds in all


def is_open(stream):
    """Whether the peer has left the connection as it was."""
    stream.settimeout(0.01)
    try:
        while True:
            if not stream.recv(65536):
                return False
    except (TimeoutError, ssl.SSLWantReadError):
        return True
    except BROKEN:
        return False


def peak_mib(process):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024


def percentile_99(seconds):
    return sorted(seconds)[int(len(seconds) * 0.99)]


class Connections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 4 * FLOOD if hard == resource.RLIM_INFINITY else min(4 * FLOOD, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        folder = tempfile.TemporaryDirectory(prefix="genesis-connections-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.site = Site(BIN, cls.dir / "site")
        for name in ("stranger", "genesis-observer", "genesis-admin"):
            cls.site.genesis("certs", "client", "--dir", cls.site.pki, name)

    def setUp(self):
        self.runs, self.held = [], []
        self.run_ = self.a_run("run")

    def tearDown(self):
        for stream in self.held:
            stream.close()
        for run in self.runs:
            run.end()

    def a_run(self, name):
        run = Run(self.site, self.dir / f"{self.id().rpartition('.')[2]}-{name}")
        self.runs.append(run)
        return run

    def without_client_certificates(self, run):
        command = run.server_command

        def shorter():
            whole = command()
            at = whole.index("--ssl-client-ca")
            return whole[:at] + whole[at + 2:]

        run.server_command = shorter

    def hold(self, connect, count=FLOOD):
        """Opens `count` connections and keeps those that it gets."""
        for _ in range(count):
            try:
                self.held.append(connect())
            except BROKEN:
                pass

    def served(self, peer, count=10):
        served = 0
        for _ in range(count):
            try:
                served += peer.ask("GET", "/v1/status")[0] == 200
            except BROKEN:
                pass
        return served

    def joined(self):
        try:
            status, _, body = Peer(self.run_, "site-2").ask("GET", "/v1/status")
            return status == 200 and [c["id"] for c in json.loads(body)["clients"]] == ["site-1"]
        except BROKEN:
            return False

    def test_one_certificate_cannot_take_all_connections(self):
        self.run_.start("server")
        stranger = Peer(self.run_, "stranger")
        self.hold(lambda: stranger.ask_and_stay("/healthz"))
        self.assertEqual(self.served(Peer(self.run_, "site-2")), 10)
        self.assertLessEqual(sum(map(is_open, self.held)), 64)
        self.run_.start("site-1")
        wait_until(self.joined, "an honest worker to join")

    def test_a_token_that_is_missing_holds_no_connection(self):
        self.without_client_certificates(self.run_)
        self.run_.start("server")
        stranger = Peer(self.run_, None, token=None)
        self.hold(lambda: stranger.ask_and_stay("/v1/status"))
        self.assertEqual(self.served(Peer(self.run_, None)), 10)
        wait_until(lambda: not any(map(is_open, self.held)), "refused connections to be closed")

    def test_requests_that_anyone_may_make_hold_no_connection_for_good(self):
        self.without_client_certificates(self.run_)
        self.run_.start("server")
        stranger = Peer(self.run_, None, token=None)
        self.hold(lambda: stranger.ask_and_stay("/healthz"))
        self.assertEqual(self.served(Peer(self.run_, None)), 10)

    def test_bodies_that_do_not_end_take_bounded_memory(self):
        for name, certificates in (("names", True), ("addresses", False)):
            with self.subTest(by=name):
                run = self.a_run(name)
                if not certificates:
                    self.without_client_certificates(run)
                server = run.start("server")
                before = peak_mib(server)
                threads = []
                for i in range(40):
                    peer = Peer(run, ("site-1", "site-2")[i % 2] if certificates else None)
                    size = (60 * MIB, 4 * MIB)[i // 2 % 2]  # more than is accepted, and as much as is
                    threads.append(threading.Thread(target=send_unfinished, args=(peer, size, self.held)))
                    threads[-1].start()
                for thread in threads:
                    thread.join()
                self.assertLess(peak_mib(server) - before, 128)
                self.assertEqual(self.served(Peer(run, "site-2" if certificates else None)), 10)

    def test_brackets_take_no_more_memory_than_three_times_their_text(self):
        server = self.run_.start("server")
        before = peak_mib(server)
        peer = Peer(self.run_, "site-2")
        for unit in (b"[]", b"{}", b'{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}'):
            body = b'{"client":"site-2","x":[' + b",".join([unit] * (3 * MIB // (len(unit) + 1))) + b"]}"
            with peer.connect() as stream:
                stream.sendall(peer.head("POST", "/v1/join", "Connection: close", f"Content-Length: {len(body)}") + body)
                status = split(read_all(stream))[0]
            self.assertIn(status, (400, 413))
            self.assertLess(peak_mib(server) - before, 3 * len(body) / MIB + 8)

    def test_health_is_answered_while_nesting_comes_in(self):
        # Beside the server under attack an idle one is asked in turn: what the machine does to both
        # counts for neither.
        idle = self.a_run("idle")
        idle.start("server")
        self.run_.start("server")
        bodies = [nested(19), nested(3)]
        is_over = threading.Event()
        answered = []

        def attack(name):
            peer = Peer(self.run_, name)
            while not is_over.is_set():
                body = bodies[len(answered) % 2]
                request = peer.head("POST", "/v1/join", "Connection: close", f"Content-Length: {len(body)}")
                try:
                    with peer.connect(60) as stream:
                        stream.sendall(request)
                        stream.sendall(body)
                        answered.append(split(read_all(stream))[0])
                except BROKEN:
                    answered.append(0)

        threads = [threading.Thread(target=attack, args=(name,)) for name in ("stranger", "site-1", "site-2")]
        for thread in threads:
            thread.start()
        try:
            tried = []
            for _ in range(4):
                attacked, quiet = self.health_of(self.run_), self.health_of(idle)
                seconds = ([], [])
                for _ in range(150):
                    for ask, into in zip((attacked, quiet), seconds):
                        into.append(ask())
                tried.append(tuple(map(percentile_99, seconds)))
                if tried[-1][0] < max(0.05, 4 * tried[-1][1]):
                    break
            else:
                self.fail(f"99th percentiles under attack and idle, in seconds: {tried}")
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        self.assertTrue(answered)

    def health_of(self, run):
        """A function that asks once, over a connection that stays, and returns the seconds it took."""
        peer = Peer(run, "site-1")
        stream = peer.connect(60)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held.append(stream)
        request = peer.head("GET", "/healthz")

        def ask():
            began = time.monotonic()
            stream.sendall(request)
            got = b""
            while not got.endswith(b"ok\n"):
                piece = stream.recv(4096)
                if not piece:
                    raise AssertionError(f"/healthz was cut: {got}")
                got += piece
            return time.monotonic() - began

        return ask

    def test_head_costs_no_answer(self):
        self.run_.start("server")
        status, head, body = Peer(self.run_, "site-2").ask("HEAD", "/v1/status")
        self.assertEqual((status, body), (200, b""))
        self.assertNotIn("content-length", head.lower())  # nobody has made the answer to measure it

    def test_a_denied_certificate_is_out_while_the_server_runs(self):
        deny = self.dir / "deny.txt"
        deny.write_text("# nobody yet\n")
        self.run_.start("server", None, "--deny-file", deny)
        with Peer(self.run_, "site-2").connect() as stream:
            request = Peer(self.run_, "site-2").head("GET", "/healthz")

            def is_served():
                stream.sendall(request)
                got = b""
                while not got.endswith(b"ok\n"):
                    piece = stream.recv(4096)
                    if not piece:
                        return False
                    got += piece
                return got.startswith(b"HTTP/1.1 200")

            self.assertTrue(is_served())
            deny.write_text("site-2  # its laptop was stolen\n")
            wait_until(lambda: not is_served(), "the connection of a denied certificate to end")
        self.assertEqual(self.answer_or_nothing("site-2"), 0)
        self.assertEqual(self.answer_or_nothing("site-1"), 200)
        deny.write_text("")
        wait_until(lambda: self.answer_or_nothing("site-2") == 200, "the certificate to be accepted again")

    def answer_or_nothing(self, name):
        try:
            return Peer(self.run_, name).ask("GET", "/healthz")[0]
        except BROKEN:
            return 0

    def test_renewed_certificates_are_taken_up_without_a_restart(self):
        pki, renewed = self.site.pki, self.dir / "renewed"
        files = self.dir / "mounted"
        files.mkdir()
        for name in ("server.crt", "server.key", "ca.crt"):
            (files / name).write_bytes((pki / name).read_bytes())
        command = self.run_.server_command
        self.run_.server_command = lambda: [files / part.name if isinstance(part, pathlib.Path) and part.parent == pki else part
                                            for part in command()]
        self.run_.start("server")
        old = ssl.PEM_cert_to_DER_cert((pki / "server.crt").read_text())
        with Peer(self.run_, "site-1").connect() as stream:
            self.assertEqual(stream.getpeercert(True), old)
        renewed.mkdir()
        for path in (*pki.glob("ca.*"), *pki.glob("server.*")):
            (renewed / path.name).write_bytes(path.read_bytes())
        self.site.genesis("certs", "renew", "--dir", renewed, "server")
        for name in ("server.key", "server.crt"):
            os.replace(renewed / name, files / name)

        def serves_the_new_one():
            with Peer(self.run_, "site-1").connect() as stream:
                return stream.getpeercert(True) != old

        wait_until(serves_the_new_one, "the renewed certificate")
        self.assertEqual(self.answer_or_nothing("site-1"), 200)

    def test_a_certificate_of_nobody_is_refused_before_its_body(self):
        self.run_.start("server")
        for name, path in (("stranger", "/v1/join"), ("genesis-observer", "/v1/join"), ("site-1", "/v1/status")):
            with Peer(self.run_, name).connect(5) as stream:
                stream.sendall(Peer(self.run_, name).head("POST", path, "Content-Length: 1000000"))
                self.assertIn(split(read_all(stream))[0], (403, 405), name)  # nothing of the body was sent
        self.assertEqual(Peer(self.run_, "stranger").ask("GET", "/v1/training")[0], 403)
        self.assertEqual(Peer(self.run_, "genesis-observer").ask("GET", "/v1/training")[0], 403)
        self.assertEqual(Peer(self.run_, "genesis-observer").ask("GET", "/v1/status")[0], 200)

    def test_a_member_reads_nobody_elses_rows(self):
        self.run_.start("server")
        self.run_.start("site-1")
        wait_until(self.joined, "an honest worker to join")
        rows = {}
        for name in ("site-1", "site-2", "genesis-observer"):
            _, _, body = Peer(self.run_, name).ask("GET", "/v1/status")
            rows[name] = json.loads(body)["clients"][0].get("rows")
        self.assertEqual(rows, {"site-1": 150, "site-2": None, "genesis-observer": 150})

    def admin_flags(self):
        pki = self.site.pki
        return ["--server", self.run_.url, "--ssl-verify", pki / "ca.crt", "--ssl-cert", pki / "genesis-admin.crt",
                "--ssl-key", pki / "genesis-admin.key", "--auth-token-file", self.site.dir / "token"]

    def test_an_evicted_client_stays_out_after_a_restart(self):
        server = self.run_.start("server")
        with self.assertRaisesRegex(AssertionError, "for role admin only"):
            flags = [str(flag).replace("genesis-admin", "site-1") for flag in self.admin_flags()]
            self.site.genesis("federated", "evict", "site-2", *flags)
        self.assertEqual(self.answer_or_nothing("site-2"), 200)
        self.site.genesis("federated", "evict", "site-2", *self.admin_flags())
        self.assertEqual(self.answer_or_nothing("site-2"), 0)
        self.assertEqual(self.answer_or_nothing("site-1"), 200)
        server.kill()
        server.wait(30)
        self.run_.port = "0"
        self.run_.start("server")
        self.assertEqual(self.answer_or_nothing("site-2"), 0)
        self.assertEqual(self.answer_or_nothing("site-1"), 200)

    def test_a_server_that_asks_nobody_who_it_is_says_so(self):
        command = [self.site.bin / "genesis-aggregator", "--port", "0", "--output", self.dir / "open", "-f", self.site.spec,
                   "--metrics-port", "0"]
        refused = subprocess.run([*map(str, command), "--require-authentication"], capture_output=True, text=True, timeout=60)
        self.assertEqual(refused.returncode, 3)
        self.assertIn("neither a client CA nor a token", refused.stderr)
        for host, warns in (("0.0.0.0", True), ("127.0.0.1", False)):
            with self.subTest(host=host):
                run = self.a_run(host)
                run.server_command = lambda host=host: [*command, "--host", host]
                server = run.start("server")
                metrics = server.stdout.readline().split()[1].replace("0.0.0.0", "127.0.0.1")
                with urllib.request.urlopen(f"http://127.0.0.1:{run.port}/v1/status", timeout=30) as answer:
                    self.assertEqual(any("no authentication" in text for text in json.load(answer)["warnings"]), warns)
                with urllib.request.urlopen(metrics + "/metrics", timeout=30) as answer:
                    self.assertIn(f"genesis_unauthenticated_listener {int(warns)}\n", answer.read().decode())
                self.assertEqual("no authentication" in run.log("server"), warns)

    def test_a_token_that_can_be_guessed_is_refused(self):
        short = self.dir / "short"
        short.write_text("secret\n")
        command = [short if part == self.site.dir / "token" else part for part in self.run_.server_command()]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn("128 random bits", done.stderr)

    def test_a_bundle_is_its_owners_alone(self):
        bundle = self.dir / "bundle.yaml"
        flags = ["--server", "https://127.0.0.1:8443", "--dir", self.site.pki, "--auth-token-file", self.site.dir / "token"]
        self.site.genesis("keys", "paillier", "--bits", "2048", "--dir", self.dir / "keys")
        key = self.dir / "keys" / "paillier.key"
        self.site.genesis("federated", "bundle", "site-1", *flags, "--paillier-key", key, "-o", bundle)
        self.assertEqual(stat.S_IMODE(bundle.stat().st_mode), 0o600)
        self.assertIn(TOKEN, bundle.read_text())
        for line in key.read_text().splitlines():
            self.assertIn(f"  {line}\n", bundle.read_text())
        with self.assertRaisesRegex(AssertionError, "already exists"):
            self.site.genesis("federated", "bundle", "site-1", *flags, "-o", bundle)

    def test_what_a_training_writes_is_its_owners_alone(self):
        output = self.dir / "private" / "run"
        subprocess.run([BIN / "genesis", "run", "-f", self.site.spec, "--output-dir", output, "--simulate",
                        "--set", "output.rows=10"], check=True, capture_output=True, umask=0o022, timeout=120)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (output.parent, output, *output.iterdir())}
        self.assertEqual(modes["model.safetensors"], 0o600)
        self.assertEqual(modes["synthetic.csv"], 0o600)
        self.assertEqual({modes["private"], modes["run"]}, {0o700})
        self.assertFalse([name for name in modes if name.endswith(".partial")])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
