"""A member of a training that says what a test wants it to say. Standard library only."""

import array
import base64
import hashlib
import http.client
import http.server
import json
import socket
import ssl
import struct
import threading
import time

TOKEN = "a-token-only-for-this-test"
CHUNK = 1 << 18


def column(name, kind, **other):
    return {"name": name, "kind": kind, "declared": False, "precision": 0, "format": "", "missing": 0,
            "digits": {"decimals": [], "whole": [], "significant": [], "full": 0}, "extremes": [], "edges": [], "heavyValues": [],
            "heavyCounts": [], "fewValues": False, "categories": [], **other}


def small_columns(**changed):
    """The columns of programs.small_table, as an honest site would tell of them."""
    columns = {"age": column("age", "integer", extremes=[20.0, 69.0]),
               "amount": column("amount", "decimal", precision=2, extremes=[0.0, 249.75]),
               "group": column("group", "category", categories=list("abcde")),
               "flag": column("flag", "boolean", categories=["n", "y"])}
    for name, fields in changed.items():
        columns[name].update(fields)
    return list(columns.values())


def summary_of(plan, rows):
    """All rows in the first place that each column has for them, as one list of counts."""
    counts = [rows]
    for planned in plan["columns"]:
        bins = len(planned["edges"]) + 1 if planned["kind"] in ("integer", "decimal", "datetime") and not planned["fewValues"] else 0
        places = [0] * (bins + len(planned["values"]) + len(planned["categories"]) + planned["other"])
        if places:
            places[0] = rows
        counts += [0, *places]
    return counts


def tensor_file(entries, metadata):
    """A safetensors body of {name: (dtype, shape, bytes)}, as docs/protocol.md has it."""
    header, data = {"__metadata__": metadata}, []
    at = 0
    for name, (dtype, shape, values) in entries.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(values)]}
        data.append(values)
        at += len(values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(data)


def parsed(body):
    size = struct.unpack("<Q", body[:8])[0]
    header, data = json.loads(body[8:8 + size]), body[8 + size:]
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        values = array.array("f")
        values.frombytes(data[slice(*entry["data_offsets"])])
        found[name] = (entry["shape"], values)
    return found


def digest_field(body):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0
        self.message = json.loads(self.body).get("message", "") if self.body.startswith(b"{") else ""

    def __repr__(self):
        return f"{self.status} {self.message or self.body[:200]}"


class Member:
    def __init__(self, run, name):
        self.run, self.name, self.task, self.encoder = run, name, {}, None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.load_verify_locations(run.site.pki / "ca.crt")
        self.context.load_cert_chain(run.site.pki / f"{name}.crt", run.site.pki / f"{name}.key")

    def ask(self, method, path, body=b"", *headers):
        head = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", "Connection: close", *headers]
        if body:
            head.append(f"Content-Length: {len(body)}")
        got = b""
        with self.context.wrap_socket(socket.create_connection(("127.0.0.1", int(self.run.port)), 60)) as stream:
            try:
                stream.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
            except (ConnectionError, ssl.SSLError):
                pass  # refused while we are still sending; the answer is there to read
            try:
                while piece := stream.recv(1 << 20):
                    got += piece
            except (ConnectionError, ssl.SSLError):
                pass
        return Answer(got)

    def status(self):
        answer = self.ask("GET", "/v1/status")
        if answer.status != 200:
            raise AssertionError(f"the status is not to be had: {answer}")
        return json.loads(answer.body)

    def join(self, rows, columns):
        self.introduction = {"rows": rows, "columns": columns}
        return self.rejoin()

    def rejoin(self):
        body = json.dumps({"protocol": 2, "client": self.name, "introduction": self.introduction})
        return self.ask("POST", "/v1/join", body.encode())

    def await_task(self, purpose, round=None, seconds=60):
        """Waits to be asked for `purpose` (of `round`); what it is asked, or how the training ended."""
        deadline = time.monotonic() + seconds
        done = self.task.get("collection", 0)
        while time.monotonic() < deadline:
            answer = self.ask("GET", f"/v1/task?client={self.name}")
            if answer.status == 0:
                return "gone"
            self.task = json.loads(answer.body)
            if self.task.get("task") in ("finished", "failed"):
                return self.task["task"]
            is_it = self.task.get("purpose") == purpose and round in (None, self.task["round"])
            if is_it and (round is not None or self.task["collection"] > done):
                return purpose
            time.sleep(0.05)
        raise AssertionError(f"{self.name} was not asked for {purpose} within {seconds} s: {self.task} {answer}")

    def document(self, name):
        return self.ask("GET", f"/v1/collections/{self.task['collection']}/documents/{name}").body

    def parameters(self):
        self.encoder = json.loads(self.document("encoder"))
        return parsed(self.document("parameters"))

    def send_counts(self, rows, counts=None):
        counts = counts or summary_of(json.loads(self.document("plan")), rows)
        return self.send({"counts": ("U64", [len(counts)], struct.pack(f"<{len(counts)}Q", *counts))})

    def send_update(self, tensors):
        return self.send({name: ("F32", shape, values.tobytes()) for name, (shape, values) in tensors.items()})

    def send(self, entries):
        header = {"run": self.status()["run"], "collection": self.task["collection"], "attempt": 1, "client": self.name, "telemetry": {}}
        body = tensor_file(entries, {"contribution": json.dumps(header)})
        path = f"/v1/collections/{self.task['collection']}/contributions/{self.name}"
        whole = digest_field(body)
        for begin in range(0, len(body), CHUNK):
            part = body[begin:begin + CHUNK]
            answer = self.ask("PUT", path, part, f"Content-Range: bytes {begin}-{begin + len(part) - 1}/{len(body)}",
                              f"Content-Digest: {digest_field(part)}", f"Repr-Digest: {whole}")
            if answer.status != 202:
                return answer
        return answer


def serve_proxy(test, url, spoil, look=lambda method, path, body: None):
    """A plain HTTP proxy before `url`, which shows all requests to `look`; what `spoil(method, path)` returns is answered with 400 instead."""
    host = url.partition("//")[2]

    class Proxy(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            look(self.command, self.path, body)
            spoilt = spoil(self.command, self.path)
            if spoilt is not None:
                return self.reply(400, {"Content-Type": "application/json"}, spoilt)
            upstream = http.client.HTTPConnection(host, timeout=60)
            try:
                upstream.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")})
                answer = upstream.getresponse()
                self.reply(answer.status, dict(answer.getheaders()), answer.read())
            except OSError:
                self.close_connection = True
            finally:
                upstream.close()

        def reply(self, status, headers, body):
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = pass_on

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    test.addCleanup(proxy.server_close)
    test.addCleanup(thread.join)
    test.addCleanup(proxy.shutdown)
    return f"http://127.0.0.1:{proxy.server_port}"
