"""What hostile peers send, for the tests beside this file and for the siege (tests/soak). Standard library only."""

import base64
import gzip
import hashlib
import json
import socket
import ssl
import struct

from members import column, small_columns

TOKEN = "a-token-only-for-this-test"
MIB = 1 << 20
BROKEN = (ConnectionError, ssl.SSLError, TimeoutError, OSError)
ZSTD = b"\x28\xb5\x2f\xfd"  # how a frame begins (RFC 8878, 3.1.1)
TEN_GB = f"Content-Length: {10 << 30}"
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01"  # the first bytes of a ClientHello


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

    def raw(self, request, seconds=30):
        """What is answered to these bytes, also where the server refuses while they are still being sent."""
        with self.connect(seconds) as stream:
            try:
                stream.sendall(request)
            except BROKEN:
                pass  # the answer is there to read
            return read_all(stream)

    def ask(self, method, path, *headers):
        """Status and head of the answer; status 0 where the connection is just closed."""
        return split(self.raw(self.head(method, path, "Connection: close", *headers)))

    def ask_and_stay(self, path):
        """A connection that a request has been made on and that is left open."""
        stream = self.connect(10)
        stream.sendall(self.head("GET", path))
        return stream

    def send(self, method, path, body, *headers):
        """Status of the answer to `body`; 0 where the connection is just closed."""
        length = () if any(h.startswith(("Content-Length", "Transfer-Encoding")) for h in headers) else (f"Content-Length: {len(body)}",)
        return split(self.raw(self.head(method, path, "Connection: close", *length, *headers) + body))[0]


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


def digest_field(body):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"


def sealed(header, data):
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def tensors(named, metadata=None):
    """A safetensors body of {name: (shape, bytes)}, as docs/protocol.md has it."""
    header, data = ({"__metadata__": metadata} if metadata else {}), []
    at = 0
    for name, (shape, values) in named.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(values)]}
        data.append(values)
        at += len(values)
    return sealed(json.dumps(header, separators=(",", ":")).encode(), b"".join(data))


# ---- connections and bodies


