"""The evaluator of NetworkPolicies: each rule of the API, with a case that it lets through and one that it does not."""
import unittest

from policies import Place, may_connect, selects


def policy(spec, namespace="a"):
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": spec}


def pod(namespace="a", address="10.0.0.1", ports=None, **labels):
    return Place(labels=labels, namespace=namespace, namespace_labels={"name": namespace},
                 named_ports=ports or {}, address=address)


WEB, CLIENT, OUTSIDE = pod(app="web", ports={"https": 8443}), pod(app="client"), Place(address="192.0.2.7")


class PolicyTest(unittest.TestCase):
    def test_without_a_policy_all_may_talk(self):
        self.assertTrue(may_connect([], CLIENT, WEB, 80))
        self.assertTrue(may_connect([], OUTSIDE, WEB, 80))

    def test_a_selected_pod_is_closed_but_for_its_rules(self):
        closed = policy({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]})
        self.assertFalse(may_connect([closed], CLIENT, WEB, 80))
        self.assertTrue(may_connect([closed], WEB, CLIENT, 80))
        opened = policy({"podSelector": {"matchLabels": {"app": "web"}},
                         "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}]})
        self.assertTrue(may_connect([closed, opened], CLIENT, WEB, 80))
        self.assertFalse(may_connect([closed, opened], pod(app="other"), WEB, 80))

    def test_a_policy_counts_in_its_own_namespace_only(self):
        closed = policy({"podSelector": {}}, namespace="b")
        self.assertTrue(may_connect([closed], CLIENT, WEB, 80))

    def test_a_pod_selector_alone_means_the_policys_namespace(self):
        opened = policy({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]})
        self.assertTrue(may_connect([opened], CLIENT, WEB, 80))
        self.assertFalse(may_connect([opened], pod("b", app="client"), WEB, 80))

    def test_both_selectors_of_one_peer_must_match(self):
        opened = policy({"podSelector": {}, "ingress": [{"from": [
            {"namespaceSelector": {"matchLabels": {"name": "b"}}, "podSelector": {"matchLabels": {"app": "client"}}}]}]})
        self.assertTrue(may_connect([opened], pod("b", app="client"), WEB, 80))
        self.assertFalse(may_connect([opened], pod("b", app="other"), WEB, 80))
        self.assertFalse(may_connect([opened], CLIENT, WEB, 80))

    def test_egress_and_ingress_must_both_allow(self):
        out = policy({"podSelector": {"matchLabels": {"app": "client"}}, "policyTypes": ["Egress"],
                      "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "https"}]}]})
        shut = policy({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]})
        self.assertTrue(may_connect([out], CLIENT, WEB, 8443))
        self.assertFalse(may_connect([out], CLIENT, WEB, 80))
        self.assertFalse(may_connect([out], CLIENT, OUTSIDE, 443))
        self.assertFalse(may_connect([out, shut], CLIENT, WEB, 8443))

    def test_ports_have_a_protocol_a_name_or_a_range(self):
        opened = policy({"podSelector": {}, "ingress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 8000, "endPort": 8010}]}]})
        self.assertTrue(may_connect([opened], CLIENT, WEB, 53, "UDP"))
        self.assertFalse(may_connect([opened], CLIENT, WEB, 53))
        self.assertTrue(may_connect([opened], CLIENT, WEB, 8005))
        self.assertFalse(may_connect([opened], CLIENT, WEB, 8011))

    def test_a_block_of_addresses_has_holes(self):
        opened = policy({"podSelector": {}, "ingress": [{"from": [
            {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.0/29"]}}]}]})
        self.assertFalse(may_connect([opened], OUTSIDE, WEB, 80))
        self.assertTrue(may_connect([opened], Place(address="192.0.2.9"), WEB, 80))

    def test_expressions(self):
        for operator, values, expected in (("In", ["web"], True), ("NotIn", ["web"], False), ("Exists", None, True),
                                           ("DoesNotExist", None, False)):
            with self.subTest(operator):
                term = {"key": "app", "operator": operator, "values": values}
                self.assertEqual(selects({"matchExpressions": [term]}, WEB.labels), expected)
        self.assertTrue(selects({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]}, WEB.labels))


if __name__ == "__main__":
    unittest.main(verbosity=2)
