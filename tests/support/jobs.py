"""What a node and the Job controller do, for an API server that has neither: Jobs runs the programs of the Jobs that the
operator makes, as it has written them, as processes of this machine, and tells the API server how it went.

A program sees its Secrets, ConfigMaps and claims as files in the place of the paths in its arguments. Each training has an
address of its own, and the name of its Service leads there by way of a proxy. Used within tests/cluster/api-exec.
"""

import base64
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import yaml

from programs import free_port, wait_until

TRAINING = "federated.genesis.dev/training"
PARTICIPANT = "federated.genesis.dev/participant"
PORT = 8443  # of every aggregator
GRACE_SECONDS = 10


class Api:
    """The API server of KUBECONFIG, without a process for each request."""

    def __init__(self):
        config = yaml.safe_load(pathlib.Path(os.environ["KUBECONFIG"]).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = cluster["server"].removeprefix("https://")
        decoded = lambda text: base64.b64decode(text).decode()
        self.context = ssl.create_default_context(cadata=decoded(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(decoded(user["client-certificate-data"]) + "\n" + decoded(user["client-key-data"]))
            file.flush()
            self.context.load_cert_chain(file.name)
        self.connection = None

    def request(self, method, path, body=None, kind="application/json"):
        """The answer, or None where there is no such object."""
        self.connection = self.connection or http.client.HTTPSConnection(self.address, context=self.context, timeout=30)
        self.connection.request(method, path, body and json.dumps(body), {"Content-Type": kind})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text)

    def get(self, path):
        return self.request("GET", path)

    def patch(self, path, change):
        return self.request("PATCH", path, change, "application/merge-patch+json")

    def close(self):
        if self.connection:
            self.connection.close()


class Proxy:
    """Leads CONNECT NAME-aggregator.NAMESPACE.svc:PORT to the address of the training NAME."""

    def __init__(self, address_of):
        self.address_of = address_of
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.connect, args=(connection,), daemon=True).start()

    def connect(self, connection):
        head = b""
        with connection:
            while b"\r\n\r\n" not in head:
                part = connection.recv(4096)
                if not part:
                    return
                head += part
            name = re.match(rb"CONNECT ([\w-]+)-aggregator\.\w+\.svc:\d+ ", head)[1].decode()
            try:
                server = socket.create_connection((self.address_of(name), PORT))
            except OSError:
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with server:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=self.pump, args=(server, connection), daemon=True)
                back.start()
                self.pump(connection, server)
                back.join()

    @staticmethod
    def pump(source, sink):
        try:
            while part := source.recv(65536):
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Pod:
    """A program that runs: its process, where its metrics are, what Prometheus calls it."""

    def __init__(self, name, job, process, outcome, log, metrics):
        self.name, self.job, self.process, self.outcome, self.log, self.metrics = name, job, process, outcome, log, metrics
        labels = job["metadata"]["labels"]
        training, site = labels[TRAINING], labels.get(PARTICIPANT)
        # As the PodMonitor of the chart.
        self.labels = {"namespace": "default", "name": training, "pod": name, "endpoint": "metrics",
                       "container": job["spec"]["template"]["spec"]["containers"][0]["name"],
                       "instance": "/".join(filter(None, ["default", training, site])),
                       "job": "genesis-" + labels["app.kubernetes.io/component"]} | ({"participant": site} if site else {})


