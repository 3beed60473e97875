#!/usr/bin/env python3
"""Runs the commands that the pages show, as they are written: pages_test.py BIN SOURCE [PAGE ...].

The pages are README.md and docs/**/*.md. Each block of a language `sh` is run, line by line and in the order of its page, or
says in the line above it why not: <!-- not run by tests: REASON -->. What is no command says another language. docs/python.md
has a test of its own (tests/python/documentation_test.py), docs/reference is generated.

What a page takes as given is made here: rows, certificates, the specs that the page shows, and the other sites. A server goes
on in the background, and so does a client; both have to succeed, and the other sites come once what watches the training
does. Each machine that a page speaks of has a /var/lib/genesis of its own. Where a command is written with `...`, the options
of README.md's walk-through take its place. Trainings are short by the documented --set. The test runs in network and mount
namespaces of its own, for which it has to be root; it exits with 77 where there are none.
"""

import collections
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

HOST = "fed.example.org"
DEADLINE = 240
SKIPPED = 77


def enter_namespaces():
    """Starts this test again where it has ports, a host name and a /var/lib/genesis of its own."""
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode != 0:
        print("no namespaces here: run it as root")
        sys.exit(SKIPPED)
    with tempfile.NamedTemporaryFile("w", prefix="genesis-hosts-", delete=False) as hosts:
        hosts.write(f"127.0.0.1 localhost {HOST}\n")
    inside = f"""ip link set lo up && mount --bind {hosts.name} /etc/hosts && rm {hosts.name} || exit {SKIPPED}
mount -t tmpfs none /var/lib && mkdir /var/lib/genesis || exit {SKIPPED}
exec "$@\""""
    os.execvpe("unshare", ["unshare", "--net", "--mount", "bash", "-c", inside, "bash", sys.executable, *sys.argv],
               {**os.environ, "GENESIS_INSIDE": "1"})


if "GENESIS_INSIDE" not in os.environ:
    enter_namespaces()

BIN, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
SITES = ("hospital-1", "hospital-2", "hospital-3")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
MARK = re.compile(r"<!-- not run by tests: (\S.*?) -->\n\Z")

# Each training ends within seconds; a network this small has as many messages as a large one.
SHORT = "--set rounds.count=2 --set output.rows=200"
SMALL = "--set model.embeddingDim=8 --set 'model.generatorDims=[16]' --set 'model.discriminatorDims=[16]'"  # of ctgan
# What `...` stands for, by command: the options with which README.md shows it.
CREDENTIALS = "--ssl-verify pki/ca.crt --ssl-cert pki/hospital-1.crt --ssl-key pki/hospital-1.key"
ELLIPSIS = {
    "server": "--port 8443 --output out --ssl-cert pki/server.crt --ssl-key pki/server.key --ssl-client-ca pki/ca.crt --set rounds.minClients=3",
    "client": f"--server https://{HOST}:8443 --client-id hospital-1 --data patients.csv --state state {CREDENTIALS}",
    "bundle": f"--server https://{HOST}:8443 --dir pki -o bundle-SITE.yaml",
}
# The server to which the commands of a page speak that shows none itself, or shows it in another form.
SERVER = f"genesis federated server {ELLIPSIS['server']}"

# A spec for pages that name one and show none.
SPEC = """apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: hospitals}
spec:
  rounds: {count: 100, minClients: 3}
  participants:
  - {name: hospital-1, data: {path: hospital-1.csv}}
  - {name: hospital-2, data: {path: hospital-2.csv}}
  - {name: hospital-3, data: {path: hospital-3.csv}}
"""
PRIVATE = SPEC + """  model: {method: mixture}
  privacy: {differentialPrivacy: {epsilon: 3.0, delta: 0.00001}}
  table: {columns: [{name: age, kind: integer, minimum: 0, maximum: 120}]}
"""


class Failed(Exception):
    pass


def write_rows(path, seed, gaps=False, rows=120):
    draw = random.Random(seed)
    lines = ["age,region,outcome"]
    for _ in range(rows):
        age = draw.randint(18, 90)
        lines.append(f"{age},{draw.choice(['north', 'south'])},{'' if gaps else ('same', 'better')[age > 50]}")
    path.write_text("\n".join(lines) + "\n")


