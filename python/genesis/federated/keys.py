"""Keys of encrypted sums."""

from __future__ import annotations

import os
import pathlib

from .. import _core
from ..errors import ArgumentError, translated


def make_paillier_key(folder: str | os.PathLike[str] = ".", bits: int = 3072) -> pathlib.Path:
    """Writes paillier.key and paillier.pub into a folder, and returns the path of the first. Takes some seconds.

    Give paillier.key to all clients and never to the server: who has it can decrypt what any of them sends.
    """
    least, most = 2048, 8192
    if isinstance(bits, bool) or not isinstance(bits, int) or not least <= bits <= most:
        raise ArgumentError(f"bits: expected a number of {least} to {most}, not {bits!r}", field="bits", advice="leave it out")
    with translated():
        _core.make_paillier_key(os.fspath(folder), bits)
    return pathlib.Path(folder, "paillier.key")