class Jobs:
    """step() does what is due: starts Jobs, ends suspended ones, reports those that have ended. Namespace default alone.

    rows(claim) gives the file rows.csv of a claim, or None. Jobs whose name is in `held` are not started."""

    PODS = "/api/v1/namespaces/default/pods"
    JOBS = "/apis/batch/v1/namespaces/default/jobs"

    def __init__(self, api, programs, folder, rows):
        self.api, self.programs, self.folder, self.rows = api, programs, folder, rows
        self.pods, self.held, self.addresses, self.numbers = {}, set(), {}, itertools.count(1)
        self.network = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}."
        self.proxy = Proxy(self.address_of)

    def address_of(self, training):
        return self.addresses.setdefault(training, f"{self.network}{len(self.addresses) + 1}")

    def step(self):
        jobs = {job["metadata"]["name"]: job for job in self.api.get(self.JOBS)["items"]}
        before = dict(self.pods)
        for name, pod in before.items():
            if pod.process.poll() is not None:
                self.report(self.pods.pop(name))
            elif name not in jobs or jobs[name]["spec"].get("suspend"):
                self.stop(name)
        for name, job in jobs.items():
            ended = any(one["type"] in ("Complete", "Failed") for one in job.get("status", {}).get("conditions", []))
            if not (ended or job["spec"].get("suspend") or name in before or name in self.held):
                self.start(job)

    def targets(self):
        """What Prometheus is to scrape, as file_sd_configs take it."""
        return [{"targets": [pod.metrics], "labels": pod.labels} for pod in self.pods.values()]

    def end(self):
        for pod in self.pods.values():
            pod.process.kill()
            pod.process.wait(10)
        self.proxy.listener.close()

    def stop(self, name):
        """Ends a program as a kubelet does, and takes its pod away: a suspension, an eviction."""
        pod = self.pods.pop(name)
        pod.process.send_signal(signal.SIGCONT)
        pod.process.terminate()
        try:
            pod.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pod.process.kill()
            pod.process.wait(10)
        self.api.request("DELETE", f"{self.PODS}/{pod.name}?gracePeriodSeconds=0")

    # --- One program ---------------------------------------------------------------------------

    def files_of(self, volume, job):
        """The folder that a pod sees as this volume."""
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        folder = self.folder / "volumes" / (claim or f"{job}-{volume['name']}")
        folder.mkdir(parents=True, exist_ok=True)
        if claim and (text := self.rows(claim)) is not None:
            (folder / "rows.csv").write_text(text)
        if "configMap" in volume:
            for key, text in self.api.get(f"/api/v1/namespaces/default/configmaps/{volume['configMap']['name']}").get("data", {}).items():
                (folder / key).write_text(text)
        for source in volume.get("projected", {}).get("sources", []):
            data = self.api.get(f"/api/v1/namespaces/default/secrets/{source['secret']['name']}")["data"]
            for item in source["secret"]["items"]:
                (folder / item["path"]).unlink(missing_ok=True)
                (folder / item["path"]).write_bytes(base64.b64decode(data[item["key"]]))
                (folder / item["path"]).chmod(0o400)
        return folder

    def start(self, job):
        name, template = job["metadata"]["name"], job["spec"]["template"]
        address = self.address_of(job["metadata"]["labels"][TRAINING])
        container = template["spec"]["containers"][0]
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        places = {mount["mountPath"]: self.files_of(volumes[mount["name"]], name) for mount in container["volumeMounts"]}

        def here(argument):
            for path, folder in places.items():
                if argument == path or argument.startswith(path + "/"):
                    return str(folder) + argument[len(path):]
            return address if argument == "::" else argument
        pod_name, port = f"{name}-{next(self.numbers)}", free_port()
        outcome, log = self.folder / f"{pod_name}.outcome", self.folder / f"{pod_name}.log"
        environment = {one["name"]: one["value"] for one in container["env"] if "value" in one} | {
            "GENESIS_METRICS_HOST": "127.0.0.1", "GENESIS_METRICS_PORT": str(port), "GENESIS_OUTCOME_FILE": str(outcome),
            "HTTPS_PROXY": self.proxy.url}
        # Rounds that follow each other at once leave the API server and Prometheus the processor.
        command = ["nice", "-n", "5", self.programs / container["command"][0],
                   *map(here, [*container["command"][1:], *container["args"]])]
        with open(log, "w") as output:
            process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
        self.pods[name] = Pod(pod_name, job, process, outcome, log, f"127.0.0.1:{port}")
        self.api.request("POST", self.PODS, {
            "apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": {
                "name": pod_name, "namespace": "default", "labels": template["metadata"]["labels"],
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"],
                                     "controller": True}]}})
        self.tell(self.pods[name], "Running", {"running": {"startedAt": now()}}, podIP=address)

    def tell(self, pod, phase, state, **more):
        container = pod.job["spec"]["template"]["spec"]["containers"][0]
        status = {"phase": phase, "containerStatuses": [{
            "name": container["name"], "image": container["image"], "imageID": "", "ready": phase == "Running", "restartCount": 0,
            "state": state}], **more}
        self.api.patch(f"{self.PODS}/{pod.name}/status", {"status": status})

    def report(self, pod):
        """A program has ended: its pod says how, and its Job has succeeded, failed, or starts it again."""
        code, name = pod.process.returncode, pod.job["metadata"]["name"]
        said = pod.outcome.read_text() if pod.outcome.exists() else pod.log.read_text()[-2000:]
        ended = {"exitCode": code if code >= 0 else 128 - code, "reason": "Completed" if code == 0 else "Error", "message": said[:4096],
                 "startedAt": now(), "finishedAt": now()}
        self.tell(pod, "Succeeded" if code == 0 else "Failed", {"terminated": ended})
        failed = self.api.get(f"{self.JOBS}/{name}").get("status", {}).get("failed", 0) + (code not in (0, 4))
        status = {"startTime": now(), "failed": failed}
        condition = lambda kind, reason: {"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": now()}
        if code == 0:
            status |= {"completionTime": now(), "succeeded": 1,
                       "conditions": [condition(kind, "CompletionsReached") for kind in ("SuccessCriteriaMet", "Complete")]}
        elif code in (2, 3) or failed > pod.job["spec"]["backoffLimit"]:
            reason = "PodFailurePolicy" if code in (2, 3) else "BackoffLimitExceeded"
            status["conditions"] = [condition(kind, reason) for kind in ("FailureTarget", "Failed")]
        self.api.patch(f"{self.JOBS}/{name}/status", {"status": status})


def federated_trainings(name=""):
    return f"/apis/federated.genesis.dev/v1alpha1/namespaces/default/federatedtrainings{name and '/' + name}"


def install(api, source):
    """The CRD, as soon as it is served."""
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    crd = yaml.safe_load((source / "crds/federatedtrainings.yaml").read_text())
    api.request("POST", crds, crd)

    def is_served():
        conditions = api.get(f"{crds}/{crd['metadata']['name']}").get("status", {}).get("conditions") or []
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
    wait_until(is_served, "the CRD to be served")


def start_operator(programs, log):
    """Its process, and where its metrics are."""
    environment = {"WATCH_NAMESPACE": "*", "POD_NAMESPACE": "default", "GENESIS_AGGREGATOR_IMAGE": "localhost/a:1",
                   "GENESIS_WORKER_IMAGE": "localhost/w:1"}
    with open(log, "w") as output:
        process = subprocess.Popen([programs / "genesis-operator", "--metrics-host", "127.0.0.1", "--metrics-port", "0"],
                                   env={**os.environ, **environment}, stdout=output, stderr=output)
    found = lambda: re.search(r"serves metrics=http://(\S+)", log.read_text())
    wait_until(found, "the metrics of the operator")
    return process, found()[1]
