#!/usr/bin/env python3
"""The chart as helm sees it, beside the manifests, and installed on a real API server: api-exec chart_test.py SOURCE."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

SOURCE = pathlib.Path(sys.argv[1])
CHART = SOURCE / "helm/genesis-federated"
CRD = "federatedtrainings.federated.genesis.dev"
DIGEST = "federated.genesis.dev/schema-sha256"
AT = ["--namespace", "genesis-system"]
ALL = ["networkPolicy.enabled=true", "serviceMonitor.enabled=true", "podMonitor.enabled=true",
       "prometheusRule.enabled=true", "dashboards.enabled=true", "admissionPolicy.enabled=true"]


def run(*command, check=True, text=None):
    done = subprocess.run([str(part) for part in command], input=text, capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done


def settings(values):
    return [word for value in values for word in ("--set-json" if "=[" in value or "={" in value else "--set", value)]


def template(*values, release="genesis", namespace="genesis-system", check=True):
    return run("helm", "template", release, CHART, "--namespace", namespace, *settings(values), check=check)


def rendered(*values, **where):
    """All objects by kind and name."""
    made = {}
    for one in yaml.safe_load_all(template(*values, **where).stdout):
        if one:
            key = one["kind"], one["metadata"]["name"]
            assert key not in made or one["metadata"]["namespace"] != made[key]["metadata"]["namespace"], key
            made[key] = one
    return made


def pod_of(made):
    return made["Deployment", "genesis-operator"]["spec"]["template"]


def environment(made):
    return {one["name"]: one.get("value") for one in pod_of(made)["spec"]["containers"][0]["env"]}


class Rendered(unittest.TestCase):
    def test_lint_finds_nothing(self):
        for values in ([], ALL, ["watchAnyNamespace=true", "crds.install=false"]):
            said = run("helm", "lint", "--strict", CHART, *settings(values)).stdout
            self.assertIn("1 chart(s) linted, 0 chart(s) failed", said)

    def test_the_manifests_are_its_defaults(self):
        self.assertEqual(run(SOURCE / "scripts/manifests", "--check").stdout, "")
        shown = list(yaml.safe_load_all(run("kubectl", "kustomize", SOURCE / "manifests").stdout))
        manifests = {(one["kind"], one["metadata"]["name"]) for one in shown} - {("Namespace", "genesis-system")}
        of_helm = {("CustomResourceDefinition", CRD), ("Pod", "genesis-operator-test")}
        self.assertEqual(set(rendered()) - of_helm, manifests)

    def test_each_value_is_in_the_schema_and_no_other_passes(self):
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        schema = json.loads((CHART / "values.schema.json").read_text())

        def compare(value, part, path):
            if "properties" in part and "additionalProperties" in part:
                self.assertIs(part["additionalProperties"], False, path)
                unknown = set(value) - set(part["properties"])
                self.assertEqual(unknown, set(), path)
                for key in value:
                    compare(value[key], part["properties"][key], f"{path}.{key}")

        self.assertEqual(set(values), set(schema["properties"]) - {"global"})
        compare(values, schema, "values")
        for wrong in ("replica=3", "images.operator.tagg=1", "allow.volumes=[\"hostPath\"]", "images.worker.digest=sha256:1",
                      "log.format=xml", "watchNamespaces=[\"Not_A_Name\"]", "networkPolicy.apiServerPorts=[0]"):
            with self.subTest(wrong):
                refused = template(wrong, check=False)
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn("values don't meet the specifications of the schema", refused.stderr)

    def test_it_has_rights_in_the_namespaces_that_it_watches_and_no_other(self):
        text = template('watchNamespaces=["hospitals","banks"]').stdout
        made = [one for one in yaml.safe_load_all(text) if one]
        self.assertNotIn("ClusterRoleBinding", {one["kind"] for one in made})
        of_people = [one for one in made if one["kind"] == "ClusterRole"]
        # None of them is bound by the chart: they add to built-in roles, but for that of `genesis fetch`.
        self.assertEqual([one["metadata"]["name"] for one in of_people
                          if not any("aggregate-to" in label for label in one["metadata"]["labels"])],
                         ["genesis-system-genesis-fetch"])
        bindings = [one for one in made if one["kind"] == "RoleBinding"]
        self.assertEqual({one["metadata"]["namespace"] for one in bindings}, {"hospitals", "banks", "genesis-system"})
        for binding in bindings:
            self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": "genesis-operator",
                                                    "namespace": "genesis-system"}])
        self.assertEqual(environment(rendered('watchNamespaces=["hospitals","banks"]'))["WATCH_NAMESPACE"],
                         "hospitals,banks")

    def test_without_a_list_it_watches_the_namespace_of_the_release(self):
        made = rendered("watchNamespaces=[]")
        self.assertEqual(made["RoleBinding", "genesis-system-genesis-trainings"]["metadata"]["namespace"], "genesis-system")
        self.assertEqual(environment(made)["WATCH_NAMESPACE"], "genesis-system")

    def test_all_namespaces_are_a_choice(self):
        made = rendered("watchAnyNamespace=true", *ALL)
        self.assertNotIn(("RoleBinding", "genesis-system-genesis-trainings"), made)
        self.assertNotIn("namespace", made["ClusterRoleBinding", "genesis-system-genesis-operator"]["metadata"])
        self.assertEqual(environment(made)["WATCH_NAMESPACE"], "*")
        self.assertEqual(made["PodMonitor", "genesis-operator-trainings"]["spec"]["namespaceSelector"], {"any": True})

    def test_two_releases_share_no_object(self):
        keys = lambda **where: {(*key, one["metadata"].get("namespace"))
                                for key, one in rendered("crds.install=false", *ALL, **where).items()}
        first = keys()
        self.assertEqual(first & keys(release="other"), set())
        self.assertEqual(first & keys(namespace="elsewhere"), set())
        self.assertEqual(environment(rendered())["GENESIS_LEASE_NAME"], "genesis-operator")

    def test_what_trainings_may_use_reaches_the_operator(self):
        self.assertEqual(environment(rendered())["GENESIS_ALLOW_VOLUMES"], "persistentVolumeClaim")
        made = environment(rendered('allow.volumes=["persistentVolumeClaim","nfs"]', 'allow.images=["r.example/a","r.example/b"]'))
        self.assertEqual(made["GENESIS_ALLOW_VOLUMES"], "persistentVolumeClaim,nfs")
        self.assertEqual(made["GENESIS_ALLOW_IMAGES"], "r.example/a,r.example/b")

    def test_values_reach_the_pods(self):
        digest = "sha256:" + "0" * 64
        made = rendered(
            "replicas=1", "images.registry=r.example/team", "images.tag=v1", f"images.operator.digest={digest}",
            "images.pullPolicy=Always", 'images.pullSecrets=[{"name":"pull"}]', "nodeSelector.disk=ssd",
            'tolerations=[{"operator":"Exists"}]', "resources.limits.memory=64Mi", "log.level=debug", "log.format=json",
            'extraArgs=["--lease-seconds=9"]', 'extraEnv=[{"name":"HTTPS_PROXY","value":"p"}]', "labels.team=a",
            "podLabels.kind=b", "podAnnotations.note=c", "priorityClassName=high", "serviceAccount.name=own",
            'affinity={"nodeAffinity":{}}', "terminationGracePeriodSeconds=20", "livenessProbe.periodSeconds=33")
        self.assertEqual(made["Deployment", "genesis-operator"]["spec"]["replicas"], 1)
        pod = pod_of(made)
        self.assertEqual(pod["metadata"]["annotations"], {"note": "c"})
        self.assertEqual({pod["metadata"]["labels"][name] for name in ("team", "kind")}, {"a", "b"})
        spec = pod["spec"]
        container = spec["containers"][0]
        self.assertEqual(container["image"], f"r.example/team/genesis-operator@{digest}")
        self.assertEqual(container["imagePullPolicy"], "Always")
        self.assertEqual(container["args"], ["--lease-seconds=9"])
        self.assertEqual(container["livenessProbe"]["periodSeconds"], 33)
        for name, value in (("GENESIS_WORKER_IMAGE", "r.example/team/genesis-worker:v1"), ("HTTPS_PROXY", "p"),
                            ("GENESIS_LOG_LEVEL", "debug"), ("GENESIS_LOG_FORMAT", "json")):
            self.assertIn({"name": name, "value": value}, container["env"])
        self.assertEqual(container["resources"]["limits"]["memory"], "64Mi")
        for name, value in (("imagePullSecrets", [{"name": "pull"}]), ("nodeSelector", {"disk": "ssd"}),
                            ("tolerations", [{"operator": "Exists"}]), ("affinity", {"nodeAffinity": {}}),
                            ("priorityClassName", "high"), ("serviceAccountName", "own"),
                            ("terminationGracePeriodSeconds", 20)):
            self.assertEqual(spec[name], value)
        spread = spec["topologySpreadConstraints"]
        self.assertEqual(spread[0]["labelSelector"], made["Deployment", "genesis-operator"]["spec"]["selector"])
        self.assertIn(("ServiceAccount", "own"), made)
        self.assertTrue(all(one["metadata"]["labels"]["team"] == "a" for one in made.values()))

    def test_dashboards_and_alerts_are_those_of_the_manifests(self):
        made = rendered(*ALL, "dashboards.annotations.grafana_folder=Genesis", "prometheusRule.runbookUrl=https://docs.example/r/")
        for dashboard in (SOURCE / "manifests/grafana").glob("*.json"):
            name = f"genesis-operator-{dashboard.stem.removeprefix('genesis-')}-dashboard"
            config_map = made["ConfigMap", name]
            self.assertEqual(json.loads(config_map["data"][dashboard.name]), json.loads(dashboard.read_text()))
            self.assertEqual(config_map["metadata"]["labels"]["grafana_dashboard"], "1")
            self.assertEqual(config_map["metadata"]["annotations"], {"grafana_folder": "Genesis"})
        plain = (SOURCE / "manifests/prometheus/alerts.yaml").read_text()
        alerts = yaml.safe_load(plain.replace("runbook_url: docs/runbooks/", "runbook_url: https://docs.example/r/"))
        self.assertEqual(made["PrometheusRule", "genesis-operator"]["spec"], alerts)

    def test_monitors_give_the_labels_by_which_dashboards_and_alerts_tell_trainings_apart(self):
        made = rendered(*ALL)
        rules = made["PodMonitor", "genesis-operator-trainings"]["spec"]["podMetricsEndpoints"][0]["relabelings"]
        targets = {rule["targetLabel"] for rule in rules if "targetLabel" in rule}
        self.assertEqual(targets, {"job", "namespace", "name", "participant", "instance"})
        endpoint = made["ServiceMonitor", "genesis-operator"]["spec"]["endpoints"][0]
        self.assertTrue(endpoint["honorLabels"])  # else namespace would be that of the operator

    def test_notes_say_what_comes_next(self):
        notes = run("helm", "install", "genesis", CHART, *AT, "--dry-run=client", "--set", "crds.install=false").stdout.split("NOTES:")[1]
        self.assertIn("helm test genesis -n genesis-system", notes)
        self.assertIn("kubectl apply -n default -f manifests/samples/hospitals.yaml", notes)


def crd():
    return json.loads(run("kubectl", "get", "crd", CRD, "-o", "json").stdout)


class Installed(unittest.TestCase):
    def test_it_installs_beside_another_upgrades_and_goes_but_the_trainings_stay(self):
        run("helm", "install", "genesis", CHART, *AT, "--create-namespace")
        run("kubectl", "wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=60s")

        # The second release can't have the CRD, and is told so.
        other = ["other", CHART, "--namespace", "elsewhere", "--create-namespace", "--set", "watchNamespaces=null"]
        refused = run("helm", "install", *other, check=False)
        self.assertIn("belongs to release genesis-system/genesis, which upgrades it; set crds.install=false", refused.stderr)
        run("helm", "install", *other, "--set", "crds.install=false")
        run("helm", "install", "genesis", CHART, "--namespace", "third", "--create-namespace", "--set",
            "watchNamespaces=null,crds.install=false")

        # A new version of the chart, with a field more.
        with tempfile.TemporaryDirectory() as folder:
            newer = pathlib.Path(folder) / "genesis-federated"
            shutil.copytree(CHART, newer)
            text = (newer / "files/federatedtrainings.yaml").read_text()
            before = crd()["metadata"]["annotations"][DIGEST]
            text = text.replace(before, "0" * 64).replace("shortNames: [ft]", "shortNames: [ft, training]")
            (newer / "files/federatedtrainings.yaml").write_text(text)
            refused = run("helm", "upgrade", "other", newer, "--namespace", "elsewhere", "--reuse-values", check=False)
            self.assertIn("is not that of this chart; first upgrade release genesis-system/genesis", refused.stderr)
            run("helm", "upgrade", "genesis", newer, *AT, "--set", "replicas=3")
            self.assertEqual(crd()["spec"]["names"]["shortNames"], ["ft", "training"])
            run("helm", "upgrade", "other", newer, "--namespace", "elsewhere", "--reuse-values")
        deployment = json.loads(run("kubectl", "get", "deployment", "genesis-operator", *AT, "-o", "json").stdout)
        self.assertEqual(deployment["spec"]["replicas"], 3)

        for release, namespace in (("genesis", "third"), ("other", "elsewhere"), ("genesis", "genesis-system")):
            run("helm", "uninstall", release, "--namespace", namespace)
        self.assertNotEqual(run("kubectl", "get", "deployment", "genesis-operator", *AT, check=False).returncode, 0)
        crd()

        # Nobody's CRD, of another version: neither taken over nor left as it is unseen.
        run("kubectl", "annotate", "crd", CRD, "meta.helm.sh/release-name-", "meta.helm.sh/release-namespace-",
            f"{DIGEST}=old", "--overwrite")
        refused = run("helm", "install", "genesis", CHART, *AT, check=False)
        self.assertIn("belongs to no release", refused.stderr)
        refused = run("helm", "install", "genesis", CHART, *AT, "--set", "crds.install=false", check=False)
        self.assertIn("first kubectl apply --server-side -f manifests/crd.yaml", refused.stderr)
        run("kubectl", "apply", "--server-side", "--force-conflicts", "-f", SOURCE / "manifests/crd.yaml")
        run("helm", "install", "genesis", CHART, *AT, "--set", "crds.install=false")
        run("helm", "uninstall", "genesis", *AT)

    def test_the_api_server_takes_all_objects_as_they_are_and_sees_no_change_in_a_second_apply(self):
        run("kubectl", "create", "namespace", "strict")
        made = [one for one in rendered("crds.install=false", *ALL, "watchNamespaces=null", namespace="strict").values()
                if not one["apiVersion"].startswith("monitoring.coreos.com") and one["kind"] != "Pod"]
        text = yaml.safe_dump_all(made)
        run("kubectl", "apply", "--server-side", "--validate=strict", "-f", "-", text=text)
        for mode in ([], ["--server-side"]):
            shown = run("kubectl", "diff", *mode, "-f", "-", text=text, check=False)
            self.assertEqual((shown.returncode, shown.stdout), (0, ""))
        run("kubectl", "delete", "-f", "-", "--wait=false", text=text)

    def test_the_samples_are_as_they_were_applied_so_that_a_second_apply_changes_nothing(self):
        samples = sorted((SOURCE / "manifests/samples").glob("*.yaml"))
        self.assertGreaterEqual(len(samples), 4)
        for sample in samples:
            for mode in ([], ["--server-side"]):
                with self.subTest(f"{sample.name} {mode}"):
                    run("kubectl", "apply", *mode, "-f", sample)
                    shown = run("kubectl", "diff", *mode, "-f", sample, check=False)
                    self.assertEqual((shown.returncode, shown.stdout), (0, ""))
                    run("kubectl", "delete", "--wait=false", "-f", sample)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
