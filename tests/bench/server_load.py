#!/usr/bin/env python3
"""One round of many clients over TLS, without training: the aggregator's memory and its processor
time, against what `openssl speed` takes on this machine to encrypt the same bytes, and to hash what
the protocol hashes: each update twice, chunk by chunk and as a whole.

server_load.py BIN [--clients 100] [--check] [--aggregator PROGRAM]: --check fails where more than 64 MiB are
resident. PROGRAM is measured in place of BIN's; a sanitizer's report in its log, or a bad exit, fails.
Standard library only; talks to 127.0.0.1 alone.
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from programs import Run, Site  # noqa: E402

# About 1.03 M weights on the table below.
SPEC = """apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: load}
spec:
  seed: 11
  model: {embeddingDim: 64, generatorDims: [600, 600], discriminatorDims: [760, 760], pac: 1}
  rounds: {count: 1, minClients: CLIENTS, deadlineSeconds: 600}
  communication: {compression: none}
  participants:
"""
CHUNK = 256 * 1024
TOKEN = "a-token-only-for-this-test"


class Client:
    def __init__(self, run, name):
        self.run, self.name, pki = run, name, run.site.pki
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(pki / "ca.crt")
        context.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
        context.check_hostname = False
        tcp = socket.create_connection(("127.0.0.1", int(run.port)), 120)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = context.wrap_socket(tcp)
        self.file = self.stream.makefile("rb", 1 << 18)

    def ask(self, method, path, body=b"", *headers, expect=(200,)):
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", f"Content-Length: {len(body)}", *headers]
        self.stream.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        status, length = int(self.file.readline().split()[1]), 0
        while (line := self.file.readline().strip()):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = self.file.read(length)
        if status not in expect:
            raise AssertionError(f"{method} {path}: {status} {answer[:300]}")
        return answer

    def wait_for(self, word):
        """The task that is `word`, or asks for that purpose."""
        while word not in ((task := json.loads(self.ask("GET", f"/v1/task?client={self.name}")))["task"], task.get("purpose")):
            if task["task"] == "failed":
                raise AssertionError(task)
        return task

    def contribute(self, task, body):
        whole = digest_field(body)
        for begin in range(0, len(body), CHUNK):
            chunk = body[begin:begin + CHUNK]
            self.ask("PUT", f"/v1/collections/{task['collection']}/contributions/{self.name}", chunk,
                     f"Content-Range: bytes {begin}-{begin + len(chunk) - 1}/{len(body)}", f"Content-Digest: {digest_field(chunk)}",
                     f"Repr-Digest: {whole}", expect=(200, 202))


def digest_field(body):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"


def sealed(header, metadata, data):
    text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def work(client, moved):
    column = {"name": "group", "kind": "category", "declared": False, "precision": 0, "format": "", "missing": 0,
              "digits": {"decimals": [], "whole": [], "significant": [], "full": 0}, "extremes": [], "edges": [],
              "heavyValues": [], "heavyCounts": [], "fewValues": False, "categories": ["a", "b"]}
    join = {"protocol": 2, "client": client.name, "introduction": {"rows": 100, "columns": [column]}}
    run = json.loads(client.ask("POST", "/v1/join", json.dumps(join).encode()))["run"]

    def metadata(task):
        return {"contribution": json.dumps({"run": run, "collection": task["collection"], "attempt": 1, "client": client.name,
                                            "telemetry": {"generator_loss": 0.5, "train_seconds": 0.1}})}

    task = client.wait_for("summaries")
    counts = struct.pack("<5Q", 100, 0, 50, 50, 0)  # rows; of the column: missing, each category, other text
    client.contribute(task, sealed({"counts": {"dtype": "U64", "shape": [5], "data_offsets": [0, 40]}}, metadata(task), counts))
    task = client.wait_for("updates")
    weights = client.ask("GET", f"/v1/collections/{task['collection']}/documents/parameters")
    size = struct.unpack("<Q", weights[:8])[0]
    header = json.loads(weights[8:8 + size])
    update = sealed(header, metadata(task), weights[8 + size:])  # any weights will do
    client.contribute(task, update)
    moved.append(len(weights) + len(update))
    client.wait_for("finished")


def seconds_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def openssl_bytes_per_second(algorithm):
    done = subprocess.run(["openssl", "speed", "-seconds", "2", "-bytes", "16384", "-evp", algorithm, "-mr"],
                          capture_output=True, text=True, check=True)
    return float(re.search(r"\+F:\d+:[^:]*:([0-9.]+)", done.stdout)[1])


def ended_with(server):
    """Exit code of the aggregator, which ends by itself once all clients have heard of the end."""
    try:
        return server.wait(60)
    except subprocess.TimeoutExpired:
        return "none, it is still running"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--aggregator", type=pathlib.Path)
    options = parser.parse_args()
    names = tuple(f"site-{i}" for i in range(options.clients))
    with tempfile.TemporaryDirectory(prefix="genesis-load-") as folder:
        site = Site(options.bin, pathlib.Path(folder) / "site", names, SPEC.replace("CLIENTS", str(options.clients)), rows=1)
        run = Run(site, pathlib.Path(folder) / "run")
        run.aggregator = options.aggregator.resolve() if options.aggregator else run.aggregator
        server = run.start("server")
        before, moved, failures = seconds_of(server.pid), [], []

        def guarded(name):
            try:
                work(Client(run, name), moved)
            except Exception as failure:  # told below; a thread has nobody to raise it to
                failures.append(f"{name}: {failure}")

        began = time.monotonic()
        threads = [threading.Thread(target=guarded, args=(name,), daemon=True) for name in names]
        for thread in threads:
            thread.start()
        peak, took = 0.0, 0.0
        while any(thread.is_alive() for thread in threads) and server.poll() is None and not failures:
            try:
                peak, took = max(peak, resident_mib(server.pid)), seconds_of(server.pid) - before
            except (OSError, TypeError):
                break  # it has just ended
            time.sleep(0.01)
        wall = time.monotonic() - began
        for thread in threads:
            thread.join(10)
        code = ended_with(server)
        run.end()
        if "Sanitizer" in (run.dir / "server.log").read_text():
            failures.append("the sanitizer's report is in the log")
        if failures or len(moved) != options.clients or code != 0:
            print("\n".join(failures[:5]), run.log("server"), f"exit code of the aggregator: {code}", sep="\n", file=sys.stderr)
            return 1
    bytes_moved = sum(moved)
    encrypting = bytes_moved / openssl_bytes_per_second("aes-128-gcm")
    hashing = bytes_moved / openssl_bytes_per_second("sha256")  # half of them are updates, twice
    print(f"{options.clients} clients, {bytes_moved / options.clients / 2e6:.2f} MB each way and client: aggregator {peak:.1f} MiB resident at most, "
          f"{took:.2f} s of processor time in {wall:.1f} s; openssl speed encrypts the same {bytes_moved / 1e6:.0f} MB in {encrypting:.2f} s "
          f"({took / encrypting:.1f} times) and hashes what is hashed in {hashing:.2f} s (both: {took / (encrypting + hashing):.1f} times)")
    return 1 if options.check and peak > 64 else 0


if __name__ == "__main__":
    sys.exit(main())
