#!/usr/bin/env python3
"""docs/reference/cli.md is what --help says, completion in bash completes, and man pages are complete: cli_reference_test.py
SOURCE BIN. Leaves what it made in BIN/../cli."""

import pathlib
import re
import subprocess
import sys

SOURCE, BIN = map(pathlib.Path, sys.argv[1:3])
MAKE = SOURCE / "scripts/cli-reference"
COMPLETED = [  # words before the cursor, and what they are completed to
    (["genesis", "ru"], ["run"]),
    (["genesis", "run", "--out"], ["--output-dir"]),
    (["genesis", "federated", "sta"], ["status"]),
    (["genesis", "federated", "status", "--wat"], ["--watch"]),
    (["genesis", "privacy", "ledger", "sh"], ["show"]),
    (["genesis", "run", "-f", "t.yaml", "--sim"], ["--simulate"]),
    (["genesis-operator", "--lease-s"], ["--lease-seconds"]),
    (["genesis", "run", "--output-dir", "/us"], ["/usr"]),  # a file, not an option
    (["genesis", "run", "x"], []),
]


def completions(script):
    cases = "\n".join(f'try {" ".join(map(repr, words))}' for words, _ in COMPLETED)
    text = f'source {script}\ntry() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _genesis; echo "${{COMPREPLY[*]}}"; }}\n{cases}'
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=60, cwd="/")
    return [line.split() for line in done.stdout.splitlines()], done.stderr


found = []
page = (SOURCE / "docs/reference/cli.md").read_text()
names = re.findall(r"^## (.+)$", page, re.MULTILINE)
made = BIN.parent / "cli"  # the test of packages takes it from there
subprocess.run([MAKE, BIN, made], check=True)
if (made / "cli.md").read_text() != page:
    found.append("docs/reference/cli.md: stale; run make cli-reference")
said, errors = completions(made / "bash/genesis")
found += [f"bash: {' '.join(words)}: {got} instead of {expected}" for (words, expected), got in zip(COMPLETED, said) if got != expected]
found += [errors] if errors else []
pages = {path.name: path.read_text() for path in (made / "man1").iterdir()}
if set(pages) != {name.replace(" ", "-") + ".1" for name in names}:
    found.append(f"man pages: {sorted(pages)} for {names}")
for name, text in pages.items():
    for part in (".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"):
        if part not in text:
            found.append(f"{name}: has no {part}")
for shell in ("zsh/_genesis", "fish/genesis.fish"):
    text = (made / shell).read_text()
    found += [f"{shell}: lacks {option}" for option in ("output-dir", "lease-seconds", "rollback") if option not in text]
print("\n".join(found) or f"{len(names)} commands")
sys.exit(1 if found or len(names) < 25 else 0)
