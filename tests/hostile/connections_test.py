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

BIN = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import Run, Site, wait_until  # noqa: E402

TOKEN = "a-token-for-this-test"
MIB = 1 << 20
FLOOD = 1024  # as many connections as the server holds in all
BROKEN = (ConnectionError, ssl.SSLError, TimeoutError, OSError)


class Peer:
    """Whoever talks to the server with the certificate of `name`, or none, and a token or none."""

    def __init__(self, run, name, token=TOKEN):
        self.run, self.name, self.token = run, name, token
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.load_verify_locations(run.site.pki / "ca.crt")
        if name:
            self.context.load_cert_chain(run.site.pki / f"{name}.crt", run.site.pki / f"{name}.key")

    def tcp(self, seconds=30):
        return socket.create_connection(("127.0.0.1", int(self.run.port)), seconds)

    def connect(self, seconds=30):
        return self.context.wrap_socket(self.tcp(seconds))

    def head(self, method, path, *headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def ask(self, method, path, *headers):
        """Status and head of the answer; status 0 where the connection is just closed."""
        with self.connect() as stream:
            stream.sendall(self.head(method, path, "Connection: close", *headers))
            return split(read_all(stream))


def read_all(stream):
    got = b""
    try:
        while piece := stream.recv(65536):
            got += piece
    except BROKEN:
        pass
    return got


def split(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), head.decode(), body


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
        cls.site.genesis("certs", "client", "--dir", cls.site.pki, "stranger")

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

        def ask_and_stay():
            stream = stranger.connect(10)
            stream.sendall(stranger.head("GET", "/healthz"))
            return stream

        self.hold(ask_and_stay)
        self.assertEqual(self.served(Peer(self.run_, "site-2")), 10)
        self.assertLessEqual(sum(map(is_open, self.held)), 64)
        self.run_.start("site-1")
        wait_until(self.joined, "an honest worker to join")

    def test_a_token_that_is_missing_holds_no_connection(self):
        self.without_client_certificates(self.run_)
        self.run_.start("server")
        stranger = Peer(self.run_, None, token=None)

        def ask_and_stay():
            stream = stranger.connect(10)
            stream.sendall(stranger.head("GET", "/v1/status"))
            return stream

        self.hold(ask_and_stay)
        self.assertEqual(self.served(Peer(self.run_, None)), 10)
        wait_until(lambda: not any(map(is_open, self.held)), "refused connections to be closed")

    def test_requests_that_anyone_may_make_hold_no_connection_for_good(self):
        self.without_client_certificates(self.run_)
        self.run_.start("server")
        stranger = Peer(self.run_, None, token=None)

        def ask_and_stay():
            stream = stranger.connect(10)
            stream.sendall(stranger.head("GET", "/healthz"))
            return stream

        self.hold(ask_and_stay)
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
                for i in range(16):
                    peer = Peer(run, ("site-1", "site-2")[i % 2] if certificates else None)
                    threads.append(threading.Thread(target=self.send_unfinished, args=(peer, 16 * MIB)))
                    threads[-1].start()
                for thread in threads:
                    thread.join()
                self.assertLess(peak_mib(server) - before, 128)
                self.assertEqual(self.served(Peer(run, "site-2" if certificates else None)), 10)

    def send_unfinished(self, peer, size):
        try:
            stream = peer.connect(60)
            self.held.append(stream)
            stream.sendall(peer.head("POST", "/v1/join", f"Content-Length: {size}"))
            block = b"[" * (MIB // 4)
            for _ in range(size // len(block) - 1):
                stream.sendall(block)
            stream.sendall(block[:-1])
        except BROKEN:
            pass  # refused while it was sending

    def test_brackets_take_no_more_memory_than_three_times_their_text(self):
        server = self.run_.start("server")
        before = peak_mib(server)
        peer = Peer(self.run_, "site-2")
        for unit in (b"[]", b"{}", b'{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}'):
            body = b'{"client":"site-2","x":[' + b",".join([unit] * (8 * MIB // (len(unit) + 1))) + b"]}"
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
        unit = b'{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}},'
        body = b'{"client":"site-2","x":[' + unit * (19 * MIB // len(unit)) + b"1]}"
        is_over = threading.Event()
        answered = []

        def attack(name):
            peer = Peer(self.run_, name)
            request = peer.head("POST", "/v1/join", "Connection: close", f"Content-Length: {len(body)}")
            while not is_over.is_set():
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
            stream.sendall(request)
            self.assertTrue(stream.recv(4096).startswith(b"HTTP/1.1 200"))
            deny.write_text("site-2  # its laptop was stolen\n")

            def is_refused():
                stream.sendall(request)
                return not stream.recv(4096).startswith(b"HTTP/1.1 200")

            wait_until(is_refused, "the connection of a denied certificate to end")
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
        for name in ("ca.crt", "ca.key"):
            (renewed / name).write_bytes((pki / name).read_bytes())
        self.site.genesis("certs", "server", "--dir", renewed, "127.0.0.1")
        for name in ("server.crt", "server.key"):
            os.replace(renewed / name, files / name)

        def serves_the_new_one():
            with Peer(self.run_, "site-1").connect() as stream:
                return stream.getpeercert(True) != old

        wait_until(serves_the_new_one, "the renewed certificate")
        self.assertEqual(self.answer_or_nothing("site-1"), 200)

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
