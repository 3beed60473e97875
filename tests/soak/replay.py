"""Honest clients that replay what real workers have sent, each over TLS with a certificate of its own. Standard library only."""

import collections
import contextlib
import hashlib
import json
import random
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

from attackers import BROKEN, TOKEN, digest_field, sealed
from members import serve_proxy
from programs import DEADLINE, Site, read_line

PATIENCE = 180  # seconds that a client tries one request for
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is closed is reset at once


class Cleanups(contextlib.ExitStack):
    addCleanup = contextlib.ExitStack.callback


class Recording:
    """What one worker sent: its introduction, its counts, and its update of each round."""

    def __init__(self):
        self.introduction, self.counts, self.updates = None, None, {}

    def contribution(self, task, asked):
        """The recorded tensors, each cut or repeated to the shape that is asked for: the encoder of more sites may have more modes."""
        if task["purpose"] == "summaries":
            return self.counts
        entries, telemetry, data = self.updates[(task["round"] - 1) % len(self.updates) + 1]
        fitted = []
        for name, entry in asked.items():
            size = entry["data_offsets"][1] - entry["data_offsets"][0]
            values = data[slice(*entries[name]["data_offsets"])]
            fitted.append((values * (size // len(values) + 1))[:size])
        return asked, telemetry, b"".join(fitted)


def entries_of(body):
    """The header of a tensor file, without its metadata."""
    header = json.loads(body[8:8 + struct.unpack("<Q", body[:8])[0]])
    header.pop("__metadata__", None)
    return header


def record(programs, folder, spec, workers=4):
    """Trains `workers` real workers by `spec`, without TLS, and returns what each sent."""
    names = [f"recorded-{i}" for i in range(workers)]
    site = Site(programs, folder, sites=names, spec=spec)
    seen = {name: Recording() for name in names}

    def look(method, path, body):
        if method == "POST" and path == "/v1/join":
            joined = json.loads(body)
            seen[joined["client"]].introduction = joined["introduction"]
        elif method == "PUT":
            collection, name = re.fullmatch(r"/v1/collections/(\d+)/contributions/(.*)", path).groups()
            size = struct.unpack("<Q", body[:8])[0]
            telemetry = json.loads(json.loads(body[8:8 + size])["__metadata__"]["contribution"])["telemetry"]
            kept = (entries_of(body), telemetry, body[8 + size:])
            if collection == "1":
                seen[name].counts = kept
            else:
                seen[name].updates[int(collection) - 1] = kept

    with Cleanups() as cleanups:
        def start(*command, **streams):
            process = subprocess.Popen([*map(str, command)], text=True, **streams)
            cleanups.callback(process.wait)
            cleanups.callback(process.kill)
            return process

        log = cleanups.enter_context(open(site.dir / "log", "w"))
        server = start(site.bin / "genesis-aggregator", "--host", "127.0.0.1", "--port", "0", "--output", site.dir / "out", "-f", site.spec,
                       stdout=subprocess.PIPE, stderr=log)
        cleanups.enter_context(server.stdout)
        url = serve_proxy(cleanups, read_line(server, DEADLINE).split()[1], lambda *_: None, look)
        clients = [start(site.bin / "genesis-worker", "--server", url, "--data", site.dir / f"{name}.csv", "--client-id", name,
                         stdout=subprocess.DEVNULL, stderr=log) for name in names]
        if any([part.wait(DEADLINE) != 0 for part in (*clients, server)]):
            raise AssertionError((site.dir / "log").read_text()[-3000:])
    return list(seen.values())


def instance_of(name):
    """What a client's process is called, which only it and who has robbed it know."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


class Over(Exception):
    """The server has ended, or another client has failed."""


class Honest(threading.Thread):
    """One client. `cuts` is how often it cuts its own link in the middle of a request."""

    def __init__(self, pki, port, name, recording, draw, cuts, over):
        super().__init__(daemon=True)
        self.port, self.name_, self.recording, self.draw, self.cuts, self.over = port, name, recording, draw, cuts, over
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.load_verify_locations(pki / "ca.crt")
        self.context.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
        self.stream, self.documents, self.asked, self.run_id = None, {}, None, ""
        self.seconds, self.counted, self.failure = collections.defaultdict(list), collections.Counter(), None

    def run(self):
        try:
            self.take_part()
        except Over:
            self.counted["unheard"] += 1
        except Exception as failure:  # told by who has started it; a thread has nobody to raise it to
            self.failure = f"{self.name_}: {failure!r}"
            self.over.set()
        finally:
            self.close()

    # ---- one request

    def close(self):
        if self.stream:
            self.file.close()
            self.stream.close()
            self.stream = None

    def open(self):
        tcp = socket.create_connection(("127.0.0.1", self.port), 60)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.context.wrap_socket(tcp)
        self.file = self.stream.makefile("rb", 1 << 16)

    def try_once(self, method, path, body, headers):
        if not self.stream:
            self.open()
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", f"Genesis-Instance: {instance_of(self.name_)}",
                 f"Content-Length: {len(body)}", *headers]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        is_cut = self.draw.random() < self.cuts
        if is_cut and self.draw.random() < 0.5:
            self.stream.sendall(request[:self.draw.randrange(len(request))])
            self.cut()
        self.stream.sendall(request)
        if is_cut:
            self.cut()
        first = self.file.readline().split()
        if len(first) < 2:
            raise ConnectionError("closed")
        length = 0
        while (line := self.file.readline().strip()):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = self.file.read(length)
        if len(answer) < length:
            raise ConnectionError("closed in the middle")
        return int(first[1]), answer

    def cut(self):
        self.counted["cuts"] += 1
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        raise ConnectionError("cut")

    def ask(self, kind, method, path, body=b"", *headers):
        """Asks until there is an answer other than "later"; the time of the one that was answered counts, with that of connecting."""
        deadline = time.monotonic() + PATIENCE
        while not self.over.is_set():
            began = time.monotonic()
            try:
                status, answer = self.try_once(method, path, body, headers)
            except BROKEN as failure:
                self.close()
                status, answer = 0, repr(failure).encode()
            if status not in (0, 503):
                if kind:
                    self.seconds[kind].append(time.monotonic() - began)
                return status, answer
            self.counted["later" if status else "broken"] += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {path}: for {PATIENCE} s: {answer[:300]}")
            self.over.wait(self.draw.uniform(0.05, 0.3))
        raise Over

    # ---- what a client does

    def join(self):
        request = {"protocol": 2, "client": self.name_, "introduction": self.recording.introduction}
        status, answer = self.ask("join", "POST", "/v1/join", json.dumps(request).encode())
        if status != 200:
            raise AssertionError(f"join: {status} {answer[:300]}")
        self.run_id = json.loads(answer)["run"]

    def take_part(self):
        self.join()
        while True:
            status, answer = self.ask(None, "GET", f"/v1/task?client={self.name_}")  # held back while there is none
            if status == 412:
                self.join()
                continue
            task = json.loads(answer)
            if status != 200 or task["task"] == "failed":
                raise AssertionError(f"task: {status} {answer[:300]}")
            if task["task"] == "finished":
                return
            if task["task"] == "contribute" and self.fetch(task):
                self.upload(task)
                if self.draw.random() < 0.05:
                    self.ask("status", "GET", "/v1/status?telemetry=none")

    def fetch(self, task):
        for document in task["documents"]:
            if document["sha256"] in self.documents.values():
                continue
            status, answer = self.ask("document", "GET", f"/v1/collections/{task['collection']}/documents/{document['name']}")
            if status in (404, 409, 412):
                return False  # it has closed meanwhile, or the server has been started again
            if status != 200 or hashlib.sha256(answer).hexdigest() != document["sha256"]:
                raise AssertionError(f"document {document['name']}: {status} {answer[:300]}")
            self.documents[document["name"]] = document["sha256"]
            if document["name"] == "parameters":
                self.asked = entries_of(answer)
        return True

    def upload(self, task):
        entries, telemetry, data = self.recording.contribution(task, self.asked)
        header = {"run": self.run_id, "collection": task["collection"], "attempt": task["attempt"], "client": self.name_, "telemetry": telemetry}
        text = json.dumps({"__metadata__": {"contribution": json.dumps(header)}, **entries}, separators=(",", ":"))
        body = sealed(text.encode(), data)
        path, whole = f"/v1/collections/{task['collection']}/contributions/{self.name_}", digest_field(body)
        chunk, at = self.draw.choice((1 << 14, 1 << 16, 1 << 18)), 0
        while True:
            part = body[at:at + chunk]
            status, answer = self.ask("contribution", "PUT", path, part, f"Content-Range: bytes {at}-{at + len(part) - 1}/{len(body)}",
                                      f"Content-Digest: {digest_field(part)}", f"Repr-Digest: {whole}")
            if status in (202, 416):
                at = json.loads(answer)["offset"]
            elif status == 200:
                self.counted["contributions"] += 1
                return
            elif status in (409, 412):
                self.over.wait(0.05)
                return  # it is over, or the server was started again: the next task says
            else:
                raise AssertionError(f"contribution to {task['collection']}: {status} {answer[:300]}")


def replay(pki, port, names, recordings, seed, cuts, over, results):
    """Runs clients until the training ends; a process of its own. Sends its numbers to `results`."""
    clients = [Honest(pki, port, name, recordings[i % len(recordings)], random.Random(f"{seed}/{name}"), cuts, over)
               for i, name in names]
    for client in clients:
        client.start()
    seconds, counted = collections.defaultdict(list), collections.Counter()
    for client in clients:
        threading.Thread.join(client)
        counted += client.counted
        for kind, more in client.seconds.items():
            seconds[kind] += more
    results.send((dict(seconds), counted, [c.failure for c in clients if c.failure]))
    results.close()
