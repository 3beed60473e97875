"""Tables with gaps, and the same tables with generated cells in them. What was given stays as it is."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _core, _data, _jobs
from .errors import ArgumentError, translated

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass
class Task:
    """What is asked of a model."""

    engine: _core.Model
    layout: _data.Layout  # of the rows that the model was trained on
    is_like: bool  # new rows with a table's values, which have all of the model's columns; or else the table's own
    seed: int
    spec: str  # how the table is written; "": nothing is said of it


@dataclasses.dataclass
class _Completed:
    columns: _core.Columns  # all of the model's
    given: dict[str, Any]  # by column, a truth value a row
    own: dict[str, str]  # the table's name of a column of the model


def complete(task: Task, data: Any, name: str) -> Any:
    """`data`, the argument `name`, with its gaps filled; as a table of its own kind, and of a file as pandas reads it."""
    if isinstance(data, (str, os.PathLike)):
        return _complete_file(task, pathlib.Path(data), name)
    kind = type(data).__module__.partition(".")[0]
    if kind == "polars":
        return _complete_polars(task, data.collect() if hasattr(data, "collect") else data, name)
    if kind == "pandas" and hasattr(data, "to_csv") and hasattr(data, "columns"):
        return _complete_pandas(task, data, name)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return _complete_arrow(task, data, name)
    _data.rows_of(data, name)  # says what is a table
    raise AssertionError("no table, and rows of one")


def _tell(report: list[tuple[str, int, int]]) -> None:
    for column, drawn, foreign in report:
        if drawn:
            _jobs.logger.info("%s: %d cells filled", column, drawn)
        if foreign:
            _jobs.logger.warning(
                "%s: %d cells hold values that the model does not know; they are kept, and nothing is drawn for them", column, foreign
            )


def _complete_file(task: Task, path: pathlib.Path, name: str) -> Any:
    """By way of the file that the command line writes."""
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="genesis-") as folder:
        output = os.path.join(folder, "rows.csv")
        with translated({}, (name, "pass the path of a CSV file, or a table")):
            report = task.engine.complete_file(os.fspath(path), output, task.is_like, task.seed, task.spec)
        rows = pd.read_csv(output, keep_default_na=False, na_values=[""])
    _tell(report)
    return rows


def _same_column(name: object) -> object:
    """As the engine compares names of columns."""
    return unicodedata.normalize("NFC", name.strip()) if isinstance(name, str) else name


def _complete(task: Task, names: list[Any], count: int, rows_of: Callable[[list[str]], Any], name: str) -> _Completed:
    """`rows_of` gives the table's columns of some names, which alone are looked at."""
    import numpy as np

    with translated({}):
        known = [column[0] for column in task.engine.columns(0, [], [], "", 0).tuples()]
    own: dict[Any, Any] = {_same_column(column): column for column in names}
    own = {column: own[column] for column in known if column in own}
    if not own:
        raise ArgumentError(f"{name}: none of its columns is a column of the model", field=name, advice=f"the model has {', '.join(known)}")
    if count == 0:
        with translated({}):
            return _Completed(task.engine.columns(0, [], [], "", 0), {column: np.zeros(0, dtype=bool) for column in known}, own)
    used = [column for column in names if column in own.values()]
    rows = _data.rows_of(rows_of(used), name)
    with translated({}, (name, "pass rows that have some of the model's columns")):
        columns, given, report = task.engine.complete(rows.table, task.is_like, task.seed, task.spec)
    _tell(report)
    return _Completed(columns, {column: np.frombuffer(g, dtype=bool) for column, g in zip(known, given)}, own)


# --- pandas ---------------------------------------------------------------------------------------


