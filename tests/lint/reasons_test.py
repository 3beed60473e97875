#!/usr/bin/env python3
"""docs/kubernetes.md explains each phase and condition, and each reason that asks somebody to act, and no other: reasons_test.py SOURCE."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
WELL = {"AsExpected", "NoFailure", "InProgress", "ModelReady", "RowsReady"}

code = (SOURCE / "operator/reasons.hpp").read_text()
types, reasons = code.split("namespace reason {")
groups = dict(re.findall(r"^// (\w+)[.:](.*?)(?=^// \w+[.:]|\Z)", reasons, re.M | re.S))
known = set(re.findall(r'"(\w+)"', types)) | {
    name for group in ("Degraded", "Complete", "Failed") for name in re.findall(r'"(\w+)"', groups[group])} - WELL
phases = re.search(r"^std::string phase\(.*?^}", (SOURCE / "operator/conditions.cpp").read_text(), re.M | re.S).group()
known |= set(re.findall(r'return.*"(\w+)"', phases)) | set(re.findall(r'"(\w+)" :', phases))
told = {name for row in re.findall(r"^\| (`.*?) \|", (SOURCE / "docs/kubernetes.md").read_text(), re.M)
        for name in re.findall(r"`(\w+)`", row)}
for name in sorted(known - told):
    print(f"docs/kubernetes.md: {name} is missing")
for name in sorted(told - known):
    print(f"docs/kubernetes.md: {name} is no phase, condition or reason of the operator's")
print(f"{len(known)} phases, conditions and reasons")
sys.exit(1 if known != told or len(known) < 15 else 0)
