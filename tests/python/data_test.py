#!/usr/bin/env python3
"""Tables of pandas, polars and Arrow train the model of their CSV files, and keep their dtypes: data_test.py BIN."""

import ctypes
import datetime
import gc
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv

import genesis
from genesis import _core
from genesis.federated import FederatedSynthesizer
from tables import SMALL

BIN = pathlib.Path(sys.argv.pop(1)).resolve()


def draws(rows=200):
    draw = random.Random(3)
    return {
        "whole": [draw.randint(0, 50) for _ in range(rows)],
        "small": [draw.randint(0, 5) for _ in range(rows)],
        "gap": [None if draw.random() < 0.2 else draw.randint(0, 9) for _ in range(rows)],
        "amount": [round(draw.gauss(0, 10), 2) for _ in range(rows)],
        "truth": [draw.random() < 0.5 for _ in range(rows)],
        "ward": [draw.choice("abc") for _ in range(rows)],
        "seen": [pd.Timestamp("2024-01-01") + pd.Timedelta(days=draw.randrange(300), minutes=draw.randrange(1440)) for _ in range(rows)],
        "stay": [pd.Timedelta(hours=draw.randrange(1, 90)) for _ in range(rows)],
    }


def trained_on(table):
    synthesizer = FederatedSynthesizer(n_rounds=1, local_epochs=1, config=SMALL, verbose=False)
    return synthesizer.fit([table, table]).generate(150)


