#!/usr/bin/env python3
"""What the operator needs with many trainings, against a real API server on the same machine:

    tests/cluster/api-exec tests/bench/operator_load.py build/release/bin [COUNT=1000]

First all are made, then all run: pods are written into the API server as a node would write them, and one server in this
process answers for all aggregators, each with the certificate of its training.
"""

import asyncio
import base64
import collections
import http.client
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import yaml

BIN = pathlib.Path(sys.argv[1])
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
# One participant: a training then has eleven children.
KINDS = {"/api/v1/secrets": 3, "/api/v1/configmaps": 2, "/api/v1/services": 1, "/api/v1/persistentvolumeclaims": 1,
         "/apis/networking.k8s.io/v1/networkpolicies": 2, "/apis/batch/v1/jobs": 2}
CRD = "federatedtrainings.federated.genesis.dev"
LIMIT = 300      # seconds
RUN = 60         # seconds that are measured while all run
PORT = 8443      # of every aggregator


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


class ApiServer:
    """Small requests, many of them: kubectl takes a tenth of a second each."""

    def __init__(self, folder):
        config = yaml.safe_load(pathlib.Path(os.environ["KUBECONFIG"]).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cafile=self.file(cluster, "certificate-authority", folder))
        self.headers = {"Content-Type": "application/json"}
        if "token" in user:
            self.headers["Authorization"] = "Bearer " + user["token"]
        else:
            context.load_cert_chain(self.file(user, "client-certificate", folder), self.file(user, "client-key", folder))
        self.connection = http.client.HTTPSConnection(urllib.parse.urlparse(cluster["server"]).netloc, context=context)

    @staticmethod
    def file(entry, name, folder):
        if name in entry:
            return entry[name]
        path = pathlib.Path(folder) / name
        path.write_bytes(base64.b64decode(entry[name + "-data"]))
        return str(path)

    def send(self, method, path, body, kind="application/json"):
        self.connection.request(method, path, json.dumps(body), self.headers | {"Content-Type": kind})
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            sys.exit(f"{method} {path}: {response.status} {text[:500]}")


class Aggregators:
    """Answers GET /v1/status for all trainings, whose rounds take three seconds each."""

    def __init__(self, secrets, folder):
        self.began = time.monotonic()
        self.asked = collections.Counter()
        self.contexts = {}
        for name, data in secrets.items():
            pem = pathlib.Path(folder) / (name + ".pem")
            pem.write_bytes(base64.b64decode(data["tls.crt"]) + base64.b64decode(data["tls.key"]))
            # OpenSSL verifies the client's certificate with what the context that is chosen has.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            context.load_verify_locations(cadata=base64.b64decode(data["ca.crt"]).decode())
            context.verify_mode = ssl.CERT_REQUIRED
            self.contexts[f"{name}.default.svc"] = context
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.sni_callback = self.choose
        self.is_ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        self.is_ready.wait()

    def choose(self, connection, name, _):
        connection.context = self.contexts[name]
        self.asked[name] += 1

    async def serve(self):
        async with await asyncio.start_server(self.answer, "127.0.0.1", PORT, ssl=self.context, backlog=4096):
            self.is_ready.set()
            await asyncio.Event().wait()

    async def answer(self, reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            round_ = 1 + int((time.monotonic() - self.began) / 3)
            body = json.dumps({
                "run": "run", "name": "load", "phase": "Training", "round": {"current": round_, "total": 10000}, "joined": 1,
                "clients": [{"id": "site", "state": "training", "rows": 1000, "last_round": round_ - 1, "reason": ""}],
                "bytes_received": 1, "bytes_sent": 1, "elapsed_seconds": 1.0, "estimated_remaining_seconds": 100.0,
                "model_sha256": "", "reason": ""}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def pod(job):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    name = job["metadata"]["name"] + "-run"
    template = job["spec"]["template"]
    made = {"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": {
        "name": name, "namespace": "default", "labels": template["metadata"]["labels"],
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"],
                             "uid": job["metadata"]["uid"], "controller": True}]}}
    container = template["spec"]["containers"][0]
    status = {"phase": "Running", "podIP": "127.0.0.1", "hostIP": "127.0.0.1", "containerStatuses": [{
        "name": container["name"], "image": container["image"], "imageID": "", "ready": True, "restartCount": 0,
        "state": {"running": {"startedAt": now}}}]}
    return name, made, status


def status_writes(since):
    """Times at which the status of each training was written."""
    writes = collections.defaultdict(list)
    path = pathlib.Path(os.environ["GENESIS_CLUSTER_STATE"]) / "audit.log"
    for line in path.read_text().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the line that is being written
        what = event.get("objectRef") or {}
        if event["verb"] == "patch" and what.get("resource") == "federatedtrainings" and what.get("subresource") == "status":
            moment = event["requestReceivedTimestamp"]
            if moment >= since:
                whole, _, rest = moment.rstrip("Z").partition(".")
                writes[what["name"]].append(
                    time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (rest or "0")))
    return writes


def run_all(operator, folder):
    """All trainings run; what that costs once it is the usual."""
    jobs = json.loads(kubectl("get", "jobs", "-o", "json"))["items"]
    api = ApiServer(folder)
    secrets = {one["metadata"]["name"]: one["data"] for one in json.loads(kubectl("get", "secrets", "-o", "json"))["items"]
               if one["metadata"]["name"].endswith("-aggregator")}
    aggregators = Aggregators(secrets, folder)
    for job in jobs:
        name, made, status = pod(job)
        api.send("POST", "/api/v1/namespaces/default/pods", made)
        api.send("PATCH", f"/api/v1/namespaces/default/pods/{name}/status", {"status": status}, "application/merge-patch+json")
    running = lambda: sum(one.get("status", {}).get("phase") == "Running"
                          for one in json.loads(kubectl("get", CRD, "-o", "json"))["items"])
    until(lambda: running() == COUNT, "all trainings run")
    time.sleep(15)      # conditions and Events of the start are written
    since, began, used = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), time.monotonic(), operator.cpu_seconds()
    asked = sum(aggregators.asked.values())
    most = 0.0
    while time.monotonic() < began + RUN:
        time.sleep(1)
        most = max(most, operator.memory())
    took = time.monotonic() - began
    cores = (operator.cpu_seconds() - used) / took
    asked = (sum(aggregators.asked.values()) - asked) / took
    writes = status_writes(since)
    seconds = collections.Counter(int(moment) for times in writes.values() for moment in times)
    gaps = [after - before for times in writes.values() for before, after in zip(sorted(times), sorted(times)[1:])]
    print(f"{COUNT} running: {cores:.2f} cores, {most:.1f} MiB resident at most; {asked:.0f} aggregators asked a second; "
          f"{sum(seconds.values()) / took:.1f} status writes a second, at most {max(seconds.values(), default=0)} in one second; "
          f"{min(gaps, default=0):.1f} s at least between two of one training; {running()} still run")


def main():
    kubectl("apply", "-f", str(SOURCE / "crds/federatedtrainings.yaml"))
    until(is_served, "the CRD is served")
    kubectl("create", "configmap", "rows", "--from-literal=rows.csv=a")      # which all name
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
            run_all(operator, folder)
        finally:
            operator.process.terminate()
            operator.process.wait(timeout=30)


main()
