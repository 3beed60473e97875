#!/usr/bin/env python3
"""Runs every block of a page of documentation in its order, as it is written: documentation_test.py BIN SOURCE [PAGE].

The page is that of GENESIS_DOCUMENTATION_PAGE, else PAGE, else docs/python.md. What the page takes as given is made here:
CSV files of the names that it reads, certificates, the names that its blocks do not import, and the other side of a
training: clients for a block that leads one, server and clients for a block that takes part in one. Its hosts are this
machine. The test runs in network and mount namespaces of its own, for which it has to be root; it exits with 77 where
there are none. GENESIS_MAX_ROUNDS is set, so that no training takes longer than a minute.
"""

import os
import pathlib
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HOSTS = ("server", "coordinator.example.com")
DEADLINE = 180
SKIPPED = 77


def enter_namespaces():
    """Starts this test again where it has ports and host names of its own."""
    with tempfile.NamedTemporaryFile("w", prefix="genesis-hosts-", delete=False) as hosts:
        hosts.write("".join(f"127.0.0.1 {host}\n" for host in ("localhost", *HOSTS)))
    inside = f"ip link set lo up && mount --bind {hosts.name} /etc/hosts && rm {hosts.name} || exit {SKIPPED}\nexec \"$@\""
    environment = {**os.environ, "GENESIS_INSIDE": "1", "GENESIS_MAX_ROUNDS": "2"}
    os.execvpe("unshare", ["unshare", "--net", "--mount", "bash", "-c", inside, "bash", sys.executable, *sys.argv], environment)


if "GENESIS_INSIDE" not in os.environ:
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode != 0:
        print("no namespaces here: run it as root")
        sys.exit(SKIPPED)
    enter_namespaces()

import pandas as pd  # noqa: E402
import yaml  # noqa: E402

import genesis  # noqa: E402
from genesis import federated  # noqa: E402

BIN, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
PAGE = pathlib.Path(os.environ.get("GENESIS_DOCUMENTATION_PAGE") or (sys.argv[3:] or [SOURCE / "docs/python.md"])[0]).resolve()


def invented(seed, rows=60):
    """A table that has the columns of all examples."""
    draw = random.Random(seed)
    values = {"status": ["new", "old"], "region": ["north", "south"], "diagnosis": ["cold", "flu"],
              "treatment": ["none", "rest"], "outcome": ["better", "same"]}
    table = {"age": [draw.randint(18, 90) for _ in range(rows)], "income": [round(draw.gauss(3000, 700), 2) for _ in range(rows)]}
    return pd.DataFrame(table | {name: [draw.choice(texts) for _ in range(rows)] for name, texts in values.items()})


# A client that tries until the block's server listens.
PEER = """
import sys, time, pandas as pd
from genesis import UnavailableError
from genesis.federated import FederatedClient
url, name, authority, data = sys.argv[1:]
client = FederatedClient(url, name, ssl_verify=authority or None, verbose=False, ledger="ledger-" + name)
deadline = time.monotonic() + 120
while True:
    try:
        client.train(pd.read_csv(data), discrete_columns=["status", "region", "diagnosis", "treatment", "outcome"])
        break
    except UnavailableError:
        if time.monotonic() > deadline:
            raise
"""

# The server that a block's client takes part in; it has as much privacy as such a client asks for.
LEADER = """
import sys
from genesis.federated import FederatedServer
port, secure, private = int(sys.argv[1]), sys.argv[2] == "1", sys.argv[3] == "1"
FederatedServer(port=port, n_rounds=2, min_clients=3, method="mixture" if private else "ctgan",
                privacy={"differential_privacy": {"epsilon": 1.0, "delta": 1e-5}} if private else None,
                ssl_cert="server.crt" if secure else None, ssl_key="server.key" if secure else None, verbose=False).start()
"""


