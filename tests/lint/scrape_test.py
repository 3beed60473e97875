#!/usr/bin/env python3
"""The scrape rules of docs/metrics.md keep the pods that the operator makes and name them as the page says: scrape_test.py SOURCE
PROMTOOL. Debian's Prometheus has no discovery for Kubernetes: the labels that it would find on the pods come from a file, and
`promtool check service-discovery` applies the rules."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

SOURCE, PROMTOOL = map(pathlib.Path, sys.argv[1:3])


def meta(namespace, labels, phase, port):
    """What Prometheus' documentation of kubernetes_sd_config says that a pod has, of role pod."""
    found = {"__meta_kubernetes_namespace": namespace, "__meta_kubernetes_pod_phase": phase, "__meta_kubernetes_pod_container_port_name": port}
    for name, value in labels.items():
        found["__meta_kubernetes_pod_label_" + re.sub(r"[^a-zA-Z0-9_]", "_", name)] = value
    return found


def pods():
    """(labels, names of ports, namespace) of each pod of the golden training, and of the operator."""
    for item in json.loads((SOURCE / "tests/golden/operator/plain.json").read_text())["items"]:
        if item["kind"] == "Job":
            template = item["spec"]["template"]
            yield template["metadata"]["labels"], ports_of(template), item["metadata"]["namespace"]
    for item in yaml.safe_load_all((SOURCE / "manifests/deployment.yaml").read_text()):
        if item and item["kind"] == "Deployment":
            template = item["spec"]["template"]
            yield template["metadata"]["labels"], ports_of(template), "genesis-system"


def ports_of(template):
    return [port["name"] for container in template["spec"]["containers"] for port in container.get("ports", [])]


def kept(config, job):
    done = subprocess.run([PROMTOOL, "check", "service-discovery", "--timeout=3s", config, job], capture_output=True, text=True, timeout=60)
    found = json.loads(done.stdout[done.stdout.index("["):])
    return sorted((t["discoveredLabels"]["__meta_kubernetes_pod_phase"],
                   "/".join(t["labels"][name] for name in ("namespace", "name", "participant") if t["labels"].get(name))
                   or "operator", t["labels"]["instance"]) for t in found if t.get("labels"))


blocks = re.findall(r"```yaml\n(.*?)```", (SOURCE / "docs/metrics.md").read_text(), re.DOTALL)
scrape = next(yaml.safe_load(block) for block in blocks if "kubernetes_sd_configs" in block)
groups = []
for labels, ports, namespace in pods():
    for port in ports:
        for phase in ("Running", "Succeeded"):
            groups.append({"targets": [f"10.0.0.{len(groups) + 1}:1"], "labels": meta(namespace, labels, phase, port)})
with tempfile.TemporaryDirectory() as folder:
    targets, config = pathlib.Path(folder) / "pods.json", pathlib.Path(folder) / "prometheus.yaml"
    targets.write_text(json.dumps(groups))
    for job in scrape["scrape_configs"]:
        del job["kubernetes_sd_configs"]
        job["file_sd_configs"] = [{"files": [str(targets)]}]
    config.write_text(yaml.safe_dump(scrape))
    found = {job["job_name"]: kept(config, job["job_name"]) for job in scrape["scrape_configs"]}
expected = {"genesis-aggregator": ["demo/hospitals"], "genesis-worker": ["demo/hospitals/a", "demo/hospitals/b", "demo/hospitals/c"]}
problems = []
for job, instances in expected.items():
    if found[job] != [("Running", instance, instance) for instance in instances]:
        problems.append(f"{job}: keeps {found[job]}, not the running pods {instances}")
if "Running" not in {phase for phase, *_ in found["genesis-operator"]} or len(found["genesis-operator"]) != 2:
    problems.append(f"genesis-operator: keeps {found['genesis-operator']}")
print("\n".join(problems) or f"the rules keep {sum(map(len, found.values()))} of {len(groups)} ports")
sys.exit(1 if problems else 0)
