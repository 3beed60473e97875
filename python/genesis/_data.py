"""Tables of pandas, polars and Arrow on their way into the engine and back, with their dtypes.

The engine reads CSV; a table becomes its text in memory, with numbers written so that they are read back exactly.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .errors import ArgumentError, FileError

if TYPE_CHECKING:
    import pandas as pd

    from . import _core

_MISSING_CODE = 2**32 - 1
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0", "on"})


@dataclasses.dataclass
class Layout:
    """How a table looked that rows were learned from, so that generated rows look alike."""

    kind: str = "pandas"  # pandas, polars or arrow
    dtypes: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Rows:
    csv: str
    layout: Layout
    discrete: list[str]  # columns whose dtype says that they are categories


def _module(data: object) -> str:
    return type(data).__module__.partition(".")[0]


def rows_of(data: Any, name: str) -> Rows:
    """The rows of a table, or of a CSV file; `name` is the argument that holds it."""
    if isinstance(data, (str, os.PathLike)):
        return Rows(_read(pathlib.Path(data), name), Layout(), [])
    if _module(data) == "polars":
        return _rows_of_polars(data.collect() if hasattr(data, "collect") else data, name)
    if _module(data) == "pyarrow" or (hasattr(data, "__arrow_c_stream__") and _module(data) != "pandas"):
        import pyarrow as pa

        table = data if isinstance(data, pa.Table) else pa.table(data)
        frame = table.to_pandas(types_mapper=_arrow_dtype)
        rows = _rows_of_pandas(frame, name)
        return Rows(rows.csv, Layout("arrow", {field.name: field.type for field in table.schema}), rows.discrete)
    if _module(data) == "pandas" and hasattr(data, "to_csv") and hasattr(data, "columns"):
        return _rows_of_pandas(data, name)
    raise ArgumentError(
        f"{name}: expected a pandas or polars DataFrame, an Arrow table or the path of a CSV file, not {type(data).__name__}",
        field=name,
        advice="pass one of these",
    )


def _read(path: pathlib.Path, name: str) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8")
    except (OSError, EOFError) as error:
        raise FileError(f"{name}: {path}: {error}", field=name, advice="check the path") from None
    except UnicodeDecodeError as error:
        raise ArgumentError(
            f"{name}: {path}: is not UTF-8 (byte {error.start})", field=name, advice="pass a DataFrame that was read with its encoding"
        ) from None


def _check_columns(columns: Sequence[object], rows: int, name: str) -> None:
    for i, column in enumerate(columns):
        if not isinstance(column, str) or not column:
            raise ArgumentError(
                f"{name}: column {i + 1} is named {column!r}, which is no text", field=name, advice="name the columns, df.columns = [...]"
            )
    twice = next((c for c in columns if list(columns).count(c) > 1), None)
    if twice is not None:
        raise ArgumentError(f"{name}: two columns are named {twice!r}", field=name, advice="rename one of them")
    if rows == 0 or not len(columns):
        raise ArgumentError(f"{name}: has {rows} rows and {len(columns)} columns", field=name, advice="pass rows to train on")


# --- pandas and Arrow ---------------------------------------------------------------------------


def _arrow_dtype(kind: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    return None if pa.types.is_dictionary(kind) else pd.ArrowDtype(kind)


def _rows_of_pandas(frame: pd.DataFrame, name: str) -> Rows:
    import pandas as pd

    _check_columns(list(frame.columns), len(frame), name)
    dtypes = {str(column): frame[column].dtype for column in frame.columns}
    discrete = [column for column, dtype in dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]
    durations = [column for column, dtype in dtypes.items() if getattr(dtype, "kind", "") == "m"]
    if durations:
        frame = frame.assign(**{column: frame[column].dt.total_seconds() for column in durations})
    return Rows(frame.to_csv(index=False, lineterminator="\n"), Layout("pandas", dtypes), discrete)


def _texts(codes: bytes, texts: list[str]) -> Any:
    import numpy as np

    table = np.array([*texts, None], dtype=object)
    numbers = np.frombuffer(codes, dtype="<u4")
    return table[np.where(numbers == _MISSING_CODE, len(texts), numbers)]


def _moments(numbers: bytes) -> Any:
    """Moments as numpy's, to the microsecond."""
    import numpy as np

    seconds = np.frombuffer(numbers, dtype="<f8")
    missing = np.isnan(seconds)
    moments = np.round(np.where(missing, 0.0, seconds) * 1e6).astype("i8").astype("M8[us]")
    moments[missing] = np.datetime64("NaT")
    return moments


def _numbers(numbers: bytes, kind: str) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    values = np.frombuffer(numbers, dtype="<f8").copy()
    if kind != "integer":
        return pd.Series(values)
    missing = np.isnan(values)
    if missing.any():
        return pd.Series(pd.array(np.where(missing, 0, values).astype("i8"), dtype="Int64")).mask(missing)
    return pd.Series(values.astype("i8"))


def _is_true(text: str) -> bool:
    return text.strip().casefold() in _TRUE


def _as_read(values: Any) -> pd.Series[Any]:
    """Text as pandas reads it from a CSV: numbers where all are, truth values where all are."""
    import pandas as pd

    series = pd.Series(values)
    known = series.dropna()
    if known.isin(["True", "False", "true", "false", "TRUE", "FALSE"]).all():
        truth = series.map({t: _is_true(t) for t in known.unique()})
        return truth.astype(bool) if not truth.isna().any() else truth
    try:
        return pd.to_numeric(series)
    except (ValueError, TypeError):
        return series


