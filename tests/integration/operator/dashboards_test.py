#!/usr/bin/env python3
"""Every query of both dashboards against a real Prometheus, which has scraped an operator and trainings that run: none is
empty, and no two curves of a panel have one name.

    tests/cluster/api-exec tests/integration/operator/dashboards_test.py BIN SOURCE PROMETHEUS
"""

import json
import pathlib
import re
import signal
import socket
import sys
import time
import unittest
import urllib.request

import yaml

BIN, SOURCE, PROMETHEUS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
sys.path.insert(0, str(SOURCE / "tests" / "support"))
from jobs import PORT, Api, Jobs, federated_trainings, install, start_operator  # noqa: E402
from programs import DEADLINE, OwnFolder  # noqa: E402
from prometheus import Prometheus  # noqa: E402

SITES = ("south", "north", "slow")
TABLE = """{columns: [{name: age, kind: integer, minimum: 0, maximum: 99, nullable: false},
  {name: ward, kind: category, nullable: false, categories: [a, b]}]}"""
OPEN = "{embeddingDim: 16, generatorDims: [32], discriminatorDims: [32], pac: 1}"
TRAININGS = {
    "private": {"model": {"method": "mixture"}, "privacy": {"differentialPrivacy": {"epsilon": 3.0, "delta": 1e-5}}},
    "broken": {"model": {"pac": 1}},
    # Its first updates are longer than they may be, and one site misses a round.
    "open": {"model": yaml.safe_load(OPEN), "aggregation": {"maxUpdateNorm": 0.001},
             "rounds": {"count": 10000, "minClients": 2, "deadlineSeconds": 5, "retries": 10}},
}


def training(name, more):
    sites = [{"name": site, "ledger": {"claimName": f"ledger-{site}"},
              "data": {"path": "/d/rows.csv", "volume": {"persistentVolumeClaim": {"claimName": f"{name}-{site}"}}}}
             for site in SITES[:3 if name == "open" else 2]]
    if "privacy" not in more:
        sites = [{key: one[key] for key in ("name", "data")} for one in sites]
    spec = {"rounds": {"count": 1, "minClients": 2}, "local": {"epochs": 1, "batchSize": 20}, "participants": sites,
            "table": yaml.safe_load(TABLE), **more}
    return {"apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def rows(claim):
    """Of claims NAME-SITE; the training `broken` has a table that is none."""
    if claim.startswith("broken"):
        return "neither age nor ward\n"
    return "\n".join(["age,ward", *(f"{20 + i % 60},{'ab'[i % 3 == 0]}" for i in range(200))]) + "\n" if claim.endswith(SITES) else None


def page(address):
    """The metrics that are served there, or "" before they are."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def chosen(expression):
    """With all that a viewer may choose chosen."""
    return re.sub(r"\$(namespace|training)", ".+", expression).replace("$__rate_interval", "10s")


def queries():
    """(panel, expression, legend)."""
    for path in sorted((SOURCE / "manifests/grafana").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                yield f"{board['title']}: {panel['title']}", chosen(target["expr"]), target["legendFormat"]
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
                yield f"{board['title']}: ${variable['name']}", f"count by ({label}) ({chosen(metric)})", f"{{{{{label}}}}}"


class Dashboards(OwnFolder):
    def run_until(self, condition, what, seconds=DEADLINE):
        """Does what a node would, until then."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {file.name}\n{file.read_text()[-1500:]}" for file in sorted(self.dir.glob("*.log")))
                self.fail(f"waited {seconds} s for {what()}\n{logs}")
            self.jobs.step()
            self.prometheus.targets([*self.jobs.targets(), {"targets": [self.operator], "labels": {"job": "genesis-operator"}}])
            time.sleep(0.3)

    def test_every_query_has_an_answer_and_every_curve_a_name_of_its_own(self):
        api = Api()
        self.addCleanup(api.close)
        install(api, SOURCE)
        process, self.operator = start_operator(BIN, self.dir / "operator.log")
        self.started.append(process)
        self.prometheus = Prometheus(PROMETHEUS, self.dir, "500ms")
        self.started.append(self.prometheus.process)
        self.jobs = Jobs(api, BIN, self.dir, rows)
        self.addCleanup(self.jobs.end)
        # The private training's only collection stays open: its second site is not started.
        self.jobs.held.add(f"private-worker-{SITES[1]}")
        for name, more in TRAININGS.items():
            api.request("POST", federated_trainings(), training(name, more))
        slow = "open-worker-" + SITES[2]
        self.run_until(lambda: {"open-aggregator", "private-aggregator", slow} <= set(self.jobs.pods), lambda: "the programs")
        self.run_until(lambda: 'genesis_joins_total{result="accepted"} 3' in page(self.jobs.pods["open-aggregator"].metrics),
                       lambda: "three sites")
        self.jobs.pods[slow].process.send_signal(signal.SIGSTOP)
        left = []

        def answered():
            try:
                with socket.create_connection((self.jobs.address_of("open"), PORT), timeout=5) as stranger:  # speaks no TLS
                    stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    stranger.recv(4096)
            except OSError:
                return False  # it has not begun to listen
            left[:] = [where for where, expression, _ in queries() if not self.prometheus.ask("query", query=expression)]
            return not left
        self.run_until(answered, lambda: f"an answer to {left}")
        for where, expression, legend in queries():
            names = [re.sub(r"\{\{(\w+)\}\}", lambda found, one=one: one["metric"].get(found[1], ""), legend)
                     for one in self.prometheus.ask("query", query=expression)]
            self.assertEqual(len(names), len(set(names)), f"{where}: {sorted(names)}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
