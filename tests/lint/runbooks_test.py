#!/usr/bin/env python3
"""Each alert has a runbook with the same sections, a severity, a test in which it fires, and no rule names a process that
may be replaced: runbooks_test.py SOURCE."""

import pathlib
import re
import sys

import yaml

SOURCE = pathlib.Path(sys.argv[1])
SECTIONS = ["Meaning", "Impact", "Look at", "What to do"]
PAGES = SOURCE / "docs/runbooks"


def findings(rules, tests):
    fired = set()
    for test in tests["tests"]:
        for query in test.get("promql_expr_test", []):
            fired |= {re.search(r'alertname="(\w+)"', sample["labels"])[1] for sample in query["exp_samples"]}
    for rule in rules:
        name, page = rule["alert"], PAGES / f"{rule['alert']}.md"
        if rule["annotations"].get("runbook_url") != f"docs/runbooks/{name}.md":
            yield f"{name}: its runbook_url is not docs/runbooks/{name}.md"
        if rule["labels"].get("severity") not in ("critical", "warning"):
            yield f"{name}: its severity is neither critical nor warning"
        if not {"summary", "description"} <= set(rule["annotations"]):
            yield f"{name}: has no summary or description"
        if not page.exists():
            yield f"{name}: there is no {page.relative_to(SOURCE)}"
        elif re.findall("^#+ (.+)$", page.read_text(), re.M) != [name, *SECTIONS]:
            yield f"{page.relative_to(SOURCE)}: its sections are not {name}, {', '.join(SECTIONS)}"
        if f"]({name}.md) | {rule['labels']['severity']} |" not in (PAGES / "README.md").read_text():
            yield f"docs/runbooks/README.md: {name} is missing, or has another severity"
        if name not in fired:
            yield f"tests/lint/alerts_test.yaml: {name} fires in no case"
        if "without (" not in rule["expr"] or re.search(r"\bby \(|\bon \(", rule["expr"]):
            yield f"{name}: drops labels of tenants; write without and ignoring"
    names = {rule["alert"] for rule in rules} | {"README"}
    for page in PAGES.glob("*.md"):
        if page.stem not in names:
            yield f"{page.relative_to(SOURCE)}: there is no such alert"


alerts = yaml.safe_load((SOURCE / "manifests/prometheus/alerts.yaml").read_text())
rules = [rule for group in alerts["groups"] for rule in group["rules"]]
found = list(findings(rules, yaml.safe_load((SOURCE / "tests/lint/alerts_test.yaml").read_text())))
print("\n".join(found) or f"{len(rules)} alerts, each with its runbook and its test")
sys.exit(1 if found or len(rules) < 12 else 0)
