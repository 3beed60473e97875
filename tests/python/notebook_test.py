#!/usr/bin/env python3
"""Runs a notebook in a kernel of its own, as its reader would: notebook_test.py SOURCE NOTEBOOK. A cell that fails fails the test."""

import pathlib
import sys
import tempfile

import nbformat
from nbclient import NotebookClient

SOURCE = pathlib.Path(sys.argv[1]).resolve()
NOTEBOOK = SOURCE / sys.argv[2]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="genesis-notebook-") as folder:
        # What it writes stays there; what it reads is where the repository has it.
        place = pathlib.Path(folder) / NOTEBOOK.parent.relative_to(SOURCE)
        place.mkdir(parents=True)
        (pathlib.Path(folder) / "data").symlink_to(SOURCE / "data")
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        nbformat.validate(notebook)
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(place)}}).execute()
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                print(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
