"""A trained generator: makes rows, judges them, says how it was made."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from . import _core, _data, _jobs
from .errors import ArgumentError, translated

Conditions = Mapping[str, Any] | Sequence[str]

# A pickle begins with its protocol, or in protocol 0 with text; a model file with the length of its header.
_PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


class Report:
    """How close synthetic rows are to real ones; `print(report)` shows all of it, `report["overall"]` one figure."""

    def __init__(self, figures: dict[str, Any], text: str) -> None:
        self._figures = figures
        self._text = text

    def __getitem__(self, name: str) -> Any:
        return self._figures[name]

    def __contains__(self, name: object) -> bool:
        return name in self._figures

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Report(overall={self.overall:.3f})"

    @property
    def overall(self) -> float:
        """Mean of column shapes and column pair trends: 1 is as good as another sample of the real rows."""
        return float(self._figures["overall"])

    def to_dict(self) -> dict[str, Any]:
        return dict(self._figures)


class Model:
    """A released model, as the engine writes it: weights, encoder and provenance, no row of training data."""

    def __init__(self, engine: _core.Model, layout: _data.Layout | None = None) -> None:
        self._engine = engine
        self._layout = layout or _data.Layout()

    @classmethod
    def from_bytes(cls, data: bytes, layout: _data.Layout | None = None) -> Model:
        with translated():
            return cls(_core.Model.from_bytes(data, "model"), layout)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Opens a model file, whatever its suffix. A pickle is refused: it would run code."""
        path = os.fspath(path)
        with translated({}):
            try:
                with open(path, "rb") as file:
                    head = file.read(2)
            except OSError:
                head = b""  # the engine says why
            if head in _PICKLE:
                raise ArgumentError(
                    f"{path}: is a pickle, which can run any code when it is opened",
                    field="path",
                    advice="load a file that save() has written",
                )
            return cls(_core.Model.load(path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file, whole or not at all. The format is safetensors whatever the suffix."""
        path = pathlib.Path(path)
        if path.suffix in (".pkl", ".pickle"):
            _jobs.logger.warning("%s: written as safetensors, not as a pickle; Model.load() reads it", path)
        with translated():
            self._engine.save(os.fspath(path))

    @property
    def bytes(self) -> bytes:
        return self._engine.bytes

    @property
    def sha256(self) -> str:
        return self._engine.sha256

    def generate(self, n: int, conditions: Conditions | None = None, *, seed: int = 0) -> Any:
        """`n` synthetic rows, as a table of the kind that was trained on (pandas where that is not known).

        `conditions` holds values by column, {"ward": "a"}, or texts such as "age>=40" and "ward in a,b". The same
        model, conditions and seed give the same rows.
        """
        values, where = _conditions(conditions)
        with translated({}):
            columns = self._engine.columns(_count(n, "n"), values, where, _count(seed, "seed"))
        return _data.frame_of(columns, self._layout)

    def evaluate(
        self,
        real: Any,
        *,
        holdout: Any = None,
        n: int | None = None,
        seed: int = 0,
        discrete_columns: Sequence[str] = (),
    ) -> Report:
        """Compares `n` generated rows (as many as `real` has) with `real`; `holdout` are rows that nobody trained on."""
        rows = _data.rows_of(real, "real")
        beside = None if holdout is None else _data.rows_of(holdout, "holdout").csv
        count = max(1, rows.csv.count("\n") - 1) if n is None else _count(n, "n")
        with translated({}):
            synthetic = self._engine.csv(count, [], [], _count(seed, "seed"))
            figures, text = _core.evaluate(rows.csv, synthetic, beside, [*discrete_columns, *rows.discrete])
        return Report(json.loads(figures), text)

    def card(self) -> dict[str, Any]:
        """How the model was made and what its privacy guarantee covers; `card()["markdown"]` is a page for people."""
        with translated({}):
            text, page = self._engine.card()
        card: dict[str, Any] = json.loads(text)
        card["markdown"] = page
        return card

    def __repr__(self) -> str:
        return f"Model(sha256={self.sha256[:12]}…, {len(self.bytes)} bytes)"


def _count(value: int, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 0:
        raise ArgumentError(f"{name}: expected a whole number of at least 0, not {value!r}", field=name, advice="pass one")
    return int(value)


def _conditions(conditions: Conditions | None) -> tuple[list[tuple[str, str]], list[str]]:
    if conditions is None:
        return [], []
    if isinstance(conditions, Mapping):
        missing = [column for column, value in conditions.items() if value is None]
        values = [(str(column), str(value)) for column, value in conditions.items() if value is not None]
        return values, [f"{column} is missing" for column in missing]
    if isinstance(conditions, str):
        return [], [conditions]
    return [], [str(condition) for condition in conditions]
