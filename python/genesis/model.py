"""A trained generator: makes rows, judges them, says how it was made."""

from __future__ import annotations

import abc
import json
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import _completion, _core, _data, _jobs
from ._spec import Spec, spec_text
from .errors import ArgumentError, FileError, translated

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

    def __init__(self, engine: _core.Model, layout: _data.Layout | None = None, spec: str = "") -> None:
        self._engine = engine
        self._layout = layout or _data.Layout()
        self._spec = spec  # of the training, which says how tables are written

    @classmethod
    def from_bytes(cls, data: bytes, layout: _data.Layout | None = None, spec: str = "") -> Model:
        with translated():
            return cls(_core.Model.from_bytes(data, "model"), layout, spec)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Opens a model file, whatever its suffix. A pickle is refused: it would run code."""
        path = _path(path)
        with translated({}, ("path", "load a file that save() has written")):
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
        path = pathlib.Path(_path(path))
        if path.suffix in (".pkl", ".pickle"):
            _jobs.logger.warning("%s: written as safetensors, not as a pickle; Model.load() reads it", path)
        with translated({}, ("path", "name a file in a folder that can be written")):
            self._engine.save(os.fspath(path))

    @property
    def bytes(self) -> bytes:
        return self._engine.bytes

    @property
    def sha256(self) -> str:
        return self._engine.sha256

    def generate(
        self,
        n: int | None = None,
        conditions: Conditions | None = None,
        *,
        balance: str | None = None,
        rows_like: Any = None,
        seed: int = 0,
    ) -> Any:
        """`n` synthetic rows, as a table of the kind that was trained on (pandas where that is not known).

        `conditions` holds values by column, {"ward": "a"}, or texts such as "age>=40" and "ward in a,b". `balance`
        names a column of text of which each value gets as many rows. `rows_like` is a table, or the path of a CSV
        file, with some of the columns: instead of `n` rows there is one for each of its rows, with the same values in
        these columns, as a table of its kind. The same model, arguments and seed give the same rows.
        """
        if rows_like is not None:
            return self._like(rows_like, n, conditions, balance, seed)
        if n is None:
            raise ArgumentError("n: how many rows?", field="n", advice="pass a whole number, or rows_like")
        values, where = _conditions(conditions, self._layout)
        otherwise = ("", "") if balance is None else ("balance", "name a column of text")
        with translated({}, otherwise):
            columns = self._engine.columns(_count(n, "n"), values, where, _name(balance, "balance"), _count(seed, "seed"))
        return _data.frame_of(columns, self._layout)

    def _like(self, rows_like: Any, n: int | None, conditions: Conditions | None, balance: str | None, seed: int) -> Any:
        for name, value in (("conditions", conditions), ("balance", balance)):
            if value is not None:
                raise ArgumentError(f"{name}: cannot be asked for with rows_like", field=name, advice="leave one of them out")
        rows = _completion.complete(self._task(True, seed, None), rows_like, "rows_like")
        if n is not None and n != len(rows):
            raise ArgumentError(f"n: rows_like has {len(rows)} rows, not {n}", field="n", advice="leave n out")
        return rows

    def impute(self, table: Any, *, seed: int = 0, spec: Spec | None = None) -> Any:
        """The same table with its missing cells filled, each drawn given the other cells of its row.

        All else stands as it was, columns that the model does not have among it. A cell is missing where it has no
        value, or a word for "no value" such as NA. `table` is a DataFrame of pandas or polars, an Arrow table or the path
        of a CSV file, and `spec` a FederatedTraining whose `table` says how it is written; that of the training when
        absent, where it is known. For models of the methods autoregressive and mixture.
        """
        return _completion.complete(self._task(False, seed, spec), table, "table")

    def _task(self, is_like: bool, seed: int, spec: Spec | None) -> _completion.Task:
        text = self._spec if spec is None else spec_text(spec)
        return _completion.Task(self._engine, self._layout, is_like, _count(seed, "seed"), text)

    def evaluate(
        self,
        real: Any,
        *,
        holdout: Any = None,
        target: str | None = None,
        n: int | None = None,
        seed: int = 0,
        discrete_columns: Sequence[str] = (),
        html: str | os.PathLike[str] | None = None,
    ) -> Report:
        """Compares `n` generated rows (as many as `real` has) with `real`; `holdout` are rows that nobody trained on.

        `target` names a column: the report then says how well a model learns it from generated rows and from real
        ones, on those of `holdout`. `html` is the path of a page with pictures to write; with `holdout` it has attacks
        on single rows.
        """
        rows = _data.rows_of(real, "real")
        self._check_columns(rows.names)
        beside = None if holdout is None else _data.rows_of(holdout, "holdout").table
        count = max(1, rows.count) if n is None else _count(n, "n")
        page = "" if html is None else _path(html, "html")
        if target is not None and beside is None:
            raise ArgumentError("holdout: target is judged on rows that nobody trained on", field="holdout", advice="pass some, or leave target out")
        with translated({}):
            synthetic = self._engine.csv(count, [], [], _count(seed, "seed"))
        discrete = [*column_names(discrete_columns), *rows.discrete]
        otherwise = ("real", "pass rows of the kind that the model makes") if target is None else ("target", "name a column that a model can learn")
        with translated({}, otherwise):
            figures, text, written = _core.evaluate(
                rows.table, synthetic, beside, discrete, _name(target, "target"), self._spec, bool(page)
            )
        if page:
            try:
                pathlib.Path(page).write_text(written, encoding="utf-8")
            except OSError as error:
                raise FileError(f"html: {page}: {error}", field="html", advice="name a file in a folder that can be written") from None
        return Report(json.loads(figures), text)

    def _check_columns(self, real: Sequence[str]) -> None:
        with translated({}):
            known = {column[0] for column in self._engine.columns(0, [], [], "", 0).tuples()}
        unknown = [name for name in real if name.strip() not in known]
        if unknown:
            raise ArgumentError(
                f"real: the model has no column {', '.join(map(repr, unknown))}", field="real", advice="pass rows with the model's columns"
            )

    def card(self) -> dict[str, Any]:
        """How the model was made and what its privacy guarantee covers; `card()["markdown"]` is a page for people."""
        with translated({}):
            text, page = self._engine.card()
        card: dict[str, Any] = json.loads(text)
        card["markdown"] = page
        return card

    def __repr__(self) -> str:
        return f"Model(sha256={self.sha256[:12]}…, {len(self.bytes)} bytes)"


def _path(path: Any, name: str = "path") -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentError(f"{name}: expected a path, not {path!r}", field=name, advice="pass a str or a pathlib.Path")
    return str(os.fspath(path))


def column_names(columns: Sequence[str] | None) -> list[str]:
    """What discrete_columns lists."""
    if columns is None:
        return []
    if isinstance(columns, str) or not isinstance(columns, Iterable) or any(not isinstance(column, str) for column in columns):
        raise ArgumentError(
            f"discrete_columns: expected a list of names, not {columns!r}", field="discrete_columns", advice="pass ['name', ...]"
        )
    return list(columns)


def _count(value: int, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or not 0 <= int(value) < 2**63:
        raise ArgumentError(f"{name}: expected a whole number of at least 0, not {value!r}", field=name, advice="pass one")
    return int(value)


def _name(value: str | None, name: str) -> str:
    if value is not None and (not isinstance(value, str) or not value):
        raise ArgumentError(f"{name}: expected the name of a column, not {value!r}", field=name, advice="pass a text")
    return value or ""


def _conditions(conditions: Conditions | None, layout: _data.Layout) -> tuple[list[tuple[str, str]], list[str]]:
    if conditions is None:
        return [], []
    if isinstance(conditions, Mapping):
        lists = {column: value for column, value in conditions.items() if isinstance(value, (list, tuple, set, frozenset))}
        single = {column: value for column, value in conditions.items() if column not in lists}
        values = [(str(column), _data.text_of(value, layout)) for column, value in single.items() if value is not None]
        missing = [f"{_quoted(str(column))} is missing" for column, value in single.items() if value is None]
        return values, missing + [_one_of(str(column), value, layout) for column, value in lists.items()]
    if isinstance(conditions, str):
        return [], [conditions]
    if not isinstance(conditions, Sequence) or any(not isinstance(condition, str) for condition in conditions):
        raise ArgumentError(
            f"conditions: expected a dict or a list of texts, not {conditions!r}",
            field="conditions",
            advice="pass {'ward': 'a'} or ['age>=40']",
        )
    return [], [str(condition) for condition in conditions]


def _one_of(column: str, values: Iterable[Any], layout: _data.Layout) -> str:
    """The condition that a column has one of some values, which may be those of numbers."""
    texts = [_data.text_of(value, layout) for value in values]
    if not texts or any(value is None for value in values):
        raise ArgumentError(
            f"conditions: {column!r} has to be one of {values!r}", field="conditions", advice="pass a list of at least one value, and no None"
        )
    return f"{_quoted(column)} in {','.join(map(_quoted, texts))}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


class HasModel(abc.ABC):
    """What comes to a trained model, and makes rows with it."""

    @property
    @abc.abstractmethod
    def model(self) -> Model:
        """The trained model; an error says why there is none yet."""

    def generate(
        self,
        n: int | None = None,
        conditions: Conditions | None = None,
        *,
        balance: str | None = None,
        rows_like: Any = None,
        seed: int = 0,
    ) -> Any:
        """`n` synthetic rows of the trained model; see Model.generate."""
        return self.model.generate(n, conditions, balance=balance, rows_like=rows_like, seed=seed)

    def impute(self, table: Any, *, seed: int = 0, spec: Spec | None = None) -> Any:
        """The same table with its missing cells filled; see Model.impute."""
        return self.model.impute(table, seed=seed, spec=spec)

    def evaluate(self, real: Any, **options: Any) -> Report:
        """How close generated rows are to real ones; see Model.evaluate."""
        return self.model.evaluate(real, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model; see Model.save."""
        self.model.save(path)
