"""What a set of NetworkPolicies allows, evaluated as networking.k8s.io/v1 defines it. Pure: objects in, answer out.

The test node does not enforce policies; this says what a cluster that does would let through.
"""
import dataclasses
import ipaddress


@dataclasses.dataclass(frozen=True)
class Place:
    """One end of a connection: a pod, or an address outside the cluster (then only `address` is set)."""

    labels: dict = dataclasses.field(default_factory=dict)
    namespace: str = ""
    namespace_labels: dict = dataclasses.field(default_factory=dict)
    named_ports: dict = dataclasses.field(default_factory=dict)
    address: str = ""

    @property
    def is_pod(self):
        return bool(self.namespace)


def place_of(pod, namespaces):
    """The Place of a pod object; namespaces maps a name to its labels."""
    meta = pod["metadata"]
    ports = {port["name"]: port["containerPort"] for container in pod["spec"]["containers"]
             for port in container.get("ports", []) if "name" in port}
    return Place(labels=meta.get("labels", {}), namespace=meta["namespace"],
                 namespace_labels=namespaces.get(meta["namespace"], {}), named_ports=ports,
                 address=pod.get("status", {}).get("podIP", ""))


def selects(selector, labels):
    """Whether a LabelSelector matches; an empty one matches all."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or []:
        key, operator, values = term["key"], term["operator"], term.get("values") or []
        holds = {"In": key in labels and labels[key] in values,
                 "NotIn": key not in labels or labels[key] not in values,
                 "Exists": key in labels,
                 "DoesNotExist": key not in labels}[operator]
        if not holds:
            return False
    return True


def peer_matches(peer, place, policy_namespace):
    if "ipBlock" in peer:
        if not place.address:
            return False
        address = ipaddress.ip_address(place.address)
        block = peer["ipBlock"]
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(hole) for hole in block.get("except") or [])
    if not place.is_pod:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], place.namespace_labels):
            return False
    elif place.namespace != policy_namespace:
        return False
    return selects(peer.get("podSelector") or {}, place.labels)


def port_matches(rule, destination, port, protocol):
    if rule.get("protocol", "TCP") != protocol:
        return False
    wanted = rule.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return destination.named_ports.get(wanted) == port
    return wanted <= port <= rule.get("endPort", wanted)


def direction_allows(policies, direction, subject, other, destination, port, protocol):
    """direction is "Ingress" or "Egress": whether `subject` may be connected with `other` in it."""
    peers = {"Ingress": "from", "Egress": "to"}[direction]
    is_isolated = False
    for policy in policies:
        spec, namespace = policy["spec"], policy["metadata"]["namespace"]
        types = spec.get("policyTypes") or ["Ingress"] + (["Egress"] if "egress" in spec else [])
        if namespace != subject.namespace or direction not in types or not selects(spec.get("podSelector") or {}, subject.labels):
            continue
        is_isolated = True
        for rule in spec.get(direction.lower()) or []:
            if rule.get(peers) and not any(peer_matches(peer, other, namespace) for peer in rule[peers]):
                continue
            if rule.get("ports") and not any(port_matches(item, destination, port, protocol) for item in rule["ports"]):
                continue
            return True
    return not is_isolated


def may_connect(policies, source, destination, port, protocol="TCP"):
    """Whether `source` may open a connection to `port` of `destination`: the one may send and the other receive."""
    sends = not source.is_pod or direction_allows(policies, "Egress", source, destination, destination, port, protocol)
    receives = not destination.is_pod or direction_allows(policies, "Ingress", destination, source, destination, port, protocol)
    return sends and receives
