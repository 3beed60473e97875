#!/usr/bin/env python3
"""Programs, chart, images and changelog carry the version of the CMake project: version_test.py SOURCE BIN."""

import pathlib
import re
import subprocess
import sys

SOURCE, BIN = map(pathlib.Path, sys.argv[1:3])
PROGRAMS = ("genesis", "genesis-aggregator", "genesis-worker", "genesis-federated", "genesis-operator")
LIBRARIES = ("Boost", "CLI11", "nlohmann_json", "OpenSSL", "spdlog", "yaml-cpp", "zlib")
LABEL = "org.opencontainers.image.version"

# Where the version is written down, and how.
WRITTEN = [
    ("helm/genesis-federated/Chart.yaml", r"^version: (\S+)$"),
    ("helm/genesis-federated/Chart.yaml", r"^appVersion: \"?([^\"\s]+)\"?$"),
    ("Containerfile", r"^ARG VERSION=(\S+)$"),
    ("CHANGELOG.md", r"^## (\d\S*?)\b[ ,]"),  # the first such heading: the newest version
]


def found(path, pattern):
    match = re.search(pattern, (SOURCE / path).read_text(), re.M)
    return match[1] if match else None


def printed(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()


def findings(version):
    for path, pattern in WRITTEN:
        if found(path, pattern) != version:
            yield f"{path}: {found(path, pattern)} for {pattern}; CMakeLists.txt has {version}"
    stages = re.split(r"^FROM scratch AS ", (SOURCE / "Containerfile").read_text(), flags=re.M)[1:]
    if len(stages) != 4:
        yield f"Containerfile: {len(stages)} images instead of 4"
    for stage in stages:
        if not re.search(rf"^ARG VERSION$.*^LABEL .*{re.escape(LABEL)}=\$VERSION", stage, re.M | re.S):
            yield f"Containerfile: image {stage.split()[0]} has no label {LABEL}=$VERSION"
    for program in PROGRAMS:
        said = printed(BIN / program, "--version")
        lines = said.splitlines()
        if lines[:1] != [f"{program} {version}"]:
            yield f"{program} --version: printed {said!r} instead of {program} {version}"
        elif len(lines) != 3 or not re.match(r"build: \w+, \w+ [\d.]+, \w+$", lines[1]):
            yield f"{program} --version: does not say how it was built: {lines[1:]}"
        elif not (set(LIBRARIES) <= set(re.findall(r"(?:: |, )([\w-]+) [\d.]+\w*", lines[2]))):
            yield f"{program} --version: not all libraries have a version: {lines[2]}"
        elif ("LibTorch" in lines[2]) != (program in ("genesis", "genesis-worker")):
            yield f"{program} --version: names LibTorch, or does not, against what it links"
    if (said := printed(BIN / "genesis", "version")) != printed(BIN / "genesis", "--version"):
        yield f"genesis version: printed {said!r}"


version = found("CMakeLists.txt", r"^project\(genesis-federated VERSION (\d+\.\d+\.\d+) ")
found_wrong = list(findings(version)) if version else ["CMakeLists.txt: project() has no version"]
print("\n".join(found_wrong) or f"version {version} everywhere")
sys.exit(1 if found_wrong else 0)
