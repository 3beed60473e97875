"""The images by hand, without the operator: an aggregator and three workers as Jobs on the real node."""
import json
import os
import pathlib
import re
import tempfile
import unittest
import urllib.request

import yaml

from node import (AGGREGATOR_IMAGE, BOTH_ROLES_IMAGE, OPERATOR_IMAGE, RESTRICTED_CONTAINER, RESTRICTED_POD, WORKER_IMAGE, NodeTest, SOURCE,
                  adult_rows, apply, claim_folder, get, get_all, kill_container, kubectl, node_exec, run_in_image,
                  sha256, wait_until)

SITES = {"site-1": 600, "site-2": 400, "site-4": 300}
TRAINING = {
    "apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": "by-hand"},
    "spec": {"seed": 5, "rounds": {"count": 8, "minClients": 3}, "local": {"epochs": 2, "batchSize": 100},
             "participants": [{"name": site, "data": {"path": f"{site}.csv"}} for site in SITES]}}


def pod(name, image, arguments, volumes, namespace, restart="OnFailure"):
    """A Job whose one pod runs `image`; volumes maps a mount path to (volume source, is read-only)."""
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace},
            "spec": {"backoffLimit": 6, "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"restartPolicy": restart, "automountServiceAccountToken": False,
                         "terminationGracePeriodSeconds": 5, "securityContext": RESTRICTED_POD,
                         "containers": [{"name": "main", "image": image, "imagePullPolicy": "Never", "args": arguments,
                                         "securityContext": RESTRICTED_CONTAINER,
                                         "volumeMounts": [{"name": f"v{i}", "mountPath": path, "readOnly": is_read_only}
                                                          for i, (path, (_, is_read_only)) in enumerate(volumes.items())]}],
                         "volumes": [{"name": f"v{i}", **source}
                                     for i, (source, _) in enumerate(volumes.values())]}}}}


class ImagesTest(NodeTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="genesis-images-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.dir.chmod(0o777)      # the images run as a user of their own

    def in_worker(self, *command):
        return run_in_image(WORKER_IMAGE, self.dir, *command)

    def make_inputs(self):
        for command in (["ca"], ["server", "aggregator"], *(["client", site] for site in SITES)):
            self.in_worker("/usr/bin/genesis", "certs", command[0], "--dir", "pki", *command[1:])
        pki = {path.name: path.read_text() for path in (self.dir / "pki").iterdir()}
        self.metadata = {"namespace": self.namespace}
        secrets = [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **self.metadata},
                    "stringData": {"ca.crt": pki["ca.crt"], "tls.crt": pki[f"{certificate}.crt"], "tls.key": pki[f"{certificate}.key"]}}
                   for name, certificate in [("aggregator", "server"), *((site, site) for site in SITES)]]
        tables = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": site, **self.metadata},
                   "data": {f"{site}.csv": adult_rows(site, rows)}} for site, rows in SITES.items()]
        apply(*secrets, *tables,
              {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "training", **self.metadata},
               "data": {"training.yaml": json.dumps(TRAINING)}},
              {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "aggregator", **self.metadata},
               "spec": {"selector": {"app": "aggregator"}, "ports": [{"port": 8000}]}},
              {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "model", **self.metadata},
               "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}}})

    def start(self):
        tls = ["--ssl-cert", "/tls/tls.crt", "--ssl-key", "/tls/tls.key"]
        aggregator = pod("aggregator", AGGREGATOR_IMAGE,
                         ["-f", "/training/training.yaml", "--output", "/model", "--ssl-client-ca", "/tls/ca.crt", *tls],
                         {"/training": ({"configMap": {"name": "training"}}, True),
                          "/tls": ({"secret": {"secretName": "aggregator", "defaultMode": 0o440}}, True),
                          "/model": ({"persistentVolumeClaim": {"claimName": "model"}}, False)}, self.namespace)
        workers = [pod(site, WORKER_IMAGE,
                       ["--server", "https://aggregator:8000", "--data", f"/data/{site}.csv", "--client-id", site,
                        "--state", "/state/run", "--ssl-verify", "/tls/ca.crt", *tls],
                       {"/data": ({"configMap": {"name": site}}, True),
                        "/tls": ({"secret": {"secretName": site, "defaultMode": 0o440}}, True),
                        "/state": ({"emptyDir": {}}, False)}, self.namespace) for site in SITES]
        apply(aggregator, *workers)

    def pod_of(self, app):
        pods = [p for p in get_all("pods", self.namespace, f"app={app}") if "deletionTimestamp" not in p["metadata"]]
        return pods[0]["metadata"]["name"] if pods else None

    def round_reached(self, number):
        name = self.pod_of("aggregator")
        return name and f"round={number} closed" in kubectl("logs", name, "-n", self.namespace, check=False).stdout

    def simulated(self):
        (self.dir / "training.yaml").write_text(json.dumps(TRAINING))
        for site, rows in SITES.items():
            (self.dir / f"{site}.csv").write_text(adult_rows(site, rows))
        self.in_worker("/usr/bin/genesis", "run", "--simulate", "-f", "training.yaml", "--output-dir", "simulated")
        return sha256(self.dir / "simulated/model.safetensors")

    def finish(self):
        wait_until(lambda: (get("job", "aggregator", self.namespace) or {}).get("status", {}).get("succeeded"),
                   "the aggregator's Job to complete", seconds=300)
        return sha256(claim_folder(self.namespace, "model") / "model.safetensors")

    def test_jobs_on_the_node_and_the_simulation_in_the_image_give_the_same_bytes(self):
        self.make_inputs()
        self.start()
        self.assertEqual(self.finish(), self.simulated())

    def test_a_container_killed_in_a_round_comes_back_and_the_bytes_are_the_same(self):
        self.make_inputs()
        self.start()
        for app, number in (("site-2", 2), ("aggregator", 4)):
            wait_until(lambda: self.round_reached(number), f"round {number}")
            kill_container(self.namespace, self.pod_of(app))
        self.assertEqual(self.finish(), self.simulated())

    def test_the_images_are_small_and_hold_no_shell_and_only_those_that_train_have_torch(self):
        for image, name, largest in ((WORKER_IMAGE, "worker", 500), (AGGREGATOR_IMAGE, "aggregator", 60),
                                     (OPERATOR_IMAGE, "operator", 60), (BOTH_ROLES_IMAGE, "genesis", 500)):
            mount = self.dir / name
            mount.mkdir()
            node_exec("ctr", "-n", "k8s.io", "images", "mount", image, mount)
            listing = node_exec("find", mount, "-type", "f").stdout
            size = int(node_exec("du", "-sm", mount).stdout.split()[0])
            node_exec("ctr", "-n", "k8s.io", "images", "unmount", mount)
            for absent in ("/bash", "/sh\n", "/dash", "/apt", "/dpkg\n", "/perl"):
                self.assertNotIn(absent, listing, image)
            self.assertLess(size, largest, image)
            self.assertEqual("libtorch" in listing, name in ("worker", "genesis"), image)
            self.assertIn("/usr/share/doc/libssl3t64/copyright", listing, image)


