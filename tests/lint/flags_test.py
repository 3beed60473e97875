#!/usr/bin/env python3
"""No library names a flag of a program in its messages; an Error's Setting does, and common/command_line says which
flag that is: flags_test.py SOURCE."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
LIBRARIES = ("src/common", "src/genesis", "aggregator", "worker")
FLAG = re.compile(r'"(?:[^"\\\n]|\\.)*--[a-z](?:[^"\\\n]|\\.)*"')


def is_library(path):
    return path.name != "main.cpp" and path.parent.name != "command_line"


files = [path for folder in LIBRARIES for path in sorted((SOURCE / folder).rglob("*.[ch]pp")) if is_library(path)]
found = [f"{path.relative_to(SOURCE)}: names a flag: {match[0]}"
         for path in files for match in FLAG.finditer(re.sub(r"(?m)(^|\s)//.*$", "", path.read_text())) if "kubectl " not in match[0]]
print("\n".join(found) or f"{len(files)} files of libraries name no flag")
sys.exit(1 if found or len(files) < 50 else 0)
