#!/usr/bin/env python3
"""One training through the real programs, as a user would run it.

federation_test.py BIN SOURCE: BIN holds the programs, SOURCE is the repository. Standard library only.
"""

import csv
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import threading
import unittest

BIN = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(SOURCE / "tests" / "support"))
from programs import DEADLINE, OwnFolder, wait_until  # noqa: E402

ADULT = SOURCE / "data" / "adult"


def genesis(*arguments, timeout=DEADLINE):
    return subprocess.run([BIN / "genesis", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def head(shard, rows):
    with gzip.open(ADULT / f"{shard}.csv.gz", "rt") as file:
        return "".join(line for line, _ in zip(file, range(rows + 1)))


class Programs(OwnFolder):
    """Starts the real programs in a folder of the test's own, and ends them."""

    def write_spec(self, participants, extra=""):
        for site, text in participants.items():
            (self.dir / f"{site}.csv").write_text(text)
        sites = "\n".join(f"  - name: {s}\n    data: {{path: {s}.csv}}" for s in participants)
        spec = self.dir / "training.yaml"
        spec.write_text(
            "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\nmetadata: {name: small}\n"
            "spec:\n  seed: 11\n  rounds: {count: 3, minClients: 2}\n  local: {epochs: 1, batchSize: 100}\n"
            "  output: {rows: 500}\n" + extra + f"  participants:\n{sites}\n"
        )
        return spec

    def sites(self, rows=400):
        return {"site-1": head("site-1", rows), "site-4": head("site-4", rows // 2)}

    def run_json(self, spec, out, *more):
        done = genesis("run", "-f", spec, "--output-dir", self.dir / out, "--json", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def assert_refused(self, participants, *words):
        spec = self.write_spec(participants)
        for mode in ([], ["--simulate"]):
            done = genesis("run", "-f", spec, "--output-dir", self.dir / "out", *mode)
            self.assertEqual(done.returncode, 1, (mode, done.stdout, done.stderr))
            for word in words:
                self.assertIn(word, done.stderr, mode)

    def start_server(self, *more):
        log = open(self.dir / "server.log", "w+")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            [BIN / "genesis", "federated", "server", "--host", "127.0.0.1", "--port", "0", "--output", self.dir / "served", *map(str, more)],
            stdout=subprocess.PIPE, stderr=log, text=True)
        self.addCleanup(process.stdout.close)
        self.started.append(process)
        announced = process.stdout.readline().split()
        self.assertEqual(announced[:1], ["listening"], (self.dir / "server.log").read_text())
        return process, announced[1]

    def start_client(self, url, name, certificate=None, state=None):
        pki = self.dir / "pki"
        certificate = certificate or name
        process = subprocess.Popen(
            [BIN / "genesis", "federated", "client", "--server", url, "--data", self.dir / f"{name}.csv",
             "--client-id", name, "--ssl-verify", pki / "ca.crt", "--ssl-cert", pki / f"{certificate}.crt",
             "--ssl-key", pki / f"{certificate}.key", "--auth-token-file", self.dir / "token",
             *(["--state", state] if state else [])],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.started.append(process)
        return process

    def make_pki(self, *clients):
        pki = self.dir / "pki"
        for arguments in (["ca"], ["server", "127.0.0.1"], *(["client", c] for c in clients)):
            done = genesis("certs", arguments[0], "--dir", pki, *arguments[1:])
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.stat(pki / "ca.key").st_mode & 0o77, 0)
        (self.dir / "token").write_text("a-token-only-for-this-test\n")
        return ["--ssl-cert", pki / "server.crt", "--ssl-key", pki / "server.key", "--ssl-client-ca", pki / "ca.crt",
                "--auth-token-file", self.dir / "token"]

    def status_arguments(self, url, certificate):
        pki = self.dir / "pki"
        return ["federated", "status", "--server", url, "--ssl-verify", pki / "ca.crt", "--ssl-cert", pki / f"{certificate}.crt",
                "--ssl-key", pki / f"{certificate}.key", "--auth-token-file", self.dir / "token"]

    def status(self, url, *more, certificate="site-1"):
        return genesis(*self.status_arguments(url, certificate), *more)

    def start_watch(self, url, first):
        """status --watch, which has printed the line `first`."""
        log = open(self.dir / "watch.log", "w")
        self.addCleanup(log.close)
        watch = subprocess.Popen([BIN / "genesis", *self.status_arguments(url, "site-1"), "--watch"], stdout=log, stderr=log)
        self.started.append(watch)
        wait_until(lambda: first in self.watched(), "the first answer")
        return watch

    def watched(self):
        return (self.dir / "watch.log").read_text()


class Federation(Programs):
    def test_processes_and_simulation_give_the_same_bytes(self):
        spec = self.write_spec(self.sites())
        processes = self.run_json(spec, "a")
        simulated = self.run_json(spec, "b", "--simulate")
        other_seed = self.run_json(spec, "c", "--simulate", "--set", "seed=12")
        self.assertEqual(processes["model_sha256"], simulated["model_sha256"])
        self.assertNotEqual(processes["model_sha256"], other_seed["model_sha256"])
        self.assertEqual(processes["model_sha256"], hashlib.sha256(pathlib.Path(processes["model"]).read_bytes()).hexdigest())
        self.assertEqual((processes["rounds"], processes["clients"]), (3, 2))
        self.assertEqual(pathlib.Path(processes["synthetic"]).read_bytes(), pathlib.Path(simulated["synthetic"]).read_bytes())
        self.assertEqual(processes["quality"]["cells_outside"], 0)
        with open(processes["synthetic"], newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 500)
        self.assertEqual(list(rows[0]), self.sites()["site-1"].splitlines()[0].split(","))

    def test_the_aggregator_links_no_libtorch(self):
        linked = subprocess.run(["ldd", BIN / "genesis-aggregator"], capture_output=True, text=True, check=True).stdout
        self.assertIn("libssl", linked)
        self.assertNotIn("torch", linked)

    def test_every_strategy_trains(self):
        for strategy in ("fedavg", "weighted", "fedprox, proximalMu: 0.1", "median"):
            spec = self.write_spec(self.sites(), f"  aggregation: {{strategy: {strategy}}}\n  privacy: {{maxGradNorm: 1.0}}\n")
            both = [self.run_json(spec, "s", *mode)["model_sha256"] for mode in ([], ["--simulate"])]
            self.assertEqual(both[0], both[1], strategy)

    def test_where_holds_in_every_row_and_an_altered_model_is_refused(self):
        model = pathlib.Path(self.run_json(self.write_spec(self.sites()), "a", "--simulate")["model"])
        out = self.dir / "rows.csv"
        done = genesis("generate", "--model", model, "--rows", 300, "--where", "sex=Female", "--seed", 3, "-o", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(out, newline="") as file:
            self.assertEqual({row["sex"] for row in csv.DictReader(file)}, {"Female"})
        wrong = genesis("generate", "--model", model, "--rows", 3, "--where", "sexx=Female", "-o", out)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("sex", wrong.stderr)
        whole = model.read_bytes()
        for harmed in (whole[:-1], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], b""):
            model.write_bytes(harmed)
            done = genesis("generate", "--model", model, "--rows", 3, "-o", out)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("model.safetensors", done.stderr)

    def test_bad_data_is_named(self):
        good = self.sites()
        lines = good["site-4"].splitlines()
        self.assert_refused({**good, "site-4": "\n".join(lines[:5] + ["1,2"] + lines[5:])}, "site-4.csv:6")
        self.assert_refused({**good, "site-4": lines[0] + "\n"}, "site-4", "rows")
        self.assert_refused({**good, "site-4": "\n".join(line.rpartition(",")[0] for line in lines)}, "site-4", "income")
        other_kind = "\n".join([lines[0]] + ["young" + line[line.index(","):] for line in lines[1:]])
        self.assert_refused({**good, "site-4": other_kind}, "site-4", "age")
        self.assert_refused({**good, "site-4": '"' + good["site-4"]}, "site-4.csv")

    def test_odd_tables_train(self):
        """A constant column, missing cells, few rows, dates, identifiers."""
        def table(first, rows):
            lines = ["id,constant,when,amount,group"]
            lines += [f"p-{first + i},same,2024-01-{1 + i % 28:02},{'' if i % 9 == 0 else i * 0.25},{'ab'[i % 2]}" for i in range(rows)]
            return "\n".join(lines) + "\n"
        spec = self.write_spec({"site-1": table(0, 300), "site-2": table(300, 120), "site-3": table(500, 30)},
                               "  table: {columns: [{name: id, kind: identifier}]}\n")
        outcome = self.run_json(spec, "odd")
        self.assertEqual(outcome["clients"], 3)
        with open(outcome["synthetic"], newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len({row["id"] for row in rows}), 500)
        self.assertEqual({row["constant"] for row in rows}, {"same"})
        self.assertTrue(all(re.fullmatch(r"2024-01-\d\d", row["when"]) for row in rows))

    def test_too_many_categories_are_named(self):
        wide = "code,x\n" + "".join(f"c{i % 5000},{i % 7}\n" for i in range(25000))
        self.assert_refused({"site-1": wide, "site-4": wide}, "code", "identifier")

    def test_bad_specs_and_use_are_refused(self):
        spec = self.write_spec(self.sites())
        for override, word in (
            ("rounds.minClients=5", "minClients"),
            ("rounds.cuont=3", "count"),
            ("model.pac=7", "pac"),
            ("aggregation.proximalMu=1", "proximalMu"),
        ):
            done = genesis("run", "-f", spec, "--output-dir", self.dir / "o", "--set", override)
            self.assertEqual(done.returncode, 1)
            self.assertIn(word, done.stderr)
        self.assertEqual(genesis("run").returncode, 2)
        self.assertEqual(genesis("generate", "--nonsense").returncode, 2)
        (self.dir / "file").write_text("")
        done = genesis("run", "-f", spec, "--output-dir", self.dir / "file" / "out")
        self.assertEqual(done.returncode, 1)
        self.assertIn("out", done.stderr)

    def test_server_and_clients_train_over_mutual_tls(self):
        spec = self.write_spec(self.sites())
        tls = self.make_pki("site-1", "site-4")
        server, url = self.start_server("-f", spec, "--rounds", "3", *tls)
        liar = self.start_client(url, "site-1", certificate="site-4")
        self.assertEqual(liar.wait(DEADLINE), 3)  # starting it again would not help
        self.assertIn("speaks only for itself", liar.stderr.read())
        clients = [self.start_client(url, "site-4"), self.start_client(url, "site-1")]
        self.assertEqual([c.wait(DEADLINE) for c in clients], [0, 0])
        self.assertEqual(server.wait(DEADLINE), 0)
        served = hashlib.sha256((self.dir / "served" / "model.safetensors").read_bytes()).hexdigest()
        self.assertEqual(served, self.run_json(spec, "sim", "--simulate")["model_sha256"])

    def test_unknown_certificates_and_a_taken_port_are_named(self):
        spec = self.write_spec(self.sites())
        tls = self.make_pki("site-1", "site-4")
        (self.dir / "pki").rename(self.dir / "pki-1")  # the server would take up what replaces its files
        server, url = self.start_server("-f", spec, *(str(flag).replace("/pki/", "/pki-1/") for flag in tls))
        self.make_pki("site-1")
        stranger = self.start_client(url, "site-1")
        self.assertEqual(stranger.wait(DEADLINE), 1)
        self.assertRegex(stranger.stderr.read(), "authority|certificate")
        port = re.search(r":(\d+)$", url)[1]
        second = genesis("federated", "server", "--host", "127.0.0.1", "--port", port, "--output", self.dir / "x")
        self.assertEqual(second.returncode, 1)
        self.assertIn(port, second.stderr)
        self.assertIsNone(server.poll())


    def test_status_says_how_a_training_stands(self):
        spec = self.write_spec(self.sites())
        server, url = self.start_server("-f", spec, *self.make_pki("site-1", "site-4"))
        self.start_client(url, "site-1")
        wait_until(lambda: json.loads(self.status(url, "--json").stdout)["clients"], "the first client")
        joining = self.status(url)
        self.assertEqual(joining.returncode, 3, joining.stderr)
        self.assertIn("site-1", joining.stdout)
        self.assertEqual(genesis("federated", "status").returncode, 2)
        watch = self.start_watch(url, "Joining: 1 clients")
        server.kill()
        server.wait(10)
        gone = self.status(url)
        self.assertEqual(gone.returncode, 1)
        self.assertIn("127.0.0.1", gone.stderr)
        # It has known the training: what is true of it, and where to see how it ended.
        self.assertEqual(watch.wait(DEADLINE), 1)
        self.assertIn("The last answer was: small: Joining, round 0 of", self.watched())
        self.assertIn("model.safetensors is in its --output", self.watched())

    def test_watch_ends_as_the_training_does(self):
        spec = self.write_spec(self.sites())
        server, url = self.start_server("-f", spec, *self.make_pki("site-1", "site-4"))
        watch = self.start_watch(url, "Joining: 0 clients")
        clients = [self.start_client(url, site) for site in ("site-1", "site-4")]
        self.assertEqual([process.wait(DEADLINE) for process in (watch, server, *clients)], [0] * 4, self.watched())

    def test_watch_hears_of_the_success_from_a_server_that_is_started_again(self):
        spec = self.write_spec(self.sites())
        server, url = self.start_server("-f", spec, *self.make_pki("site-1", "site-4"))
        told = json.loads(self.status(url, "--json").stdout)
        watch = self.start_watch(url, "Joining: 0 clients")
        server.kill()
        server.wait(10)

        class Complete(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = json.dumps({**told, "phase": "Complete", "model_sha256": "0" * 64}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.dir / "pki/server.crt", self.dir / "pki/server.key")
        again = http.server.ThreadingHTTPServer(("127.0.0.1", int(url.rsplit(":", 1)[1])), Complete)
        self.addCleanup(again.server_close)
        self.addCleanup(again.shutdown)
        again.socket = context.wrap_socket(again.socket, server_side=True)
        threading.Thread(target=again.serve_forever, daemon=True).start()
        self.assertEqual(watch.wait(DEADLINE), 0, self.watched())
        self.assertIn("small: Complete", self.watched())


class Kill(Programs):
    """SIGKILL of aggregator and workers at the moments of a training: the bytes stay the same."""

    ROUNDS = 6

    def start_all(self, spec, tls, only=("server", "site-1", "site-4")):
        port = getattr(self, "port", "0")
        if "server" in only:
            log = open(self.dir / "server.log", "a+")
            self.addCleanup(log.close)
            server = subprocess.Popen(
                [BIN / "genesis-aggregator", "--host", "127.0.0.1", "--port", port, "--output", self.dir / "served", "-f", spec, *map(str, tls)],
                stdout=subprocess.PIPE, stderr=log, text=True)
            self.addCleanup(server.stdout.close)
            self.started.append(server)
            line = server.stdout.readline().split()
            self.assertEqual(line[:1], ["listening"], (self.dir / "server.log").read_text())
            self.url = line[1]
            self.port = re.search(r":(\d+)$", self.url)[1]
            self.parts["server"] = server
        for site in ("site-1", "site-4"):
            if site in only:
                self.parts[site] = self.start_client(self.url, site, state=self.dir / "state" / site)

    def reached(self, round_):
        """The server has opened this round or a later one."""
        files = sorted((self.dir / "served" / "checkpoints").glob("round-*.safetensors"))
        return bool(files) and int(files[-1].name[6:16]) >= round_ - 1

    def test_the_model_is_the_same_whoever_is_killed_and_when(self):
        spec = self.write_spec(self.sites(), extra="").rename(self.dir / "spec.yaml")
        spec.write_text(spec.read_text().replace("count: 3", f"count: {self.ROUNDS}"))
        expected = self.run_json(spec, "sim", "--simulate")["model_sha256"]
        tls = self.make_pki("site-1", "site-4")
        kills = [(victim, round_) for round_ in (1, 2, 4, self.ROUNDS) for victim in (["server"], ["site-1"], ["site-4"], ["server", "site-1"], ["server", "site-1", "site-4"])]
        for victims, round_ in kills:
            with self.subTest(victims=victims, round=round_):
                self.parts = {}
                self.port = "0"
                self.start_all(spec, tls)
                wait_until(lambda: self.reached(round_) or self.parts["server"].poll() is not None, "the round")
                for victim in victims:
                    self.parts[victim].kill()
                    self.parts[victim].wait(10)
                self.start_all(spec, tls, only=victims)
                for name, part in self.parts.items():
                    self.assertEqual(part.wait(DEADLINE), 0, (name, (self.dir / "server.log").read_text()[-2000:]))
                model = self.dir / "served" / "model.safetensors"
                self.assertEqual(hashlib.sha256(model.read_bytes()).hexdigest(), expected)
                model.unlink()
                shutil.rmtree(self.dir / "state")

    def test_a_complete_training_goes_on_with_more_rounds_to_the_bytes_of_one_that_had_them_from_the_start(self):
        spec = self.write_spec(self.sites())
        text = spec.read_text()
        model = self.dir / "served" / "model.safetensors"
        digests = []
        tls = self.make_pki("site-1", "site-4")
        for rounds in (2, self.ROUNDS):
            spec.write_text(text.replace("count: 3", f"count: {rounds}"))
            self.parts = {}
            self.port = "0"
            self.start_all(spec, tls)
            for name, part in self.parts.items():
                self.assertEqual(part.wait(DEADLINE), 0, (name, (self.dir / "server.log").read_text()[-2000:]))
            digests.append(hashlib.sha256(model.read_bytes()).hexdigest())
        self.assertNotEqual(*digests)
        self.assertEqual(digests[1], self.run_json(spec, "sim", "--simulate")["model_sha256"])

    def test_a_damaged_checkpoint_is_quarantined(self):
        spec = self.write_spec(self.sites())
        spec.write_text(spec.read_text().replace("count: 3", f"count: {self.ROUNDS}"))
        expected = self.run_json(spec, "sim", "--simulate")["model_sha256"]
        tls = self.make_pki("site-1", "site-4")
        self.parts = {}
        self.start_all(spec, tls)
        wait_until(lambda: self.reached(3), "round 3")
        for part in self.parts.values():
            part.kill()
            part.wait(10)
        newest = sorted((self.dir / "served" / "checkpoints").glob("round-*.safetensors"))[-1]
        newest.write_bytes(newest.read_bytes()[:-100])
        self.start_all(spec, tls)
        for name, part in self.parts.items():
            self.assertEqual(part.wait(DEADLINE), 0, (name, (self.dir / "server.log").read_text()[-2000:]))
        self.assertIn("quarantined", (self.dir / "server.log").read_text())
        self.assertEqual(hashlib.sha256((self.dir / "served" / "model.safetensors").read_bytes()).hexdigest(), expected)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