def _complete_pandas(task: Task, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    import pandas as pd

    done = _complete(task, list(frame.columns), len(frame), lambda names: frame[names], name)
    made = {}
    for column in done.columns.tuples():
        model_name = column[0]
        if model_name in done.own:
            series = frame[done.own[model_name]]
            layout = _data.pandas_layout(pd.DataFrame({model_name: series}))
            made[model_name] = _filled_series(series, _data.pandas_series(column, layout), ~done.given[model_name])
        elif task.is_like:
            layout = task.layout if task.layout.kind == "pandas" else _data.Layout()
            made[model_name] = _data.pandas_series(column, layout).set_axis(frame.index)
    if task.is_like:
        return pd.DataFrame(made, index=frame.index)
    filled = frame.copy()
    for model_name, series in made.items():
        filled[done.own[model_name]] = series
    return filled


def _filled_series(series: pd.Series[Any], generated: pd.Series[Any], drawn: Any) -> pd.Series[Any]:
    import pandas as pd

    drawn = drawn & generated.notna().to_numpy()
    if not drawn.any():
        return series
    generated = generated.set_axis(series.index)
    if generated.dtype != series.dtype:
        if isinstance(generated.dtype, pd.CategoricalDtype):
            series = series.astype(generated.dtype)  # which has all of its categories, and more
        else:  # a dtype that holds both
            generated, series = (column.astype(pd.concat([series, generated]).dtype) for column in (generated, series))
    return series.mask(pd.Series(drawn, index=series.index), generated)


# --- polars ---------------------------------------------------------------------------------------


def _complete_polars(task: Task, frame: Any, name: str) -> Any:
    import polars as pl

    done = _complete(task, frame.columns, frame.height, frame.select, name)
    made = []
    for generated in pl.DataFrame(done.columns):
        if generated.name in done.own:
            series = frame[done.own[generated.name]]
            fitting = _data.polars_series(generated, series.dtype)
            made.append(_filled_polars(series, fitting, ~done.given[generated.name]))
        elif task.is_like:
            layout = task.layout if task.layout.kind == "polars" else _data.Layout("polars")
            made.append(_data.polars_series(generated, layout.dtypes.get(generated.name)))
    return pl.DataFrame(made) if task.is_like else frame.with_columns(made)


def _filled_polars(series: Any, generated: Any, drawn: Any) -> Any:
    import polars as pl

    mask = pl.Series(drawn) & generated.is_not_null()
    if not mask.any():
        return series
    if generated.dtype != series.dtype:
        if isinstance(generated.dtype, pl.Enum):
            series = series.cast(generated.dtype)  # which has all of its categories, and more
        else:
            both = pl.concat([series[:0].to_frame("c"), generated[:0].to_frame("c")], how="vertical_relaxed")["c"].dtype
            generated, series = generated.cast(both), series.cast(both)
    return generated.zip_with(mask, series).alias(series.name)


# --- Arrow ----------------------------------------------------------------------------------------


def _complete_arrow(task: Task, data: Any, name: str) -> Any:
    try:
        import pyarrow as pa
    except ImportError:
        raise ArgumentError(
            f"{name}: pyarrow is needed to fill a table of {type(data).__module__}", field=name, advice="pip install pyarrow, or pass a DataFrame"
        ) from None

    table = pa.table(data)
    done = _complete(task, table.column_names, table.num_rows, table.select, name)
    generated = pa.table(done.columns)
    made = {}
    for model_name in generated.column_names:
        column = generated.column(model_name)
        if model_name in done.own:
            own = table.column(done.own[model_name])
            made[model_name] = _filled_arrow(own, _data.arrow_column(column, own.type), ~done.given[model_name])
        elif task.is_like:
            layout = task.layout if task.layout.kind == "arrow" else _data.Layout("arrow")
            made[model_name] = _data.arrow_column(column, layout.dtypes.get(model_name))
    if task.is_like:
        return pa.table(made)
    for model_name, column in made.items():
        at = table.column_names.index(done.own[model_name])
        table = table.set_column(at, table.field(at).with_type(column.type), column)
    return table


def _filled_arrow(column: Any, generated: Any, drawn: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pc.and_(pa.array(drawn), generated.is_valid().combine_chunks())
    if not pc.any(mask).as_py():
        return column
    kind = column.type
    if pa.types.is_dictionary(kind):  # of which each column may have its own
        texts = pc.if_else(mask, generated.cast(kind.value_type), column.cast(kind.value_type))
        return _data.arrow_column(texts, kind)
    if generated.type != kind:
        column = column.cast(generated.type)
    return pc.if_else(mask, generated, column)
