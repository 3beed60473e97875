#!/usr/bin/env python3
"""Every message that docs/troubleshooting.md quotes is one that the code gives: troubleshooting_test.py SOURCE."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')
SHORTEST = 4  # of a piece between two variable parts that says anything


def literals():
    """All texts of the sources, adjacent literals joined."""
    for folder in ("src", "aggregator", "worker"):
        for path in sorted((SOURCE / folder).rglob("*.cpp")):
            for match in LITERALS.finditer(path.read_text()):
                yield re.sub(r'"\s*"', "", match[0])[1:-1].replace("{}", "\n")


quoted = re.findall(r"\*\*`([^`]+)`\*\*", (SOURCE / "docs" / "troubleshooting.md").read_text())
texts = "\n".join(literals())
missing = []
for message in quoted:
    pieces = [piece for piece in re.split("…", re.sub(r"\s+", " ", message)) if len(piece.strip()) >= SHORTEST]
    missing += [f"{message}: the code says nowhere '{piece}'" for piece in pieces if piece.strip(" :;") not in texts]
    if not pieces:
        missing.append(f"{message}: says nothing that could be looked for")
print("\n".join(missing) or f"{len(quoted)} messages are the code's own")
sys.exit(1 if missing or len(quoted) < 20 else 0)
