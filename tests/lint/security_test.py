#!/usr/bin/env python3
"""docs/security.md says with each claim which test shows it, or that none does; those tests exist: security_test.py SOURCE."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
NO_TEST = "not tested"
NAMED = re.compile(r"\[(\d+(?:, \d+)*)\]")


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(text):
    """The rows of all tables, without their headers."""
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        yield from table.splitlines()[2:]


def names_in(path):
    """What a file of tests calls its cases."""
    text = path.read_text()
    if path.suffix == ".py":
        return set(re.findall(r"def (test_\w+|main)\(", text))
    joined = re.sub(r'"\s*\n\s*"', "", text)
    return set(re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', joined))


page = (SOURCE / "docs" / "security.md").read_text()
claims, tests = re.search(r"## Modes\n(.*)## Tests\n(.*)", page, re.DOTALL).groups()
problems, used, known = [], set(), {}
for line in rows(tests):
    number, file, name = (cell.strip("`") for cell in cells(line))
    known[number] = name
    if not (SOURCE / file).is_file():
        problems.append(f"{number}: {file} is not there")
    elif name not in names_in(SOURCE / file):
        problems.append(f"{number}: {file} has no case '{name}'")
for line in rows(claims):
    party, *modes = cells(line)
    for cell in modes:
        named = {number for found in NAMED.findall(cell) for number in found.split(", ")}
        used |= named
        if not named and NO_TEST not in cell:
            problems.append(f"{party}: names no test: {cell}")
problems += [f"test {number} is not in the list" for number in sorted(used - set(known), key=int)]
problems += [f"test {number} is named by no cell" for number in sorted(set(known) - used, key=int)]
print("\n".join(problems) or f"{len(known)} tests are there as named")
sys.exit(1 if problems or len(known) < 40 else 0)
