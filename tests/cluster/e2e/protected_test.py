"""Trainings on the real node whose sums hide single sites, and those under differential privacy."""
import copy
import json
import pathlib
import shutil
import tempfile
import unittest

import yaml

from node import (SOURCE, WORKER_IMAGE, NodeTest, apply, claim_folder, get, get_all, node_exec, run_in_image, sha256,
                  wait_until)
from training_test import FINISHED, SITES, simulated, tables_of, training

POLICY = "apiVersion: federated.genesis.dev/v1alpha1\nkind: SitePolicy\nspec: {totalEpsilon: 4.0}\n"


def named(document, name):
    """The same training under another name."""
    document = copy.deepcopy(document)
    document["metadata"]["name"] = name
    return document


def secure_training(name, **fields):
    """Small networks and few rounds: under encryption each weight takes time."""
    small = {"embeddingDim": 16, "generatorDims": [32, 32], "discriminatorDims": [32, 32], "pac": 1}
    return named(training(rounds={"count": 2, "minClients": len(SITES)}, local={"epochs": 1, "batchSize": 100}, model=small,
                          privacy={"secureAggregation": fields}), name)


def private_training(name, min_clients):
    """The sample of differential privacy with the sites and claims of these tests."""
    document = named(yaml.safe_load((SOURCE / "manifests/samples/adult-private.yaml").read_text()), name)
    document["spec"] |= {"rounds": {"count": 1, "minClients": min_clients}, "output": {"rows": 200},
                         "participants": training()["spec"]["participants"]}
    for participant in document["spec"]["participants"]:
        participant["ledger"] = {"claimName": f"{participant['name']}-ledger"}
    document["spec"]["participants"][1]["policyRef"] = {"name": "total"}
    return document


class Protected(NodeTest):
    def start(self, tables, *objects):
        maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": site}, "data": {f"{site}.csv": text}}
                for site, text in tables.items()]
        for one in (*maps, *objects):
            one["metadata"]["namespace"] = self.namespace
        apply(*maps, *objects)

    def status(self, name):
        return (get("federatedtraining", name, self.namespace) or {}).get("status", {})

    def condition(self, name, kind):
        return next((c for c in self.status(name).get("conditions", []) if c["type"] == kind), {"status": "Unknown"})

    def wait_complete(self, name):
        wait_until(lambda: "True" in (self.condition(name, "Complete")["status"], self.condition(name, "Failed")["status"]),
                   lambda: f"the end of {name}: {self.status(name)}", FINISHED)
        self.assertEqual(self.condition(name, "Complete")["status"], "True", self.status(name))
        self.assertEqual(self.status(name)["phase"], "Succeeded")

    def pods(self, name, component):
        return get_all("pods", self.namespace, f"federated.genesis.dev/training={name},app.kubernetes.io/component={component}")


class SecureSums(Protected):
    def test_sums_that_are_masked_and_that_are_encrypted_end_in_the_simulations_bytes(self):
        trainings = [secure_training("masked", encryption="masking"),
                     secure_training("encrypted", encryption="paillier", keyBits=2048)]
        tables = tables_of()
        self.start(tables, *trainings)
        self.assert_key_is_the_workers()
        for document in trainings:
            name = document["metadata"]["name"]
            self.wait_complete(name)
            # Masks in one process give the bytes of either, and take no key.
            document["spec"]["privacy"] = {"secureAggregation": {"encryption": "masking"}}
            self.assertEqual(sha256(claim_folder(self.namespace, f"{name}-model") / "model.safetensors"),
                             simulated(json.dumps([document, tables])), name)
        self.assertIsNone(get("secret", "masked-paillier", self.namespace))

    def keys_of(self, pod):
        """The files that the kubelet has put into the pod's only volume with Secrets."""
        secret = [volume["name"] for volume in pod["spec"]["volumes"] if "projected" in volume or "secret" in volume]
        self.assertEqual(secret, ["keys"])
        folder = f"/var/lib/kubelet/pods/{pod['metadata']['uid']}/volumes/kubernetes.io~projected/keys"
        return set(node_exec("ls", folder, check=False).stdout.split())

    def assert_key_is_the_workers(self):
        """Looked at while the pods of the encrypted training run."""
        usual = {"ca.crt", "tls.crt", "tls.key", "token"}
        for component, count, more in (("aggregator", 1, set()), ("worker", len(SITES), {"paillier.key"})):
            expected = [usual | more] * count
            wait_until(lambda: [self.keys_of(pod) for pod in self.pods("encrypted", component)] == expected,
                       lambda: f"the keys of {component}: {[self.keys_of(p) for p in self.pods('encrypted', component)]}",
                       FINISHED)
        secret = get("secret", "encrypted-paillier", self.namespace)
        self.assertEqual(set(secret["data"]), {"paillier.key"})
        self.assertTrue(secret["immutable"])
        aggregator = json.dumps([pod["spec"] for pod in self.pods("encrypted", "aggregator")])
        self.assertNotIn("paillier", aggregator)


class DifferentialPrivacy(Protected):
    def test_ledgers_on_claims_are_charged_and_refuse_what_passes_the_sites_total(self):
        claims = [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": f"{site}-ledger"},
                   "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}}
                  for site in SITES]
        total = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "total"}, "data": {"policy.yaml": POLICY}}
        self.start(tables_of(), total, *claims, private_training("private", len(SITES)))
        self.wait_complete("private")
        for site in SITES:
            spent = self.spent(site)
            self.assertEqual(spent["dataSet"], site)
            self.assertGreater(spent["answers"], 0)
            self.assertGreater(spent["epsilon"], 2.9)
            self.assertLessEqual(spent["epsilon"], 3.0)

        # The others wait for site-2 until rounds.startDeadlineSeconds, so that what is wrong stays told.
        before = self.ledger("site-2").read_bytes()
        self.start(tables_of(), private_training("again", len(SITES) - 1))
        wait_until(lambda: self.condition("again", "Degraded").get("reason") == "PrivacyBudgetExhausted",
                   lambda: f"the refusal: {self.status('again')}", FINISHED)
        self.assertIn("site-2", self.condition("again", "Degraded")["message"])
        self.assertIn("privacy budget exhausted: data set site-2", self.condition("again", "Degraded")["message"])
        self.assertEqual(self.ledger("site-2").read_bytes(), before)

    def ledger(self, site):
        return claim_folder(self.namespace, f"{site}-ledger") / f"{site}.ledger"

    def spent(self, site):
        """What the worker's image reads in the ledger of that site, which is a copy here: its files are the worker's."""
        with tempfile.TemporaryDirectory(prefix="genesis-ledger-") as name:
            folder = pathlib.Path(name)
            shutil.copytree(self.ledger(site).parent, folder / "ledger")
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o777)
            told = run_in_image(WORKER_IMAGE, folder, "/usr/bin/genesis", "privacy", "ledger", "show", site, "--ledger",
                                "ledger", "--json")
            return json.loads(told.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
