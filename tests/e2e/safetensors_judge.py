#!/usr/bin/env python3
"""Opens a file of ours with the `safetensors` package and says what is in it.

  safetensors_judge.py FILE [EXPECTED.json]

Prints one line a tensor: name, shape, sum. Where the metadata holds a digest, checks it with hashlib.
EXPECTED.json is compared with what was read:
  {"metadata": {key: text, ...}, "tensors": [{"name": ..., "shape": [...], "sum": ...}, ...]}
in the order of the file; metadata that it does not name is ignored.
Exit code: 0 right, 1 wrong, 2 wrong use or no safetensors package.
"""
import hashlib
import json
import math
import sys

try:
    from safetensors import safe_open
except ImportError:
    print("safetensors_judge.py: needs the Python packages safetensors and numpy", file=sys.stderr)
    sys.exit(2)


def read(path):
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        names = list(file.offset_keys())
        tensors = {name: file.get_tensor(name) for name in names}
    return metadata, [
        {"name": name, "shape": list(tensors[name].shape), "sum": float(tensors[name].sum(dtype="float64"))}
        for name in names
    ]


def digest_problems(path, metadata):
    if "digest" not in metadata:
        return []
    with open(path, "rb") as file:
        data = file.read()
    digest = metadata["digest"].encode()
    computed = hashlib.sha256(data.replace(digest, b"0" * len(digest), 1)).hexdigest()
    return [] if computed == metadata["digest"] else [f"digest: {metadata['digest']}, computed {computed}"]


def differences(metadata, tensors, expected):
    for key, value in expected.get("metadata", {}).items():
        if metadata.get(key) != value:
            yield f"metadata {key}: expected {value!r}, got {metadata.get(key)!r}"
    wanted = expected["tensors"]
    if [t["name"] for t in tensors] != [t["name"] for t in wanted]:
        yield f"names: expected {[t['name'] for t in wanted]}, got {[t['name'] for t in tensors]}"
        return
    for got, want in zip(tensors, wanted):
        if got["shape"] != want["shape"]:
            yield f"{got['name']}: expected shape {want['shape']}, got {got['shape']}"
        if not math.isclose(got["sum"], want["sum"], rel_tol=1e-12, abs_tol=1e-12):
            yield f"{got['name']}: expected sum {want['sum']}, got {got['sum']}"


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    metadata, tensors = read(arguments[0])
    for tensor in tensors:
        print(tensor["name"], tensor["shape"], tensor["sum"])
    problems = digest_problems(arguments[0], metadata)
    if len(arguments) == 2:
        with open(arguments[1], encoding="utf-8") as file:
            problems += differences(metadata, tensors, json.load(file))
    for problem in problems:
        print(f"{arguments[0]}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
