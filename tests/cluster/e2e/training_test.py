"""Trainings through the operator on the real node: what a user applies, what a platform engineer breaks.

Every training that finishes must have the bytes of `genesis run --simulate` of the same spec from the same image,
whatever was killed on the way.
"""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import yaml

from node import (SOURCE, WORKER_IMAGE, NodeTest, adult_rows, apply, claim_folder, component, get, get_all, in_image,
                  kill_container, kubectl, node_exec, run, run_in_image, sha256, wait_until)
from policies import Place, may_connect, place_of

OPERATOR_NAMESPACE = "genesis-system"
SITES = {"site-1": 600, "site-2": 400, "site-4": 300}
NAME = "hospitals"
LABEL = f"federated.genesis.dev/training={NAME}"
FINISHED = 240      # seconds for a small training on a slow machine


def training(sites=SITES, **fields):
    """A small FederatedTraining; `fields` replace fields of its spec."""
    spec = {"seed": 5, "rounds": {"count": 12, "minClients": len(sites)}, "local": {"epochs": 2, "batchSize": 100},
            "output": {"rows": 200},
            "participants": [{"name": site, "data": {"path": f"/data/{site}.csv", "volume": {"configMap": {"name": site}}}}
                             for site in sites]}
    return {"apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": NAME},
            "spec": spec | fields}


def long_training(count=100, **fields):
    """One that is still at work when something is broken after its first rounds."""
    return training(rounds={"count": count, "minClients": len(SITES)}, **fields)


def tables_of(sites=SITES):
    return {site: adult_rows(site, rows) for site, rows in sites.items()}


@functools.lru_cache(maxsize=None)
def simulated(inputs):
    """SHA-256 of the model that one process in the worker's image makes of a spec and its sites' tables (as JSON)."""
    document, tables = json.loads(inputs)
    with tempfile.TemporaryDirectory(prefix="genesis-simulated-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        for site, text in tables.items():
            (folder / f"{site}.csv").write_text(text)
        for participant in document["spec"]["participants"]:
            participant["data"] = {"path": f"{participant['name']}.csv"}
            for key in ("storage", "external", "nodeSelector"):
                participant.pop(key, None)
        (folder / "training.yaml").write_text(json.dumps(document))
        run_in_image(WORKER_IMAGE, folder, "/usr/bin/genesis", "run", "--simulate", "-f", "training.yaml",
                     "--output-dir", "out")
        return sha256(folder / "out/model.safetensors")


class TrainingTest(NodeTest):
    def start(self, document=None, tables=None):
        self.document = document or training()
        self.document["metadata"]["namespace"] = self.namespace
        self.tables = tables = tables or tables_of()
        apply(*({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": site, "namespace": self.namespace},
                 "data": {f"{site}.csv": text}} for site, text in tables.items()), self.document)

    def status(self):
        return (get("federatedtraining", NAME, self.namespace) or {}).get("status", {})

    def condition(self, kind):
        return next((c for c in self.status().get("conditions", []) if c["type"] == kind), {"status": "Unknown"})

    def wait_condition(self, kind, seconds=FINISHED):
        wait_until(lambda: self.condition(kind)["status"] == "True", lambda: f"{kind}: {self.status()}", seconds)
        return self.condition(kind)

    def wait_round(self, number):
        """Waits until the aggregator has closed that round; there must be rounds to go, or nothing would be broken. Its log
        tells at once, the status only every 5 s."""
        def has_closed():
            said = self.logs(pod) if (pod := self.pod("aggregator")) else ""
            return any(int(closed) >= number for closed in re.findall(r"round=(\d+) closed", said))

        wait_until(has_closed, lambda: f"round {number}: {self.status()}", FINISHED)
        self.assertNotEqual(self.condition("Complete")["status"], "True", self.status())

    def pod(self, component_name, participant=None):
        """Name of the living pod of a part of the training."""
        selector = f"{LABEL},app.kubernetes.io/component={component_name}"
        if participant:
            selector += f",federated.genesis.dev/participant={participant}"
        living = [pod for pod in get_all("pods", self.namespace, selector) if "deletionTimestamp" not in pod["metadata"]]
        # A pod that has ended stays beside the one that takes its place.
        newest = max(living, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["status"]["phase"] == "Running"),
                     default=None)
        return newest["metadata"]["name"] if newest else None

    def delete_pod(self, *which):
        kubectl("delete", "pod", self.pod(*which), "-n", self.namespace, "--grace-period=0", "--force")

    def signal_process(self, pod, signal):
        """Sends the container's process a signal, such as STOP."""
        status = get("pod", pod, self.namespace)["status"]["containerStatuses"][0]
        container = status["containerID"].removeprefix("containerd://")
        tasks = node_exec("ctr", "-n", "k8s.io", "tasks", "ls").stdout.splitlines()
        process = next(line.split()[1] for line in tasks if line.startswith(container))
        node_exec("kill", f"-{signal}", process)

    def logs(self, name, *more):
        return kubectl("logs", name, "-n", self.namespace, *more, check=False).stdout

    def assert_same_bytes(self):
        """Waits for the end; model, status and simulation must agree, and the synthetic rows be there."""
        wait_until(lambda: self.condition("Complete")["status"] == "True" or self.condition("Failed")["status"] == "True",
                   lambda: f"the end: {self.status()}", FINISHED)
        self.assertEqual(self.condition("Complete")["status"], "True", self.status())
        folder = claim_folder(self.namespace, f"{NAME}-model")
        digest = sha256(folder / "model.safetensors")
        self.assertEqual(digest, simulated(json.dumps([self.document, self.tables])))
        self.assertEqual(self.status()["model"]["sha256"], digest)
        rows = (folder / "synthetic.csv").read_text().splitlines()
        self.assertEqual(len(rows), self.document["spec"]["output"]["rows"] + 1)

    def assert_one_child_each(self):
        names = [job["metadata"]["name"] for job in get_all("jobs", self.namespace)]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(len(names), len(self.document["spec"]["participants"]) + 2)


