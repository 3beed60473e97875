#!/usr/bin/env python3
"""Dashboards, alerts and docs name metrics that exist, and docs name all: metric_names_test.py SOURCE."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
DECLARING = ["aggregator/metrics.cpp", "worker/metrics.cpp", "operator/metrics.cpp", "operator/training_metrics.cpp", "src/common/metrics/process.cpp"]
USING = ["manifests/grafana/genesis-training.json", "manifests/grafana/genesis-operator.json", "manifests/prometheus/alerts.yaml", "docs/metrics.md"]
# Interface of a training (a dashboard may rely on them).
INTERFACE = """genesis_round genesis_rounds_total genesis_round_duration_seconds genesis_round_clients
genesis_update_bytes_total genesis_aggregation_seconds genesis_generator_loss genesis_discriminator_loss
genesis_update_norm genesis_client_divergence genesis_client_train_seconds genesis_local_step_seconds
genesis_local_epochs_total genesis_refused_requests_total process_resident_memory_bytes
process_cpu_seconds_total""".split()
NAME = r"(?:genesis|process|controller_runtime|workqueue|rest_client|leader_election)_[a-z0-9_]*[a-z0-9]"


def of_methods():
    """What a method's sites tell: genesis_local_NAME at the site, and some as genesis_NAME at the aggregator."""
    names = {name for path in SOURCE.glob("src/common/*/exchange.hpp")
             for name in re.findall(r'TelemetryName\{\s*"(\w+)"', path.read_text())}
    return {prefix + name for name in names for prefix in ("genesis_", "genesis_local_")}


def declared():
    return of_methods() | {name for path in DECLARING for name in re.findall(rf'\{{"({NAME})",\s', (SOURCE / path).read_text())}


def base(name, known):
    """A histogram's series stand for the histogram."""
    short = re.sub("_(bucket|sum|count)$", "", name)
    return name if name in known else short


def findings():
    known = declared()
    for name in INTERFACE:
        if name not in known:
            yield f"{name}: is interface, but nobody declares it"
    for path in USING:
        for name in sorted(set(re.findall(rf"\b{NAME}\b", (SOURCE / path).read_text()))):
            if base(name, known) not in known:
                yield f"{path}: {name} is declared nowhere"
    documented = (SOURCE / "docs/metrics.md").read_text()
    for name in sorted(known):
        if f"`{name}" not in documented:
            yield f"docs/metrics.md: {name} is missing"


found = list(findings())
print("\n".join(found) or f"{len(declared())} metrics are declared, and all that is named exists")
sys.exit(1 if found or len(declared()) < 20 else 0)