def _with_dtype(column: _core._Column, dtype: Any) -> pd.Series[Any]:
    import pandas as pd

    _, kind, _, numbers, codes, texts = column
    if isinstance(dtype, pd.CategoricalDtype):
        values = _texts(codes, texts) if codes else _numbers(numbers, kind).astype(object)
        by_text = {str(category): category for category in dtype.categories}
        return pd.Series([by_text.get(str(value)) if value is not None else None for value in values], dtype=dtype)
    if getattr(dtype, "kind", "") == "M":
        moments = pd.Series(_moments(numbers))
        zone = getattr(dtype, "tz", None)
        if zone is None and hasattr(dtype, "pyarrow_dtype"):
            zone = getattr(dtype.pyarrow_dtype, "tz", None)
        return (moments.dt.tz_localize("UTC").dt.tz_convert(zone) if zone is not None else moments).astype(dtype)
    if getattr(dtype, "kind", "") == "m":
        return pd.to_timedelta(_numbers(numbers, kind).astype(float), unit="s").astype(dtype)
    if pd.api.types.is_bool_dtype(dtype):
        values = _texts(codes, texts) if codes else [str(v) for v in _numbers(numbers, kind)]
        return pd.Series([None if v is None else _is_true(v) for v in values], dtype=object).astype(dtype)
    if pd.api.types.is_numeric_dtype(dtype):
        series = pd.to_numeric(pd.Series(_texts(codes, texts))) if codes else _numbers(numbers, kind)
        return series.astype(dtype)
    values = pd.Series(_texts(codes, texts)) if codes else _numbers(numbers, kind)
    return values.astype(dtype)


def _pandas_series(column: _core._Column, layout: Layout) -> pd.Series[Any]:
    name, kind, _, numbers, codes, texts = column
    if name in layout.dtypes:
        try:
            return _with_dtype(column, layout.dtypes[name])
        except (ValueError, TypeError):
            pass  # such as a missing value where the dtype has none
    if not codes:
        return _numbers(numbers, kind)
    values = _texts(codes, texts)
    return _as_read(values) if kind in ("category", "boolean") else _plain(values)


def _plain(values: Any) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(values)


def _pandas_frame(columns: list[_core._Column], layout: Layout) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column[0]: _pandas_series(column, layout) for column in columns})


def _arrow_table(columns: list[_core._Column], layout: Layout) -> Any:
    import pandas as pd
    import pyarrow as pa

    dtypes = {
        name: pd.CategoricalDtype() if pa.types.is_dictionary(kind) else pd.ArrowDtype(kind) for name, kind in layout.dtypes.items()
    }
    frame = _pandas_frame(columns, Layout("pandas", {n: t for n, t in dtypes.items() if not isinstance(t, pd.CategoricalDtype)}))
    arrays = []
    for name in frame.columns:
        array = pa.Array.from_pandas(frame[name])
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        wanted = layout.dtypes.get(name)
        if wanted is not None and array.type != wanted:
            array = array.dictionary_encode().cast(wanted) if pa.types.is_dictionary(wanted) else array.cast(wanted)
        arrays.append(array)
    return pa.table(arrays, names=list(frame.columns))


# --- polars -------------------------------------------------------------------------------------


def _rows_of_polars(frame: Any, name: str) -> Rows:
    import polars as pl

    _check_columns(frame.columns, frame.height, name)
    dtypes = dict(frame.schema)
    discrete = [column for column, dtype in dtypes.items() if isinstance(dtype, (pl.Categorical, pl.Enum))]
    durations = [column for column, dtype in dtypes.items() if isinstance(dtype, pl.Duration)]
    if durations:
        frame = frame.with_columns(pl.col(column).dt.total_microseconds() / 1e6 for column in durations)
    out = io.BytesIO()
    frame.write_csv(out)
    return Rows(out.getvalue().decode("utf-8"), Layout("polars", dtypes), discrete)


def _polars_series(column: _core._Column, dtype: Any) -> Any:
    import numpy as np
    import polars as pl

    name, kind, _, numbers, codes, texts = column
    if isinstance(dtype, (pl.Datetime, pl.Date)):
        moments = pl.Series(name, _moments(numbers))
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            moments = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)
        return moments.cast(dtype)
    if isinstance(dtype, pl.Duration):
        seconds = pl.Series(name, np.frombuffer(numbers, dtype="<f8")).fill_nan(None)
        return (seconds * 1e6).round().cast(pl.Int64).cast(pl.Duration("us")).cast(dtype)
    if codes:
        series = pl.Series(name, list(_texts(codes, texts)), dtype=pl.String)
        if isinstance(dtype, pl.Boolean):
            return pl.Series(name, [None if v is None else _is_true(v) for v in series], dtype=pl.Boolean)
        return series if dtype is None else series.cast(dtype)
    series = pl.Series(name, np.frombuffer(numbers, dtype="<f8")).fill_nan(None)
    if kind == "integer":
        series = series.cast(pl.Int64)
    return series if dtype is None else series.cast(dtype)


def frame_of(columns: list[_core._Column], layout: Layout) -> Any:
    """Generated columns as a table of the kind that the layout says."""
    if layout.kind == "polars":
        import polars as pl

        return pl.DataFrame([_polars_series(column, layout.dtypes.get(column[0])) for column in columns])
    if layout.kind == "arrow":
        return _arrow_table(columns, layout)
    return _pandas_frame(columns, layout)
