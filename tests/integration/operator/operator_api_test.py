#!/usr/bin/env python3
"""CRD, manifests and operator against a real API server: api-exec operator_api_test.py BIN SOURCE [unittest args].

There is no kubelet and no controller: what Jobs and pods would do is written into their status here.
"""

import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import yaml

from invalid_specs import INVALID

BIN, SOURCE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
FT = "federatedtrainings.federated.genesis.dev"
TRAININGS_ROLE = "genesis-system-genesis-trainings"  # in each namespace with trainings
DEADLINE = 60


def kubectl(*arguments, text=None, check=True):
    done = subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
    return done


def get(*arguments):
    done = kubectl("get", *arguments, "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def until(condition, what, deadline=DEADLINE):
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(0.1)


def training(name, spec, namespace="default"):
    return (f"apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\n"
            f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n")


def sites(count, more=""):
    return ("{rounds: {minClients: 1}, %s participants: [%s]}" %
            (more, ", ".join("{name: s%d, data: {path: /d/r.csv, volume: {persistentVolumeClaim: {claimName: r}}}}" % i
                             for i in range(count))))


def condition(name, kind, namespace="default"):
    found = get(FT, name, "-n", namespace)
    for one in (found or {}).get("status", {}).get("conditions", []):
        if one["type"] == kind:
            return one
    return {}


def patch_status(resource, name, status, namespace="default"):
    kubectl("patch", resource, name, "-n", namespace, "--subresource=status", "--type=merge", "-p",
            json.dumps({"status": status}))


def end_job(name, kind, message="", namespace="default"):
    """Job controller's part: the conditions that a finished Job has."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    before = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind]
    status = {"startTime": now, "conditions": [
        {"type": one, "status": "True", "reason": "BackoffLimitExceeded" if kind == "Failed" else "CompletionsReached",
         "message": message, "lastTransitionTime": now} for one in (before, kind)]}
    if kind == "Complete":
        status |= {"completionTime": now, "succeeded": 1}
    patch_status("job", name, status, namespace)


class Operator:
    """A genesis-operator process; its log and metrics."""

    def __init__(self, kubeconfig=None, *arguments):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        environment = {"WATCH_NAMESPACE": "*", **os.environ, "POD_NAMESPACE": "genesis-system",
                       "GENESIS_AGGREGATOR_IMAGE": "localhost/a:1", "GENESIS_WORKER_IMAGE": "localhost/w:1"}
        if kubeconfig:
            environment["KUBECONFIG"] = kubeconfig
        self.started = time.monotonic()
        self.process = subprocess.Popen([BIN / "genesis-operator", "--metrics-host", "127.0.0.1", "--metrics-port", "0",
                                         *arguments], env=environment, stderr=self.log, stdout=self.log)

    def text(self):
        return pathlib.Path(self.log.name).read_text()

    def wait_for(self, words, deadline=DEADLINE):
        def seen():
            if self.process.poll() is not None:
                raise AssertionError(f"the operator ended:\n{self.text()}")
            return words in self.text()
        until(seen, words, deadline)
        return time.monotonic() - self.started

    def metrics(self):
        self.wait_for("serves metrics=")
        url = self.text().split("serves metrics=")[1].split()[0]
        return urllib.request.urlopen(url + "/metrics", timeout=5).read().decode()

    def memory_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        self.log.close()


def audit():
    path = pathlib.Path(os.environ["GENESIS_CLUSTER_STATE"]) / "audit.log"
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            pass  # the line that is being written


def undo_drift(test, name):
    """Changes and deletes what the operator made; it puts all back and says so."""
    policy = get("networkpolicy", f"{name}-workers")["spec"]
    kubectl("patch", "networkpolicy", f"{name}-workers", "--type=merge", "-p", '{"spec": {"egress": [{}]}}')
    until(lambda: get("networkpolicy", f"{name}-workers")["spec"] == policy, "the policy as it was")
    selector = get("service", f"{name}-aggregator")["spec"]["selector"]
    kubectl("patch", "service", f"{name}-aggregator", "--type=merge", "-p", '{"spec": {"selector": {"mine": "yes"}}}')
    until(lambda: get("service", f"{name}-aggregator")["spec"]["selector"] == selector, "the selector as it was")
    kubectl("delete", "networkpolicy", f"{name}-aggregator")
    until(lambda: get("networkpolicy", f"{name}-aggregator"), "the policy again")
    denied = get("configmap", f"{name}-deny")["data"]
    kubectl("patch", "configmap", f"{name}-deny", "--type=merge", "-p", '{"data": {"deny.txt": "nobody\\n"}}')
    until(lambda: get("configmap", f"{name}-deny")["data"] == denied, "the deny list as it was")
    def told():
        events = get("events", "--field-selector", f"involvedObject.name={name},reason=ChildRestored")["items"]
        return {one["message"] for one in events}
    until(lambda: len(told()) == 4, "an Event for each")
    test.assertEqual(told(), {f"NetworkPolicy {name}-workers was changed by somebody else; it is as it was",
                              f"Service {name}-aggregator was changed by somebody else; it is as it was",
                              f"NetworkPolicy {name}-aggregator was deleted; it is created again",
                              f"ConfigMap {name}-deny was changed by somebody else; it is as it was"})


def setUpModule():
    kubectl("apply", "-f", str(SOURCE / "manifests/namespace.yaml"))
    kubectl("apply", "-f", str(SOURCE / "manifests/crd.yaml"))
    def established():
        conditions = get("crd", FT).get("status", {}).get("conditions") or []
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
    until(established, "the CRD is served")


class Schema(unittest.TestCase):
    def test_manifests_install_and_leave_trainings_when_they_are_deleted(self):
        kubectl("apply", "-k", str(SOURCE / "manifests"))
        # A dry run: no namespace goes where no controller empties it.
        goes = kubectl("delete", "-k", str(SOURCE / "manifests"), "--dry-run=server", "-o", "name").stdout.split()
        self.assertIn(f"role.rbac.authorization.k8s.io/{TRAININGS_ROLE}", goes)
        self.assertEqual([one for one in goes if "customresourcedefinition" in one or "federatedtraining" in one], [])

    def test_every_field_is_explained(self):
        text = kubectl("explain", "ft.spec", "--recursive").stdout
        for field in ("suspend", "participants", "aggregator", "authTokenSecretRef", "runtimeClassName"):
            self.assertIn(field, text)

    def test_the_samples_are_valid(self):
        for sample in sorted((SOURCE / "manifests/samples").glob("*.yaml")):
            with self.subTest(sample.name):
                kubectl("create", "--dry-run=server", "-f", str(sample))

    def test_invalid_specs_are_refused_with_path_and_reason(self):
        self.assertGreaterEqual(len(INVALID), 40)
        for what, spec, path, message in INVALID:
            with self.subTest(what):
                text = training("x", spec)
                server = kubectl("create", "--dry-run=server", "-f", "-", text=text, check=False)
                self.assertNotEqual(server.returncode, 0, "the API server takes it")
                with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                    file.write(text)
                    file.flush()
                    local = subprocess.run([BIN / "genesis", "validate", "-f", file.name], capture_output=True,
                                           text=True, timeout=30) if (BIN / "genesis").exists() else None
                self.assertIn(path, server.stderr)
                if message:
                    self.assertIn(message, server.stderr)
                if local:
                    self.assertNotEqual(local.returncode, 0)
                    self.assertIn(path, local.stderr)
                    if message:
                        self.assertIn(message, local.stderr)

    def test_a_started_spec_cannot_change_but_for_its_life_cycle(self):
        kubectl("apply", "-f", "-", text=training("fixed", sites(2, "aggregator: {affinity: {nodeAffinity: {}}},")))
        change = lambda spec: kubectl("patch", FT, "fixed", "--type=merge", "-p", json.dumps({"spec": spec}),
                                      check=False)
        self.assertEqual(change({"rounds": {"count": 4}}).returncode, 0)  # not started yet
        patch_status(FT, "fixed", {"startTime": "2026-01-01T00:00:00Z"})
        for spec, path in (({"rounds": {"count": 5}}, "spec.rounds"), ({"seed": 9}, "spec.seed"),
                           ({"participants": []}, "spec.participants"), ({"backoffLimit": 1}, "spec.backoffLimit"),
                           ({"aggregator": {"affinity": {"nodeAffinity": {"x": 1}}}}, "spec.aggregator"),
                           ({"output": {"rows": 1}}, "spec.output"), ({"model": {"pac": 5}}, "spec.model"),
                           ({"security": {"tls": {"secretName": "ca"}}}, "spec.security.tls"),
                           ({"security": {"deny": ["s0"], "authTokenSecretRef": {"name": "t", "key": "k"}}},
                            "spec.security.authTokenSecretRef")):
            with self.subTest(path):
                refused = change(spec)
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn(path, refused.stderr)
                self.assertIn("cannot change once the training has started", refused.stderr)
        for spec in ({"suspend": True}, {"retry": 1}, {"activeDeadlineSeconds": 60}, {"ttlSecondsAfterFinished": 1},
                     {"security": {"deny": ["s0", "sha256:" + "AB:" * 31 + "AB"]}}, {"security": {"deny": []}}):
            self.assertEqual(change(spec).returncode, 0)
        # What pods are like may change while it is suspended, but neither what they mount nor what they read.
        site = lambda number, **fields: {"name": f"s{number}", "external": False, "data": {
            "path": "/d/r.csv", "volume": {"persistentVolumeClaim": {"claimName": "r"}}}} | fields
        kubectl("patch", FT, "fixed", "--type=merge", "-p", '{"spec": {"suspend": true}}')
        for spec in ({"aggregator": {"image": "localhost/a:2", "affinity": None}}, {"output": {"nodeSelector": {"zone": "b"}}},
                     {"participants": [site(0), site(1, image="localhost/w:2", priorityClassName="low")]}):
            self.assertEqual(change(spec).returncode, 0, change(spec).stderr)
        for spec in ({"aggregator": {"storage": {"size": "9Gi"}}}, {"output": {"rows": 7}}, {"participants": [site(0)]},
                     {"participants": [site(0), site(1, storage={"size": "1Gi"})]}, {"participants": [site(1), site(0)]},
                     {"participants": [site(0), site(1, imagePullSecrets=[{"name": "others"}])]},
                     {"participants": [site(0), site(1, data={"path": "/d/other.csv"})]},
                     {"suspend": False, "aggregator": {"image": "localhost/a:3"}}):
            refused = change(spec)
            self.assertIn("while spec.suspend is true", refused.stderr, spec)
        kubectl("delete", FT, "fixed")

    def test_the_golden_children_pass_a_dry_run(self):
        kubectl("create", "namespace", "demo", check=False)
        for golden in ("plain.json", "knobs.json", "encrypted.json"):
            with self.subTest(golden):
                kubectl("create", "--dry-run=server", "-f", str(SOURCE / "tests/golden/operator" / golden))


class Reconcile(unittest.TestCase):
    def setUp(self):
        self.addCleanup(kubectl, "delete", FT, "--all", "--wait=false")

    def test_a_training_from_start_to_end(self):
        kubectl("apply", "-f", "-", text=training("whole", sites(2, "ttlSecondsAfterFinished: 2,")))
        with Operator(None, "--no-leader-election") as operator:
            self.assertLess(operator.wait_for("synced"), 5)
            until(lambda: get("job", "whole-worker-s1"), "the last Job")
            until(lambda: condition("whole", "Degraded"), "conditions")
            self.assertEqual(get(FT, "whole")["status"]["phase"], "Pending")
            for secret in ("whole-operator", "whole-aggregator", "whole-worker-s0"):
                self.assertIn("tls.key", get("secret", secret)["data"])
            kubectl("patch", FT, "whole", "--type=merge", "-p", '{"spec":{"suspend":true}}')
            until(lambda: get("job", "whole-aggregator")["spec"]["suspend"], "suspension")
            until(lambda: condition("whole", "Suspended").get("status") == "True", "Suspended")
            kubectl("patch", FT, "whole", "--type=merge", "-p", '{"spec":{"suspend":false}}')
            until(lambda: not get("job", "whole-aggregator")["spec"]["suspend"], "resumption")
            for name in ("whole-worker-s0", "whole-worker-s1", "whole-aggregator"):
                end_job(name, "Complete")
            until(lambda: get("job", "whole-generate"), "the generating Job")
            end_job("whole-generate", "Complete")
            until(lambda: condition("whole", "Complete").get("status") == "True", "Complete")
            until(lambda: get("job", "whole-aggregator") is None, "clearing up")
            claim = get("pvc", "whole-model")
            until(lambda: get("secret", "whole-operator") is None, "clearing up of Secrets")
            until(lambda: get(FT, "whole")["status"]["children"] ==
                  {"PersistentVolumeClaim/whole-model": claim["metadata"]["uid"]}, "the record of what is left")
            events = kubectl("get", "events", "--field-selector=involvedObject.name=whole", "-o",
                             "jsonpath={.items[*].reason}").stdout.split()
            self.assertIn("RowsReady", events)
            self.assertNotIn("tls.key", operator.text())
            self.assertIn("controller_runtime_reconcile_total", operator.metrics())
            self.assertEqual(operator.stop(), 0)

    def test_a_job_that_somebody_else_has_suspended_stays_so(self):
        suspend = lambda name, value: kubectl("patch", *name, "--type=merge", "-p", json.dumps({"spec": {"suspend": value}}))
        suspended = lambda job: get("job", job)["spec"]["suspend"]
        kubectl("apply", "-f", "-", text=training("queued", sites(2)))
        with Operator(None, "--no-leader-election"):
            until(lambda: get("job", "queued-worker-s1"), "the last Job")
            suspend(["job", "queued-worker-s1"], True)
            until(lambda: condition("queued", "Degraded").get("reason") == "JobSuspended", "the status says so")
            self.assertIn("queued-worker-s1", condition("queued", "Degraded")["message"])
            self.assertTrue(suspended("queued-worker-s1"))
            # A suspension of the training and its end touch the other Jobs alone.
            suspend([FT, "queued"], True)
            until(lambda: suspended("queued-worker-s0"), "the suspension")
            suspend([FT, "queued"], False)
            until(lambda: not suspended("queued-worker-s0") and not suspended("queued-aggregator"), "the resumption")
            until(lambda: condition("queued", "Suspended").get("reason") == "Resumed", "the status")
            self.assertTrue(suspended("queued-worker-s1"))
            suspend(["job", "queued-worker-s1"], False)
            until(lambda: condition("queued", "Degraded").get("reason") != "JobSuspended", "the status after it")
            self.assertFalse(suspended("queued-worker-s1"))

    def test_a_training_of_another_controller_is_left_alone(self):
        kubectl("apply", "-f", "-", text=training("elsewhere", sites(1, "managedBy: kueue.x-k8s.io/multikueue,")))
        kubectl("apply", "-f", "-", text=training("own", sites(1, "managedBy: federated.genesis.dev/genesis-operator,")))
        with Operator(None, "--no-leader-election"):
            until(lambda: get("job", "own-worker-s0"), "the Jobs of the operator's own")
            before = get(FT, "elsewhere")["metadata"]["resourceVersion"]
            # An edit brings about another pass.
            kubectl("annotate", FT, "elsewhere", "touched=1")
            kubectl("apply", "-f", "-", text=training("later", sites(1)))
            until(lambda: get("job", "later-worker-s0"), "the Jobs of one that came after it")
            after = get(FT, "elsewhere")
            self.assertNotEqual(after["metadata"]["resourceVersion"], before)
            self.assertNotIn("status", after)
            label = "federated.genesis.dev/training=elsewhere"
            self.assertEqual(get("jobs,secrets,configmaps,services,networkpolicies,pvc", "-l", label)["items"], [])
        for change in ('{"spec": {"managedBy": null}}', '{"spec": {"managedBy": "federated.genesis.dev/genesis-operator"}}'):
            refused = kubectl("patch", FT, "elsewhere", "--type=merge", "-p", change, check=False)
            self.assertIn("cannot change", refused.stderr)

    def test_the_deny_list_follows_the_spec_of_a_running_training(self):
        kubectl("apply", "-f", "-", text=training("denying", sites(2, "security: {deny: [s1]},")))
        with Operator(None, "--no-leader-election"):
            denied = lambda: (get("configmap", "denying-deny") or {}).get("data", {}).get("deny.txt")
            until(lambda: denied() == "s1\n", "the deny list")
            until(lambda: get("job", "denying-aggregator"), "the aggregator")
            pod = get("job", "denying-aggregator")["spec"]["template"]["spec"]
            arguments = pod["containers"][0]["args"]
            self.assertEqual(arguments[arguments.index("--deny-file") + 1], "/deny/deny.txt")
            self.assertIn({"name": "deny", "mountPath": "/deny", "readOnly": True}, pod["containers"][0]["volumeMounts"])
            self.assertEqual([v["configMap"]["name"] for v in pod["volumes"] if v["name"] == "deny"], ["denying-deny"])
            uid = get("configmap", "denying-deny")["metadata"]["uid"]
            for deny in (["s1", "s0"], ["sha256:" + "ab" * 32], []):
                kubectl("patch", FT, "denying", "--type=merge", "-p", json.dumps({"spec": {"security": {"deny": deny}}}))
                until(lambda: denied() == "".join(entry + "\n" for entry in deny), f"{deny} to be denied")
            self.assertEqual(get("configmap", "denying-deny")["metadata"]["uid"], uid)  # in place: it stays mounted
            self.assertEqual(condition("denying", "Degraded").get("status"), "False")

    def test_a_model_outlives_its_training_and_is_not_taken_for_anothers(self):
        spec = lambda output: sites(1, "output: {rows: 0%s}," % output)
        kubectl("apply", "-f", "-", text=training("precious", spec("")))
        told = lambda: condition("precious", "Degraded")
        recorded = lambda: get(FT, "precious")["status"].get("children", {}).get("PersistentVolumeClaim/precious-model")
        claim = lambda: get("pvc", "precious-model")["metadata"]
        def remove():
            kubectl("delete", FT, "precious")
            for kind in ("jobs", "secrets", "configmaps", "services", "networkpolicies"):  # the garbage collector's part
                kubectl("delete", kind, "-l", "federated.genesis.dev/training=precious")
        with Operator(None, "--no-leader-election"):
            until(lambda: get("job", "precious-worker-s0"), "the last Job")
            before = claim()
            self.assertNotIn("ownerReferences", before)
            listed = get("pvc", "-l", "app.kubernetes.io/component=model")["items"]
            self.assertIn("precious-model", [one["metadata"]["name"] for one in listed])
            remove()
            kubectl("apply", "-f", "-", text=training("precious", spec("")))
            until(lambda: told().get("reason") == "ModelClaimExists", "the refusal")
            self.assertIn("output.existingClaim", told()["message"])
            self.assertNotIn("startTime", get(FT, "precious")["status"])
            self.assertIsNone(get("job", "precious-aggregator"))
            kubectl("patch", FT, "precious", "--type=merge", "-p", '{"spec": {"output": {"existingClaim": "reuse"}}}')
            until(lambda: get("job", "precious-worker-s0"), "the last Job")
            self.assertEqual(claim()["uid"], before["uid"])
            until(lambda: recorded() == before["uid"], "the record")
            until(lambda: told().get("status") == "False", "no problem")
            remove()
            kubectl("apply", "-f", "-", text=training("precious", spec(", existingClaim: replace, retainPolicy: Delete")))
            until(lambda: "deletionTimestamp" in claim(), "the deletion of what was left")
            kubectl("patch", "pvc", "precious-model", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')  # nobody mounts it
            until(lambda: get("job", "precious-worker-s0"), "the last Job")
            self.assertNotEqual(claim()["uid"], before["uid"])
            self.assertEqual(claim()["ownerReferences"][0]["uid"], get(FT, "precious")["metadata"]["uid"])
            until(lambda: told().get("status") == "False", "no problem")

    def test_a_wrong_image_is_mended_while_suspended(self):
        kubectl("apply", "-f", "-", text=training("mended", sites(1)))
        patch = lambda spec: kubectl("patch", FT, "mended", "--type=merge", "-p", json.dumps({"spec": spec}))
        job = lambda: get("job", "mended-aggregator")
        with Operator(None, "--no-leader-election", "--allow-images", "localhost"):
            until(lambda: get("job", "mended-worker-s0"), "the last Job")
            worker = get("job", "mended-worker-s0")["metadata"]["uid"]
            patch({"suspend": True})
            until(lambda: condition("mended", "Suspended").get("status") == "True", "the suspension")
            patch({"aggregator": {"image": "localhost/mended:2"}})
            image = lambda: (job() or {}).get("spec", {}).get("template", {}).get("spec", {}).get("containers", [{}])[0].get("image")
            until(lambda: image() == "localhost/mended:2", "the new image")
            self.assertTrue(job()["spec"]["suspend"])
            patch({"suspend": False})
            until(lambda: not job()["spec"]["suspend"], "the resumption")
            self.assertEqual(get("job", "mended-worker-s0")["metadata"]["uid"], worker)
            until(lambda: condition("mended", "Degraded").get("status") == "False", "no problem")
            events = kubectl("get", "events", "--field-selector=involvedObject.name=mended", "-o",
                             "jsonpath={.items[*].reason}").stdout.split()
            self.assertNotIn("ChildRestored", events)

    def test_a_complete_training_goes_on_when_it_is_to_have_more_rounds(self):
        kubectl("apply", "-f", "-", text=training("longer", sites(1, "output: {rows: 0},")))
        raised = lambda count, **more: kubectl("patch", FT, "longer", "--type=merge", "-p", json.dumps(
            {"spec": {"rounds": {"count": count} | more}}), check=False)
        spec = lambda: json.loads((get("configmap", "longer-training") or {"data": {"training.json": "{}"}})["data"]["training.json"])
        with Operator(None, "--no-leader-election"):
            until(lambda: get("job", "longer-worker-s0"), "the last Job")
            first = get("job", "longer-aggregator")["metadata"]["uid"]
            secret = get("secret", "longer-worker-s0")["metadata"]["uid"]
            self.assertIn("once it has succeeded", raised(20).stderr)
            for name in ("longer-worker-s0", "longer-aggregator"):
                end_job(name, "Complete")
            until(lambda: condition("longer", "Complete").get("status") == "True", "Complete")
            for refused in (raised(9), raised(10, retries=3), raised(20, minClients=None)):
                self.assertIn("cannot change once the training has started", refused.stderr)
            self.assertEqual(raised(20).returncode, 0)
            until(lambda: condition("longer", "Complete").get("status") == "False", "the training to go on")
            until(lambda: get("job", "longer-worker-s0") and
                  (get("job", "longer-aggregator") or {"metadata": {"uid": first}})["metadata"]["uid"] != first, "new Jobs")
            self.assertEqual(spec()["spec"]["rounds"]["count"], 20)
            self.assertEqual(get("secret", "longer-worker-s0")["metadata"]["uid"], secret)
            until(lambda: condition("longer", "Degraded").get("status") == "False", "no problem")
            self.assertEqual(get(FT, "longer")["status"]["rounds"], "10/20")
            for name in ("longer-worker-s0", "longer-aggregator"):
                end_job(name, "Complete")
            until(lambda: condition("longer", "Complete").get("status") == "True", "Complete again")
            self.assertEqual(get(FT, "longer")["status"]["rounds"], "20/20")
            events = kubectl("get", "events", "--field-selector=involvedObject.name=longer", "-o",
                             "jsonpath={.items[*].reason}").stdout.split()
            self.assertIn("Extended", events)
            self.assertNotIn("ChildRestored", events)

    def test_a_deleted_authority_is_followed_by_one_beside_which_the_old_is_trusted(self):
        kubectl("apply", "-f", "-", text=training("signed", sites(2)))
        data = lambda name, key: base64.b64decode(get("secret", name)["data"][key]).decode()
        count = lambda name: data(name, "ca.crt").count("BEGIN CERTIFICATE")
        leaves = ("signed-aggregator", "signed-worker-s0", "signed-worker-s1")
        with Operator(None, "--no-leader-election") as operator:
            until(lambda: get("job", "signed-worker-s1"), "the last Job")
            until(lambda: get(FT, "signed")["status"].get("certificateExpiry"), "the end of the first certificate")
            until(lambda: "genesis_training_certificate_expiry_timestamp_seconds{" in operator.metrics(), "the metric")
            operator.stop()
        before = {name: get("secret", name) for name in leaves}
        kubectl("delete", "secret", "signed-operator")
        with Operator(None, "--no-leader-election"):
            until(lambda: all(count(name) == 2 for name in leaves), "a bundle of both")
            for name in leaves:
                now = get("secret", name)
                self.assertEqual(now["metadata"]["uid"], before[name]["metadata"]["uid"])
                for key in ("tls.crt", "tls.key", "token"):  # until every pod trusts the new one
                    self.assertEqual(now["data"][key], before[name]["data"][key])
                with tempfile.TemporaryDirectory() as folder:
                    for key in ("ca.crt", "tls.crt"):
                        (pathlib.Path(folder) / key).write_text(data(name, key))
                    subprocess.run(["openssl", "verify", "-CAfile", f"{folder}/ca.crt", f"{folder}/tls.crt"], check=True,
                                   capture_output=True)
            self.assertNotEqual(data("signed-operator", "ca.crt"), base64.b64decode(before[leaves[0]]["data"]["ca.crt"]).decode())
            until(lambda: condition("signed", "Degraded").get("status") == "False", "no problem")
            recorded = lambda: get(FT, "signed")["status"]["children"]["Secret/signed-operator"]
            until(lambda: recorded() == get("secret", "signed-operator")["metadata"]["uid"], "the record")

    def test_an_authority_that_somebody_else_renews_is_taken_up(self):
        def renew():
            made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                   "-subj", "/CN=own", "-days", "90", "-keyout", "-", "-addext",
                                   "keyUsage=critical,keyCertSign,cRLSign"], capture_output=True, text=True, check=True).stdout
            key, certificate = made.split("-----BEGIN CERTIFICATE")
            kubectl("apply", "-f", "-", text=json.dumps({
                "apiVersion": "v1", "kind": "Secret", "stringData": {"tls.key": key, "tls.crt": "-----BEGIN CERTIFICATE" + certificate},
                "metadata": {"name": "managed-ca", "namespace": "default", "labels": {"federated.genesis.dev/allow-training": "ANY"}}}))
            return ("-----BEGIN CERTIFICATE" + certificate).strip()
        self.addCleanup(kubectl, "delete", "secret", "managed-ca", "--ignore-not-found")
        data = lambda name, key: base64.b64decode(get("secret", name)["data"][key]).decode()
        first = renew()
        kubectl("apply", "-f", "-", text=training("managed", sites(1, "security: {tls: {secretName: managed-ca}},")))
        with Operator(None, "--no-leader-election") as operator:
            until(lambda: get("job", "managed-worker-s0"), "the last Job")
            self.assertEqual(data("managed-aggregator", "ca.crt").strip(), first)
            operator.stop()
        second = renew()
        with Operator(None, "--no-leader-election"):
            until(lambda: data("managed-worker-s0", "ca.crt").startswith(second), "the new authority")
            self.assertIn(first, data("managed-worker-s0", "ca.crt"))
            self.assertNotIn("ca.key", get("secret", "managed-operator")["data"])
            until(lambda: condition("managed", "Degraded").get("status") == "False", "no problem")

    def test_a_raised_retry_starts_a_failed_training_again(self):
        kubectl("apply", "-f", "-", text=training("again", sites(1)))
        with Operator(None, "--no-leader-election"):
            until(lambda: get("job", "again-worker-s0"), "the last Job")
            first = get("job", "again-aggregator")["metadata"]["uid"]
            claim = get("pvc", "again-model")["metadata"]["uid"]
            end_job("again-aggregator", "Failed", "Job has reached the specified backoff limit")
            until(lambda: condition("again", "Failed").get("status") == "True", "the failure")
            kubectl("patch", FT, "again", "--type=merge", "-p", '{"spec": {"retry": 1}}')
            until(lambda: condition("again", "Failed").get("status") == "False", "the retry")
            until(lambda: (get("job", "again-aggregator") or {"metadata": {"uid": first}})["metadata"]["uid"] != first, "a new Job")
            until(lambda: get("job", "again-worker-s0"), "all Jobs")
            self.assertEqual(get("pvc", "again-model")["metadata"]["uid"], claim)
            self.assertEqual(get(FT, "again")["status"]["retry"], 1)
            until(lambda: condition("again", "Degraded").get("status") == "False", "no problem")
            events = kubectl("get", "events", "--field-selector=involvedObject.name=again", "-o",
                             "jsonpath={.items[*].reason}").stdout.split()
            self.assertIn("Retried", events)
            self.assertNotIn("ChildRestored", events)

    def test_a_default_storage_class_gives_each_worker_a_claim(self):
        kubectl("create", "-f", "-", text=json.dumps({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "example.org/none",
            "metadata": {"name": "usual", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}))
        self.addCleanup(kubectl, "delete", "storageclass", "usual", "--ignore-not-found")
        kubectl("apply", "-f", "-", text=training("lasting", sites(2)))
        state = lambda: next(volume for volume in get("job", "lasting-worker-s0")["spec"]["template"]["spec"]["volumes"]
                             if volume["name"] == "state")
        with Operator(None, "--no-leader-election"):
            until(lambda: get("job", "lasting-worker-s1"), "the last Job")
            self.assertEqual(state()["persistentVolumeClaim"], {"claimName": "lasting-worker-s0"})
            self.assertEqual(get("pvc", "lasting-worker-s1")["spec"]["storageClassName"], "usual")
            self.assertEqual([one for one in get("pvc")["items"] if one["metadata"]["name"].startswith("genesis-storage")], [])
            kubectl("delete", "storageclass", "usual")
            kubectl("delete", "job", "lasting-worker-s0")
            until(lambda: get("job", "lasting-worker-s0"), "the Job again")
            self.assertEqual(state()["persistentVolumeClaim"], {"claimName": "lasting-worker-s0"})

    def test_what_somebody_else_changes_or_deletes_is_put_back_with_an_event(self):
        kubectl("apply", "-f", "-", text=training("drifting", sites(1)))
        with Operator(None, "--no-leader-election") as operator:
            until(lambda: condition("drifting", "Degraded").get("status") == "False", "conditions")
            undo_drift(self, "drifting")
            writes = lambda: sum(event["verb"] == "patch" for event in audit()
                                 if (event.get("objectRef") or {}).get("resource") in ("networkpolicies", "services", "configmaps"))
            before = writes()
            operator.stop()
        with Operator(None, "--no-leader-election") as operator:  # what the API server adds is no drift
            until(lambda: re.search(r"controller_runtime_reconcile_total{[^}]*} [1-9]", operator.metrics()), "a pass")
            self.assertEqual(writes(), before)

    def test_a_policy_is_mounted_for_its_worker_and_missed_by_name(self):
        spec = sites(2).replace("name: s1,", "name: s1, policyRef: {name: policy-of-s1},")
        def policy(data):
            kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
                                                         "metadata": {"name": "policy-of-s1", "namespace": "default"}}))
        self.addCleanup(kubectl, "delete", "configmap", "policy-of-s1", "--ignore-not-found")
        told = lambda: condition("guarded", "Degraded")
        kubectl("apply", "-f", "-", text=training("guarded", spec))
        with Operator(None, "--no-leader-election"):
            until(lambda: told().get("reason") == "NotAllowed", "NotAllowed")
            self.assertIn("spec.participants[1].policyRef.name: there is no ConfigMap policy-of-s1", told()["message"])
            self.assertIsNone(get("job", "guarded-aggregator"))
            policy({"policy.yml": "x"})
            until(lambda: "ConfigMap policy-of-s1 has no key policy.yaml" in told()["message"], "the missing key")
            policy({"policy.yaml": "kind: SitePolicy"})
            until(lambda: get("job", "guarded-worker-s1"), "the last Job")
            until(lambda: told().get("status") == "False", "the end of the problem")
            pod = get("job", "guarded-worker-s1")["spec"]["template"]["spec"]
            arguments = pod["containers"][0]["args"]
            self.assertEqual(arguments[arguments.index("--policy") + 1], "/policy/policy.yaml")
            self.assertIn({"name": "policy", "mountPath": "/policy", "readOnly": True}, pod["containers"][0]["volumeMounts"])
            self.assertEqual([v["configMap"]["name"] for v in pod["volumes"] if v["name"] == "policy"], ["policy-of-s1"])
            self.assertNotIn("--policy", get("job", "guarded-worker-s0")["spec"]["template"]["spec"]["containers"][0]["args"])

    def test_the_key_of_encrypted_sums_is_made_once_for_the_sites_alone(self):
        encrypted = ("privacy: {secureAggregation: {encryption: paillier, keyBits: 2048}}, "
                     "aggregator: {service: {address: 'fed.example.org:443'}},")
        spec = sites(2, encrypted).replace("minClients: 1", "minClients: 3").replace("]}", ", {name: far, external: true}]}")
        told = lambda: condition("keyed", "Degraded")
        key = lambda: get("secret", "keyed-paillier")
        data = lambda secret, name: base64.b64decode(get("secret", secret)["data"][name]).decode()
        kubectl("apply", "-f", "-", text=training("keyed", spec))
        kubectl("apply", "-f", "-", text=training("beside", sites(1)))
        with Operator(None, "--no-leader-election") as operator:
            until(lambda: get("job", "beside-worker-s0"), "the last Job of another training")
            until(lambda: get("secret", "keyed-join-far"), "the last child", 300)
            made = key()
            self.assertEqual(set(made["data"]), {"paillier.key"})
            text = data("keyed-paillier", "paillier.key")
            self.assertRegex(text, r"\Agenesis-paillier-key v\d\n")
            self.assertEqual(yaml.safe_load(data("keyed-join-far", "bundle.yaml"))["paillierKey"], text)
            self.assertNotIn("paillier", json.dumps(get("job", "keyed-aggregator")))
            for name in ("keyed-worker-s0", "keyed-worker-s1"):
                pod = get("job", name)["spec"]["template"]["spec"]
                arguments = pod["containers"][0]["args"]
                self.assertEqual(arguments[arguments.index("--paillier-key") + 1], "/keys/paillier.key")
                keys = next(volume for volume in pod["volumes"] if volume["name"] == "keys")["projected"]["sources"]
                self.assertIn("keyed-paillier", [source["secret"]["name"] for source in keys])
            edited = kubectl("patch", "secret", "keyed-paillier", "--type=merge", "-p", '{"data": {"paillier.key": "eA=="}}',
                             check=False)
            self.assertIn("immutable", edited.stderr)
            until(lambda: told().get("status") == "False", "no problem")
            self.assertNotIn(text.splitlines()[1], operator.text())
            operator.stop()
        kubectl("delete", "secret", "keyed-join-far")
        with Operator(None, "--no-leader-election") as operator:  # what it makes anew is made of the same key
            until(lambda: get("secret", "keyed-join-far"), "the bundle again", 300)
            self.assertEqual(yaml.safe_load(data("keyed-join-far", "bundle.yaml"))["paillierKey"], text)
            self.assertEqual(key()["metadata"]["uid"], made["metadata"]["uid"])
            recorded = lambda: get(FT, "keyed")["status"]["children"]["Secret/keyed-join-far"]
            until(lambda: recorded() == get("secret", "keyed-join-far")["metadata"]["uid"], "the bundle to be on record")
            self.assertEqual(told().get("status"), "False")
            operator.stop()
        kubectl("delete", "secret", "keyed-paillier")
        with Operator(None, "--no-leader-election"):
            until(lambda: told().get("reason") == "PaillierKeyUnusable", "the loss to be told")
            self.assertIn("Secret keyed-paillier, which held the key of the encrypted sums, has been deleted", told()["message"])
            self.assertIsNone(key())

    def test_an_operator_that_makes_keys_ends_at_once_and_the_next_one_goes_on(self):
        spec = sites(3, "privacy: {secureAggregation: {encryption: paillier, keyBits: 4096}},")
        names = [f"slow-{number}" for number in range(5)]  # one after the other, each of them takes seconds at least
        kubectl("apply", "-f", "-", text="---\n".join(
            training(name, spec.replace("minClients: 1", "minClients: 3")) for name in names))
        for _ in range(2):
            with Operator(None, "--no-leader-election") as operator:
                operator.wait_for("bits=4096 is being made")
                began = time.monotonic()
                self.assertEqual(operator.stop(), 0)
                self.assertLess(time.monotonic() - began, 10)  # terminationGracePeriodSeconds
        waits = [condition(name, "Training").get("message", "") for name in names if not get("secret", f"{name}-paillier")]
        self.assertTrue(any("the key of the encrypted sums is being made" in message for message in waits), waits)

    def test_a_foreign_object_is_left_alone_and_reported(self):
        kubectl("create", "configmap", "taken-training")
        self.addCleanup(kubectl, "delete", "configmap", "taken-training")
        before = get("configmap", "taken-training")
        with Operator(None, "--no-leader-election"):
            kubectl("apply", "-f", "-", text=training("taken", sites(1)))
            until(lambda: condition("taken", "Degraded").get("reason") == "ForeignObject", "ForeignObject", 5)
            self.assertIsNone(get("job", "taken-aggregator"))
            self.assertEqual(get("configmap", "taken-training"), before)

    def test_what_a_quota_or_a_webhook_keeps_from_being_made_shows_within_five_seconds(self):
        kubectl("create", "namespace", "narrow")
        self.addCleanup(kubectl, "delete", "namespace", "narrow", "--wait=false")
        refuse = {
            "jobs.batch": {  # nothing listens on that port: the API server answers 500
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "away"}, "webhooks": [{
                    "name": "away.example.org", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                    "clientConfig": {"url": "https://127.0.0.1:1/"}, "failurePolicy": "Fail",
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "narrow"}},
                    "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"],
                               "resources": ["jobs"]}]}]},
            "configmaps": {  # the API server answers 403
                "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": "narrow"},
                "spec": {"hard": {"count/configmaps": "0"}}}}
        probes = {"jobs.batch": ["job", "probe", "--image=none"], "configmaps": ["configmap", "probe"]}
        words = {"jobs.batch": ("Job ", "away.example.org"), "configmaps": ("ConfigMap ", "exceeded quota")}
        with Operator(None, "--no-leader-election") as operator:
            operator.wait_for("leads identity=")
            for kind, obstacle in refuse.items():
                with self.subTest(kind):
                    kubectl("apply", "-f", "-", text=json.dumps(obstacle))
                    if kind == "configmaps":  # the part of the quota controller, which is not there
                        patch_status("resourcequota", "none",
                                     {"hard": obstacle["spec"]["hard"], "used": {"count/configmaps": "0"}}, "narrow")
                    until(lambda: kubectl("create", *probes[kind], "-n", "narrow", "--dry-run=server",
                                          check=False).returncode, "the obstacle")
                    name = "kept-" + kind.split(".")[0]
                    kubectl("apply", "-f", "-", text=training(name, sites(1), "narrow"))
                    began = time.monotonic()
                    until(lambda: condition(name, "Degraded", "narrow").get("reason") == "ApplyFailed",
                          "ApplyFailed", 5)
                    print(f"{kind}: told after {time.monotonic() - began:.1f} s", file=sys.stderr)
                    for word in words[kind]:
                        self.assertIn(word, condition(name, "Degraded", "narrow")["message"])
                    kubectl("delete", "-f", "-", text=json.dumps(obstacle))
                    until(lambda: get("job", f"{name}-worker-s0", "-n", "narrow"), "the last Job, the obstacle gone")
                    until(lambda: condition(name, "Degraded", "narrow").get("status") == "False", "all well again")

    def test_a_failed_job_shows_within_five_seconds(self):
        with Operator(None, "--no-leader-election") as operator:
            kubectl("apply", "-f", "-", text=training("bad", sites(1)))
            until(lambda: get("job", "bad-worker-s0"), "the Job")
            end_job("bad-worker-s0", "Failed", "Job has reached the specified backoff limit")
            until(lambda: condition("bad", "Failed").get("reason") == "QuorumImpossible", "QuorumImpossible", 5)
            failed = 'genesis_training_condition{name="bad",namespace="default",reason="QuorumImpossible",type="Failed"} 1'
            until(lambda: failed in operator.metrics(), "the failure among the metrics")
            self.assertIn('genesis_training_status{name="bad",namespace="default",phase="Failed"} 1', operator.metrics())
            kubectl("delete", FT, "bad")
            until(lambda: 'name="bad"' not in operator.metrics(), "no series of a training that is deleted")

    def test_an_operator_with_nothing_to_do_writes_nothing_but_its_lease(self):
        def writes(since):
            start = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))
            return {e["objectRef"]["resource"] for e in audit() if e["verb"] not in ("get", "list", "watch") and
                    e.get("userAgent", "").startswith("genesis") and e["requestReceivedTimestamp"] > start}

        kubectl("delete", "federatedtrainings", "--all", "-A")  # others' wait for pods that never come, and say so
        kubectl("apply", "-f", "-", text=training("still", "{suspend: true, participants: []}"))
        with Operator() as operator:
            until(lambda: condition("still", "Suspended").get("status") == "True", "Suspended")
            until(lambda: writes(time.time() - 4) <= {"leases"}, "the last of its events")
            start, end = time.time(), time.monotonic() + 15
            until(lambda: time.monotonic() > end, "fifteen idle seconds")
            self.assertEqual(writes(start), {"leases"})
            operator.stop()

    def test_two_releases_in_one_namespace_have_their_own_leases(self):
        kubectl("create", "namespace", "beside")
        arguments = ("--watch-namespace", "beside", "--lease-name", "beside-operator", "--log-format", "json")
        with Operator(None, *arguments) as beside:
            beside.wait_for("leads identity=")
            self.assertEqual({json.loads(line)["program"] for line in beside.text().splitlines()}, {"operator"})
            url = beside.text().split("serves metrics=")[1].split()[0]
            said = subprocess.run([BIN / "genesis-operator", "check", url], capture_output=True, text=True, timeout=60)
            self.assertEqual((said.returncode, said.stdout), (0, "the operator is ready\n"))
            self.assertEqual(beside.stop(), 0)
        gone = subprocess.run([BIN / "genesis-operator", "check", url], capture_output=True, text=True, timeout=60)
        self.assertEqual(gone.returncode, 1)
        self.assertIsNotNone(get("lease", "beside-operator", "-n", "genesis-system"))

    def test_a_killed_leader_is_followed_within_ten_seconds(self):
        with Operator() as first:
            first.wait_for("leads identity=")
            with Operator() as second:
                second.wait_for("leader holder=")
                first.stop(signal.SIGKILL)
                killed = time.monotonic()
                second.wait_for("leads identity=", 30)
                took = time.monotonic() - killed
                print(f"takeover after SIGKILL: {took:.1f} s", file=sys.stderr)
                self.assertLess(took, 10)
                with Operator() as third:
                    third.wait_for("leader holder=")
                    self.assertEqual(second.stop(), 0)
                    asked = time.monotonic()
                    third.wait_for("leads identity=", 30)
                    print(f"takeover after SIGTERM: {time.monotonic() - asked:.1f} s", file=sys.stderr)


class BackDoor(unittest.TestCase):
    """Who may create a FederatedTraining gets no more than the operator allows."""

    def setUp(self):
        self.addCleanup(kubectl, "delete", FT, "--all", "--wait=false")

    def refused(self, name, spec, *words):
        """Applies a training that must be refused: condition and Event name the field, and nothing is created."""
        kubectl("apply", "-f", "-", text=training(name, spec))
        until(lambda: condition(name, "Degraded").get("reason") == "NotAllowed", "NotAllowed")
        message = condition(name, "Degraded")["message"]
        for word in words:
            self.assertIn(word, message)
        found = get(FT, name)
        self.assertNotIn("startTime", found["status"])  # its spec can still be changed
        event = until(lambda: [one for one in get("events", "--field-selector=involvedObject.name=" + name)["items"]
                               if one["reason"] == "NotAllowed"], "the Event")[0]
        self.assertEqual(event["type"], "Warning")
        self.assertIn(words[0], event["message"])
        self.assertEqual(self.children(found), [])

    def children(self, owner):
        uid = owner["metadata"]["uid"]
        return [one["kind"] + "/" + one["metadata"]["name"]
                for one in get("jobs,secrets,configmaps,services,networkpolicies,pvc")["items"]
                if any(ref["uid"] == uid for ref in one["metadata"].get("ownerReferences", []))]

    def allowed(self, name):
        until(lambda: get("job", f"{name}-aggregator"), "the Job")
        until(lambda: condition(name, "Degraded").get("status") == "False", "no problem")

    def with_volume(self, volume):
        return "{participants: [{name: a, data: {path: /d/a.csv, volume: %s}}]}" % volume

    def test_volumes_are_claims_unless_the_operator_allows_more(self):
        field = "spec.participants[0].data.volume: "
        never = {"hostPath": "{hostPath: {path: /etc}}",
                 "projected": "{projected: {sources: [{serviceAccountToken: {path: token}}]}}",
                 "secret": "{secret: {secretName: x}}", "downwardAPI": "{downwardAPI: {items: []}}"}
        later = {"configMap": "{configMap: {name: x}}", "nfs": "{nfs: {server: x, path: /}}",
                 "csi": "{csi: {driver: x.example}}",
                 "ephemeral": "{ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], "
                              "resources: {requests: {storage: 1Mi}}}}}}"}
        with Operator(None, "--no-leader-election"):
            for kind, volume in never.items():
                with self.subTest(kind):
                    self.refused("v-" + kind.lower(), self.with_volume(volume), field + kind + " is never allowed")
            for kind, volume in later.items():
                with self.subTest(kind):
                    self.refused("v-" + kind.lower(), self.with_volume(volume), field + kind + " is not allowed here",
                                 "--allow-volumes")
            # The author puts it right.
            kubectl("apply", "-f", "-", text=training("v-hostpath",
                                                      self.with_volume("{persistentVolumeClaim: {claimName: x}}")))
            self.allowed("v-hostpath")
        with Operator(None, "--no-leader-election", "--allow-volumes", "persistentVolumeClaim,configMap,nfs,csi,ephemeral"):
            for kind in later:
                with self.subTest(kind):
                    self.allowed("v-" + kind.lower())
            until(lambda: condition("v-projected", "Degraded").get("reason") == "NotAllowed", "still refused")
            self.assertIsNone(get("job", "v-projected-aggregator"))

    def test_the_sample_starts_as_the_test_node_installs_the_operator_and_no_other_way(self):
        sample = str(SOURCE / "manifests/samples/hospitals.yaml")
        self.addCleanup(kubectl, "delete", "-f", sample, "--ignore-not-found", "--wait=false")
        installed = kubectl("kustomize", str(SOURCE / "tests/cluster/operator")).stdout
        deployment = next(one for one in yaml.safe_load_all(installed) if one["kind"] == "Deployment")
        given = {one["name"]: one["value"] for one in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
                 if "value" in one}
        kubectl("apply", "-f", sample)
        with Operator(None, "--no-leader-election"):
            until(lambda: condition("hospitals", "Degraded").get("reason") == "NotAllowed", "NotAllowed")
        with Operator(None, "--no-leader-election", "--watch-namespace", given["WATCH_NAMESPACE"],
                      "--allow-volumes", given["GENESIS_ALLOW_VOLUMES"]):
            self.allowed("hospitals")

    def test_an_operator_cannot_be_told_to_allow_the_node_or_everything(self):
        for flags, words in ((["--allow-volumes", "hostPath"], "'hostPath' is not a kind of volume"),
                             (["--allow-volumes", "persistentVolumeClaim,projected"], "'projected' is not"),
                             (["--allow-images", "*"], "'*' is not a prefix of images")):
            with self.subTest(words), Operator(None, *flags) as operator:
                self.assertEqual(operator.process.wait(timeout=30), 1)
                self.assertIn(words, operator.text())

    def test_images_are_the_operators_own_unless_it_allows_more(self):
        places = {"participants[0].image": "{participants: [{name: a, data: {path: /d/a.csv}, image: '%s'}]}",
                  "aggregator.image": "{participants: [], rounds: {minClients: 1}, aggregator: {image: '%s'}}",
                  "output.image": "{participants: [], rounds: {minClients: 1}, output: {image: '%s'}}"}
        with Operator(None, "--no-leader-election"):
            for number, (field, spec) in enumerate(places.items()):
                for case, image in (("other", "evil.example/shell:1"), ("port", "localhost/w-evil:1"),
                                    ("below", "localhost/w/x:1")):
                    with self.subTest(field=field, image=image):
                        self.refused(f"i-{case}-{number}", spec % image,
                                     f"spec.{field}: {image} is not an image of localhost/a, localhost/w")
            kubectl("apply", "-f", "-", text=training("i-own", places["participants[0].image"] % "localhost/w:2"))
            self.allowed("i-own")
            self.assertEqual(get("job", "i-own-worker-a")["spec"]["template"]["spec"]["containers"][0]["image"],
                             "localhost/w:2")
        with Operator(None, "--no-leader-election", "--allow-images", "evil.example"):
            self.allowed("i-other-0")
            until(lambda: condition("i-port-0", "Degraded").get("reason") == "NotAllowed", "still refused")

    def test_secrets_are_used_only_where_their_label_says_so(self):
        key = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                              "-subj", "/CN=own", "-days", "1", "-keyout", "-", "-addext",
                              "keyUsage=critical,keyCertSign,cRLSign"], capture_output=True, text=True, check=True).stdout
        parts = {"tls.key": "-----BEGIN PRIVATE" + key.split("-----BEGIN PRIVATE")[1].split("-----BEGIN CERT")[0],
                 "tls.crt": "-----BEGIN CERTIFICATE" + key.split("-----BEGIN CERTIFICATE")[1]}
        def secret(name, data, **labels):
            kubectl("apply", "-f", "-", text=json.dumps({
                "apiVersion": "v1", "kind": "Secret", "stringData": data,
                "metadata": {"name": name, "namespace": "default", "labels": labels}}))
            self.addCleanup(kubectl, "delete", "secret", name, "--ignore-not-found")
        secret("own-ca", parts)
        secret("own-token", {"t": "x" * 40})
        secret("own-pull", {"k": "v"})
        label = "federated.genesis.dev/allow-training"
        uses = {"spec.security.tls.secretName": ("own-ca", "security: {tls: {secretName: own-ca}}"),
                "spec.security.authTokenSecretRef.name":
                    ("own-token", "security: {authTokenSecretRef: {name: own-token, key: t}}"),
                "spec.aggregator.imagePullSecrets[0].name":
                    ("own-pull", "aggregator: {imagePullSecrets: [{name: own-pull}]}")}
        with Operator(None, "--no-leader-election"):
            for number, (field, (name, text)) in enumerate(uses.items()):
                with self.subTest(field):
                    spec = "{participants: [], rounds: {minClients: 1}, %s}" % text
                    self.refused(f"s-{number}", spec, f"{field}: Secret {name} does not say that this training may use it",
                                 f"kubectl label secret {name} {label}=s-{number}")
                    kubectl("label", "secret", name, f"{label}=another")
                    self.refused(f"s-{number}", spec, f"{field}: Secret {name} does not say")
                    kubectl("label", "--overwrite", "secret", name, f"{label}=s-{number}")
                    self.allowed(f"s-{number}")
                    kubectl("label", "--overwrite", "secret", name, f"{label}=ANY")
                    kubectl("apply", "-f", "-", text=training(f"any-{number}", spec))
                    self.allowed(f"any-{number}")
            self.assertEqual(get("secret", "s-0-aggregator")["data"]["ca.crt"], get("secret", "own-ca")["data"]["tls.crt"])
            self.refused("s-missing", "{participants: [], security: {tls: {secretName: none}}}",
                         "spec.security.tls.secretName: there is no Secret none")
            # The operator's own Secrets serve one training, whatever label they get.
            kubectl("label", "secret", "s-1-operator", f"{label}=ANY")
            self.refused("s-stolen", "{participants: [], security: {authTokenSecretRef: {name: s-1-operator, key: token}}}",
                         "Secret s-1-operator was created by the operator for a training")

    def test_a_planted_authority_is_not_used(self):
        # The training is there before any operator, so that whoever plants knows its uid.
        kubectl("apply", "-f", "-", text=training("planted", sites(1)))
        owner = get(FT, "planted")
        planted = {"apiVersion": "v1", "kind": "Secret", "stringData": {"ca.crt": "x", "ca.key": "x", "token": "x"},
                   "metadata": {"name": "planted-operator", "namespace": "default",
                                "labels": {"app.kubernetes.io/managed-by": "genesis-operator"},
                                "annotations": {"federated.genesis.dev/origin": "0" * 64},
                                "ownerReferences": [{"apiVersion": "federated.genesis.dev/v1alpha1",
                                                     "kind": "FederatedTraining", "name": "planted", "controller": True,
                                                     "uid": owner["metadata"]["uid"]}]}}
        kubectl("apply", "-f", "-", text=json.dumps(planted))
        with Operator(None, "--no-leader-election"):
            until(lambda: condition("planted", "Degraded").get("reason") == "ForeignObject", "ForeignObject")
            self.assertIn("Secret planted-operator names this training as its owner, but the operator did not create it",
                          condition("planted", "Degraded")["message"])
            self.assertEqual(self.children(owner), ["Secret/planted-operator"])
            kubectl("delete", "secret", "planted-operator")
            self.allowed("planted")

    def test_uids_are_recorded_and_a_replaced_child_is_not_used(self):
        kubectl("apply", "-f", "-", text=training("kept", sites(1)))
        with Operator(None, "--no-leader-election") as operator:
            self.allowed("kept")
            owner = get(FT, "kept")
            made = {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["uid"]
                    for one in get("jobs,secrets,configmaps,services,networkpolicies,pvc")["items"]
                    if one["metadata"]["name"].startswith("kept-")}
            self.assertEqual(len(made), 11)
            until(lambda: get(FT, "kept")["status"].get("children") == made, "the record")
            operator.stop()
        # What the aggregator and other Secrets are made from cannot be edited in place.
        for kind, name in (("secret", "kept-operator"), ("configmap", "kept-training")):
            edited = kubectl("patch", kind, name, "--type=merge", "-p", '{"data": {"ca.key": "eA=="}}', check=False)
            self.assertIn("immutable", edited.stderr)
        # A copy with owner reference, labels and annotations is another object.
        copy = get("secret", "kept-operator")
        for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
            copy["metadata"].pop(field, None)
        kubectl("delete", "secret", "kept-operator")
        kubectl("create", "-f", "-", text=json.dumps(copy))
        kubectl("delete", "secret", "kept-worker-s0")
        with Operator(None, "--no-leader-election"):
            until(lambda: condition("kept", "Degraded").get("reason") == "ForeignObject", "ForeignObject")
            self.assertIn("Secret kept-operator", condition("kept", "Degraded")["message"])
            self.assertIsNone(get("secret", "kept-worker-s0"))

    def test_an_operator_that_died_before_it_recorded_goes_on_with_what_it_made(self):
        kubectl("apply", "-f", "-", text=training("cut", sites(1)))
        with Operator(None, "--no-leader-election") as operator:
            self.allowed("cut")
            operator.stop()
        before = get("secret", "cut-operator")["metadata"]["uid"]
        kubectl("patch", FT, "cut", "--subresource=status", "--type=json", "-p",  # as if it had not been written
                '[{"op": "replace", "path": "/status/children", "value": {}}]')
        self.assertEqual(get(FT, "cut")["status"]["children"], {})
        with Operator(None, "--no-leader-election"):
            until(lambda: get(FT, "cut")["status"]["children"].get("Job/cut-aggregator"), "the record")
            self.allowed("cut")
        self.assertEqual(get("secret", "cut-operator")["metadata"]["uid"], before)


class Authors(unittest.TestCase):
    """The optional admission policy: who creates a training must have the right to use what it names."""

    NAMESPACE = "authors"

    @classmethod
    def setUpClass(cls):
        kubectl("create", "namespace", cls.NAMESPACE)
        cls.addClassCleanup(kubectl, "delete", "namespace", cls.NAMESPACE, "--wait=false")
        kubectl("apply", "-k", str(SOURCE / "manifests/admission-policy"))
        cls.addClassCleanup(kubectl, "delete", "-k", str(SOURCE / "manifests/admission-policy"))
        cls.grant("author", "create,get,patch,update", FT)
        until(lambda: cls.create(cls.claim(), "nobody").returncode, "the policy is in force")

    @classmethod
    def grant(cls, role, verbs, resource, *names):
        resource, _, group = resource.partition(".")
        rule = {"apiGroups": [group], "resources": [resource], "verbs": verbs.split(",")}
        if names:
            rule["resourceNames"] = list(names)
        kubectl("apply", "-f", "-", text=json.dumps({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": [rule],
            "metadata": {"name": role, "namespace": cls.NAMESPACE}}))
        kubectl("create", "rolebinding", role, "-n", cls.NAMESPACE, f"--role={role}", "--user=alice")

    @classmethod
    def revoke(cls, role):
        kubectl("delete", "rolebinding,role", role, "-n", cls.NAMESPACE)

    @classmethod
    def create(cls, spec, *name):
        return kubectl("create", "--as=alice", "-n", cls.NAMESPACE, "-f", "-",
                       "--dry-run=server", text=training("-".join(("of", *name)), spec, cls.NAMESPACE), check=False)

    @staticmethod
    def claim():
        return sites(2)

    def test_an_author_needs_the_right_to_what_the_training_names(self):
        volume = lambda source: "{participants: [{name: a, data: {path: /d/a, volume: %s}}]}" % source
        cases = [  # the spec, what is said, and rights of which each is enough
            (self.claim(), "spec.participants: data.volume.persistentVolumeClaim: alice may neither create pods",
             [("create", "pods"), ("use", "persistentvolumeclaims")]),
            (volume("{configMap: {name: m}}"), "data.volume.configMap: alice may not get ConfigMaps", [("get", "configmaps")]),
            (volume("{nfs: {server: x, path: /}}"), "alice may not create pods in namespace authors", [("create", "pods")]),
            ("{participants: [], security: {tls: {secretName: ca}}}",
             "spec.security.tls.secretName: alice may not get Secret ca,", [("get", "secrets", "ca")]),
            ("{participants: [], security: {authTokenSecretRef: {name: t, key: k}}}",
             "spec.security.authTokenSecretRef: alice may not get Secret t,", [("get", "secrets", "t")]),
            ("{participants: [], aggregator: {imagePullSecrets: [{name: p}]}}",
             "alice may not get Secrets of namespace authors", [("get", "secrets")]),
        ]
        for spec, words, rights in cases:
            for right in rights:
                with self.subTest(words, right=right):
                    refused = self.create(spec, "alice")
                    self.assertNotEqual(refused.returncode, 0)
                    self.assertIn(words, refused.stderr)
                    self.grant("extra", *right)
                    try:
                        done = until(lambda: self.create(spec, "alice").returncode == 0, "the right is enough", 10)
                        self.assertTrue(done)
                    finally:
                        self.revoke("extra")
                    until(lambda: self.create(spec, "alice").returncode, "the right is gone", 10)

    def test_a_right_to_one_secret_is_none_to_another(self):
        self.grant("one", "get", "secrets", "ca")
        self.addCleanup(self.revoke, "one")
        spec = "{participants: [], security: {tls: {secretName: %s}}}"
        until(lambda: self.create(spec % "ca", "one").returncode == 0, "the right to that Secret", 10)
        self.assertIn("alice may not get Secret other", self.create(spec % "other", "one").stderr)

    def test_what_names_nothing_and_what_only_suspends_needs_no_more(self):
        self.assertEqual(self.create("{participants: [{name: a, external: true}]}", "plain").returncode, 0)
        kubectl("apply", "-f", "-", text=training("admins", self.claim(), self.NAMESPACE))
        change = lambda spec: kubectl("patch", FT, "admins", "-n", self.NAMESPACE, "--as=alice", "--type=merge", "-p",
                                      json.dumps({"spec": spec}), check=False)
        self.assertEqual(change({"suspend": True}).returncode, 0)
        self.assertIn("alice may not get Secret ca", change({"security": {"tls": {"secretName": "ca"}}}).stderr)

    def test_the_largest_training_is_within_the_cost_that_cel_allows(self):
        kubectl("create", "-n", self.NAMESPACE, "--dry-run=server", "-f", "-",
                text=training("large", sites(1000), self.NAMESPACE))


class Rbac(unittest.TestCase):
    """The manifests' roles are what is used: no more, no less."""

    def kubeconfig_of(self, account):
        """Path of a kubeconfig with a service account's token."""
        token = kubectl("create", "token", account, "-n", "genesis-system").stdout.strip()
        config = json.loads(kubectl("config", "view", "--raw", "-o", "json").stdout)
        config["users"] = [{"name": "operator", "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = "operator"
        file = tempfile.NamedTemporaryFile("w", suffix=".kubeconfig")
        self.addCleanup(file.close)
        json.dump(config, file)
        file.flush()
        return file.name

    def test_rights_in_two_namespaces_are_enough_to_watch_those_two(self):
        kubectl("apply", "-f", str(SOURCE / "manifests/rbac.yaml"))
        kubectl("create", "serviceaccount", "narrow", "-n", "genesis-system")
        bind = lambda namespace, role: kubectl("create", "rolebinding", "narrow", "-n", namespace, role,
                                               "--serviceaccount=genesis-system:narrow")
        role = get("role", TRAININGS_ROLE, "-n", "default")
        for namespace in ("one", "two"):
            kubectl("create", "namespace", namespace)
            role["metadata"] = {"name": TRAININGS_ROLE, "namespace": namespace}
            kubectl("apply", "-f", "-", text=json.dumps(role))
            bind(namespace, f"--role={TRAININGS_ROLE}")
            kubectl("apply", "-f", "-", text=training("inside", sites(1), namespace))
        bind("genesis-system", "--role=genesis-operator")
        kubectl("apply", "-f", "-", text=training("outside", sites(1)))
        self.addCleanup(kubectl, "delete", FT, "outside")
        # The other test has to make its own.
        self.addCleanup(kubectl, "delete", "lease", "genesis-operator", "-n", "genesis-system")
        with Operator(self.kubeconfig_of("narrow"), "--watch-namespace", "one,two") as operator:
            for namespace in ("one", "two"):
                until(lambda: get("job", "inside-worker-s0", "-n", namespace), "the last Job")
                until(lambda: condition("inside", "Degraded", namespace), "conditions")
            self.assertIn("watches=one,two", operator.text())
            self.assertNotIn("forbidden", operator.text())
            self.assertEqual(operator.stop(), 0)
        self.assertNotIn("status", get(FT, "outside"))

    def test_the_operator_may_read_a_secret_by_its_name_but_list_none(self):
        kubectl("apply", "-f", str(SOURCE / "manifests/rbac.yaml"))
        account = "--as=system:serviceaccount:genesis-system:genesis-operator"
        may = lambda verb, what, namespace: kubectl("auth", "can-i", verb, what, "-n", namespace, account,
                                                    check=False).stdout.strip()
        kubectl("create", "namespace", "elsewhere")
        self.addCleanup(kubectl, "delete", "namespace", "elsewhere", "--wait=false")
        self.assertEqual(may("get", "secrets/x", "default"), "yes")
        for verb, what, namespace in (("list", "secrets", "default"), ("watch", "secrets", "default"),
                                      ("update", "secrets/x", "default"), ("get", "secrets/x", "elsewhere"),
                                      ("create", "secrets", "elsewhere"), ("get", "secrets/x", "genesis-system"),
                                      ("delete", "secrets/x", "genesis-system"), ("create", "pods", "default")):
            with self.subTest(f"{verb} {what} -n {namespace}"):
                self.assertEqual(may(verb, what, namespace), "no")

    def test_the_roles_are_exactly_sufficient(self):
        kubectl("apply", "-f", str(SOURCE / "manifests/rbac.yaml"))
        kubectl("delete", "secret", "genesis-operator-origin", "-n", "genesis-system", "--ignore-not-found")
        with Operator(self.kubeconfig_of("genesis-operator"), "--watch-namespace", "default") as operator:
            self.walk_through(operator)
        kubectl("delete", "secret", "r-operator")
        with Operator(self.kubeconfig_of("genesis-operator"), "--watch-namespace", "default"):
            # What was made of the authority that is gone is patched.
            until(lambda: base64.b64decode(get("secret", "r-worker-s0")["data"]["ca.crt"]).count(b"BEGIN CERT") == 2, "a bundle of both")
        granted = set()
        for role in (get("role", TRAININGS_ROLE, "-n", "default"), get("role", "genesis-operator", "-n", "genesis-system")):
            for rule in role["rules"]:
                granted |= {(r, v) for r in rule["resources"] for v in rule["verbs"]}
        used, refused = set(), set()
        for event in audit():
            if event.get("user", {}).get("username") != "system:serviceaccount:genesis-system:genesis-operator":
                continue
            reference = event.get("objectRef")
            if not reference:
                continue
            resource = "/".join(filter(None, [reference["resource"], reference.get("subresource")]))
            used.add((resource, event["verb"]))
            if event.get("responseStatus", {}).get("code") == 403:
                refused.add((resource, event["verb"]))
        self.assertEqual(refused, set())
        self.assertEqual(used - granted, set())
        self.assertEqual(granted - used, set())

    def walk_through(self, operator):
        children = json.loads((SOURCE / "tests/golden/operator/plain.json").read_text())["items"]
        kinds = ("Secret", "Service", "PersistentVolumeClaim", "NetworkPolicy", "Job", "ConfigMap")
        for kind in kinds:  # each name is taken once
            child = next(item for item in children if item["kind"] == kind)
            name = "f-" + kind.lower()
            child["metadata"] = {"name": child["metadata"]["name"].replace("hospitals", name), "namespace": "default"}
            kubectl("apply", "-f", "-", text=json.dumps(child))
            kubectl("apply", "-f", "-", text=training(name, sites(1)))
        for kind in kinds:
            until(lambda: condition("f-" + kind.lower(), "Degraded").get("reason") == "ForeignObject",
                  f"foreign {kind}")
        stored = sites(1, "ttlSecondsAfterFinished: 0, output: {rows: 0},").replace("data:", "storage: {size: 1Mi}, data:")
        kubectl("apply", "-f", "-", text=training("r", stored))
        until(lambda: get("job", "r-worker-s0"), "Jobs")
        for _ in range(2):  # the second time the same Event counts up
            kubectl("patch", FT, "r", "--type=merge", "-p", '{"spec":{"suspend":true}}')
            until(lambda: condition("r", "Suspended").get("status") == "True", "suspension")
            kubectl("patch", FT, "r", "--type=merge", "-p", '{"spec":{"suspend":false}}')
            until(lambda: condition("r", "Suspended").get("reason") == "Resumed", "resumption")
        kubectl("patch", FT, "r", "--type=merge", "-p", '{"spec":{"security":{"deny":["s0"]}}}')
        until(lambda: get("configmap", "r-deny")["data"]["deny.txt"] == "s0\n", "the deny list")
        undo_drift(self, "r")
        end_job("r-worker-s0", "Complete")
        end_job("r-aggregator", "Complete")
        until(lambda: get("job", "r-aggregator") is None, "clearing up")
        until(lambda: get("networkpolicy", "r-workers") is None, "clearing up to the end")
        kubectl("delete", FT, "r")
        kubectl("apply", "-f", "-", text=training("r", sites(1, "output: {rows: 0, existingClaim: reuse},")))
        until(lambda: get("job", "r-worker-s0"), "Jobs on the claim that was left")
        kubectl("apply", "-f", "-", text=training("e", "{suspend: true, participants: []}"))
        until(lambda: condition("e", "Suspended").get("status") == "True", "Suspended")
        operator.stop()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
