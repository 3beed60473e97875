#!/usr/bin/env python3
"""A real Prometheus scrapes a real training; each series has the value that status and logs say.

metrics_test.py BIN SOURCE PROMETHEUS: PROMETHEUS is the folder of prometheus and promtool (scripts/judges
unpacks them). Standard library only.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request

from federation_test import BIN, DEADLINE, Programs, genesis
from programs import free_port, wait_until

PROMETHEUS = pathlib.Path(sys.argv[3]).resolve()
ROUNDS = 12
FROZEN_AFTER = 3  # rounds, so that every client has a divergence
AGGREGATOR = "genesis-aggregator"
OBSERVER = "genesis-observer"  # sees what members are not shown of each other


def ask(url, path):
    """Status and body of a GET."""
    try:
        with urllib.request.urlopen(url + path, timeout=DEADLINE) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def is_up(url):
    try:
        return ask(url, "/healthz")[0] == 200
    except OSError:
        return False


def values(text):
    """Series to value, of a /metrics text."""
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in text.splitlines())
            if series and not series.startswith("#")}


class Lines:
    """What a process says on a pipe, collected as it comes."""

    def __init__(self, pipe):
        self.lines = []
        threading.Thread(target=self.collect, args=(pipe,), daemon=True).start()

    def collect(self, pipe):
        try:
            for line in pipe:
                self.lines.append(line)
        except ValueError:  # the test is over, and has closed it
            pass

    def find(self, pattern):
        return [found for line in list(self.lines) if (found := re.search(pattern, line))]

    def first(self, pattern):
        wait_until(lambda: self.find(pattern), f"a line like {pattern}")
        return self.find(pattern)[0][1]


class Metrics(Programs):
    def start_prometheus(self, aggregator, workers):
        """Scrapes five times a second; returns its URL."""
        port = free_port()
        jobs = [(AGGREGATOR, [aggregator]), ("genesis-worker", workers)]
        config = {"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
                  "scrape_configs": [{"job_name": name, "static_configs": [{"targets": [u.removeprefix("http://") for u in urls]}]}
                                     for name, urls in jobs]}
        file = self.dir / "prometheus.yaml"
        file.write_text(json.dumps(config))  # JSON is YAML
        log = open(self.dir / "prometheus.log", "w")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            [PROMETHEUS / "prometheus", f"--config.file={file}", f"--storage.tsdb.path={self.dir / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle"], stdout=log, stderr=log)
        self.started.append(process)
        url = f"http://127.0.0.1:{port}"

        def ready():
            self.assertIsNone(process.poll(), (self.dir / "prometheus.log").read_text())
            try:
                return ask(url, "/-/ready")[0] == 200
            except OSError:
                return False
        wait_until(ready, "Prometheus")
        return url

    def query(self, prometheus, expression):
        """The one value of an instant query, or None."""
        status, body = ask(prometheus, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        self.assertEqual(status, 200, body)
        result = json.loads(body)["data"]["result"]
        self.assertLessEqual(len(result), 1, (expression, result))
        return float(result[0]["value"][1]) if result else None

    def test_prometheus_sees_what_status_and_logs_say(self):
        spec = self.write_spec(self.sites())
        spec.write_text(spec.read_text().replace("count: 3", f"count: {ROUNDS}"))
        tls = self.make_pki("site-1", "site-4", OBSERVER)
        server, url = self.start_server("-f", spec, "--metrics-port", 0, *tls)
        metrics = server.stdout.readline().split()[1]
        self.assertEqual(ask(metrics, "/healthz"), (200, "ok\n"))
        self.assertEqual(ask(metrics, "/readyz"), (200, "ok\n"))
        self.assertEqual(ask(metrics, "/v1/status")[0], 404)

        # What is refused is counted: a client that names itself as another, and one that speaks no TLS.
        liar = self.start_client(url, "site-1", certificate="site-4")
        self.assertEqual(liar.wait(DEADLINE), 3)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=DEADLINE) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertIn(b"HTTPS", stranger.recv(4096))

        clients, logs, urls = {}, {}, {}
        for name in ("site-4", "site-1"):
            with unittest.mock.patch.dict(os.environ, {"GENESIS_METRICS_PORT": "0"}):
                clients[name] = self.start_client(url, name)
            logs[name] = Lines(clients[name].stderr)
            urls[name] = logs[name].first(r"metrics url=(\S+)")
            if len(clients) == 1:
                wait_until(lambda: ask(urls[name], "/readyz")[0] == 200, "the first client to join")
        prometheus = self.start_prometheus(metrics, list(urls.values()))
        self.addCleanup(self.end_started)  # before their pipes are closed, from which Lines reads

        # One client stands still, and with it the training: its round stays open.
        def completed():
            return values(ask(metrics, "/metrics")[1])['genesis_rounds_total{result="completed"}']
        wait_until(lambda: completed() >= FROZEN_AFTER, f"{FROZEN_AFTER} rounds")
        clients["site-1"].send_signal(signal.SIGSTOP)
        self.addCleanup(clients["site-1"].send_signal, signal.SIGCONT)

        def frozen():
            states = {c["id"]: c["state"] for c in json.loads(self.status(url, "--json").stdout)["clients"]}
            return states == {"site-4": "reported", "site-1": "training"}
        wait_until(frozen, "site-4 to report, and site-1 not to")
        self.check_frozen(url, prometheus, metrics, logs, urls, server)
        self.check_format(metrics, urls["site-4"])

        clients["site-1"].send_signal(signal.SIGCONT)
        for client in clients.values():
            self.assertEqual(client.wait(DEADLINE), 0)
        self.assertEqual(server.wait(DEADLINE), 0)
        with self.assertRaises(OSError):
            ask(metrics, "/healthz")
        # Being watched has changed nothing.
        model = self.dir / "served" / "model.safetensors"
        simulated = self.run_json(spec, "sim", "--simulate")
        self.assertEqual(pathlib.Path(simulated["model"]).read_bytes(), model.read_bytes())
        self.assertEqual(simulated["rounds"], ROUNDS)

    def check_frozen(self, url, prometheus, metrics, logs, urls, server):
        before = json.loads(self.status(url, "--json", certificate=OBSERVER).stdout)  # members see their own rows only
        scraped_from = time.time()
        wait_until(lambda: (self.query(prometheus, f'timestamp(genesis_round{{job="{AGGREGATOR}"}})') or 0) > scraped_from,
                   "a scrape of what stands still")
        worker = urls["site-4"].removeprefix("http://")
        wait_until(lambda: (self.query(prometheus, f'timestamp(genesis_local_round{{instance="{worker}"}})') or 0) > scraped_from,
                   "a scrape of the worker")

        def at_aggregator(name, labels=""):
            return self.query(prometheus, f'{name}{{job="{AGGREGATOR}"{labels and "," + labels}}}')

        def at_worker(name, labels=""):
            return self.query(prometheus, f'{name}{{instance="{worker}"{labels and "," + labels}}}')

        open_round = before["round"]["current"]
        self.assertEqual(at_aggregator("genesis_round"), open_round)
        self.assertEqual(at_aggregator("genesis_rounds_total", 'result="completed"'), open_round - 1)
        self.assertEqual(at_aggregator("genesis_rounds_total", 'result="retried"'), 0)
        self.assertEqual(at_aggregator("genesis_rounds_total", 'result="failed"'), 0)
        self.assertEqual(at_aggregator("genesis_round_duration_seconds_count"), open_round - 1)
        self.assertEqual(at_aggregator("genesis_round_duration_seconds_bucket", 'le="+Inf"'), open_round - 1)
        self.assertTrue(0 < at_aggregator("genesis_round_duration_seconds_sum") < before["elapsed_seconds"])
        for state, count in {"selected": 2, "reported": 1, "rejected": 0, "dropped": 0}.items():
            self.assertEqual(at_aggregator("genesis_round_clients", f'state="{state}"'), count, state)

        # Bytes: each worker logs those of its uploads; parameters have the same size each time.
        uploads = [int(found[1]) for name in logs for found in logs[name].find(r" contribution client=\S+ collection=\d+ bytes=(\d+)")]
        received = at_aggregator("genesis_update_bytes_total", 'direction="received",encoding="none"')
        if len(uploads) == 2 * open_round + 1:  # the summaries, and the rounds so far
            self.assertEqual(received, sum(uploads))
        else:  # site-1 stands between its upload and its log line
            self.assertEqual(len(uploads), 2 * open_round)
            self.assertAlmostEqual(received - sum(uploads), max(uploads), delta=200)
        fetched = at_worker("genesis_update_bytes_total", 'direction="received",encoding="none"')
        sent = at_aggregator("genesis_update_bytes_total", 'direction="sent",encoding="none"')
        self.assertTrue(fetched < sent <= 2 * fetched, (fetched, sent))  # site-1 may lack this round's parameters
        own = [int(found[1]) for found in logs["site-4"].find(r" contribution client=\S+ collection=\d+ bytes=(\d+)")]
        self.assertEqual(at_worker("genesis_update_bytes_total", 'direction="sent",encoding="none"'), sum(own))
        after = json.loads(self.status(url, "--json").stdout)
        for direction in ("received", "sent"):
            total = at_aggregator("genesis_http_bytes_total", f'direction="{direction}"')
            self.assertTrue(before[f"bytes_{direction}"] <= total <= after[f"bytes_{direction}"], direction)

        # Losses of the last closed round, weighted by rows: of site-1 in status (it has not reported
        # since), of site-4 in its log (status has its next one already).
        clients = {c["id"]: c for c in before["clients"]}
        rows = {name: client["rows"] for name, client in clients.items()}
        for kind in ("generator", "discriminator"):
            logged = float(logs["site-4"].find(rf" trained client=site-4 round={open_round - 1} .*{kind}_loss=(\S+)")[0][1])
            mean = (rows["site-1"] * clients["site-1"]["telemetry"][f"{kind}_loss"] + rows["site-4"] * logged) / sum(rows.values())
            self.assertAlmostEqual(at_aggregator(f"genesis_{kind}_loss"), mean, delta=0.001)
            self.assertAlmostEqual(at_worker(f"genesis_local_{kind}_loss"), clients["site-4"]["telemetry"][f"{kind}_loss"], places=9)
        for name in ("genesis_aggregation_seconds", "genesis_update_norm", "process_cpu_seconds_total"):
            self.assertGreater(at_aggregator(name), 0, name)
        for client in logs:
            self.assertTrue(0 <= at_aggregator("genesis_client_divergence", f'client="{client}"') <= 2)
            self.assertTrue(0 < at_aggregator("genesis_client_train_seconds", f'client="{client}"') < before["elapsed_seconds"])

        # The worker's own.
        steps = [int(found[1]) for found in logs["site-4"].find(r" trained client=\S+ round=\d+ .*steps=(\d+)")]
        self.assertEqual(at_worker("genesis_local_round"), open_round)
        self.assertEqual(at_worker("genesis_local_epochs_total"), open_round)  # local.epochs is 1
        self.assertEqual(at_worker("genesis_local_step_seconds_count"), sum(steps))
        self.assertGreater(at_worker("genesis_local_step_seconds_sum"), 0)
        self.assertEqual(at_worker("genesis_local_rows"), rows["site-4"])
        self.assertGreater(at_worker("genesis_local_update_norm"), 0)

        # Who came, who was refused, what the process needs.
        self.assertEqual(at_aggregator("genesis_joins_total", 'result="accepted"'), 2)
        self.assertEqual(at_aggregator("genesis_joins_total", 'result="refused"'), 1)
        self.assertEqual(at_aggregator("genesis_refused_requests_total", 'reason="forbidden"'), 1)
        self.assertEqual(at_aggregator("genesis_refused_requests_total", 'reason="handshake"'), 1)
        self.assertEqual(at_aggregator("genesis_refused_requests_total", 'reason="conflict"'), 0)
        resident = 4096 * int(pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()[1])
        self.assertTrue(resident / 2 < at_aggregator("process_resident_memory_bytes") < resident * 2)
        self.assertEqual(at_aggregator("genesis_build_info"), 1)
        self.assertEqual(self.query(prometheus, f'min_over_time(up{{job="{AGGREGATOR}"}}[1m])'), 1)

    def check_format(self, *urls):
        for url in urls:
            status, text = ask(url, "/metrics")
            self.assertEqual(status, 200)
            checked = subprocess.run([PROMETHEUS / "promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=DEADLINE)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_genesis_run_passes_the_port_on(self):
        spec = self.write_spec(self.sites())
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        run = subprocess.Popen([BIN / "genesis", "run", "-f", spec, "--output-dir", self.dir / "out", "--metrics-port", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.stderr.close)
        self.started.append(run)
        wait_until(lambda: is_up(url), "the metrics listener")
        taken = genesis("federated", "server", "-f", spec, "--port", 0, "--host", "127.0.0.1", "--metrics-port", port,
                        "--output", self.dir / "second")
        self.assertEqual(taken.returncode, 1)
        self.assertIn(f"127.0.0.1:{port} is in use; choose another port; see --metrics-port", taken.stderr)
        self.assertIn("genesis_round ", ask(url, "/metrics")[1])
        self.assertEqual(run.wait(DEADLINE), 0, run.stderr.read())

    def test_a_client_is_not_ready_before_it_has_joined(self):
        self.write_spec(self.sites())
        self.make_pki("site-1")
        with unittest.mock.patch.dict(os.environ, {"GENESIS_METRICS_PORT": "0"}):
            client = self.start_client(f"https://127.0.0.1:{free_port()}", "site-1")
        url = Lines(client.stderr).first(r"metrics url=(\S+)")
        self.assertEqual(ask(url, "/healthz"), (200, "ok\n"))
        self.assertEqual(ask(url, "/readyz"), (503, "has not joined the training yet\n"))
        wait_until(lambda: values(ask(url, "/metrics")[1])["genesis_retried_requests_total"] > 0, "a retry to be counted")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
