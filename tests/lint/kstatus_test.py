#!/usr/bin/env python3
"""What kstatus, by which Flux, kpt and Helm wait for objects, makes of the operator's statuses: kstatus_test.py SOURCE.

The first word of a file's name is what it has to say. Exits 77 where the program is not built.
"""

import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(sys.argv[1])
PROGRAM = SOURCE / "build/cluster/bin/kstatus"
if not PROGRAM.exists():
    print(f"{PROGRAM.relative_to(SOURCE)} is missing; tests/cluster/prepare builds it")
    sys.exit(77)
files = sorted((SOURCE / "tests/golden/operator/status").glob("*.json"))
said = dict(line.split() for line in subprocess.run([PROGRAM, *files], check=True, capture_output=True, text=True).stdout.splitlines())
wrong = 0
for file in files:
    expected, got = file.name.split("-")[0], said[str(file)]
    print(f"{file.name}: {got}")
    wrong += got != expected
sys.exit(1 if wrong or len(files) < 6 else 0)
