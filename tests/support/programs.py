"""The real aggregator and workers in a folder of a test's own. Standard library only."""

import hashlib
import os
import pathlib
import re
import selectors
import signal
import socket
import subprocess
import tempfile
import time
import unittest

DEADLINE = 120

# Small enough for a training of a second; more than one TLS record of weights.
SMALL_SPEC = """apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  seed: 11
  model: {embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}
  rounds: {count: 3, minClients: 2, deadlineSeconds: 60, maxFailures: 1000}
  local: {epochs: 1, batchSize: 50}
  communication: {compression: none}
  participants:
"""


def wait_until(condition, what, seconds=DEADLINE):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.005)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class OwnFolder(unittest.TestCase):
    """A folder of the test's own, `dir`; processes that it appends to `started` do not outlive it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="genesis-e2e-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.started = []
        self.addCleanup(self.end_started)

    def end_started(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait(10)


def small_table(first, rows):
    lines = ["age,amount,group,flag"]
    for i in range(first, first + rows):
        lines.append(f"{20 + i * 7 % 50},{i * 37 % 1000 / 4},{'abcde'[i * i % 5]},{'yn'[i // 3 % 2]}")
    return "\n".join(lines) + "\n"


class Site:
    """What all processes of one training share: spec, rows, certificates, token."""

    def __init__(self, programs, folder, sites=("site-1", "site-2"), spec=SMALL_SPEC, rows=150, hosts=("127.0.0.1",), pki=None):
        self.bin, self.dir, self.sites = pathlib.Path(programs).resolve(), pathlib.Path(folder), sites
        self.dir.mkdir(parents=True, exist_ok=True)
        for i, site in enumerate(sites):
            (self.dir / f"{site}.csv").write_text(small_table(i * 1000, rows + 10 * i))
        self.spec = self.dir / "training.yaml"
        self.spec.write_text(spec + "".join(f"  - name: {s}\n    data: {{path: {s}.csv}}\n" for s in sites))
        self.pki = pathlib.Path(pki or self.dir / "pki")  # of another Site, which has the names of this one
        for what in (["ca"], ["server", *hosts], ["client", *sites]):
            if pki is None:
                self.genesis("certs", what[0], "--dir", self.pki, *what[1:])
        (self.dir / "token").write_text("a-token-only-for-this-test\n")

    def genesis(self, *arguments):
        done = subprocess.run([self.bin / "genesis", *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout

    def undisturbed_model(self):
        """SHA-256 of the model that this training gives when nothing goes wrong."""
        self.genesis("run", "-f", self.spec, "--output-dir", self.dir / "undisturbed", "--simulate", "--set", "output.rows=0")
        return digest(self.dir / "undisturbed" / "model.safetensors")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Run:
    """One training of a Site: its processes, with their outputs and logs in a folder of its own."""

    def __init__(self, site, folder):
        self.site, self.dir = site, pathlib.Path(folder)
        self.dir.mkdir(parents=True)
        self.output, self.port, self.parts, self.restart_seconds = self.dir / "served", "0", {}, None
        self.aggregator = site.bin / "genesis-aggregator"

    def start(self, name, env=None, *more):
        """Starts "server" or a site; again: where it was."""
        started = time.monotonic()
        log = open(self.dir / f"{name}.log", "a")
        command = self.server_command() if name == "server" else self.client_command(name)
        process = subprocess.Popen([*map(str, command), *map(str, more)], stdout=subprocess.PIPE, stderr=log, text=True,
                                   env={**os.environ, **(env or {})})
        log.close()
        self.parts[name] = process
        if name == "server":
            line = read_line(process, DEADLINE).split()
            if line[:1] != ["listening"]:
                raise AssertionError(f"the server did not start: {self.log('server')}")
            self.url, self.port = line[1], re.search(r":(\d+)$", line[1])[1]
            self.restart_seconds = time.monotonic() - started
        return process

    def server_command(self):
        pki = self.site.pki
        return [self.aggregator, "--host", "127.0.0.1", "--port", self.port, "--output", self.output,
                "-f", self.site.spec, "--ssl-cert", pki / "server.crt", "--ssl-key", pki / "server.key",
                "--ssl-client-ca", pki / "ca.crt", "--auth-token-file", self.site.dir / "token"]

    def client_command(self, name):
        pki = self.site.pki
        return [self.site.bin / "genesis-worker", "--server", self.url, "--data", self.site.dir / f"{name}.csv",
                "--client-id", name, "--ssl-verify", pki / "ca.crt", "--ssl-cert", pki / f"{name}.crt",
                "--ssl-key", pki / f"{name}.key", "--auth-token-file", self.site.dir / "token",
                "--state", self.dir / "state" / name]

    def log(self, name):
        path = self.dir / f"{name}.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def logs(self):
        return "\n".join(f"--- {name}\n{self.log(name)}" for name in ("server", *self.site.sites))

    def model(self):
        return digest(self.output / "model.safetensors")

    def finish(self, seconds=DEADLINE):
        """Exit codes of all processes by name."""
        deadline = time.monotonic() + seconds
        return {name: part.wait(max(0.1, deadline - time.monotonic())) for name, part in self.parts.items()}

    def end(self):
        for part in self.parts.values():
            if part.poll() is None:
                part.kill()
                part.wait(10)
            part.stdout.close()


def read_line(process, seconds):
    """The next line that a process prints; "" where it ends or takes longer."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(seconds) else ""
