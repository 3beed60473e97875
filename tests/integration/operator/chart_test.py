#!/usr/bin/env python3
"""The chart as helm sees it, beside the manifests, and installed on a real API server: api-exec chart_test.py SOURCE."""

import json
import pathlib
import subprocess
import sys
import unittest

import yaml

SOURCE = pathlib.Path(sys.argv[1])
CHART = SOURCE / "helm/genesis-federated"
CRD = "federatedtrainings.federated.genesis.dev"


def run(*command, check=True):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done


def objects(text):
    """By kind and name."""
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text) if one}


def rendered(*values):
    settings = [word for value in values for word in ("--set", value)]
    return objects(run("helm", "template", "genesis", CHART, "--namespace", "genesis-system", *settings).stdout)


class Chart(unittest.TestCase):
    def test_lint_finds_nothing(self):
        said = run("helm", "lint", "--strict", CHART).stdout
        self.assertIn("1 chart(s) linted, 0 chart(s) failed", said)

    def test_its_defaults_are_the_manifests(self):
        manifests = objects(run("kubectl", "kustomize", SOURCE / "manifests").stdout)
        self.assertEqual(manifests.pop(("Namespace", "genesis-system"))["kind"], "Namespace")
        self.assertNotIn(("CustomResourceDefinition", CRD), manifests)
        self.assertEqual(rendered(), manifests)

    def environment(self, made):
        container = made["Deployment", "genesis-operator"]["spec"]["template"]["spec"]["containers"][0]
        return {one["name"]: one.get("value") for one in container["env"]}

    def test_it_has_rights_in_the_namespaces_that_it_watches_and_no_other(self):
        text = run("helm", "template", "genesis", CHART, "--namespace", "genesis-system", "--set",
                   "watchNamespaces={hospitals,banks}").stdout
        made = [one for one in yaml.safe_load_all(text) if one]
        self.assertNotIn("ClusterRoleBinding", {one["kind"] for one in made})
        bindings = [one for one in made if one["kind"] == "RoleBinding" and one["roleRef"]["kind"] == "ClusterRole"]
        self.assertEqual([one["metadata"]["namespace"] for one in bindings], ["hospitals", "banks"])
        for binding in bindings:
            self.assertEqual(binding["roleRef"]["name"], "genesis-operator")
            self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": "genesis-operator",
                                                    "namespace": "genesis-system"}])
        self.assertEqual(self.environment(objects(text))["WATCH_NAMESPACE"], "hospitals,banks")

    def test_without_a_list_it_watches_the_namespace_of_the_release(self):
        made = rendered("watchNamespaces=null")
        self.assertEqual(made["RoleBinding", "genesis-operator-trainings"]["metadata"]["namespace"], "genesis-system")
        self.assertEqual(self.environment(made)["WATCH_NAMESPACE"], "genesis-system")

    def test_all_namespaces_are_a_choice(self):
        made = rendered("watchAnyNamespace=true")
        self.assertNotIn(("RoleBinding", "genesis-operator-trainings"), made)
        self.assertNotIn("namespace", made["ClusterRoleBinding", "genesis-operator-trainings"]["metadata"])
        self.assertEqual(self.environment(made)["WATCH_NAMESPACE"], "*")

    def test_what_trainings_may_use_reaches_the_operator(self):
        self.assertEqual(self.environment(rendered())["GENESIS_ALLOW_VOLUMES"], "persistentVolumeClaim")
        made = self.environment(rendered("allow.volumes={persistentVolumeClaim,nfs}", "allow.images={r.example/a,r.example/b}"))
        self.assertEqual(made["GENESIS_ALLOW_VOLUMES"], "persistentVolumeClaim,nfs")
        self.assertEqual(made["GENESIS_ALLOW_IMAGES"], "r.example/a,r.example/b")

    def test_the_admission_policy_is_optional_and_that_of_the_manifests(self):
        policy = objects(run("kubectl", "kustomize", SOURCE / "manifests/admission-policy").stdout)
        self.assertEqual(len(policy), 2)
        plain, made = rendered(), rendered("admissionPolicy.enabled=true")
        self.assertEqual({key: made[key] for key in made if key not in plain}, policy)

    def test_values_reach_the_pods(self):
        pod = rendered("replicas=1", "images.operator=r.example/o:1", "images.worker=r.example/w:1",
                       "imagePullSecrets[0].name=pull", "nodeSelector.disk=ssd", "tolerations[0].operator=Exists",
                       "resources.limits.memory=64Mi")["Deployment", "genesis-operator"]["spec"]
        self.assertEqual(pod["replicas"], 1)
        spec = pod["template"]["spec"]
        container = spec["containers"][0]
        self.assertEqual(container["image"], "r.example/o:1")
        self.assertIn({"name": "GENESIS_WORKER_IMAGE", "value": "r.example/w:1"}, container["env"])
        self.assertEqual(container["resources"]["limits"]["memory"], "64Mi")
        self.assertEqual(spec["imagePullSecrets"], [{"name": "pull"}])
        self.assertEqual(spec["nodeSelector"], {"disk": "ssd"})
        self.assertEqual(spec["tolerations"], [{"operator": "Exists"}])

    def test_it_installs_changes_and_goes_but_the_trainings_stay(self):
        at = ["--namespace", "genesis-system"]
        run("helm", "install", "genesis", CHART, *at, "--create-namespace")
        run("kubectl", "wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=60s")
        run("helm", "upgrade", "genesis", CHART, *at, "--set", "replicas=3")
        deployment = json.loads(run("kubectl", "get", "deployment", "genesis-operator", *at, "-o", "json").stdout)
        self.assertEqual(deployment["spec"]["replicas"], 3)
        run("helm", "uninstall", "genesis", *at)
        self.assertNotEqual(run("kubectl", "get", "deployment", "genesis-operator", *at, check=False).returncode, 0)
        run("kubectl", "get", "crd", CRD)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
