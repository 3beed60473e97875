"""Tables of pandas, polars and Arrow on their way into the engine and back, with their dtypes.

The engine reads their buffers where they are: those of polars and Arrow through Arrow's C stream interface, those of
numpy through Python's buffer protocol.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import ArgumentError, FileError, translated

if TYPE_CHECKING:
    import pandas as pd

_MISSING_CODE = 2**32 - 1
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0", "on"})


@dataclasses.dataclass
class Layout:
    """How a table looked that rows were learned from, so that generated rows look alike."""

    kind: str = "pandas"  # pandas, polars or arrow
    dtypes: dict[str, Any] = dataclasses.field(default_factory=dict)
    objects: dict[str, str] = dataclasses.field(default_factory=dict)  # what columns of Python's own objects hold


@dataclasses.dataclass
class Rows:
    table: _core.Table
    names: list[str]
    count: int
    layout: Layout
    discrete: list[str]  # columns whose dtype says that they are categories


def _module(data: object) -> str:
    return type(data).__module__.partition(".")[0]


def rows_of(data: Any, name: str) -> Rows:
    """The rows of a table, or of a CSV file; `name` is the argument that holds it."""
    if isinstance(data, (str, os.PathLike)):
        return _rows_of_file(pathlib.Path(data), name)
    if _module(data) == "polars":
        return _rows_of_polars(data.collect() if hasattr(data, "collect") else data, name)
    if _module(data) == "pandas" and hasattr(data, "to_csv") and hasattr(data, "columns"):
        return _rows_of_pandas(data, name)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return _rows_of_arrow(data, name)
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


def _rows_of_file(path: pathlib.Path, name: str) -> Rows:
    text = _read(path, name)
    table = _core.Table(name, "pandas")
    table.set_csv(text)
    names = next(csv.reader(io.StringIO(text)), [])
    return Rows(table, names, max(0, text.count("\n") - 1), Layout(), [])


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


def text_of(value: Any, layout: Layout) -> str:
    """A value as the engine has it of such a table."""
    text = str(value)
    is_truth = type(value).__name__ in ("bool", "bool_")  # also numpy's
    return text.lower() if is_truth and layout.kind != "pandas" else text


# --- pandas and Arrow ---------------------------------------------------------------------------


def _rows_of_arrow(data: Any, name: str) -> Rows:
    """Of pyarrow, or of any other library that passes Arrow tables."""
    table = _core.Table(name, "arrow")
    with translated({}, (name, "leave the column out, or make it numbers, text or dates")):
        table.add_arrow(data, "column")
    names = table.names
    _check_columns(names, table.rows, name)
    layout, discrete = Layout(), []
    if _module(data) == "pyarrow":
        import pyarrow as pa

        layout = Layout("arrow", {field.name: field.type for field in data.schema})
        discrete = [column for column, kind in layout.dtypes.items() if pa.types.is_dictionary(kind)]
    return Rows(table, names, table.rows, layout, discrete)


_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _rows_of_pandas(frame: pd.DataFrame, name: str) -> Rows:
    import pandas as pd

    _check_columns(list(frame.columns), len(frame), name)
    layout = pandas_layout(frame)
    dtypes = layout.dtypes
    table = _core.Table(name, "pandas")
    advice = "leave the column out, or make it numbers, text or dates"
    for column, dtype in dtypes.items():
        if str(dtype).startswith("struct<"):  # by itself it would be taken for a table
            raise ArgumentError(f'{name}: column "{column}": {dtype} is not read', field=name, advice=advice)
    with translated({}, (name, advice)):
        for column in dtypes:
            _add_series(table, column, frame[column])
    discrete = [column for column, dtype in dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]
    return Rows(table, list(dtypes), len(frame), layout, discrete)


def pandas_layout(frame: pd.DataFrame) -> Layout:
    import pandas as pd

    dtypes = {str(column): frame[column].dtype for column in frame.columns}
    objects = {column: pd.api.types.infer_dtype(frame[column], skipna=True) for column, dtype in dtypes.items() if dtype == object}
    return Layout("pandas", dtypes, objects)


def _add_series(table: _core.Table, name: str, series: pd.Series[Any]) -> None:
    """A column as its dtype has it, without a copy where its values lie one behind the other."""
    import numpy as np
    import pandas as pd

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype) and dtype.categories.dtype.kind in "mM":
        series = series.astype(dtype.categories.dtype)
        dtype = series.dtype
    is_arrow = hasattr(dtype, "pyarrow_dtype")
    kind = "O" if is_arrow and not hasattr(dtype.pyarrow_dtype, "unit") else getattr(dtype, "kind", "O")

    def add(type_name: str, values: Any, missing: Any = None, ticks: int = 1, decimals: int = 0, zoned: bool = False,
            texts: Sequence[str] = ()) -> None:
        validity = None if missing is None or not missing.any() else np.packbits(~missing, bitorder="little")
        values = np.ascontiguousarray(values)
        table.add_values(name, type_name, values, len(series), validity, ticks, decimals, zoned, list(texts))

    if isinstance(dtype, pd.CategoricalDtype):
        codes = series.cat.codes.to_numpy()
        texts = [str(category) for category in dtype.categories] or [""]  # where there is none all cells are missing
        add(str(codes.dtype), codes, texts=texts)
    elif kind == "M":
        zone = _zone(dtype)
        utc = series if zone is None else series.dt.tz_convert("UTC").dt.tz_localize(None)
        ticks, values = _ticks_of(utc)
        missing = np.isnat(values)
        moments = values.view("i8")
        digits = _digits(moments[~missing], ticks)
        if is_arrow and digits == 3:
            digits = 6  # pandas writes milliseconds so, one by one
        if digits < 0 and zone is None and not is_arrow:  # days alone
            add("date32", np.where(missing, 0, moments // (86400 * ticks)).astype("i4"), missing)
        else:
            add("timestamp", moments, missing, ticks, max(0, digits), zone is not None)
    elif kind == "m":
        ticks, values = _ticks_of(series)
        add("duration", values.view("i8"), np.isnat(values), ticks)
    elif is_arrow or getattr(dtype, "storage", "") == "pyarrow":
        import pyarrow as pa

        table.add_arrow(pa.array(series), name)
    elif pd.api.types.is_bool_dtype(dtype):
        missing = series.isna().to_numpy()
        truths = series.to_numpy(dtype=bool, na_value=False) if missing.any() else series.to_numpy(dtype=bool)
        add("bits", np.packbits(truths, bitorder="little"), missing)
    elif kind in "iuf" and not isinstance(dtype, pd.SparseDtype) and dtype.itemsize in ((4, 8) if kind == "f" else (1, 2, 4, 8)):
        if isinstance(dtype, np.dtype):
            native = dtype.newbyteorder("=")
            add(str(native), series.to_numpy(dtype=native))
        else:  # nullable
            plain = str(dtype).lower()
            add(plain, series.to_numpy(dtype=plain, na_value=0), series.isna().to_numpy())
    else:
        missing = series.isna().to_numpy()
        known, distinct = pd.factorize(np.array([str(value) for value in series[~missing]], dtype=object))
        codes = np.full(len(series), -1, dtype="i8")
        codes[~missing] = known
        add("int64", codes, texts=list(distinct) or [""])


def _zone(dtype: Any) -> Any:
    if hasattr(dtype, "pyarrow_dtype"):
        return getattr(dtype.pyarrow_dtype, "tz", None)
    return getattr(dtype, "tz", None)


def _ticks_of(series: pd.Series[Any]) -> tuple[int, Any]:
    """Ticks per second of a column of moments or durations, and they as numpy has them."""
    import numpy as np

    kind = getattr(series.dtype, "pyarrow_dtype", None)
    values = series.to_numpy() if kind is None else series.to_numpy(dtype=f"{series.dtype.kind}8[{kind.unit}]")
    return _TICKS[np.datetime_data(values.dtype)[0]], values


def _digits(moments: Any, ticks: int) -> int:
    """Digits of a fraction of a second that moments need; -1 where all of them are midnights."""
    if not (moments % (86400 * ticks)).any():
        return -1
    digits = 0
    while ticks > 1 and (moments % ticks).any():
        digits += 3
        ticks //= 1000
        moments = moments % ticks if ticks > 1 else moments[:0]
    return digits


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


def _categorical(column: _core._Column, dtype: Any) -> pd.Series[Any]:
    """Categories that only tables of other clients have come after those of `dtype`."""
    import pandas as pd

    _, kind, _, numbers, codes, texts = column
    values = _texts(codes, texts) if codes else _numbers(numbers, kind).astype(object)
    by_text = {str(category): category for category in dtype.categories}
    others = sorted({str(value) for value in values if not pd.isna(value)} - by_text.keys())
    if others:
        added: Any = pd.Index(others)
        try:
            added = pd.Index(pd.to_numeric(added)) if dtype.categories.dtype.kind in "iuf" else added.astype(dtype.categories.dtype)
        except (ValueError, TypeError):
            pass  # text beside numbers
        by_text |= dict(zip(others, added))
        dtype = pd.CategoricalDtype([*dtype.categories, *added], ordered=dtype.ordered)
    return pd.Series([None if pd.isna(value) else by_text[str(value)] for value in values], dtype=dtype)


def _objects(column: _core._Column, held: str) -> pd.Series[Any]:
    """Python's own objects, of the type that the trained table's column held."""
    import decimal

    import pandas as pd

    _, kind, _, numbers, codes, texts = column
    values = pd.Series(_texts(codes, texts), dtype=object) if codes else _numbers(numbers, kind).astype(object)
    if held == "boolean":
        return pd.Series([None if pd.isna(value) else _is_true(str(value)) for value in values], dtype=object)
    if held == "decimal":
        return pd.Series([None if pd.isna(value) else decimal.Decimal(str(value)) for value in values], dtype=object)
    if held in ("date", "datetime") and kind == "datetime":
        moments: list[Any] = [None if pd.isna(moment) else moment.to_pydatetime() for moment in pd.Series(_moments(numbers))]
        return pd.Series([moment.date() if moment and held == "date" else moment for moment in moments], dtype=object)
    return values


def _with_dtype(column: _core._Column, dtype: Any, held: str) -> pd.Series[Any]:
    import pandas as pd

    _, kind, _, numbers, codes, texts = column
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(column, dtype)
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
        narrow = series.astype(dtype)
        if getattr(dtype, "kind", "") in "iu" and not (narrow.astype("float64") == series.astype("float64"))[series.notna()].all():
            raise ValueError(f"a value is no {dtype}")  # numpy would wrap it
        return narrow
    if dtype == object:
        return _objects(column, held)
    values = pd.Series(_texts(codes, texts)) if codes else _numbers(numbers, kind)
    return values.astype(dtype)


def pandas_series(column: _core._Column, layout: Layout) -> pd.Series[Any]:
    """A generated column in the dtype that the layout has for it, or in another that holds its values."""
    name, kind, _, numbers, codes, texts = column
    if name in layout.dtypes:
        try:
            return _with_dtype(column, layout.dtypes[name], layout.objects.get(name, ""))
        except (ValueError, TypeError, OverflowError):
            pass  # such as a missing value where the dtype has none, or a number of another client that is too large
    if not codes:
        return _numbers(numbers, kind)
    values = _texts(codes, texts)
    return _as_read(values) if kind in ("category", "boolean") else _plain(values)


def _plain(values: Any) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(values)


def _pandas_frame(columns: list[_core._Column], layout: Layout) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column[0]: pandas_series(column, layout) for column in columns})


def _arrow_table(columns: _core.Columns, layout: Layout) -> Any:
    import pyarrow as pa

    table = pa.table(columns)
    arrays = [arrow_column(table.column(name), layout.dtypes.get(name)) for name in table.column_names]
    return pa.table(arrays, names=table.column_names)


def _dictionary_column(column: Any, wanted: Any) -> Any:
    import pyarrow as pa

    encoded = column.cast(pa.large_string()).cast(wanted.value_type).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    indices = encoded.indices.cast(wanted.index_type)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, encoded.dictionary, ordered=wanted.ordered)])


def _arrow_column_of(column: Any, wanted: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(wanted):
        return _dictionary_column(column, wanted)
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.large_string())
    if pa.types.is_boolean(wanted):
        truths = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.large_string()))), value_set=pa.array(sorted(_TRUE), pa.large_string()))
        return pc.if_else(pc.is_valid(column), truths, None)
    if pa.types.is_duration(wanted) and not pa.types.is_duration(column.type):  # read as seconds
        column = pc.round(pc.multiply(column.cast(pa.float64()), 1e6)).cast(pa.int64()).cast(pa.duration("us"))
    if pa.types.is_timestamp(wanted) and wanted.tz is not None and column.type.tz is None:
        column = pc.assume_timezone(column, "UTC")
    return column.cast(wanted, safe=pa.types.is_integer(wanted))


def arrow_column(column: Any, wanted: Any) -> Any:
    """A generated column in the type that the trained table's has, or as it is where that cannot hold its values."""
    import pyarrow as pa

    if wanted is None or column.type == wanted:
        return column
    try:
        return _arrow_column_of(column, wanted)
    except pa.ArrowException:  # such as a number of another client that is too large
        return column