class Page:
    """One page's story: a folder, machines, and the training that goes on."""

    def __init__(self, path, folder):
        self.path, self.folder = path, folder
        self.text = path.read_text()
        self.started = []      # (name, process)
        self.server = None     # the command of the page's last server
        self.waiting = None    # a client's command, whose other sites have not come yet
        self.environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8"}

    def prepare(self):
        for folder in ("data", "manifests"):
            (self.folder / folder).symlink_to(SOURCE / folder)
        for seed, name in enumerate(("patients", "real", "held-out", *SITES)):
            write_rows(self.folder / f"{name}.csv", seed)
        write_rows(self.folder / "gaps.csv", 9, gaps=True)
        (self.folder / "policy.yaml").write_text("apiVersion: federated.genesis.dev/v1alpha1\nkind: SitePolicy\nspec: {minCategoryCount: 2}\n")
        shows = [line for match in FENCE.finditer(self.text) if match[1] == "sh" for line in commands(match[2])]
        private = any(line.startswith("genesis privacy") for line in shows)
        (self.folder / "training.yaml").write_text(PRIVATE if private else SPEC)
        if any("federated" in line for line in shows):
            self.make("genesis certs ca --dir pki", f"genesis certs server --dir pki {HOST}",
                      f"genesis certs client --dir pki {' '.join(SITES)} genesis-admin", "head -c 32 /dev/urandom | sha256sum | cut -c -64 > pki/token",
                      "chmod 600 pki/token")
            # A page that makes certificates itself begins without.
            if any("genesis certs ca" in line for line in shows):
                self.make("rm -r pki")
        if any("--join bundle.yaml" in line for line in shows):
            self.server = SERVER + " --auth-token-file pki/token"
            self.make(*(f"genesis federated bundle {site} --server https://{HOST}:8443 --dir pki --auth-token-file pki/token "
                        f"-o {'bundle' if site == SITES[0] else site}.yaml" for site in SITES))
        if any("privacy ledger show" in line for line in shows):
            self.make("genesis run -f training.yaml --output-dir charged --ledger FOLDER --set output.rows=100")

    def make(self, *lines):
        for line in lines:
            self.call(line)

    # --- Processes ----------------------------------------------------------------------------

    def shell(self, line, machine):
        """Bash that runs the line on that machine: with its own /var/lib/genesis."""
        state = self.folder / "machines" / machine
        state.mkdir(parents=True, exist_ok=True)
        inside = f"mount --bind {shlex.quote(str(state))} /var/lib/genesis && exec bash -euo pipefail -c \"$0\""
        return ["unshare", "--mount", "bash", "-c", inside, line]

    def call(self, line, machine="server"):
        process = subprocess.run(self.shell(line, machine), cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, errors="replace", timeout=DEADLINE)
        if process.returncode != 0:
            raise Failed(f"{line}\nended with {process.returncode}: {(process.stdout + process.stderr)[-1500:]}\n{self.logs()}")
        return process.stdout

    def start(self, line, machine):
        log = self.folder / f"process-{len(self.started)}-{machine}.log"
        with open(log, "w") as output:
            process = subprocess.Popen(self.shell(line, machine), cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=output, start_new_session=True)
        self.started.append((line, process, log))
        return process, log

    def logs(self):
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-800:]}" for _, _, log in self.started)

    def wait_until(self, what, condition):
        deadline = time.monotonic() + DEADLINE
        while not condition():
            for line, process, _ in self.started:
                if process.poll() not in (None, 0):
                    raise Failed(f"{line}\nended with {process.returncode}\n{self.logs()}")
            if time.monotonic() > deadline:
                raise Failed(f"waited {DEADLINE} s for {what}\n{self.logs()}")
            time.sleep(0.05)

    def end_started(self):
        for _, process, _ in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        self.started.clear()
        self.waiting = None

    # --- Trainings ----------------------------------------------------------------------------

    def shortened(self, line):
        """A command that trains, with two rounds of a small model."""
        spec = re.search(r" -f (\S+)", line)
        text = line + ((self.folder / spec[1]).read_text() if spec else "")
        return f"{line} {SHORT}" + ("" if re.search(r"method[:=] ?(autoregressive|mixture)", text) else f" {SMALL}")

    def start_server(self, line):
        self.server = line
        # A training has folders of its own, as the pages ask for.
        self.make("rm -rf state state-* out machines/*/*")
        self.start(self.shortened(line), "server")
        port = int(re.search(r"--port (\d+)", line)[1])
        self.wait_until(f"port {port}", lambda: listens(port))

    def start_client(self, line):
        if not self.started:
            self.start_server(self.server_for(line))
        self.start(line, SITES[0])
        self.waiting = line

    def server_for(self, line):
        """The page's server, or the walk-through's, for a training that this client takes part in."""
        server = self.server or SERVER
        if "--paillier-key" in line:
            server = re.sub(r" --secure-aggregation", "", server) + " --encryption paillier"
        return server

    def start_other_sites(self):
        line, self.waiting = self.waiting, None
        least = re.search(r"rounds.minClients=(\d)|--min-clients (\d)", self.server)
        count = int(least[1] or least[2]) if least else len(set(re.findall(r"hospital-\d", (self.folder / "training.yaml").read_text())))
        for site in SITES[1:count]:
            other = re.sub(r"--metrics-port \d+", "", line.replace(SITES[0], site).replace("bundle.yaml", f"{site}.yaml"))
            self.start(other.replace("--state state", f"--state state-{site}"), site)

    def finish(self):
        """Waits until the training has ended and each of its processes has succeeded."""
        if self.waiting is not None:
            self.start_other_sites()
        elif self.started:  # a server that no client of the page speaks to
            self.end_started()
        self.wait_until("the training's end", lambda: all(process.poll() == 0 for _, process, _ in self.started))
        self.started.clear()

    # --- Commands -----------------------------------------------------------------------------

    def run_command(self, line):
        words = shlex.split(line, comments=True)
        federated = words[2] if words[:2] == ["genesis", "federated"] else None
        if "..." in words:
            line = re.sub(r"(?<=\s)\.\.\.", lambda _: ELLIPSIS[federated], line)
        line = re.sub(r"\s#\s.*", "", line)
        if federated == "server":
            if self.started:
                self.finish()
            self.start_server(line)
        elif federated == "client" and "--dry-run" not in words:
            if self.waiting is not None:
                self.finish()
            self.start_client(line)
        elif federated == "client":
            if self.waiting is not None:
                self.finish()
            if not self.started:
                self.start_server(self.server_for(line))
            self.call(line, SITES[0])
        elif federated == "status" and "--watch" in words:
            self.watch(line)
        elif federated in ("status", "evict") or words[0] == "curl":
            if not self.started:
                self.start_server(self.server_for(line))
            self.call(line, "watcher")
        else:
            self.finish()
            self.call(self.shortened(line) if words[:2] == ["genesis", "run"] else line)
        if words[:2] == ["genesis", "certs"] or "pki/" in line:
            self.distribute()

    def watch(self, line):
        """Follows the training that has begun to its end."""
        if not self.started:
            raise Failed(f"{line}\nfollows no training")
        watcher, log = self.start(line, "watcher")
        self.wait_until("the status", lambda: log.stat().st_size > 0)
        self.started.pop()
        try:
            self.finish()
            code = watcher.wait(DEADLINE)
        finally:
            if watcher.poll() is None:
                os.killpg(watcher.pid, signal.SIGKILL)
                watcher.wait()
        said = log.read_text(errors="replace")
        if code != 0:
            raise Failed(f"{line}\nended with {code}: {said[-1500:]}")

    def distribute(self):
        """The files of pki, as the page says, where each machine has its own; the admin's are made in passing on a page."""
        if (self.folder / "pki/ca.key").exists() and not (self.folder / "pki/genesis-admin.crt").exists():
            self.call("genesis certs client --dir pki genesis-admin")
        for path in (self.folder / "pki").glob("*"):
            (self.folder / path.name).write_bytes(path.read_bytes())
            (self.folder / path.name).chmod(0o600)

    def run(self, match):
        """Runs a block; returns the number of its commands, or the reason why it is not run."""
        mark = MARK.search(self.text, 0, match.start())
        syntax = subprocess.run(["bash", "-n"], input=match[2], capture_output=True, text=True)
        if syntax.returncode != 0:
            raise Failed(f"is no shell: {syntax.stderr}")
        if mark:
            return mark[1]
        lines = commands(match[2])
        for line in lines:
            self.run_command(line)
        return len(lines)

    def take_spec(self, text):
        """A whole spec or policy that the page shows is the one that its commands read from then on."""
        for kind, name in (("FederatedTraining", "training.yaml"), ("SitePolicy", "policy.yaml")):
            if f"kind: {kind}\n" in text and "…" not in text and "publicKeySha256" not in text:
                (self.folder / name).write_text(text)


