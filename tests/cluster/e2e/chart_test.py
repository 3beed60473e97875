"""The chart on the real node: two releases side by side, each for a namespace of its own, `helm test`, an upgrade in the midst
of a training, which ends in the same bytes, and an uninstallation that leaves trainings, models and the CRD.

The operator of manifests/ watches all namespaces. It is scaled down meanwhile, so that only the releases act.
"""
import json
import unittest

from node import SOURCE, get, get_all, kubectl, run, wait_until
from training_test import LABEL, NAME, OPERATOR_NAMESPACE, SITES, TrainingTest, long_training, training

CHART = SOURCE / "helm/genesis-federated"
CRD = "federatedtrainings.federated.genesis.dev"
ANNOTATIONS = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
VALUES = ("--set", "watchNamespaces=null", "--set", "allow.volumes={persistentVolumeClaim,configMap}")


class OfRelease(TrainingTest):
    """A namespace with a release of the chart, and a training in it."""

    def install(self, release, *values):
        self.release = release
        self.helm("install", CHART, *VALUES, *values, "--wait", "--timeout=120s")

    def helm(self, verb, *more):
        return run("helm", verb, self.release, *more, "--namespace", self.namespace, timeout=180)

    def operators(self):
        return {pod["metadata"]["name"] for pod in get_all("pods", self.namespace, "app.kubernetes.io/name=genesis-operator")}

    def pods_of_training(self):
        return {pod["metadata"]["name"] for pod in get_all("pods", self.namespace, LABEL)}


class Chart(unittest.TestCase):
    def namespaces(self, count):
        made = []
        for _ in range(count):
            one = OfRelease()
            one._outcome = self._outcome  # tells what its pods said where this test fails
            one.setUp()
            self.addCleanup(one.doCleanups)
            made.append(one)
        return made

    def rest(self, replicas):
        kubectl("scale", "deployment", "genesis-operator", "-n", OPERATOR_NAMESPACE, f"--replicas={replicas}")

    def give_crd(self, *owner):
        """To a release, as the chart's message says, or to nobody."""
        values = [f"{key}={value}" for key, value in zip(ANNOTATIONS, owner)] or [f"{key}-" for key in ANNOTATIONS]
        kubectl("annotate", "crd", CRD, "--overwrite", *values)
        kubectl("label", "crd", CRD, "--overwrite", "app.kubernetes.io/managed-by" + ("=Helm" if owner else "-"))

    def test_two_releases_train_one_is_upgraded_meanwhile_and_both_go_without_their_trainings(self):
        replicas = get("deployment", "genesis-operator", OPERATOR_NAMESPACE)["spec"]["replicas"]
        self.addCleanup(self.rest, replicas)
        self.rest(0)
        wait_until(lambda: not get_all("pods", OPERATOR_NAMESPACE, "app.kubernetes.io/name=genesis-operator"), "the operator to go")
        first, second = self.namespaces(2)
        self.give_crd("genesis", first.namespace)
        self.addCleanup(self.give_crd)
        first.install("genesis")
        second.install("genesis", "--set", "crds.install=false,replicas=1")  # of the same name
        second.start(training())
        for one in (first, second):
            one.helm("test", "--timeout=60s")
        first.start(long_training())
        first.wait_round(3)
        stopped = first.pod("worker", "site-1")
        first.signal_process(stopped, "STOP")  # so that the round is open meanwhile
        before, trains = first.operators(), first.pods_of_training() - {stopped}  # which its kubelet may replace after a minute
        self.assertEqual(len(trains), len(SITES))
        first.helm("upgrade", CHART, "--reuse-values", "--set", "log.level=debug", "--wait", "--timeout=120s")
        wait_until(lambda: not first.operators() & before, "the old operators to go")
        self.assertLessEqual(trains, first.pods_of_training())
        first.signal_process(first.pod("worker", "site-1"), "CONT")
        second.assert_same_bytes()
        first.assert_same_bytes()
        for one in (first, second):
            one.helm("uninstall", "--wait", "--timeout=60s")
            wait_until(lambda: not one.operators(), "the operators to go")  # pods end after what helm waits for
            self.assertEqual(one.status()["phase"], "Succeeded")
            one.assert_same_bytes()
        definition = json.loads(kubectl("get", "crd", CRD, "-o", "json").stdout)
        self.assertNotIn("deletionTimestamp", definition["metadata"])
        for one in (first, second):  # else the operator of manifests/ would find them
            kubectl("delete", "ft", NAME, "-n", one.namespace, "--timeout=60s", timeout=90)
        self.rest(replicas)
        kubectl("rollout", "status", "deployment", "genesis-operator", "-n", OPERATOR_NAMESPACE, "--timeout=120s", timeout=150)


if __name__ == "__main__":
    unittest.main()
