#!/usr/bin/env python3
"""Whoever lies within a secure sum, between real processes: a member whose messages are none, and a server that shows a site
something else than it shows the others.

sums_test.py BIN [unittest arguments]. Standard library only; talks to 127.0.0.1.
"""

import hashlib
import http.client
import http.server
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path += [str(pathlib.Path(__file__).parents[1] / "support"), str(pathlib.Path(__file__).parent)]
from members import tensor_file  # noqa: E402
from programs import DEADLINE, SMALL_SPEC, Site, digest, read_line  # noqa: E402

SITES = ("site-1", "site-2", "site-3", "site-4")
MASKED, ENCRYPTED = ("keys", "shares", "masked", "confirm", "reveal"), ("encrypted", "accept", "decrypt")


def spec(encryption, rounds, more=""):
    """More retries than are needed, so that nothing depends on how fast the machine is."""
    return (SMALL_SPEC.replace("count: 3, minClients: 2", f"count: {rounds}, minClients: 3, retries: 10{more}")
            .replace("  communication:", f"  privacy: {{secureAggregation: {{encryption: {encryption}}}}}\n  communication:"))


def flipped(message, at=-1):
    """One bit is another one."""
    at %= len(message)
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1:]


class Message:
    """A member's message of a secure sum, as it travels (docs/protocol.md)."""

    def __init__(self, path, body):
        size = struct.unpack("<Q", body[:8])[0]
        metadata = json.loads(body[8:8 + size])["__metadata__"]
        self.path, self.stage, self.header = path.partition("?")[0], metadata["stage"], json.loads(metadata["contribution"])
        self.bytes = body[8 + size:]

    def changed(self, message=None, stage=None, path=None, **header):
        """Path and body of a request that has something else instead."""
        message, stage, header = self.bytes if message is None else message, stage or self.stage, {**self.header, **header}
        body = tensor_file({"message": ("U8", [len(message)], message)}, {"contribution": json.dumps(header), "stage": stage})
        return f"{path or self.path}?attempt={header['attempt']}&stage={stage}", body


class Between(http.server.ThreadingHTTPServer):
    """A proxy before the server at `url`. Who derives from it changes what goes through."""
    daemon_threads = True

    def __init__(self, url):
        super().__init__(("127.0.0.1", 0), Handler)
        self.host = url.partition("//")[2]
        self.failed = []

    def ask(self, method, path, headers, body=b""):
        upstream = http.client.HTTPConnection(self.host, timeout=DEADLINE)
        try:
            upstream.request(method, path, body, {k: v for k, v in headers.items() if k.lower() not in ("host", "connection", "content-length")})
            answer = upstream.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            upstream.close()

    def before(self, method, path, headers, body):
        """Called before a request is passed on."""

    def instead(self, path, headers, body):
        """What is answered in the place of the body of an answer to a GET."""
        return body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.server.before(self.command, self.path, self.headers, body)
            status, headers, answer = self.server.ask(self.command, self.path, self.headers, body)
            if self.command == "GET" and status == 200:
                answer = self.server.instead(self.path, self.headers, answer)
        except OSError:
            self.close_connection = True
            return
        except Exception as error:  # a mistake of this test
            self.server.failed.append(repr(error))
            raise
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "etag"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = pass_on


