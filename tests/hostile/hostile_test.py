#!/usr/bin/env python3
"""Hostile bytes against the real aggregator: each gets a clear refusal or a closed connection, in
bounded memory and time, and the training that goes on meanwhile ends in the bytes of an
undisturbed one.

hostile_test.py BIN FAULTS [unittest arguments]: BIN holds the programs, FAULTS is the library built
of tests/chaos/killpoint.cpp. Standard library only; talks to 127.0.0.1 alone.
"""

import base64
import gzip
import hashlib
import json
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import warnings

BIN, FAULTS = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attackers import (MIB, TEN_GB, TOKEN, ZSTD, compressed_bombs, digest_field, impossible_joins, json_bombs, odd_updates,  # noqa: E402
                       read_all, smuggled, tensors)
from programs import Run, Site, wait_until  # noqa: E402


def parsed(body):
    size = struct.unpack("<Q", body[:8])[0]
    header, data = json.loads(body[8:8 + size]), body[8 + size:]
    header.pop("__metadata__", None)
    return {name: (entry["shape"], data[slice(*entry["data_offsets"])]) for name, entry in header.items()}


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0
        self.message = ""
        if self.body.startswith(b"{"):
            self.message = json.loads(self.body).get("message", "")

    def __repr__(self):
        return f"{self.status} {self.message or self.body[:200]}"