def commands(block):
    """The commands of a block, one a line; none of them has a here-document."""
    return [line.strip() for line in block.replace("\\\n", " ").splitlines() if line.strip() and not line.lstrip().startswith("#")]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main():
    named = [pathlib.Path(page).resolve() for page in sys.argv[3:]]
    pages = named or [SOURCE / "README.md", *sorted(SOURCE.glob("docs/**/*.md"))]
    pages = [page for page in pages if page != SOURCE / "docs/python.md" and page.parent.name != "reference"]
    ran, not_run, problems = collections.Counter(), collections.Counter(), []
    for path in pages:
        with tempfile.TemporaryDirectory(prefix="genesis-pages-") as folder:
            page = Page(path, pathlib.Path(folder))
            shown = path.relative_to(SOURCE)
            blocks = list(FENCE.finditer(page.text))
            where = f"{shown}: what it takes as given"
            try:
                if any(match[1] == "sh" and not MARK.search(page.text, 0, match.start()) for match in blocks):
                    page.prepare()
                for match in [*blocks, None]:
                    where = f"{shown}:{page.text.count(chr(10), 0, match.start()) + 1 if match else 'end'}"
                    began = time.monotonic()
                    if match is None:
                        page.finish()
                    elif match[1] == "":
                        raise Failed("says no language: sh for commands, text for what is none")
                    elif match[1] in ("bash", "shell", "console"):
                        raise Failed("commands are of the language sh")
                    elif match[1] == "yaml":
                        page.take_spec(match[2])
                    elif match[1] == "sh":
                        said = page.run(match)
                        if isinstance(said, str):
                            not_run[said] += 1
                            print(f"{where}: not run: {said}")
                        else:
                            ran[shown] += said
                            print(f"{where}: {said} commands ran ({time.monotonic() - began:.1f} s)", flush=True)
            except (Failed, subprocess.TimeoutExpired) as failure:
                problems.append(f"{where}: {failure}")
                print(f"{where}: FAILED: {failure}", flush=True)
            finally:
                page.end_started()
    print(f"{sum(ran.values())} commands of {len(ran)} pages ran; {sum(not_run.values())} blocks say why they are not run")
    return 1 if problems or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