class EndsWell(TrainingTest):
    def test_the_sample_is_applied_and_trains_to_the_simulations_bytes(self):
        sample = SOURCE / "manifests/samples/hospitals.yaml"
        *maps, self.document = yaml.safe_load_all(sample.read_text())
        self.tables = {one["metadata"]["name"].removesuffix("-patients"): one["data"]["patients.csv"] for one in maps}
        kubectl("apply", "-f", sample, "-n", self.namespace)
        self.assert_same_bytes()
        self.assert_is_fetched()

    def assert_is_fetched(self):
        """`genesis fetch`, as a user of the cluster runs it: all files as they are on the claim, and no pod left."""
        claim = claim_folder(self.namespace, f"{NAME}-model")
        with tempfile.TemporaryDirectory(prefix="genesis-fetch-") as name:
            folder = pathlib.Path(name)
            self.genesis(folder, "fetch", NAME, "-n", self.namespace, "--kubeconfig", "config", "-o", "out")
            fetched = sorted(path.name for path in (folder / "out").iterdir())
            self.assertEqual(fetched, ["model-card.json", "model-card.md", "model.safetensors", "synthetic.csv"])
            for file in fetched:
                self.assertEqual(sha256(folder / "out" / file), sha256(claim / file), file)
        wait_until(lambda: not get_all("pods", self.namespace, "app.kubernetes.io/managed-by=genesis-fetch"), "the pod to go")

    def test_a_training_runs_to_the_simulations_bytes_and_tells_its_story(self):
        self.start()
        self.wait_condition("Training")
        followed = self.federated_status("--watch")
        self.assertIn("RowsReady", followed.stdout)
        self.assertRegex(followed.stderr, rf"{NAME}: Running, round \d+ of 12, 3 sites")
        self.assert_same_bytes()
        self.assertEqual({site["name"]: (site["rows"], site["lastRound"]) for site in self.status()["participants"]},
                         {site: (rows, 12) for site, rows in SITES.items()})
        table = kubectl("get", "ft", "-n", self.namespace).stdout
        for column in ("PHASE", "ROUND", "CLIENTS", "REASON", "AGE"):
            self.assertIn(column, table)
        reasons = {event["reason"] for event in get_all("events", self.namespace)
                   if event["involvedObject"]["kind"] == "FederatedTraining"}
        self.assertGreaterEqual(len(reasons), 3, reasons)

    def federated_status(self, *more):
        """`genesis federated status`, as a user of the cluster runs it."""
        with tempfile.TemporaryDirectory(prefix="genesis-status-") as name:
            return self.genesis(pathlib.Path(name), "federated", "status", NAME, "-n", self.namespace, "--kubeconfig",
                                "config", *more)

    def genesis(self, folder, *words):
        """A command of the worker's image in `folder`, with the cluster's kubeconfig in the file `config`."""
        shutil.copy(os.environ["KUBECONFIG"], folder / "config")
        folder.chmod(0o777)      # the image's user reads and writes it
        (folder / "config").chmod(0o644)
        return run_in_image(WORKER_IMAGE, folder, "/usr/bin/genesis", *words, more=["--net-host"])

    def test_a_quota_with_defaults_from_a_limit_range_lets_the_training_through(self):
        metadata = {"name": "bounds", "namespace": self.namespace}
        apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata,
               "spec": {"hard": {"limits.cpu": "8", "limits.memory": "8Gi", "pods": "8"}}},
              {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata,
               "spec": {"limits": [{"type": "Container", "default": {"cpu": "1", "memory": "1Gi"},
                                    "defaultRequest": {"cpu": "10m", "memory": "16Mi"}}]}})
        self.start()
        self.assert_same_bytes()

    def test_suspend_ends_the_pods_and_resume_loses_no_round(self):
        document = long_training()
        for participant in document["spec"]["participants"]:
            participant["storage"] = {"size": "50Mi"}
        self.start(document)
        self.wait_round(3)
        self.suspend(True)
        self.wait_condition("Suspended")
        wait_until(lambda: not self.pod("aggregator") and not self.pod("worker"), "the pods to go")
        self.suspend(False)
        wait_until(lambda: self.condition("Suspended")["status"] == "False", "the training to resume")
        self.assert_same_bytes()

    def suspend(self, value):
        kubectl("patch", "ft", NAME, "-n", self.namespace, "--type=merge", "-p", json.dumps({"spec": {"suspend": value}}))

    def test_an_external_site_joins_with_its_bundle_from_outside(self):
        document = training(aggregator={"service": {"type": "NodePort"}})
        document["spec"]["participants"][2] = {"name": "site-4", "external": True}
        self.start(document)
        wait_until(lambda: get("secret", f"{NAME}-join-site-4", self.namespace), "the join bundle")
        bundle = kubectl("get", "secret", f"{NAME}-join-site-4", "-n", self.namespace, "-o",
                         "jsonpath={.data.bundle\\.yaml}").stdout
        with tempfile.TemporaryDirectory(prefix="genesis-external-") as name:
            folder = pathlib.Path(name)
            folder.chmod(0o777)
            (folder / "bundle.yaml").write_text(run("base64", "-d", text_in=bundle).stdout)
            (folder / "site-4.csv").write_text(adult_rows("site-4", SITES["site-4"]))
            # On the node but in no pod: as far outside as this cluster has.
            joined = subprocess.Popen(
                in_image(WORKER_IMAGE, folder, "/usr/bin/genesis", "federated", "client", "--join", "bundle.yaml",
                         "--data", "site-4.csv", more=["--net-host"]),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                self.assert_same_bytes()
                said, _ = joined.communicate(timeout=60)
            except BaseException:
                joined.terminate()
                print(joined.communicate(timeout=20)[0])
                raise
            self.assertEqual(joined.returncode, 0, said)


class Breaks(TrainingTest):
    def test_a_workers_container_killed_in_a_round(self):
        self.start(long_training())
        self.wait_round(3)
        kill_container(self.namespace, self.pod("worker", "site-2"))
        self.assert_same_bytes()

    def test_a_workers_pod_deleted_with_storage_goes_on_from_it(self):
        document = long_training()
        document["spec"]["participants"][1]["storage"] = {"size": "50Mi"}
        self.start(document)
        self.wait_round(3)
        self.delete_pod("worker", "site-2")
        self.assert_same_bytes()

    def test_a_workers_pod_deleted_without_storage_goes_on_and_says_what_was_lost(self):
        default = "storageclass.kubernetes.io/is-default-class"
        self.addCleanup(kubectl, "annotate", "--overwrite", "storageclass", "standard", f"{default}=true")
        kubectl("annotate", "--overwrite", "storageclass", "standard", f"{default}=false")
        self.start(long_training(aggregator={"storage": {"size": "100Mi", "storageClassName": "standard"}}))
        self.wait_round(3)
        self.delete_pod("worker", "site-2")
        said = wait_until(lambda: (name := self.pod("worker", "site-2")) and (text := self.logs(name))
                          and "optimizer" in text and text, "the new worker to say that its optimizer starts anew")
        self.assertIn("site-2", said)
        self.assertEqual(self.wait_condition("Complete")["status"], "True")

    def test_the_aggregators_pod_deleted_in_a_round(self):
        self.start(long_training())
        self.wait_round(3)
        self.delete_pod("aggregator")
        self.assert_same_bytes()

    def test_the_operators_leader_killed_while_training(self):
        self.start(long_training())
        self.wait_round(2)
        leader = kubectl("get", "lease", "-n", OPERATOR_NAMESPACE, "-o", "jsonpath={.items[0].spec.holderIdentity}").stdout
        pods = [pod["metadata"]["name"] for pod in get_all("pods", OPERATOR_NAMESPACE)]
        victim = next((name for name in pods if leader.startswith(name)), pods[0])
        kill_container(OPERATOR_NAMESPACE, victim)
        killed = time.monotonic()
        wait_until(lambda: (holder := kubectl("get", "lease", "-n", OPERATOR_NAMESPACE, "-o",
                                              "jsonpath={.items[0].spec.holderIdentity}", check=False).stdout)
                   and holder != leader, "another replica to lead", seconds=10)
        print(f"takeover after {time.monotonic() - killed:.1f} s")
        self.assert_same_bytes()
        self.assert_one_child_each()

    def test_the_api_server_down_for_a_minute(self):
        self.start(long_training())
        self.wait_round(2)
        component("stop", "kube-apiserver")
        self.addCleanup(component, "start", "kube-apiserver")
        time.sleep(60)      # the fault itself, not a wait for anything
        component("start", "kube-apiserver")
        wait_until(lambda: kubectl("get", "--raw", "/readyz", check=False).returncode == 0, "the API server")
        self.assert_same_bytes()
        self.assert_one_child_each()


class EndsBadly(TrainingTest):
    def test_a_participant_that_never_starts_is_named_and_the_deadline_ends_the_wait(self):
        document = training(rounds={"count": 12, "minClients": 3, "startDeadlineSeconds": 30})
        document["spec"]["participants"][1]["nodeSelector"] = {"there": "is-no-such-node"}
        self.start(document)
        degraded = self.wait_condition("Degraded", seconds=60)
        self.assertIn("site-2", degraded["message"])
        failed = self.wait_condition("Failed", seconds=90)
        self.assertIn(failed["reason"], ("StartDeadlineExceeded", "TrainingFailed"))

    def test_a_bad_table_is_told_with_the_line_that_is_wrong(self):
        tables = tables_of()
        tables["site-2"] += "1,2,3\n"
        self.start(training(backoffLimit=1), tables)
        # Once told, the pod may be gone: nothing is left to train for.
        wait_until(lambda: self.has_ended("site-2") or self.told_of("site-2"), "the worker to end")
        ended = time.monotonic()
        told = wait_until(lambda: self.told_of("site-2"), lambda: f"the failure: {self.status()}", 5)
        print(f"bad table told {time.monotonic() - ended:.1f} s after the worker's end: {told}")
        self.assertIn("402", told)      # the line: a header, 400 rows, then this one

    def told_of(self, site):
        return next((c["message"] for c in self.status().get("conditions", []) if c["type"] in ("Degraded", "Failed")
                     and c["status"] == "True" and site in c["message"]), None)

    def has_ended(self, site):
        pod = self.pod("worker", site)
        statuses = (get("pod", pod, self.namespace) or {}).get("status", {}).get("containerStatuses", []) if pod else []
        return any("terminated" in one.get(when, {}) for one in statuses for when in ("state", "lastState"))


class Deletion(TrainingTest):
    def delete(self):
        began = time.monotonic()
        kubectl("delete", "ft", NAME, "-n", self.namespace, "--timeout=60s", timeout=90)
        selector = f"{LABEL},app.kubernetes.io/component!=model"      # that claim outlives its training
        wait_until(lambda: not get_all("jobs,pods,services,secrets,networkpolicies,pvc", self.namespace, selector),
                   lambda: str([(o["kind"], o["metadata"]["name"]) for o in
                                get_all("jobs,pods,services,secrets,networkpolicies,pvc", self.namespace, selector)]), 30)
        self.assertEqual([claim["metadata"]["name"] for claim in get_all("pvc", self.namespace)], [f"{NAME}-model"])
        return time.monotonic() - began

    def test_deletion_leaves_nothing_after_30_seconds(self):
        self.start(long_training())
        self.wait_round(2)
        self.assertLess(self.delete(), 30)

    def test_deletion_works_with_the_operator_down(self):
        self.start(long_training())
        self.wait_round(2)
        deployment = get_all("deployments", OPERATOR_NAMESPACE)[0]["metadata"]["name"]
        replicas = kubectl("get", "deployment", deployment, "-n", OPERATOR_NAMESPACE, "-o", "jsonpath={.spec.replicas}").stdout

        def scale(count):
            kubectl("scale", "deployment", deployment, "-n", OPERATOR_NAMESPACE, f"--replicas={count}")
            kubectl("rollout", "status", "deployment", deployment, "-n", OPERATOR_NAMESPACE, "--timeout=60s")

        self.addCleanup(scale, replicas)
        scale(0)
        wait_until(lambda: not get_all("pods", OPERATOR_NAMESPACE), "the operator's pods to go", 60)
        self.assertLess(self.delete(), 30)


class Policies(TrainingTest):
    """The policies that the operator made, judged by labels and ports; this node does not enforce them."""

    def test_every_pair_that_may_talk_and_every_pair_that_may_not(self):
        self.start(long_training())
        self.wait_round(1)
        namespaces = {n["metadata"]["name"]: n["metadata"].get("labels", {}) for n in
                      json.loads(kubectl("get", "namespaces", "-o", "json").stdout)["items"]}
        policies = get_all("networkpolicies", self.namespace)
        place = {name: place_of(get("pod", self.pod(*which), self.namespace), namespaces)
                 for name, which in {"aggregator": ("aggregator",), "worker": ("worker", "site-1"),
                                     "other worker": ("worker", "site-2")}.items()}
        place["operator"] = place_of(get_all("pods", OPERATOR_NAMESPACE)[0], namespaces)
        place["bystander"] = Place(labels={"app": "x"}, namespace=self.namespace, address="10.244.0.250",
                                   namespace_labels=namespaces[self.namespace])
        place["scraper"] = Place(labels={"app": "prometheus"}, namespace="default", namespace_labels=namespaces["default"])
        place["dns"] = Place(labels={"k8s-app": "kube-dns"}, namespace="kube-system",
                             namespace_labels=namespaces["kube-system"], address="10.244.0.251")
        place["api server"] = Place(address="10.240.0.2")
        place["internet"] = Place(address="192.0.2.1")
        expected = {("worker", "aggregator", 8443, "TCP"), ("other worker", "aggregator", 8443, "TCP"),
                    ("operator", "aggregator", 8443, "TCP"), ("worker", "dns", 53, "UDP"), ("worker", "dns", 53, "TCP"),
                    ("other worker", "dns", 53, "UDP"), ("other worker", "dns", 53, "TCP")}
        # Anyone in the cluster may scrape metrics; that port carries nothing else.
        expected |= {(source, target, 9090, "TCP") for target in ("aggregator", "worker", "other worker")
                     for source in ("operator", "bystander", "scraper", "dns")}
        parts = ("aggregator", "worker", "other worker")
        allowed = {(a, b, port, protocol) for a in place for b in place for port, protocol in
                   ((8443, "TCP"), (9090, "TCP"), (53, "UDP"), (53, "TCP"), (443, "TCP"), (6443, "TCP"))
                   if a != b and (a in parts or b in parts)
                   and may_connect(policies, place[a], place[b], port, protocol)}
        self.assertEqual(allowed, expected)


if __name__ == "__main__":
    unittest.main(verbosity=2)
