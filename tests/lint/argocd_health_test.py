#!/usr/bin/env python3
"""What Argo CD makes of the operator's statuses by manifests/argocd/health.lua: argocd_health_test.py SOURCE.

Argo CD runs the script with the object in `obj`. Exits 77 where there is no interpreter of Lua (Debian's lua5.4).
"""

import json
import pathlib
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(sys.argv[1])
# By what kstatus says of the same object, the first word of the file's name.
EXPECTED = {"Current": "Healthy", "Failed": "Degraded", "InProgress": "Progressing"}
LUA = next(filter(None, map(shutil.which, ("lua5.4", "lua5.3", "lua5.1", "luajit", "lua"))), None)
if LUA is None:
    print("SKIPPED: no interpreter of Lua is installed; install lua5.4 to test manifests/argocd/health.lua")
    sys.exit(77)


def literal(value):
    """A JSON value as Lua writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{literal(key)}] = {literal(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(literal, value)) + "}"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
    return "nil" if value is None else str(value).lower()


def judged(training):
    program = (f"obj = {literal(training)}\nlocal health = (function()\n" +
               (SOURCE / "manifests/argocd/health.lua").read_text() + '\nend)()\nprint(health.status)\nprint(health.message)')
    done = subprocess.run([LUA, "-"], input=program, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout.split("\n", 1)


def main():
    wrong = 0

    def expect(what, training, expected):
        nonlocal wrong
        status, message = judged(training)
        print(f"{what}: {status}: {message.strip()}")
        wrong += status != expected or not message.strip()

    files = sorted((SOURCE / "tests/golden/operator/status").glob("*.json"))
    for file in files:
        training = json.loads(file.read_text())
        suspended = file.name == "InProgress-suspended.json"
        expect(file.name, training, "Suspended" if suspended else EXPECTED[file.name.split("-")[0]])
        training["metadata"]["generation"] = training["status"].get("observedGeneration", 0) + 1
        expect(f"{file.name} of an older generation", training, "Progressing")
    expect("no status yet", {"metadata": {"name": "x"}}, "Progressing")
    sys.exit(1 if wrong or len(files) < 6 else 0)


main()
