#!/usr/bin/env python3
"""Refuses an include against the arrows of ARCHITECTURE.md: layers_test.py SOURCE."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])

# Folder: the folders of ours that it may include, beside itself.
MAY_INCLUDE = {
    "base": [],
    "crypto": ["base"],
    "privacy": ["base", "crypto"],
    "secure": ["base", "crypto"],
    "spec": ["base"],
    "tabular": ["base", "genesis/column_table.hpp"],
    "aggregation": ["base"],
    "rounds": ["base"],
    "metrics": ["base"],
    "log": ["base"],
    "wire": ["base", "crypto", "rounds"],
    "quality": ["base", "tabular"],
    # Noise is in a private step.
    "model": ["base", "privacy", "tabular"],
    "tls": ["base", "crypto", "genesis/certificates.hpp", "genesis/tls_files.hpp"],
    "command_line": ["base", "spec", "genesis/metrics_listener.hpp", "genesis/tls_files.hpp"],
    "http": ["base", "tls", "metrics"],
    "status_page": ["base", "rounds", "wire", "http"],
    "k8s": ["base", "crypto", "tls", "http", "metrics"],
    "fetch": ["base", "crypto", "k8s"],
    "federation": ["base", "crypto", "spec", "wire/model_card.hpp", "wire/quantization.hpp"],
    "policy": ["base", "crypto", "spec", "tabular"],
    # The seam of methods, one folder a method, and the tables of all methods.
    "method": ["base", "crypto", "spec", "tabular", "aggregation", "rounds", "wire"],
    # How a collection becomes a secure sum, for both sides of it.
    "sums": ["base", "crypto", "secure", "spec", "rounds", "wire", "method"],
    # Under differential privacy it takes codes, and rounds on them, from the autoregressive network.
    "ctgan": ["base", "spec", "tabular", "aggregation", "rounds", "wire", "model", "method", "autoregressive"],
    # Under differential privacy it starts from the mixture's noisy counts.
    "autoregressive": ["base", "crypto", "privacy", "spec", "tabular", "aggregation", "rounds", "wire", "model", "method", "mixture"],
    "mixture": ["base", "crypto", "privacy", "spec", "tabular", "aggregation", "rounds", "wire", "method"],
    "methods": ["base", "privacy", "spec", "wire", "method", "ctgan", "autoregressive", "mixture"],
    "genesis": ["base", "crypto", "secure", "spec", "tabular", "rounds", "model/threads.hpp", "wire", "method", "methods", "aggregator", "worker"],
    "aggregator": ["base", "crypto", "privacy", "secure", "sums", "spec", "aggregation", "rounds", "metrics", "log", "wire", "tls", "http", "status_page", "federation",
                   "method", "methods/lookup.hpp", "methods/server_methods.hpp", "genesis/callbacks.hpp",
                   "genesis/federated_server.hpp", "genesis/metrics_listener.hpp", "genesis/tls_files.hpp", "command_line"],
    "worker": ["base", "crypto", "privacy", "secure", "sums", "spec", "aggregation/direction.hpp", "aggregation/norm_bound.hpp", "tabular", "policy", "rounds", "metrics", "log", "model/threads.hpp", "wire", "tls", "http", "federation",
               "method", "methods/lookup.hpp", "methods/site_methods.hpp", "genesis/callbacks.hpp", "genesis/column_table.hpp", "genesis/federated_client.hpp",
               "genesis/metrics_listener.hpp", "genesis/tls_files.hpp", "command_line"],
    # wire: the aggregator's report is a message, and each message is there once.
    "operator": ["base", "crypto", "secure/paillier_files.hpp", "spec", "metrics", "log", "wire", "tls", "http", "k8s"],
    "cli": ["base", "crypto", "privacy", "secure", "spec", "tabular", "rounds", "model/threads.hpp", "wire", "quality", "tls", "http", "status_page",
            "federation", "method", "methods/lookup.hpp", "methods/server_methods.hpp", "aggregator", "worker", "genesis", "command_line",
            # of `federated status`, which reads a training in a cluster; the worker image has it, training pods no token
            "k8s",
            # of `fetch`, whose pod has no token either
            "fetch"],
    # The module of the Python package.
    "core": ["base", "crypto", "secure/paillier_files.hpp", "spec", "tabular", "method/table_reading.hpp", "quality", "wire", "genesis"],
}
# No line of these knows a method by name: it comes in through the tables of src/common/methods.
KNOW_NO_METHOD = ["aggregator", "worker", "wire", "rounds", "http"]
METHODS = re.compile(r"ctgan|autoregressive|mixture", re.I)
# Fixes the noise of tests; outside of them it is named where it is let in, and nowhere else.
FIXED_NOISE = "NoiseBitsForTests"
OURS = re.compile(r'^#include "(?:common/)?([a-z0-9_]+)(/[^"]*)"', re.M)
# Headers that are installed, and what none of them may include.
PUBLIC = {"callbacks.hpp", "certificates.hpp", "column_table.hpp", "columns.hpp", "federated_client.hpp", "federated_server.hpp", "federated_synthesizer.hpp",
          "metrics_listener.hpp", "tls_files.hpp"}
LIBRARIES = re.compile(r"^#include <[^>]*/", re.M)
TORCH = re.compile(r"^#include <(torch|ATen|c10)/", re.M)


def files():
    for folder in MAY_INCLUDE:
        place = {"aggregator": SOURCE / folder, "worker": SOURCE / folder, "operator": SOURCE / folder,
                 "cli": SOURCE / "src" / folder, "genesis": SOURCE / "src" / folder, "core": SOURCE / "python" / folder}.get(
            folder, SOURCE / "src" / "common" / folder)
        for path in sorted(place.glob("*.[ch]pp")):
            yield folder, path


def violations():
    for folder, path in files():
        text = path.read_text()
        allowed = {folder, *MAY_INCLUDE[folder]}
        for included, rest in OURS.findall(text):
            if included not in allowed and included + rest not in allowed:
                yield f"{path.relative_to(SOURCE)}: {folder} may not include {included}{rest}"
        if folder in KNOW_NO_METHOD:
            for number, line in enumerate(text.splitlines(), 1):
                if METHODS.search(line):
                    yield f"{path.relative_to(SOURCE)}:{number}: {folder} knows no method by name"
        if FIXED_NOISE in text and path.name != "noise_bits.hpp":
            yield f"{path.relative_to(SOURCE)}: {FIXED_NOISE} is for tests alone"
        if TORCH.search(text) and folder != "model":
            yield f"{path.relative_to(SOURCE)}: only model may include LibTorch"
        if path.name in PUBLIC and LIBRARIES.search(text):
            yield f"{path.relative_to(SOURCE)}: a public header may include the standard library and ours alone"
        if path.suffix == ".hpp" and re.search(r"using namespace (?!.*literals)", text):
            yield f"{path.relative_to(SOURCE)}: a header opens a namespace for everyone"


found = list(violations())
checked = sum(1 for _ in files())
print("\n".join(found) or f"{checked} files keep to the arrows")
sys.exit(1 if found or checked < 50 else 0)