class Liar(Between):
    """A member with a key of its own: before each message of its first sum it sends others, which are none."""
    member = "site-4"

    def __init__(self, url):
        super().__init__(url)
        self.others, self.tried, self.taken = {}, {}, []

    def lies(self, message):
        """What is sent under the member's name, by what is wrong with it."""
        size, number = len(message.bytes), message.header["collection"]
        yield "one byte less", message.changed(message.bytes[:-1])
        yield "one byte more", message.changed(message.bytes + b"\0")
        yield "nothing", message.changed(b"")
        yield "another attempt", message.changed(attempt=message.header["attempt"] + 1)
        yield "another run", message.changed(run="0" * len(message.header["run"]))
        yield "another sum", message.changed(path=message.path.replace(f"/{number}/", f"/{number + 1}/"), collection=number + 1)
        yield "a stage that there is not", message.changed(stage="decrypt" if message.stage in MASKED else "reveal")
        yield "another member's name", message.changed(client="site-1")
        if message.stage in ("keys", "confirm", "accept"):  # each ends in its signature
            yield "a forged signature", message.changed(flipped(message.bytes))
        if message.stage == "encrypted":
            yield "an altered ciphertext", message.changed(flipped(message.bytes))
            yield "ciphertexts out of range", message.changed(message.bytes[:-512] + b"\xff" * 512)
            yield "a forged signature", message.changed(flipped(message.bytes, size // 1000))
        for other in self.others.get(message.stage, [])[:1]:
            if message.stage in ("keys", "confirm", "accept", "encrypted"):
                yield "another member's message", message.changed(other)
            if message.stage == "keys":  # its X25519 keys with this member's commitment and signature
                yield "another member's keys", message.changed(other[:64] + message.bytes[64:])

    def before(self, method, path, headers, body):
        if method != "PUT" or "stage=" not in path:
            return
        message = Message(path, body)
        if f"/contributions/{self.member}?" not in path:
            self.others.setdefault(message.stage, []).append(message.bytes)
            return
        if message.header["collection"] != 1 or message.stage in self.tried:
            return
        plain = {k: v for k, v in headers.items() if k.lower() not in ("content-range", "content-digest", "repr-digest")}
        answers = self.tried.setdefault(message.stage, {})
        for what, (target, lie) in self.lies(message):
            status, _, answer = self.ask("PUT", target, plain, lie)
            answers[what] = status, answer[:200]


class TwoFaced(Between):
    """A server that shows site-1 other documents in each round, by the stage that they are for."""
    # Round, stage, and what is made of the document.
    shown = {1: ("shares", flipped),  # the signature of the last member's keys
             2: ("masked", flipped),  # what the last member has sealed
             3: ("confirm", lambda survivors: struct.pack("<5H", 4, 1, 0, 2, 3)),  # in another order
             4: ("reveal", flipped),  # a signature that survivors are the same
             5: ("keys", flipped)}  # the public key of the last member

    def __init__(self, url):
        super().__init__(url)
        self.documents, self.sent, self.spoilt = {}, {}, 0

    def before(self, method, path, headers, body):
        if method == "PUT" and "stage=" in path:
            message = Message(path, body)
            self.sent.setdefault(message.header["collection"], []).append(message.stage)

    def instead(self, path, headers, body):
        if path.startswith("/v1/task"):
            task = json.loads(body)
            while task.get("collection") == self.spoilt:  # the site waits ever longer before it asks again, and would be missed
                time.sleep(0.1)
                task = json.loads(self.ask("GET", path, headers)[2])
            stage, change = self.shown.get(task.get("round"), ("", None))
            for document in task.get("documents", []):
                if task["stage"] != stage or document["name"] not in ("sum-task", f"{stage}-0"):
                    continue
                where = f"/v1/collections/{task['collection']}/documents/{document['name']}"
                _, _, true = self.ask("GET", where, headers)
                self.documents[where] = false = change(true)
                self.spoilt = task["collection"]
                document.update(sha256=hashlib.sha256(false).hexdigest(), bytes=len(false))
            return json.dumps(task).encode()
        return self.documents.get(path, body)


class Sums(unittest.TestCase):
    def start(self, text, between, behind, *more):
        """Server and sites, of which those `behind` it talk through the proxy that `between` makes."""
        folder = tempfile.TemporaryDirectory(prefix="genesis-sums-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.site = Site(BIN, self.dir / "site", sites=SITES, spec=text)
        server = self.begin("server", [BIN / "genesis-aggregator", "--host", "127.0.0.1", "--port", "0", "--output", self.dir / "served",
                                       "-f", self.site.spec], subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        url = read_line(server, DEADLINE).split()[1]
        proxy = between(url)
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        self.addCleanup(proxy.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(proxy.shutdown)
        self.parts = {"server": server}
        for name in SITES:
            to = f"http://127.0.0.1:{proxy.server_port}" if name in behind else url
            self.parts[name] = self.begin(name, [BIN / "genesis-worker", "--server", to, "--data", self.site.dir / f"{name}.csv", "--client-id", name,
                                                 "--state", self.dir / "state" / name, *more], subprocess.DEVNULL)
        return proxy

    def begin(self, name, command, stdout):
        with open(self.dir / f"{name}.log", "w") as log:
            process = subprocess.Popen([*map(str, command)], stdout=stdout, stderr=log, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def log(self, name):
        return (self.dir / f"{name}.log").read_text()

    def assert_complete(self, proxy, **others):
        """All have ended with 0, but for the codes of `others`."""
        codes = {name: part.wait(DEADLINE) for name, part in self.parts.items()}
        self.assertEqual(proxy.failed, [])
        self.assertEqual(codes, {**dict.fromkeys(self.parts, 0), **others}, (self.log("server")[-3000:], self.log("site-1")[-3000:]))

    def lie_to_the_server(self, encryption, stages, *key):
        """Each lie is refused, and costs nothing: the model is that of a training without any."""
        proxy = self.start(spec(encryption, 1), Liar, SITES, *key)
        self.assert_complete(proxy)
        self.assertEqual(tuple(proxy.tried), stages)
        for stage, answers in proxy.tried.items():
            self.assertGreaterEqual(len(answers), 8)
            for what, (status, answer) in answers.items():
                self.assertIn(status, (400, 401, 403, 409, 412, 422), (stage, what, answer))
        self.site.genesis("run", "-f", self.site.spec, "--output-dir", self.dir / "undisturbed", "--simulate", "--set", "output.rows=0", *key)
        self.assertEqual(digest(self.dir / "served" / "model.safetensors"), digest(self.dir / "undisturbed" / "model.safetensors"))
        return proxy

    def test_a_member_that_lies_about_masks_is_refused(self):
        proxy = self.lie_to_the_server("masking", MASKED)
        self.assertIn("another member's keys", proxy.tried["keys"])

    def test_a_member_that_lies_about_ciphertexts_is_refused(self):
        with tempfile.TemporaryDirectory(prefix="genesis-sums-") as folder:
            subprocess.run([BIN / "genesis", "keys", "paillier", "--bits", "2048", "--dir", folder], check=True, stdout=subprocess.DEVNULL, timeout=DEADLINE)
            self.lie_to_the_server("paillier", ENCRYPTED, "--paillier-key", pathlib.Path(folder, "paillier.key"))

    def test_a_site_that_is_shown_something_else_says_nothing_more(self):
        """In five rounds, each at another stage; the other three sites end each round without it. Another key of a member is
        what ends the site."""
        proxy = self.start(spec("masking", 5).replace("deadlineSeconds: 60", "deadlineSeconds: 4"), TwoFaced, ("site-1",))
        self.assert_complete(proxy, **{"site-1": 3})
        for number, (stage, _) in proxy.shown.items():
            sent = set(proxy.sent.get(number + 1, ()))  # the first collection is before the rounds
            self.assertEqual(sent, set(MASKED[:MASKED.index(stage)]), number)
        log = self.log("site-1")
        for number, why in enumerate(("site-4: .*signature", "shares of site-4", "order", "confirmation of site-4"), 1):
            self.assertRegex(log, f"no update client=site-1 round={number}, .*{why}")
        self.assertRegex(log, "site-4 was not among the members of the first sum, or had another key")


if __name__ == "__main__":
    unittest.main()
