#!/usr/bin/env python3
"""What the operator needs with many trainings, against a real API server on the same machine:

    tests/cluster/api-exec tests/bench/operator_load.py build/release/bin [COUNT=1000]
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

BIN = pathlib.Path(sys.argv[1])
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
# One participant: a training then has ten children.
KINDS = {"/api/v1/secrets": 3, "/api/v1/configmaps": 1, "/api/v1/services": 1, "/api/v1/persistentvolumeclaims": 1,
         "/apis/networking.k8s.io/v1/networkpolicies": 2, "/apis/batch/v1/jobs": 2}
CRD = "federatedtrainings.federated.genesis.dev"
LIMIT = 300      # seconds


def kubectl(*arguments):
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout


def until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {LIMIT} s: {what}")
        time.sleep(0.02)


def count(path):
    """How many there are, without reading them."""
    page = json.loads(kubectl("get", "--raw", f"{path}?limit=1"))
    return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)


def is_served():
    conditions = json.loads(kubectl("get", "crd", CRD, "-o", "json")).get("status", {}).get("conditions", [])
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def training(number):
    return {"apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining",
            "metadata": {"name": f"load-{number}", "namespace": "default"},
            "spec": {"rounds": {"minClients": 1}, "participants": [
                {"name": "site", "data": {"path": "/d/rows.csv", "volume": {"configMap": {"name": "rows"}}}}]}}


class Operator:
    def __init__(self, log):
        self.log = pathlib.Path(log.name)
        environment = {**os.environ, "POD_NAMESPACE": "default", "GENESIS_ALLOW_VOLUMES": "configMap",
                       "GENESIS_AGGREGATOR_IMAGE": "localhost/a:1",
                       "GENESIS_WORKER_IMAGE": "localhost/w:1"}
        began = time.monotonic()
        self.process = subprocess.Popen([BIN / "genesis-operator", "--metrics-host", "127.0.0.1", "--metrics-port", "0"],
                                        env=environment, stdout=log, stderr=log)
        until(lambda: "synced trainings=" in self.log.read_text(), "the operator is ready")
        self.ready_after = time.monotonic() - began

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metrics(self):
        url = re.search(r"serves metrics=(\S+)", self.log.read_text())[1]
        return urllib.request.urlopen(url + "/metrics", timeout=10).read().decode()


def quantile(metrics, name, share):
    """Upper bound of the bucket that holds it."""
    buckets = [(float(bound), float(number)) for bound, number in
               re.findall(rf'^{name}_bucket{{[^}}]*le="([^"]+)"}} (\S+)$', metrics, re.M)]
    return next(bound for bound, number in buckets if number >= share * buckets[-1][1])


def main():
    kubectl("apply", "-f", str(SOURCE / "crds/federatedtrainings.yaml"))
    until(is_served, "the CRD is served")
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log, tempfile.TemporaryDirectory() as folder:
        operator = Operator(log)
        try:
            print(f"start to ready: {operator.ready_after:.2f} s")
            until(lambda: "leads identity=" in operator.log.read_text(), "it leads")
            time.sleep(10)      # what it does at its start is over
            print(f"idle: {operator.memory():.1f} MiB resident")
            parts = 4
            files = []
            for part in range(parts):
                files.append(pathlib.Path(folder) / f"{part}.json")
                files[-1].write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [
                    training(number) for number in range(part, COUNT, parts)]}))
            before = {path: count(path) for path in KINDS}
            began = time.monotonic()
            creates = [subprocess.Popen(["kubectl", "create", "-f", file], stdout=subprocess.DEVNULL) for file in files]
            if any(create.wait() for create in creates):
                sys.exit("kubectl create failed")
            print(f"{COUNT} trainings are there after {time.monotonic() - began:.1f} s")
            for path, each in KINDS.items():
                until(lambda: count(path) - before[path] == each * COUNT, f"all of {path}")
            print(f"each has its {sum(KINDS.values())} children after {time.monotonic() - began:.1f} s, "
                  f"{operator.cpu_seconds():.1f} s of the operator's processor time")
            metrics = operator.metrics()
            for name, what in (("genesis_operator_reconcile_cpu_seconds", "processor time of a reconcile"),
                               ("controller_runtime_reconcile_time_seconds", "reconcile with its requests")):
                print(f"{what}: p50 at most {quantile(metrics, name, 0.5) * 1000:g} ms, "
                      f"p99 at most {quantile(metrics, name, 0.99) * 1000:g} ms")
            print(f"with {COUNT} trainings: {operator.memory():.1f} MiB resident")
            time.sleep(15)      # the last Events and statuses are written
            print(f"15 s later: {operator.memory():.1f} MiB resident")
        finally:
            operator.process.terminate()
            operator.process.wait(timeout=30)


main()
