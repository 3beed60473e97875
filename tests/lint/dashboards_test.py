#!/usr/bin/env python3
"""The Grafana dashboards: their JSON is what Grafana reads, each query parses, asks for metrics and labels that the programs
have, and tells trainings apart: dashboards_test.py SOURCE PROMTOOL."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

SOURCE, PROMTOOL = map(pathlib.Path, sys.argv[1:3])
# Of the target, and of histograms. `name` is also what controller-runtime calls a queue.
OF_TARGETS = {"namespace", "name", "participant", "instance", "job", "pod", "container", "endpoint", "service", "le"}
METRIC = r"\b(?:genesis|process|controller_runtime|workqueue|rest_client|leader_election)_[a-z0-9_]*[a-z0-9]"
PLOTS = {"timeseries", "stat", "bargauge", "table"}


def documented():
    """Labels by metric, of docs/metrics.md, whose names another test compares with the code."""
    known = {}
    for line in (SOURCE / "docs/metrics.md").read_text().splitlines():
        if line.startswith("| `"):
            for name, labels in re.findall(rf"`({METRIC})(?:{{([\w,]+)}})?`", line.split("|")[1]):
                known[name] = set(filter(None, labels.split(",")))
    return known


def labels_asked_for(expression, legend):
    for part in re.findall(r"\{([^{}]*)\}", expression):
        yield from re.findall(r"(\w+)\s*[=!]~?", part)
    for part in re.findall(r"\b(?:by|without|ignoring|on)\s*\(([^()]*)\)", expression):
        yield from re.findall(r"\w+", part)
    yield from re.findall(r"\{\{(\w+)\}\}", legend)


def findings_of_query(where, expression, legend, known, tells_apart):
    names = {re.sub("_(bucket|sum|count)$", "", name) if name not in known else name
             for name in re.findall(METRIC, re.sub(r'"[^"]*"', '""', expression))}
    if not names:
        yield f"{where}: asks for no metric of ours"
    for name in names - set(known):
        yield f"{where}: {name} is not in docs/metrics.md"
    labels = OF_TARGETS.union(*(known.get(name, set()) for name in names))
    for label in set(labels_asked_for(expression, legend)) - labels:
        yield f"{where}: {label} is no label of {', '.join(sorted(names))}"
    if tells_apart:
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            if not {"instance", "name"} & set(re.findall(r"\w+", group)):
                yield f"{where}: adds trainings up; keep instance, or namespace and name"
        if not re.search(r"\{\{(name|instance)\}\}", legend):
            yield f"{where}: its legend names no training"
        if expression.count('namespace=~"$namespace",name=~"$training"') < len(re.findall(METRIC + r"(?=\{)", expression)):
            yield f"{where}: ignores the variables"


def findings_of_layout(where, board):
    for name, kind in {"uid": str, "title": str, "schemaVersion": int, "panels": list, "templating": dict, "time": dict}.items():
        if not isinstance(board.get(name), kind):
            yield f"{where}: {name} is no {kind.__name__}"
    taken, ids = {}, set()
    for panel in board["panels"]:
        title, place = f"{where}: {panel['title']}", panel["gridPos"]
        if panel["id"] in ids:
            yield f"{title}: its id is taken"
        ids.add(panel["id"])
        if panel["type"] not in PLOTS | {"row"}:
            yield f"{title}: {panel['type']} is no type of panel that is known here"
        if not (place["w"] > 0 and place["h"] > 0 and place["x"] >= 0 and place["x"] + place["w"] <= 24):
            yield f"{title}: does not fit into 24 columns"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if taken.setdefault((x, y), panel["id"]) != panel["id"]:
                    yield f"{title}: lies over another panel"
                    return
        if panel["type"] == "row":
            continue
        if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
            yield f"{title}: its data source is not the one that is chosen"
        references = [target["refId"] for target in panel["targets"]]
        if not references or len(set(references)) != len(references):
            yield f"{title}: has no targets, or two of one refId"


def unparsable(queries):
    """By promtool, as rules; Grafana's variables stand for durations and patterns."""
    rules = [{"record": f"q{i}", "expr": query.replace("$__rate_interval", "5m")} for i, query in enumerate(queries)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run([PROMTOOL, "check", "rules", file.name], capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip() if done.returncode else None


known, found, queries = documented(), [], []
for path in sorted((SOURCE / "manifests/grafana").glob("*.json")):
    board = json.loads(path.read_text())
    found += findings_of_layout(path.name, board)
    variables = {one["name"] for one in board["templating"]["list"]}
    is_of_trainings = {"namespace", "training"} <= variables
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            where, expression = f"{path.name}: {panel['title']}", target["expr"]
            found += findings_of_query(where, expression, target["legendFormat"], known, is_of_trainings)
            for name in re.findall(r"\$(\w+)", expression):
                if name not in variables | {"__rate_interval"}:
                    found.append(f"{where}: there is no variable {name}")
            queries.append(expression)
    queries += [re.sub(r", \w+\)$", "", one["query"]["query"]).removeprefix("label_values(")
                for one in board["templating"]["list"] if one["type"] == "query"]
if problem := unparsable(queries):
    found.append(problem)
print("\n".join(found) or f"{len(queries)} queries")
sys.exit(1 if found or len(queries) < 35 else 0)