class PlainDeployment(NodeTest):
    """A server without the operator, as the documentation's manifest has it: the page of GENESIS_DOCUMENTATION_PAGE, else ours."""

    PODS = "baseline"
    PAGE = pathlib.Path(os.environ.get("GENESIS_DOCUMENTATION_PAGE") or SOURCE / "docs/kubernetes.md")

    def deployments(self):
        blocks = re.findall(r"^```yaml\n(.*?)^```", self.PAGE.read_text(), re.M | re.S)
        found = [manifest for block in blocks if "kind: Deployment" in block for manifest in yaml.safe_load_all(block)
                 if manifest and manifest["kind"] == "Deployment"]
        self.assertTrue(found, f"{self.PAGE} has no Deployment")
        for manifest in found:
            # What Kubernetes demands of every Deployment, and that a name ending in :latest is not pulled.
            spec, name = manifest["spec"], manifest["metadata"]["name"]
            manifest["metadata"]["namespace"] = self.namespace
            spec.setdefault("selector", {"matchLabels": {"app": name}})
            spec["template"].setdefault("metadata", {}).setdefault("labels", spec["selector"]["matchLabels"])
            for container in spec["template"]["spec"]["containers"]:
                container["imagePullPolicy"] = "IfNotPresent"
        return found

    def answers(self, deployment):
        labels = ",".join(f"{k}={v}" for k, v in deployment["spec"]["template"]["metadata"]["labels"].items())
        for pod in get_all("pods", self.namespace, labels):
            port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
            address = pod.get("status", {}).get("podIP")
            try:
                with urllib.request.urlopen(f"http://{address}:{port}/v1/status", timeout=5) as answer:
                    return json.load(answer)
            except OSError:
                pass
        return None

    def test_the_server_of_the_documentation_s_manifest_answers(self):
        for deployment in self.deployments():
            apply(deployment)
            status = wait_until(lambda: self.answers(deployment), f"{deployment['metadata']['name']} to answer")
            wanted = {e["name"]: e["value"] for e in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
            self.assertEqual(str(status["round"]["total"]), wanted["GENESIS_ROUNDS"], status)


if __name__ == "__main__":
    unittest.main(verbosity=2)
