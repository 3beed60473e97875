"""What an operator of the cluster does, and what happens to one, while a training runs on the real node."""
import json
import time
import unittest

from node import apply, claim_folder, get, get_all, kubectl, sha256, wait_until
from training_test import FINISHED, NAME, SITES, TrainingTest, long_training, tables_of, training


class Operations(TrainingTest):
    def patch(self, spec):
        kubectl("patch", "ft", NAME, "-n", self.namespace, "--type=merge", "-p", json.dumps({"spec": spec}))

    def evict(self, *which):
        """As `kubectl drain` does."""
        pod = self.pod(*which)
        kubectl("create", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction", "-f", "-",
                text_in=json.dumps({"apiVersion": "policy/v1", "kind": "Eviction",
                                    "metadata": {"name": pod, "namespace": self.namespace}}))
        # A pod that has time to end with the training is not replaced. Kubernetes waits longer with each that is.
        wait_until(lambda: self.pod(*which) not in (None, pod) or self.condition("Complete")["status"] == "True",
                   f"another pod than {pod}", FINISHED)

    def events(self):
        return {event["reason"]: event["message"] for event in get_all("events", self.namespace)
                if event["involvedObject"]["kind"] == "FederatedTraining"}

    def test_drains_in_any_number_change_no_byte_and_count_as_no_failure(self):
        self.start(long_training(count=200, backoffLimit=1))
        for number, which in enumerate((("worker", "site-1"), ("aggregator",), ("worker", "site-1"))):
            self.wait_round(2 + number)
            self.evict(*which)
        self.assert_same_bytes()
        self.assertNotIn("ParticipantFailed", self.events())

    def test_a_worker_that_hangs_is_replaced_from_its_claim(self):
        self.start(long_training())
        self.wait_round(3)
        stopped = self.pod("worker", "site-2")
        began = time.monotonic()
        self.signal_process(stopped, "STOP")
        wait_until(lambda: self.pod("worker", "site-2") != stopped, "another pod", FINISHED)
        print(f"a stopped worker is replaced after {time.monotonic() - began:.0f} s")
        self.assert_same_bytes()

    def test_an_aggregator_that_hangs_is_blamed_and_replaced(self):
        self.start(long_training())
        self.wait_round(3)
        stopped = self.pod("aggregator")
        self.signal_process(stopped, "STOP")
        degraded = wait_until(lambda: self.condition("Degraded")["status"] == "True" and self.condition("Degraded"),
                              "Degraded", 120)
        self.assertEqual(degraded["reason"], "AggregatorUnreachable", degraded)
        wait_until(lambda: self.pod("aggregator") != stopped, "another pod", FINISHED)
        self.assert_same_bytes()

    def test_a_missing_config_map_is_named_and_made_good(self):
        tables = tables_of()
        late = tables.pop("site-2")
        self.start(tables=tables)
        wait_until(lambda: self.pod("worker", "site-2"), "the pod")
        began = time.monotonic()
        degraded = wait_until(lambda: "there is no ConfigMap site-2" in self.condition("Degraded").get("message", "")
                              and self.condition("Degraded"), lambda: str(self.condition("Degraded")), 60)
        print(f"a missing ConfigMap told {time.monotonic() - began:.1f} s after its pod")
        self.assertEqual(degraded["reason"], "PodNotStarting")
        self.assertIn("spec.participants[1].data.volume.configMap", degraded["message"])
        apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site-2", "namespace": self.namespace},
               "data": {"site-2.csv": late}})
        self.tables["site-2"] = late
        self.tables = {site: self.tables[site] for site in SITES}
        self.assert_same_bytes()

    def test_a_failed_training_goes_on_once_its_data_is_mended(self):
        tables = tables_of()
        tables["site-2"] += "1,2,3\n"
        self.start(training(), tables)
        failed = self.wait_condition("Failed")
        self.assertEqual(failed["reason"], "QuorumImpossible")
        self.assertIn("402", failed["message"])
        self.tables = tables_of()
        apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site-2", "namespace": self.namespace},
               "data": {"site-2.csv": self.tables["site-2"]}})
        self.patch({"retry": 1})
        wait_until(lambda: self.condition("Failed")["status"] == "False", "the retry", 60)
        self.assert_same_bytes()
        self.assertIn("Retried", self.events())

    def test_a_model_outlives_its_training_until_somebody_says_otherwise(self):
        self.start()
        self.assert_same_bytes()
        model = claim_folder(self.namespace, f"{NAME}-model") / "model.safetensors"
        before = sha256(model)
        kubectl("delete", "ft", NAME, "-n", self.namespace, "--timeout=60s", timeout=90)
        wait_until(lambda: not get_all("jobs,pods", self.namespace), "the garbage collector", 60)
        self.assertEqual(sha256(model), before)
        self.start()
        wait_until(lambda: self.condition("Degraded").get("reason") == "ModelClaimExists", "the refusal", 60)
        self.assertEqual(sha256(model), before)
        self.patch({"output": {"existingClaim": "replace"}})
        self.document["spec"]["output"]["existingClaim"] = "replace"
        self.assert_same_bytes()

    def test_what_somebody_changes_or_deletes_is_put_back(self):
        self.start(long_training())
        self.wait_round(2)
        workers = f"{NAME}-workers"
        policy = get("networkpolicy", workers, self.namespace)["spec"]
        kubectl("patch", "networkpolicy", workers, "-n", self.namespace, "--type=merge", "-p", '{"spec": {"egress": [{}]}}')
        wait_until(lambda: get("networkpolicy", workers, self.namespace)["spec"] == policy, "the policy as it was", 60)
        kubectl("delete", "service", f"{NAME}-aggregator", "-n", self.namespace)
        wait_until(lambda: get("service", f"{NAME}-aggregator", self.namespace), "the Service again", 60)
        wait_until(lambda: "ChildRestored" in self.events(), "the Event", 60)
        self.assert_same_bytes()

    def test_each_worker_has_a_claim_where_there_is_a_default_storage_class(self):
        self.start(long_training())
        self.wait_round(1)
        claims = {claim["metadata"]["name"] for claim in get_all("pvc", self.namespace)}
        self.assertEqual(claims, {f"{NAME}-model", *(f"{NAME}-worker-{site}" for site in SITES)})


if __name__ == "__main__":
    unittest.main()
