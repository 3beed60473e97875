#!/usr/bin/env python3
"""The programs of operator and aggregator need no LibTorch: links_test.py BIN."""

import pathlib
import subprocess
import sys

BIN = pathlib.Path(sys.argv[1])
HEAVY = ("libtorch", "libc10", "libopenblas", "libblas")

found = []
for name in ("genesis-operator", "genesis-aggregator"):
    needed = subprocess.run(["ldd", BIN / name], capture_output=True, text=True, check=True).stdout
    found += [f"{name} needs {line.split()[0]}" for line in needed.splitlines() if line.strip().startswith(HEAVY)]
print("\n".join(found) or "no LibTorch, no BLAS")
sys.exit(1 if found else 0)