class Dtypes(unittest.TestCase):
    def test_pandas(self):
        table = pd.DataFrame(draws())
        table["small"] = table["small"].astype("int8")
        table["gap"] = table["gap"].astype("Int64")
        table["amount"] = table["amount"].astype("float32")
        table["ward"] = pd.Categorical(table["ward"], categories=["c", "b", "a"], ordered=True)
        table["level"] = pd.Categorical(table["small"] % 3)
        table["zoned"] = table["seen"].dt.tz_localize("Europe/Paris", ambiguous="NaT", nonexistent="shift_forward")
        rows = trained_on(table)
        self.assertIsInstance(rows, pd.DataFrame)
        self.assertEqual(dict(rows.dtypes.astype(str)), dict(table.dtypes.astype(str)))
        self.assertTrue(rows["ward"].cat.ordered)
        self.assertTrue(rows["seen"].between("2023-12-31", "2024-12-31").all())
        self.assertTrue(rows["zoned"].dropna().between("2023-12-01T00:00:00Z", "2024-12-01T00:00:00Z").all())
        self.assertTrue(rows["stay"].between("0h", "91h").all())

    def test_polars(self):
        table = pl.DataFrame(draws()).with_columns(
            pl.col("small").cast(pl.Int8), pl.col("ward").cast(pl.Enum(["a", "b", "c"])), pl.col("seen").dt.date().alias("day"),
            pl.col("seen").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris").alias("zoned"))
        rows = trained_on(table)
        self.assertIsInstance(rows, pl.DataFrame)
        self.assertEqual(rows.schema, table.schema)
        self.assertEqual(rows.height, 150)
        self.assertTrue(rows["seen"].is_between(datetime.datetime(2023, 12, 31), datetime.datetime(2024, 12, 31)).all())
        self.assertTrue(rows["stay"].is_between(datetime.timedelta(0), datetime.timedelta(hours=91)).all())
        self.assertEqual(set(rows["truth"]), {True, False})
        self.assertTrue(0 < rows["gap"].null_count() < 100)

    def test_arrow(self):
        frame = pd.DataFrame(draws())
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.set_column(table.schema.get_field_index("ward"), "ward", table["ward"].combine_chunks().dictionary_encode())
        table = table.append_column("zoned", table["seen"].cast(pa.timestamp("us", "Europe/Paris")))
        rows = trained_on(table)
        self.assertIsInstance(rows, pa.Table)
        self.assertEqual(rows.schema.types, table.schema.types)
        self.assertEqual(rows.num_rows, 150)
        self.assertEqual(set(rows["truth"].to_pylist()), {True, False})
        self.assertLess(max(rows["stay"].to_pylist()), datetime.timedelta(hours=91))


def awkward(rows=160):
    """Cells of each kind, with missing ones, and values that are written in more than one way."""
    draw = random.Random(5)

    def some(make):
        return [None if draw.random() < 0.15 else make() for _ in range(rows)]

    day = datetime.date(2023, 11, 5)
    moment = datetime.datetime(2024, 3, 30, 20)
    return {
        "whole": [draw.randint(-10**12, 10**12) for _ in range(rows)],
        "small": [draw.randint(0, 5) for _ in range(rows)],
        "gap": some(lambda: draw.randint(0, 9)),
        "amount": some(lambda: round(draw.gauss(0, 10), 2)),
        "wide": [draw.gauss(0, 1) * 10.0 ** draw.randint(-12, 20) for _ in range(rows)],
        "rounded": some(lambda: float(draw.randint(0, 40))),
        "truth": [draw.random() < 0.5 for _ in range(rows)],
        "perhaps": some(lambda: draw.random() < 0.5),
        "ward": some(lambda: draw.choice(["north", "south, old", 'the "new"'])),
        "note": some(lambda: draw.choice(["", " a ", "a, b", "plain", "NA", "café"])),
        "day": some(lambda: day + datetime.timedelta(days=draw.randrange(200))),
        "seen": some(lambda: moment + datetime.timedelta(seconds=draw.randrange(10**7))),
        "fine": [moment + datetime.timedelta(microseconds=draw.randrange(10**13)) for _ in range(rows)],
        "stay": some(lambda: datetime.timedelta(minutes=draw.randrange(5000))),
    }


def by_command_line(*csvs):
    """The model's bytes that the command line trains on files of these texts."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        participants = ""
        for i, csv in enumerate(csvs):
            (folder / f"{i}.csv").write_text(csv, newline="")
            participants += f"  - {{name: client-{i + 1}, data: {{path: {i}.csv}}}}\n"
        (folder / "training.yaml").write_text(
            "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\nmetadata: {name: training}\n"
            "spec:\n  model: {embeddingDim: 16, generatorDims: [32, 32], discriminatorDims: [32, 32], pac: 1}\n"
            "  table: {discreteColumns: [ward]}\n  rounds: {count: 1}\n  local: {epochs: 1, batchSize: 50}\n"
            "  aggregation: {strategy: fedavg}\n  output: {rows: 0}\n  participants:\n" + participants)
        done = subprocess.run([BIN / "genesis", "run", "--simulate", "-f", "training.yaml", "--output-dir", "out"],
                              cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise AssertionError(done.stderr)
        return (folder / "out/model.safetensors").read_bytes()


def fitted(*tables, **arguments):
    synthesizer = FederatedSynthesizer(
        n_rounds=1, local_epochs=1, config=SMALL, settings={"output.rows": 0}, verbose=False, **arguments)
    return synthesizer.fit(list(tables), discrete_columns=["ward"]).model


class SameModelAsTheFile(unittest.TestCase):
    """A difference would be in the encoder, which the model's bytes hold: kinds, digits, formats, categories."""

    def same(self, table, csv):
        model, expected = fitted(table).bytes, by_command_line(csv)
        if model != expected:
            self.assertEqual(*(genesis.Model.from_bytes(b)._engine.columns(3, [], [], "", 0).tuples() for b in (model, expected)))
        self.assertTrue(model == expected)

    def test_pandas(self):
        table = pd.DataFrame(awkward())
        table["small"] = table["small"].astype("uint8")
        table["gap"] = table["gap"].astype("Int16")
        table["perhaps"] = table["perhaps"].astype("boolean")
        table["wide"] = table["wide"].astype("Float64")
        table["single"] = table["amount"].astype("float32")
        table["ward"] = table["ward"].astype("category")
        table["days"] = pd.to_datetime(table["day"])
        table["seen"] = table["seen"].astype("datetime64[s]")
        table["zoned"] = table["fine"].dt.tz_localize("UTC").dt.tz_convert("Europe/Paris")
        table["plain_object"] = table["gap"].astype(object).map(lambda v: v if v is pd.NA or v % 2 else str(v))
        self.same(table, table.assign(stay=table["stay"].dt.total_seconds()).to_csv(index=False))

    def test_pandas_with_arrow_dtypes(self):
        frame = pd.DataFrame(awkward())
        table = pa.Table.from_pandas(frame, preserve_index=False).to_pandas(types_mapper=pd.ArrowDtype)
        table["zoned"] = table["fine"].astype(pd.ArrowDtype(pa.timestamp("us", "Europe/Paris")))
        self.same(table, table.assign(stay=frame["stay"].dt.total_seconds()).to_csv(index=False))

    def test_polars(self):
        table = pl.DataFrame(awkward()).with_columns(
            pl.col("small").cast(pl.UInt8), pl.col("ward").cast(pl.Categorical), pl.col("amount").cast(pl.Float32).alias("single"),
            pl.col("amount").cast(pl.Decimal(12, 2)).alias("exact"), pl.col("fine").dt.time().alias("hour"),
            pl.col("fine").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris").alias("zoned"),
            pl.col("seen").dt.cast_time_unit("ms"), pl.lit(None).alias("nothing"))
        table = pl.concat([table[:70], table[70:]], rechunk=False)  # two chunks, the second with an offset
        self.same(table, table.with_columns(pl.col("stay").dt.total_microseconds() / 1e6).write_csv())

    def test_arrow(self):
        whole = pa.table(awkward())
        table = pa.concat_tables([whole.slice(3, 50), whole.slice(53)])
        for name, kind in {"small": pa.uint8(), "amount": pa.float32(), "ward": pa.dictionary(pa.int8(), pa.string()),
                           "note": pa.large_string(), "seen": pa.timestamp("s"), "rounded": pa.decimal128(9, 3)}.items():
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
        table = table.append_column("zoned", table["fine"].cast(pa.timestamp("us", "Europe/Paris")))
        table = table.append_column("view", table["note"].cast(pa.string_view()))
        seconds = pa.array([None if v is None else v.total_seconds() for v in table["stay"].to_pylist()], pa.float64())
        file = table.set_column(table.schema.get_field_index("stay"), "stay", seconds)
        file = file.set_column(file.schema.get_field_index("view"), "view", file["note"])
        out = pa.BufferOutputStream()
        pyarrow.csv.write_csv(file, out)
        self.same(table, out.getvalue().to_pybytes().decode())

    def test_floats_are_written_as_pandas_writes_them(self):
        draw = random.Random(11)
        values = [struct.unpack("<d", draw.randbytes(8))[0] for _ in range(3000)] + [10.0**i for i in range(-320, 300)]
        values = [v for v in values if math.isfinite(v) and abs(v) < 1e300]
        table = pd.DataFrame({"text": [repr(v) for v in values], "ward": "a"})
        numbers = pd.DataFrame({"text": values, "ward": "a"})
        self.assertTrue(fitted(numbers).bytes == fitted(table).bytes)


class OtherTables(unittest.TestCase):
    class OnlyArrays:
        def __init__(self, batch):
            self.batch = batch

        def __arrow_c_array__(self, requested_schema=None):
            return self.batch.__arrow_c_array__(requested_schema)

    def test_what_passes_arrow_arrays_is_a_table(self):
        batch = pa.record_batch({"age": list(range(100)), "ward": ["a", "b"] * 50})
        expected = fitted(pa.table(batch)).bytes
        self.assertTrue(fitted(self.OnlyArrays(batch)).bytes == expected)
        reader = pa.RecordBatchReader.from_batches(batch.schema, [batch.slice(0, 30), batch.slice(30)])
        self.assertTrue(fitted(reader).bytes == expected)

    def refused(self, table, said):
        with self.assertRaisesRegex(genesis.ArgumentError, said) as raised:
            fitted(table)
        self.assertEqual(raised.exception.field, "datasets[0]")
        self.assertTrue(raised.exception.advice)

    def test_columns_that_are_not_read_are_named(self):
        for column in ([[1], [2]], [{"a": 1}, None], [b"a", b"b"]):
            self.refused(pa.table({"age": [1, 2], "odd": column}), 'datasets\\[0\\]: column "odd": its Arrow format')
        self.refused(pl.DataFrame({"age": [1, 2], "odd": [[1], [2]]}), 'column "odd"')
        self.refused(pd.DataFrame({"odd": pd.array([b"a"], dtype=pd.ArrowDtype(pa.binary()))}), 'column "odd"')
        structs = pd.array([{"a": 1, "b": 2}, {"a": 3, "b": 4}], dtype=pd.ArrowDtype(pa.struct([("a", pa.int64()), ("b", pa.int64())])))
        self.refused(pd.DataFrame({"age": [1, 2], "odd": structs}), 'column "odd": struct')
        self.refused(pa.table({"age": pa.array([], pa.int64())}), "has 0 rows")

    def test_numbers_of_pandas_are_read_however_they_lie(self):
        plain = pd.DataFrame({"whole": [1, 2, 0, 4] * 30, "part": [0.5, 0.0, 0.0, 1.5] * 30, "ward": ["a", "b", "c"] * 40})
        odd = plain.assign(whole=plain["whole"].to_numpy(dtype=">i4"), part=pd.arrays.SparseArray(plain["part"], fill_value=0.0))
        self.assertEqual(fitted(odd).sha256, fitted(plain).sha256)

    def test_a_stream_that_is_used_up_or_fails_is_an_error(self):
        batch = pa.record_batch({"age": list(range(100))})
        capsule = pa.table(batch).__arrow_c_stream__()
        pa.RecordBatchReader._import_from_c_capsule(capsule)

        class Stream:
            def __init__(self, capsule):
                self.capsule = capsule

            def __arrow_c_stream__(self, requested_schema=None):
                return self.capsule

        self.refused(Stream(capsule), "used up")
        with self.assertRaises(ValueError):
            fitted(Stream(batch.__arrow_c_array__()[0]))

        def batches():
            yield batch
            raise OSError("the disk is gone")

        self.refused(pa.RecordBatchReader.from_batches(batch.schema, batches()), "the disk is gone")

    def test_arrays_that_contradict_themselves_are_refused(self):
        # ArrowArray begins with length, null count, offset, and how many buffers and children there are.
        capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
        capsule_pointer.restype, capsule_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        texts = pa.record_batch({"ward": ["a", "bc", "d"]})

        def damaged(of, place, value):
            schema, array = of.__arrow_c_array__()
            whole = (ctypes.c_int64 * 10).from_address(capsule_pointer(array, b"arrow_array"))
            children = ctypes.cast(whole[6], ctypes.POINTER(ctypes.c_void_p))
            (ctypes.c_int64 * 10).from_address(children[0])[place] = value
            table = _core.Table("rows", "arrow")

            class Pair:
                def __arrow_c_array__(self, requested_schema=None):
                    return schema, array

            table.add_arrow(Pair(), "column")

        for place, value in ((0, -1), (0, 2), (0, 2**60), (2, -1), (2, 2**62), (3, 2), (3, 4)):
            with self.subTest(place=place, value=value), self.assertRaisesRegex(_core.EngineError, 'column "ward": its Arrow array'):
                damaged(texts, place, value)
        offsets = pa.py_buffer(struct.pack("<4i", 0, 5, 2, 3))
        crooked = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"abc")])
        self.refused_by_engine(crooked, "offsets that lead out of the buffer")
        places = pa.DictionaryArray.from_buffers(
            pa.dictionary(pa.int8(), pa.string()), 3, [None, pa.py_buffer(bytes([0, 1, 7]))], pa.array(["a", "b"]))
        self.refused_by_engine(places, "an index beyond its dictionary")

    def refused_by_engine(self, column, said):
        with self.assertRaisesRegex(genesis.ArgumentError, f'column "ward", row [23]: has {said}'):
            fitted(pa.table({"ward": column}))

    def test_memory_is_let_go_whatever_happens(self):
        values = np.arange(200)
        references = sys.getrefcount(values)

        def once():
            table = pa.table({"age": pa.array(values.tolist()), "ward": ["a", "b"] * 100})
            fitted(table)
            with self.assertRaises(genesis.ArgumentError):
                fitted(table.append_column("odd", pa.array([[1]] * 200)))
            with self.assertRaises(genesis.ArgumentError):  # once the engine reads it
                fitted(table.rename_columns(["1", "ward"]))
            fitted(pd.DataFrame({"age": values, "ward": ["a", "b"] * 100}, copy=False))

        once()
        gc.collect()
        before = pa.total_allocated_bytes()
        once()
        gc.collect()
        self.assertEqual(pa.total_allocated_bytes(), before)
        self.assertEqual(sys.getrefcount(values), references)