# --- polars -------------------------------------------------------------------------------------


def _rows_of_polars(frame: Any, name: str) -> Rows:
    import polars as pl

    _check_columns(frame.columns, frame.height, name)
    dtypes = dict(frame.schema)
    table = _core.Table(name, "polars")
    with translated({}, (name, "leave the column out, or make it numbers, text or dates")):
        table.add_arrow(frame, "")
    discrete = [column for column, dtype in dtypes.items() if isinstance(dtype, (pl.Categorical, pl.Enum))]
    return Rows(table, list(frame.columns), frame.height, Layout("polars", dtypes), discrete)


def _polars_series_of(series: Any, dtype: Any) -> Any:
    import polars as pl

    if isinstance(series.dtype, (pl.Categorical, pl.Enum)):
        series = series.cast(pl.String)
        if isinstance(dtype, pl.Boolean):
            return series.str.strip_chars().str.to_lowercase().is_in(sorted(_TRUE))
    if isinstance(dtype, pl.Enum):  # categories of other clients' tables come after its own
        others = set(series.drop_nulls()) - set(dtype.categories)
        dtype = pl.Enum([*dtype.categories, *sorted(others)]) if others else dtype
    if isinstance(dtype, pl.Duration) and not isinstance(series.dtype, pl.Duration):  # read as seconds
        series = (series.cast(pl.Float64) * 1e6).round().cast(pl.Int64).cast(pl.Duration("us"))
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)
    return series if dtype is None else series.cast(dtype)


def polars_series(series: Any, dtype: Any) -> Any:
    """A generated column in the dtype that the trained table's has, or as it is where that cannot hold its values."""
    import polars as pl

    try:
        return _polars_series_of(series, dtype)
    except pl.exceptions.PolarsError:  # such as a number of another client that is too large
        return series


def frame_of(columns: _core.Columns, layout: Layout) -> Any:
    """Generated columns as a table of the kind that the layout says."""
    if layout.kind == "polars":
        import polars as pl

        return pl.DataFrame([polars_series(series, layout.dtypes.get(series.name)) for series in pl.DataFrame(columns)])
    if layout.kind == "arrow":
        return _arrow_table(columns, layout)
    return _pandas_frame(columns.tuples(), layout)