class Blocks:
    def __init__(self, folder):
        self.folder = folder
        self.started = []
        self.names = {"os": os, "pd": pd, "heterogeneous_datasets": [invented(i) for i in range(3)],
                      **{name: getattr(federated, name) for name in ("RoundCallback", "MetricsCallback", "CheckpointCallback")}}

    def prepare(self, text):
        """Files that the page reads, and certificates for its hosts."""
        names = sorted(set(re.findall(r"[\w/]+\.csv", text)))
        for seed, name in enumerate(names):
            path = self.folder / pathlib.PurePath(name).name
            invented(seed).to_csv(path, index=False)
        for i in range(3):
            invented(100 + i).to_csv(self.folder / f"peer-{i}.csv", index=False)
        for what in (["ca"], ["server", "127.0.0.1", "localhost", *HOSTS]):
            subprocess.run([BIN / "genesis", "certs", *what, "--dir", self.folder], check=True, capture_output=True, timeout=60)

    def start(self, *command, **options):
        log = open(self.folder / f"process-{len(self.started)}.log", "w")
        process = subprocess.Popen(list(map(str, command)), cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **options)
        self.started.append(process)
        return process

    def start_peers(self, url, count, first=0):
        authority = "ca.crt" if url.startswith("https") else ""
        return [self.start(sys.executable, "-c", PEER, url, f"peer-{i}", authority, f"peer-{i}.csv") for i in range(first, first + count)]

    def end_started(self):
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.started.clear()

    def finish(self, processes):
        for process in processes:
            code = process.wait(DEADLINE)
            if code != 0:
                raise AssertionError(f"{shlex.join(map(str, process.args))[-300:]} ended with {code}\n{self.logs()}")

    def logs(self):
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in sorted(self.folder.glob("process-*.log")))

    # --- One block of each language -----------------------------------------------------------

    def python(self, text):
        others = []
        if re.search(r"\.start\(", text):
            scheme = "https" if "ssl_cert" in text else "http"
            others = self.start_peers(f"{scheme}://localhost:8000", 3)
        elif re.search(r"client\.(train|what_leaves)\(", text):
            url = re.search(r"server_url='([^']*)'", text) or re.search(r'server_url="([^"]*)"', text)
            secure, private = url[1].startswith("https"), "differential_privacy" in text
            others = [self.start(sys.executable, "-c", LEADER, 8000, int(secure), int(private)),
                      *self.start_peers(url[1].replace("coordinator.example.com", "localhost"), 2)]
            self.wait_for_server(url[1])
        # A server of secure sums without certificates is refused, by a message that names what is missing.
        if "FederatedServer(" in text and "secure_aggregation=True" in text and "ssl_client_ca" not in text:
            try:
                exec(compile(text, str(PAGE), "exec"), self.names)
            except genesis.ArgumentError as error:
                assert "ssl_cert" in str(error) and "ssl_client_ca" in str(error), error
                return "refused, as it names no certificates"
            raise AssertionError("secure aggregation began without certificates")
        exec(compile(text, str(PAGE), "exec"), self.names)
        self.finish(others)
        for name in re.findall(r"(?:save|to_csv)\('([^']+)'\)", text):
            assert (self.folder / name).exists(), name
        return "ran"

    def wait_for_server(self, url):
        port = url.rpartition(":")[2].split("/")[0]
        deadline = time.monotonic() + DEADLINE
        while subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], capture_output=True).returncode != 0:
            if time.monotonic() > deadline:
                raise AssertionError(f"nobody listens on {port}\n{self.logs()}")
            time.sleep(0.05)

    def bash(self, text):
        commands = [shlex.split(line, comments=True) for line in text.replace("\\\n", " ").splitlines()]
        commands = [command for command in commands if command and command[0] in ("genesis", "genesis-federated")]
        if not any(command[:3] == ["genesis", "federated", "server"] for command in commands):
            return "not run: installs or shows"
        running = []
        for command in commands:
            if command[:3] == ["genesis", "federated", "status"]:
                subprocess.run([BIN / command[0], *command[1:]], check=False, capture_output=True, timeout=60)
                continue
            running.append(self.start(BIN / command[0], *command[1:]))
            if "server" in command:
                self.wait_for_server("http://server:8000")
                running += self.start_peers("http://server:8000", 2)
        self.finish(running)
        return "ran"

    def compose(self, document):
        running = []
        for name, service in document["services"].items():
            command = shlex.split(service["command"])
            environment = dict(entry.split("=", 1) for entry in service.get("environment", []))
            for volume in service.get("volumes", []):
                _, there = volume.split(":")
                command = [argument.replace(there + "/", f"{self.folder}/") for argument in command]
            # A container has a host name of its own.
            inside = ["unshare", "--uts", "bash", "-c", 'hostname "$0" && exec "$@"', name]
            running.append(self.start(*inside, BIN / command[0], *command[1:], env={"PATH": os.environ["PATH"], **environment}))
            if command[1] == "server":
                self.wait_for_server("http://server:8000")
        clients = len(document["services"]) - 1
        running += self.start_peers("http://server:8000", max(0, 3 - clients))
        self.finish(running)
        return f"ran, with {max(0, 3 - clients)} clients beside its own"

    def deployment(self, document):
        container, = document["spec"]["template"]["spec"]["containers"]
        environment = {entry["name"]: entry["value"] for entry in container.get("env", [])}
        server = self.start(BIN / container["command"][0], *container["command"][1:], env={"PATH": os.environ["PATH"], **environment})
        self.wait_for_server(f"http://server:{container['ports'][0]['containerPort']}")
        status = subprocess.run([BIN / "genesis", "federated", "status", "--server", "http://server:8000", "--json"],
                                capture_output=True, text=True, timeout=60)
        assert environment["GENESIS_ROUNDS"] in status.stdout, status
        server.terminate()
        return "its container ran and answered"

    def yaml(self, text):
        document = yaml.safe_load(text)
        if "services" in document:
            return self.compose(document)
        if document.get("kind") == "Deployment":
            return self.deployment(document)
        return "read"

    def run(self, language, text):
        run = {"python": self.python, "bash": self.bash, "yaml": self.yaml}.get(language)
        if run is None:
            return "shown"
        signal.alarm(DEADLINE)
        try:
            return run(text)
        finally:
            signal.alarm(0)
            self.end_started()


def late(*_):
    raise TimeoutError(f"the block takes more than {DEADLINE} s")


def main():
    signal.signal(signal.SIGALRM, late)
    page = PAGE.read_text()
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix="genesis-page-") as name:
        os.chdir(name)
        blocks = Blocks(pathlib.Path(name))
        blocks.prepare(page)
        for match in re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.M | re.S):
            line, began = page.count("\n", 0, match.start()) + 1, time.monotonic()
            try:
                said = blocks.run(match[1], match[2])
                passed += 1
            except BaseException as error:
                failed += 1
                said = f"FAILED: {type(error).__name__}: {error}"
                if not isinstance(error, genesis.GenesisError):
                    said += "\n" + "".join(traceback.format_exception(error)[-4:])
            print(f"{PAGE.name}:{line}: {match[1]}: {said} ({time.monotonic() - began:.1f} s)", flush=True)
        os.chdir("/")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