class GeneratedRows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        table = pd.DataFrame(awkward())
        table["zoned"] = table["fine"].dt.tz_localize("UTC")
        cls.columns = fitted(table)._engine.columns(300, [], [], "", 0)

    def test_other_libraries_take_them_as_arrow_has_them(self):
        table = pa.table(self.columns)
        table.validate(full=True)
        self.assertEqual(table.num_rows, 300)
        types = {"integer": pa.int64(), "decimal": pa.float64(), "datetime": pa.timestamp("us"),
                 "other": pa.dictionary(pa.uint32(), pa.large_string())}
        frame = pl.DataFrame(self.columns)
        self.assertEqual(frame.shape, table.shape)
        for name, kind, form, numbers, codes, texts in self.columns.tuples():
            column = table[name]
            wanted = pa.timestamp("us", "UTC") if "%z" in form else types.get(kind, types["other"])
            self.assertEqual(column.type, wanted, name)
            if kind in ("integer", "decimal"):
                values = [None if math.isnan(v) else v for v in np.frombuffer(numbers, "<f8").tolist()]
            elif kind == "datetime":
                seconds = np.frombuffer(numbers, "<f8").tolist()
                values = [None if math.isnan(v) else round(v * 1e6) for v in seconds]
                column = column.cast(pa.int64())
            else:
                values = [([*texts, None])[min(c, len(texts))] for c in np.frombuffer(codes, "<u4").tolist()]
            self.assertEqual(column.to_pylist(), values, name)
            if kind in ("integer", "decimal"):
                self.assertEqual(frame[name].to_list(), values, name)

    def test_a_stream_may_be_dropped_or_outlive_its_columns(self):
        for _ in range(3):
            self.columns.__arrow_c_stream__()
        table = pa.table(genesis.Model.from_bytes(fitted(pd.DataFrame({"age": range(100), "ward": "a"})).bytes)._engine.columns(20, [], [], "", 1))
        gc.collect()
        table.validate(full=True)
        self.assertEqual(set(table["ward"].to_pylist()), {"a"})


if __name__ == "__main__":
    unittest.main()