def nested(mib, client="site-2"):
    """A join of so many MiB that is mostly brackets."""
    unit = b'{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}},'
    return b'{"protocol":2,"client":"%s","x":[' % client.encode() + unit * (mib * MIB // len(unit)) + b"1]}"


def send_unfinished(peer, size, held, seconds=60):
    """A join of `size` bytes whose last one does not come; its connection goes to `held`."""
    try:
        stream = peer.connect(seconds)
        held.append(stream)
        stream.sendall(peer.head("POST", "/v1/join", f"Content-Length: {size}"))
        block = b"[" * (MIB // 4)
        for _ in range(size // len(block) - 1):
            stream.sendall(block)
        stream.sendall(block[:-1])
    except BROKEN:
        pass  # refused while it was sending


def json_bombs():
    return (b"[" * 5 * MIB, b'{"client":' * MIB, b"[" + b"[]," * 8 * MIB + b"1]", b'"' + b"a" * 70 * MIB + b'"')


def smuggled():
    """Header lines that two readers could take for bodies of different lengths."""
    return ("Transfer-Encoding: chunked\r\nContent-Length: 3", "Transfer-Encoding: gzip, chunked", "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: -1", "Content-Length: 1e3")


# ---- joins


def impossible_joins(client):
    """Row counts and extremes that no table has."""
    def join(rows, **other):
        introduction = {"rows": rows, "columns": [{**column("age", "integer", extremes=[1.0, 9.0]), **other}]}
        return json.dumps({"protocol": 2, "client": client, "introduction": introduction})

    bodies = (join(0), join(-1), join(2**64), join(2**63), join(2**40), join(1.5), join(10, missing=11), join(10, extremes=[9.0, 1.0]),
              join(10, extremes=[1.0]), join(10).replace("9.0", "NaN"), join(10).replace("9.0", "1e999"), join(10, kind="nonsense"),
              join(10, precision=10**9), join(10, name="a" * MIB))
    return [body.encode() for body in bodies]


def many_categories(count):
    return {"kind": "category", "categories": [f"k{i:04}" for i in range(count)]}


OTHER_COLUMNS = [column("x", "category", categories=["a"])]
HIDDEN_COLUMNS = small_columns(group={"kind": "identifier", "categories": []}, flag={"kind": "identifier", "categories": []})
FAR_EXTREMES = small_columns(age={"extremes": [-9e15, 9e15]}, amount={"extremes": [-1e300, 1e300]},
                             group={"categories": ["a"]}, flag={"kind": "category", "categories": ["n"]})
NO_ROOM_FOR_VALUES = small_columns(age={"extremes": [1.0, 1.0]})
MANY_FEW_VALUES = small_columns(age={"extremes": [1.0, 99.0], "heavyValues": [float(value) for value in range(1, 41)],
                                     "heavyCounts": [4] * 40, "fewValues": True})


# ---- contributions


def odd_updates(weights, header):
    """Updates to {name: (shape, bytes)} that can't be folded: body, statuses it may be refused with, what is said of it."""
    zeros = {name: (shape, bytes(len(values))) for name, (shape, values) in weights.items()}
    first = next(iter(zeros))
    rest = dict(list(zeros.items())[1:])

    def update(named=zeros, **other):
        return tensors(named, {"contribution": json.dumps({**header, **other})})

    def with_value(value):
        return update({**zeros, first: (zeros[first][0], struct.pack("<f", value) + zeros[first][1][4:])})

    good = update()
    yield update(run="0" * 32), (409,), "another run"
    yield update(client="nobody"), (400,), "another client"
    for attempt in (-1, 2**32, 2**64, 1.5, "1"):
        yield update(attempt=attempt), (400,), "attempt"
    for telemetry in (7, [], {"loss": "low"}, {"x" * 100: 1}, {str(i): i for i in range(100)}):
        yield update(telemetry=telemetry), (400,), "telemetry"
    for value in (float("nan"), float("inf"), float("-inf")):
        yield with_value(value), (400,), "finite"
    for value in (1e30, -3.4e38):
        yield with_value(value), (400,), "beyond"
    for loss in (float("nan"), float("inf")):
        yield update(telemetry={"generator_loss": loss}), (400,), "."
    for size in (0, 1, 7, 8, 9, 100, len(good) // 2, len(good) - 1):
        yield good[:size] or b" ", (400, 422), "."
    yield good + b"\0", (400, 422), "."
    yield update(rest), (400,), "tensor"
    yield update({**zeros, "more": ([1], bytes(4))}), (400,), "."
    yield update({**zeros, first: ([len(zeros[first][1]) // 4 + 1], zeros[first][1] + bytes(4))}), (400,), "."
    yield update({"x\nforged \x1b[2J" + "y" * 200: zeros[first], **rest}), (400,), "forged"

    entries = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "b": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}
    for offsets in ([0, 8], [4, 12], [8, 24], [8, 2**63], [16, 8], [-8, 0], [8, 16, 24], [8], "8", [8.5, 16]):
        odd = {**entries, "b": {**entries["b"], "data_offsets": offsets}, "__metadata__": {"contribution": json.dumps(header)}}
        yield sealed(json.dumps(odd).encode(), bytes(16)), (400,), "safetensors"
    for shape in ([2**62, 4], [2**32, 2**32], [-1], [1] * 100, "2", [[2]]):
        odd = {**entries, "b": {**entries["b"], "shape": shape}}
        yield sealed(json.dumps(odd).encode(), bytes(16)), (400, 413), "safetensors"
    for length in (0, 2**63, 2**64 - 1, len(good)):
        yield struct.pack("<Q", length) + good[8:], (400, 413, 422), "safetensors"
    yield tensors({f"t{i}": ([0], b"") for i in range(4100)}), (400, 413), "safetensors"


def compressed_bombs():
    """Content-Encoding and body: few bytes that stand for many."""
    block = struct.pack("<I", 131072 << 3 | 1 << 1)[:3] + b"\0"  # 4 bytes stand for 128 KiB of zeros
    return (("gzip", gzip.compress(bytes(128 * MIB), 6)),
            ("zstd", ZSTD + b"\x00\x50" + 4096 * block + b"\x01\0\0"),
            ("zstd", ZSTD + b"\xe0" + struct.pack("<Q", 2**62) + 16 * block + b"\x01\0\0"),
            ("zstd", ZSTD + b"\x00\xf8" + b"\x09\0\0x"))  # its window asks for 2^41 bytes