class Peer:
    """Whoever talks to the server with the certificate of `name`, or none."""

    def __init__(self, run, name="site-2"):
        self.run, self.name = run, name

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.run.site.pki / "ca.crt")
        if self.name:
            context.load_cert_chain(self.run.site.pki / f"{self.name}.crt", self.run.site.pki / f"{self.name}.key")
        return context

    def tcp(self):
        return socket.create_connection(("127.0.0.1", int(self.run.port)), 30)

    def connect(self, server_name=None):
        return self.context().wrap_socket(self.tcp(), server_hostname=server_name)

    def raw(self, request):
        """The answer to these bytes; status 0 where the connection is just closed."""
        with self.connect() as stream:
            try:
                stream.sendall(request)
            except (ConnectionError, ssl.SSLError):
                pass  # refused while we are still sending; the answer is there to read
            return Answer(read_all(stream))

    def ask(self, method, path, body=b"", *headers):
        head = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", "Connection: close", *headers]
        kept = self.run.dir / "state" / str(self.name) / "instance"  # it has stolen that too
        if kept.exists():
            head.append(f"Genesis-Instance: {kept.read_text()}")
        if body and not any(h.startswith(("Content-Length", "Transfer-Encoding")) for h in headers):
            head.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def closed_after(stream):
    """Seconds until the peer closes (at most the socket's own timeout)."""
    started = time.monotonic()
    read_all(stream)
    return time.monotonic() - started


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1, which is what we ask for
        folder = tempfile.TemporaryDirectory(prefix="genesis-hostile-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.site = Site(BIN, cls.dir / "site")
        cls.site.genesis("certs", "client", "--dir", cls.site.pki, "stranger")
        cls.expected = cls.site.undisturbed_model()

    def setUp(self):
        self.run_ = Run(self.site, self.dir / self.id().rpartition(".")[2])
        self.addCleanup(self.run_.end)
        self.run_.start("server", None, "--metrics-port", "0")
        self.metrics = re.search(r"metrics url=(\S+)", self.run_.log("server"))[1]
        self.peer, self.refusals = Peer(self.run_), 0

    def refused(self, reason=r"\w+"):
        """What the server has counted as refused, for this reason or all."""
        with urllib.request.urlopen(f"{self.metrics}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return sum(map(float, re.findall(rf'^genesis_refused_requests_total{{reason="{reason}"}} (\S+)$', text, re.MULTILINE)))

    def start_round_1(self):
        """Round 1 waits for site-2 alone, which is gone; its certificate and token are the attacker's."""
        self.run_.start("site-1")
        at = "tls_write:GET /v1/collections/2/documents/parameters > tls_read"
        victim = self.run_.start("site-2", {"LD_PRELOAD": str(FAULTS), "GENESIS_FAULT_AT": at})
        self.assertEqual(victim.wait(60), -signal.SIGKILL, self.run_.logs())
        victim.stdout.close()
        reported = lambda: [c["state"] for c in self.status()["clients"] if c["id"] == "site-1"] == ["reported"]
        wait_until(reported, "site-1's update")

    def status(self):
        return json.loads(self.peer.ask("GET", "/v1/status").body)

    def assert_trains_on(self, start=("site-1", "site-2")):
        for site in start:
            self.run_.start(site)
        codes = self.run_.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, self.run_.logs()))
        self.assertEqual(self.run_.model(), self.expected)

    def peak_mib(self):
        text = pathlib.Path(f"/proc/{self.run_.parts['server'].pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) / 1024

    def assert_refused(self, answer, status, *words):
        """Refused with a reason, and counted."""
        self.refusals += 1
        self.assertGreaterEqual(self.refused(), self.refusals, answer)
        statuses = status if isinstance(status, tuple) else (status,)
        self.assertIn(answer.status, statuses, answer)
        for word in words:
            self.assertRegex(answer.message, word)

    # ---- before a client is known

    def test_what_is_not_tls_1_3_with_a_known_certificate_is_turned_away(self):
        nobody = Peer(self.run_, None)
        with nobody.tcp() as plain:
            plain.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assert_refused(Answer(read_all(plain)), 400, "HTTPS")
        with nobody.tcp() as old:  # a ClientHello of TLS 1.1: no extension offers more
            body = b"\x03\x02" + bytes(32) + b"\x00" + b"\x00\x04\x00\x2f\x00\x35" + b"\x01\x00"
            hello = b"\x01" + struct.pack(">I", len(body))[1:] + body
            old.sendall(b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello)
            answer = read_all(old)
            self.assertEqual(answer[:1], b"\x15", "an alert")
            self.assertEqual(answer[5:7], b"\x02\x46", "fatal: protocol version")
        with self.assertRaises(ssl.SSLError):
            tls12 = nobody.context()
            tls12.maximum_version = ssl.TLSVersion.TLSv1_2
            with tls12.wrap_socket(nobody.tcp()):
                pass
        self.assertEqual(nobody.ask("GET", "/v1/status").status, 0, "no certificate")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)unrecognized.name"):
            self.peer.connect("another.example").close()
        wait_until(lambda: self.refused("handshake") >= 4, "four handshakes to be counted as refused")
        stranger = Peer(self.run_, "stranger")
        self.assert_refused(stranger.ask("GET", "/v1/task?client=site-1"), 403, "not among spec.participants")
        self.assert_refused(stranger.ask("GET", "/v1/task?client=stranger"), 403, "not among spec.participants")
        wrong = self.peer.raw(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nConnection: close\r\n\r\n")
        self.assert_refused(wrong, 401, "token")
        self.assert_trains_on()

    def test_a_thousand_idle_connections_do_not_hold_the_others_up(self):
        """More than the server keeps: the oldest that has shown no certificate makes room."""
        idle = []
        self.addCleanup(lambda: [connection.close() for connection in idle])
        for _ in range(1100):
            idle.append(self.peer.tcp())
        for connection in idle[::2]:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")  # the first bytes of a ClientHello
        wait_until(lambda: self.refused("connections") > 0, "connections that made room to be counted")
        self.assert_trains_on()

    def test_slow_and_half_open_peers_are_closed(self):
        half = self.peer.tcp()
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01")
        silent = self.peer.connect()
        header = self.peer.connect()
        body = self.peer.connect()
        body.sendall(f"POST /v1/join HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\n{{".encode())
        started = time.monotonic()
        closed = {}
        while len(closed) < 2 and time.monotonic() - started < 40:  # one byte a second
            for name, stream in (("header", header), ("body", body)):
                if name not in closed:
                    try:
                        stream.settimeout(1)
                        stream.sendall(b"x")
                        if stream.recv(1000) == b"":
                            closed[name] = time.monotonic() - started
                    except TimeoutError:
                        pass
                    except (ConnectionError, ssl.SSLError):
                        closed[name] = time.monotonic() - started
        self.assertEqual(set(closed), {"header", "body"}, closed)
        for stream in (header, body):
            stream.close()
        for stream in (half, silent):
            stream.settimeout(1)
            self.assertLess(closed_after(stream), 1, "closed already")
            stream.close()
        self.assert_trains_on()

    # ---- heads and bodies

    def test_heads_and_bodies_without_end_are_cut_off(self):
        before = self.peak_mib()
        endless = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 1000 + b"\r\n"
        self.assert_refused(self.peer.raw(endless + b"X-B: b\r\n" * 100_000), 431, "header")
        self.assert_refused(self.peer.raw(b"GET /v1/task?client=" + b"a" * MIB + b" HTTP/1.1\r\nHost: x\r\n\r\n"), (400, 431))
        self.assert_refused(self.peer.ask("POST", "/v1/join", b"{", TEN_GB), 413, "larger than")
        chunk = b"100000\r\n" + b"a" * MIB + b"\r\n"
        self.assert_refused(self.peer.ask("POST", "/v1/join", chunk * 80, "Transfer-Encoding: chunked"), 413, "larger than")
        self.assert_refused(self.peer.ask("PUT", "/v1/collections/2/contributions/site-2", b"{", TEN_GB), 412, "join first")
        for headers in smuggled():
            self.assert_refused(self.peer.ask("POST", "/v1/join", b"0\r\n\r\n", headers), 400)
        self.assertLess(self.peak_mib() - before, 200)  # a body of 64 MiB, and the copy that grows
        self.assert_trains_on()

    def test_json_bombs_and_names_that_are_none_are_refused(self):
        before = self.peak_mib()
        for bomb in json_bombs():
            self.assert_refused(self.peer.ask("POST", "/v1/join", bomb), (400, 413), "JSON|larger than")
        sketch = {"rows": 10, "columns": []}
        for name in ("a" * MIB, "../../etc/passwd", "site-2/../site-1", "site 2", "", "-x", "site-2\n", "\u202esite", "site-2\0"):
            answer = self.peer.ask("POST", "/v1/join", json.dumps({"protocol": 2, "client": name, "introduction": sketch}).encode())
            self.assert_refused(answer, 400, "client")
            self.assertLess(len(answer.message), 1000)
        for path in ("/v1/collections/2/contributions/..%2f..%2fetc", "/v1/collections/2/contributions/../../x", "/v1/collections/2/contributions/%00", "/v1/collections/2/contributions/a%"):
            self.assert_refused(self.peer.ask("PUT", path, b"x"), (400, 403, 404))
        for wrong in (b"", b"null", b"[]", b"{}", b"\xff\xfe", b'{"client":"site-2"}',
                      b'{"protocol":1,"client":"site-2","introduction":{}}', b'{"protocol":2,"client":"site-2","introduction":7}'):
            self.assert_refused(self.peer.ask("POST", "/v1/join", wrong or b" "), 400)
        self.assertLess(self.peak_mib() - before, 700)
        self.assert_trains_on()

    def test_tables_that_cannot_be_are_refused(self):
        """Row counts and extremes that no table has, in a join and in counts."""
        for body in impossible_joins("site-2"):
            self.assert_refused(self.peer.ask("POST", "/v1/join", body), 400)
        self.assertEqual(self.status()["clients"], [])
        self.assert_trains_on()

    # ---- updates of someone who holds a client's certificate and token

    def test_updates_that_cannot_be_folded_are_refused_and_change_nothing(self):
        self.start_round_1()
        run = self.status()["run"]
        weights = parsed(self.peer.ask("GET", "/v1/collections/2/documents/parameters").body)
        header_ = {"run": run, "collection": 2, "attempt": 1, "client": "site-2", "telemetry": {"generator_loss": 0.5, "steps": 3}}
        zeros = {name: (shape, bytes(len(values))) for name, (shape, values) in weights.items()}

        def update(**other):
            return tensors(zeros, {"contribution": json.dumps({**header_, **other})})

        def put(body, *headers, collection=2, client="site-2"):
            return self.peer.ask("PUT", f"/v1/collections/{collection}/contributions/{client}", body, *headers)

        good = update()
        self.assert_refused(put(update(collection=0), collection=0), 409, "current round is 1")
        self.assert_refused(put(update(collection=3), collection=3), 409, "current round is 1")
        self.assert_refused(put(good, collection=99), 409, "has not opened; the current round is 1")
        self.assert_refused(put(b"{", TEN_GB), 413, "larger than")
        self.assert_refused(put(b"100000\r\n" + b"a" * MIB + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 413, "larger than")
        self.assert_refused(put(good, collection="1e3"), 404)
        self.assert_refused(put(good, collection=2**40), 404)
        self.assert_refused(put(good, client="site-1"), 403, "speaks only for itself")
        for body, statuses, reason in odd_updates(weights, header_):
            self.assert_refused(put(body), statuses, reason)
            if reason == "forged":
                self.assert_printed_as_one_line("forged")
        cut = self.peer.ask("PUT", "/v1/collections/2/contributions/site-2", good[:1000], f"Content-Length: {len(good)}")
        self.assertEqual(cut.status, 0, "an update that stops in the middle has no answer to read")
        self.assertEqual(self.status()["round"]["current"], 1)
        self.assert_trains_on(["site-2"])

    def assert_printed_as_one_line(self, word):
        """What a name says begins no line of the log and steers no terminal."""
        log = self.run_.log("server")
        self.assertIn(f"x {word}", log)
        self.assertNotIn("\x1b", log)
        reason = next(c["reason"] for c in self.status()["clients"] if c["id"] == "site-2")
        self.assertIn(f"x {word}", reason)
        self.assertLessEqual(len(reason), 1000)

    def test_compressed_bombs_are_refused_in_little_memory(self):
        self.start_round_1()
        before = self.peak_mib()
        bombs = compressed_bombs()
        gzip_bomb, zstd_bomb = bombs[0][1], bombs[1][1]
        for encoding, bomb in bombs:
            self.assertLess(len(bomb), 256 * 1024)
            for path in ("/v1/collections/2/contributions/site-2", "/v1/join"):
                method = "PUT" if "contributions" in path else "POST"
                self.assert_refused(self.peer.ask(method, path, bomb, f"Content-Encoding: {encoding}"), (400, 413))
        twice = gzip.compress(gzip.compress(bytes(16 * MIB)))
        one = ZSTD + b"\x00\x50\x09\0\0x"
        for encoding, body in (("gzip", twice), ("gzip", gzip_bomb[:-10]), ("gzip", b"\x1f\x8b" + bytes(100)), ("gzip", gzip.compress(b"x") + b"more"),
                               ("zstd", zstd_bomb[:-3]), ("zstd", ZSTD + bytes(100)), ("zstd", one + b"more"), ("zstd", one + one),
                               ("zstd", b"\x50\x2a\x4d\x18\x04\0\0\0skip"), ("zstd", one[:5]), ("br", b"x"), ("gzip, zstd", gzip.compress(b"x"))):
            answer = self.peer.ask("PUT", "/v1/collections/2/contributions/site-2", body, f"Content-Encoding: {encoding}")
            self.assert_refused(answer, (400, 413, 422), "client site-2")
        self.assertLess(self.peak_mib() - before, 30)
        self.assert_trains_on(["site-2"])

    def test_chunks_that_lie_are_refused_and_keep_nothing(self):
        """Chunks of someone with site-2's certificate; the real site-2 then takes the place of what is left."""
        self.start_round_1()
        path = "/v1/collections/2/contributions/site-2"
        upload = bytes(range(256)) * 300

        def put(begin, end, body=None, digest=None, size=len(upload), whole=digest_field(upload), peer=self.peer, path=path):
            body = upload[begin:end] if body is None else body
            return peer.ask("PUT", path, body, f"Content-Range: bytes {begin}-{end - 1}/{size}",
                            f"Content-Digest: {digest or digest_field(body)}", f"Repr-Digest: {whole}")

        def standing():
            return json.loads(self.peer.ask("GET", path).body)["offset"]

        self.assert_refused(put(1000, 2000), 416)
        self.assertEqual((put(0, 1000).status, standing()), (202, 1000))
        self.assertEqual((put(0, 1000).status, standing()), (202, 1000))
        self.assert_refused(put(0, 1000, body=b"x" * 1000), 409, "other bytes of this update")
        self.assert_refused(put(1000, 2000, body=b"x" * 999), 400, "names 1000 bytes, but the body has 999")
        self.assert_refused(put(1000, 2000, digest=digest_field(b"other")), 422, "altered on the way")
        self.assert_refused(put(2000, 3000), 416)
        self.assert_refused(put(1000, 2000, size=2**60), 413, "larger than")
        self.assert_refused(put(1000, 2000, size=2**64), 400, "Content-Range")
        self.assert_refused(put(1000, 2000, size=1500), 400, "Content-Range")
        self.assert_refused(put(1000, 2000, whole="sha-256=:AAAA:"), 400, "Repr-Digest")
        self.assert_refused(put(1000, 2000, peer=Peer(self.run_, "stranger")), 403, "not among spec.participants")
        self.assert_refused(put(1000, 2000, peer=Peer(self.run_, "stranger"), path="/v1/collections/2/contributions/stranger"), 403, "not among spec.participants")
        self.assert_refused(put(1000, 2000, path="/v1/collections/10/contributions/site-2"), 409, "the current round is 1")
        self.assertEqual(standing(), 1000)
        for i in range(50):  # one unfinished upload a client, however many it begins
            self.assertEqual(put(0, 60_000, whole=digest_field(b"%d" % i)).status, 202)
        left = list((self.run_.output / ".uploads").iterdir())
        self.assertEqual([(file.name, file.stat().st_size) for file in left], [("site-2", 60_000)])
        self.assert_refused(put(60_000, len(upload), whole=digest_field(b"49")), 422, "the whole update")
        self.assertEqual(standing(), 0)
        self.assertEqual(put(0, 60_000).status, 202)
        self.assert_refused(put(60_000, len(upload)), (400, 413), "client site-2: safetensors")
        self.assertEqual(put(0, 1000).status, 202)
        self.assert_trains_on(["site-2"])
        self.assertFalse((self.run_.output / ".uploads").exists())

    def test_replayed_and_rechunked_updates_are_taken_once(self):
        self.start_round_1()
        weights = parsed(self.peer.ask("GET", "/v1/collections/2/documents/parameters").body)
        # Denormal numbers are numbers: they are folded like others.
        tiny = {name: (shape, struct.pack("<I", 1) * (len(values) // 4)) for name, (shape, values) in weights.items()}
        body = tensors(tiny, {"contribution": json.dumps({
            "run": self.status()["run"], "collection": 2, "attempt": 1, "client": "site-2", "telemetry": {"update_norm": 1e-40}})})
        pieces = b"".join(b"%x\r\n%c\r\n" % (1, body[i:i + 1]) for i in range(2000))
        rest = body[2000:]
        rechunked = pieces + b"%x;ext=1\r\n" % len(rest) + rest + b"\r\n0\r\nTrailer: x\r\n\r\n"
        path = "/v1/collections/2/contributions/site-2"
        self.assertEqual(self.peer.ask("PUT", path, rechunked, "Transfer-Encoding: chunked").status, 200)
        wait_until(lambda: self.status()["round"]["current"] == 2, "round 2")
        after = self.peer.ask("GET", "/v1/collections/3/documents/parameters").body
        self.assertEqual(self.peer.ask("PUT", path, body).status, 200, "the same again is no error")
        self.assertEqual(self.peer.ask("PUT", path, body).status, 200)
        self.assertEqual(self.peer.ask("GET", "/v1/collections/3/documents/parameters").body, after)
        self.run_.start("site-2")
        self.assertEqual(set(self.run_.finish().values()), {0}, self.run_.logs())

    # ---- who and when

    def test_two_clients_with_one_id(self):
        self.run_.start("site-1")
        wait_until(lambda: self.status()["clients"], "site-1")
        command = self.run_.client_command("site-1")
        same_state = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60)
        self.assertEqual(same_state.returncode, 1, same_state.stderr)
        self.assertIn("is in use by another process", same_state.stderr)
        command[command.index("--state") + 1] = self.run_.dir / "state" / "twin"
        twin = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(twin.wait)
        self.addCleanup(twin.kill)  # it waits for the name until the server has gone
        twice = lambda: self.run_.log("server").count("another process takes part under this name") >= 2
        wait_until(twice, "the twin to be refused")
        self.assert_trains_on(["site-2"])
        self.assertEqual(len(re.findall(r"info join client=site-1", self.run_.log("server"))), 1)

    def test_clocks_that_differ(self):
        skewed = lambda seconds: {"LD_PRELOAD": str(FAULTS), "GENESIS_CLOCK_SKEW": str(seconds)}
        early = self.run_.start("site-1", skewed(-86400 * 30))
        self.assertEqual(early.wait(60), 3)
        self.assertRegex(self.run_.log("site-1"), "not valid before|not valid yet|clock")
        early.stdout.close()
        self.run_.start("site-1", skewed(7200))
        self.assert_trains_on(["site-2"])

    def test_a_certificate_that_expires_while_it_trains(self):
        """The server's clock passes the end of all certificates in round 1: open connections are
        served, new ones are refused by name of the reason; with the time set right all ends well."""
        self.run_.end()
        skew = self.run_.dir / "skew"
        skew.write_text("0")
        self.run_.start("server", {"LD_PRELOAD": str(FAULTS), "GENESIS_CLOCK_SKEW_FILE": str(skew)})
        self.start_round_1()
        skew.write_text(str(86400 * 3650))
        self.assertEqual(self.peer.ask("GET", "/v1/status").status, 0)
        late = self.run_.start("site-2")
        self.assertEqual(late.wait(60), 1)
        self.assertIn("expired", self.run_.log("site-2"))
        late.stdout.close()
        skew.write_text("0")
        self.assert_trains_on(["site-2"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
