#!/usr/bin/env python3
"""impute, rows_like and balance: tables of each kind get the cells that the command line draws: completion_test.py BIN."""

import datetime
import decimal
import io
import logging
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import genesis
from genesis.federated import FederatedSynthesizer
from tables import SMALL

BIN = pathlib.Path(sys.argv.pop(1)).resolve()
MISSING = ("age", "crp", "dx", "smoker", "seen", "zoned", "day")


def table(seed=0, rows=400):
    draw = random.Random(seed)
    start = datetime.datetime(2024, 1, 1)
    frame = pd.DataFrame({
        "age": pd.array([draw.randint(18, 90) for _ in range(rows)], dtype="Int16"),
        "crp": [draw.randint(10, 99) / 10 for _ in range(rows)],
        "dx": pd.Categorical([draw.choice(("cold", "flu", "asthma")) for _ in range(rows)]),
        "smoker": pd.array([draw.random() < 0.3 for _ in range(rows)], dtype="boolean"),
        "seen": [start + datetime.timedelta(minutes=draw.randrange(400_000)) for _ in range(rows)],
        "visits": np.array([draw.randrange(9) for _ in range(rows)], dtype="int8"),
        "day": pd.Series([datetime.date(2024, 1, 1) + datetime.timedelta(days=draw.randrange(90)) for _ in range(rows)], dtype=object),
    })
    frame["zoned"] = pd.Series(frame["seen"]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    return frame


def with_gaps(seed=7, rows=300):
    """Beside gaps a column that no model has, of cells that the engine would refuse, and an index of its own."""
    draw = random.Random(seed)
    frame = table(seed, rows)
    for name in MISSING:
        frame.loc[[draw.random() < 0.3 for _ in range(rows)], name] = None
    frame.insert(2, "note", [[i] for i in range(rows)])
    frame.index = [f"row {i}" for i in range(rows)]
    return frame


def model_of(*tables, method="mixture", **arguments):
    return FederatedSynthesizer(method=method, n_rounds=1, verbose=False, **arguments).fit(list(tables))


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = model_of(table(1), table(2))
        cls.gaps = with_gaps()

    def filled_only(self, before, after):
        """Column by column of Python's values: all that was given stands, and no gap is left."""
        for name in before:
            for was, now in zip(before[name], after[name], strict=True):
                if was is not None:
                    self.assertEqual(was, now, name)
                else:
                    self.assertIsNotNone(now, name)

    def test_pandas(self):
        copy = self.gaps.copy()
        filled = self.model.impute(self.gaps)
        pd.testing.assert_frame_equal(self.gaps, copy)  # nothing is done to the table itself
        self.assertEqual(dict(filled.dtypes), dict(self.gaps.dtypes))
        self.assertTrue(filled.index.equals(self.gaps.index))
        self.assertEqual(list(filled), list(self.gaps))
        self.assertTrue(filled["note"].equals(self.gaps["note"]))
        self.assertFalse(filled.isna().any().any())
        for name in self.gaps:
            known = self.gaps[name].notna()
            self.assertTrue(filled[name][known].equals(self.gaps[name][known]), name)
        self.assertTrue(filled["seen"].between("2023-12-31", "2024-12-31").all())
        self.assertTrue(filled["zoned"].between("2023-12-31T00:00Z", "2024-12-31T00:00Z").all())
        self.assertEqual({type(value) for value in filled["day"]}, {datetime.date})
        self.assertTrue(self.model.impute(self.gaps).equals(filled))
        self.assertFalse(self.model.impute(self.gaps, seed=1).equals(filled))

    def test_polars(self):
        frame = pl.DataFrame(self.gaps.drop(columns=["note", "day"])).with_columns(
            pl.col("dx").cast(pl.Enum(["asthma", "cold", "flu"])), pl.Series("note", [[i] for i in range(len(self.gaps))]),
            pl.col("visits").cast(pl.UInt8))
        filled = self.model.impute(frame.lazy())
        self.assertEqual(filled.schema, frame.schema)
        self.filled_only(frame.to_dict(as_series=False), filled.to_dict(as_series=False))

    def test_arrow(self):
        rows = pa.Table.from_pandas(self.gaps, preserve_index=False)
        rows = pa.concat_tables([rows.slice(0, 100), rows.slice(100)])
        filled = self.model.impute(rows)
        self.assertEqual(filled.schema.types, rows.schema.types)
        filled.validate(full=True)
        self.filled_only(rows.to_pydict(), filled.to_pydict())

    def test_each_kind_of_table_gets_the_same_cells(self):
        plain = self.gaps[["age", "crp", "dx", "seen", "zoned", "smoker", "visits"]]
        cells = lambda frame: frame.assign(dx=frame["dx"].astype(str)).astype({"age": "float", "crp": "float", "visits": "float"})  # noqa: E731
        expected = cells(self.model.impute(plain)).reset_index(drop=True)
        others = {"polars": self.model.impute(pl.DataFrame(plain)).to_pandas(),
                  "arrow": self.model.impute(pa.Table.from_pandas(plain, preserve_index=False)).to_pandas()}
        for kind, frame in others.items():
            with self.subTest(kind):
                pd.testing.assert_frame_equal(cells(frame).reset_index(drop=True), expected, check_dtype=False)

    def by_command_line(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            model, rows = pathlib.Path(folder, "model.safetensors"), pathlib.Path(folder, "rows.csv")
            self.model.save(model)
            done = subprocess.run([BIN / "genesis", *arguments, "--model", model, "--raw-text", "-o", rows], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return rows.read_text()

    def test_cells_and_rows_are_those_of_the_command_line(self):
        frame = self.gaps[["visits", "dx", "crp", "age"]]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "gaps.csv.gz")
            frame.to_csv(path, index=False)
            read = lambda text, columns: pd.read_csv(io.StringIO(text))[columns].to_csv(index=False)  # noqa: E731
            as_read = lambda rows, columns: read(rows.to_csv(index=False), columns)  # noqa: E731
            written = read(self.by_command_line("impute", "--data", path, "--seed", "4"), list(frame))
            self.assertEqual(as_read(self.model.impute(frame, seed=4), list(frame)), written)
            self.assertEqual(as_read(self.model.impute(path, seed=4), list(frame)), written)
            columns = ["age", "crp", "dx", "visits", "smoker"]
            like = read(self.by_command_line("generate", "--rows-like", path, "--seed", "4"), columns)
            self.assertEqual(as_read(self.model.generate(rows_like=frame, seed=4), columns), like)
            self.assertEqual(as_read(self.model.generate(rows_like=path, seed=4), columns), like)
        balanced = self.by_command_line("generate", "--rows", "31", "--balance", "dx", "--seed", "2")
        rows = self.model.generate(31, balance="dx", seed=2)
        self.assertEqual([line.split(",")[2] for line in balanced.splitlines()[1:]], list(rows["dx"]))
        self.assertEqual(sorted(rows["dx"].value_counts()), [10, 10, 11])
        self.assertEqual(set(self.model.generate(20, ["age>=40"], balance="dx")["age"] >= 40), {True})

    def test_rows_are_like_those_of_a_table(self):
        given = self.gaps[["dx", "age", "note"]]
        rows = self.model.generate(rows_like=given)
        self.assertEqual(list(rows), list(table()))
        self.assertEqual(dict(rows.dtypes), dict(table().dtypes))
        self.assertTrue(rows.index.equals(given.index))
        known = given["age"].notna() & given["dx"].notna()
        self.assertTrue(rows.loc[known, ["dx", "age"]].equals(given.loc[known, ["dx", "age"]]))
        self.assertEqual(len(self.model.generate(300, rows_like=given)), 300)
        for like in (pl.DataFrame(given[["age"]]), pa.Table.from_pandas(given[["age"]], preserve_index=False)):
            made = self.model.generate(rows_like=like)
            self.assertIs(type(made), type(like))
            for was, now in zip(like["age"].to_pylist() if isinstance(like, pa.Table) else like["age"], made["age"]):
                if was is not None:
                    self.assertEqual(was, now.as_py() if isinstance(now, pa.Scalar) else now)

    def test_tables_without_gaps_or_rows_come_back(self):
        whole = table(3, 20)
        pd.testing.assert_frame_equal(self.model.impute(whole), whole)
        for empty in (whole[:0], pl.DataFrame(whole[["age", "crp"]])[:0], pa.table({"age": pa.array([], pa.int64())})):
            self.assertEqual(len(self.model.impute(empty)), 0)
            self.assertEqual(len(self.model.generate(rows_like=empty)), 0)

    def test_categories_and_values_that_a_dtype_cannot_hold_change_it(self):
        frame = pd.DataFrame({"dx": pd.Categorical([None] * 200, categories=["flu"], ordered=True), "age": pd.array([3, None] * 100, dtype="Int8")})
        with self.assertLogs("genesis", logging.WARNING) as logged:
            filled = self.model.impute(frame)
        self.assertIn("age: 100 cells hold values that the model does not know", "\n".join(logged.output))
        self.assertEqual(list(filled["dx"].cat.categories), ["flu", "asthma", "cold"])
        self.assertFalse(filled.isna().any().any())
        kind = pl.Enum(["flu"])
        filled = self.model.impute(pl.DataFrame({"dx": pl.Series([None] * 200, dtype=kind), "visits": 3}))
        self.assertEqual(set(filled["dx"]), {"flu", "asthma", "cold"})

    def test_a_word_that_the_training_declares_missing_is_filled(self):
        frames = [table(seed).assign(visits=lambda t: t["visits"].astype(str)) for seed in (1, 2)]
        for frame in frames:
            frame.loc[::4, "visits"] = "unknown"
        settings = {"table.missingValues": ["unknown", "-9"]}
        synthesizer = model_of(*frames, settings=settings)
        gaps = pd.DataFrame({"visits": ["1", "unknown", "-9", "2"], "crp": [1.0, 2.0, 3.0, 4.0]})
        self.assertEqual(list(synthesizer.impute(gaps)["visits"].isin(["unknown", "-9"])), [False] * 4)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "model.safetensors")
            synthesizer.save(path)
            loaded = genesis.Model.load(path)
            self.assertIn("unknown", set(loaded.impute(gaps)["visits"]))
            spec = {"apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": "training"},
                    "spec": {"table": {"missingValues": ["unknown", "-9"]}}}
            self.assertTrue(loaded.impute(gaps, spec=spec).equals(synthesizer.impute(gaps)))

    def test_values_are_known_however_a_table_has_them(self):
        """Moments of another unit, zone or time of day, truth values of other words, and whole numbers as floats."""
        frame = self.gaps[["seen", "zoned", "smoker", "visits", "crp"]]
        others = frame.assign(
            seen=frame["seen"].astype("datetime64[ns]") + pd.Timedelta(1, "ns"), zoned=frame["zoned"].dt.tz_convert("America/Lima"),
            smoker=frame["smoker"].map({True: "yes", False: "no"}), visits=frame["visits"].astype("float32"))
        filled, unknown = self.logged(self.model.impute, others)
        expected, known = self.logged(self.model.impute, frame)
        self.assertEqual(unknown, known)  # values that only few rows of the training reach
        self.assertTrue(filled["crp"].equals(expected["crp"]))
        self.assertTrue((filled["seen"] - expected["seen"] < pd.Timedelta(1, "s")).all())
        days = pd.DataFrame({"seen": pd.to_datetime(["2024-02-01", "2024-03-01", None])})  # midnights alone
        self.assertEqual(self.logged(lambda rows: self.model.generate(rows_like=rows), days)[1], [])
        codes = [pd.DataFrame({"code": [1, 2, 30] * 60, "x": range(180)}) for _ in range(2)]
        model = FederatedSynthesizer(method="mixture", verbose=False).fit(codes, discrete_columns=["code"])
        filled, unknown = self.logged(model.impute, pd.DataFrame({"code": [1.0, None, 30.0], "x": [50, 60, 70]}))
        self.assertEqual(unknown, [])
        self.assertEqual(filled["code"].dtype, "float64")
        self.assertIn(filled["code"][1], {1, 2, 30})

    def logged(self, call, rows):
        """What the call gives, and the warnings that it logs."""
        with self.assertLogs("genesis", logging.INFO) as logged:
            logging.getLogger("genesis").info("begins")
            done = call(rows)
        return done, [record.getMessage() for record in logged.records if record.levelno >= logging.WARNING]

    def test_autoregressive_models_fill_gaps_too(self):
        model = model_of(table(1, 120), method="autoregressive", local_epochs=1, config={"embedding_dim": 8, "hidden": 16})
        filled = model.impute(self.gaps)
        self.assertFalse(filled.isna().any().any())
        self.assertEqual(list(model.generate(rows_like=self.gaps[["visits"]])["visits"]), list(self.gaps["visits"]))

    def test_what_cannot_be_done_names_the_argument(self):
        model, gaps = self.model, self.gaps
        ctgan = FederatedSynthesizer(n_rounds=1, local_epochs=1, config=SMALL, verbose=False).fit([table(1, 60)])
        for field, call in {
            "table": lambda: ctgan.impute(gaps),
            "table ": lambda: model.impute(3),
            "table  ": lambda: model.impute(gaps[["note"]]),
            "table   ": lambda: model.impute("/no/such/file.csv"),
            "rows_like": lambda: ctgan.generate(rows_like=gaps),
            "rows_like ": lambda: model.generate(rows_like=[1]),
            "n": lambda: model.generate(),
            "n ": lambda: model.generate(3, rows_like=gaps),
            "conditions": lambda: model.generate(conditions={"dx": "flu"}, rows_like=gaps),
            "balance": lambda: model.generate(balance="dx", rows_like=gaps),
            "balance ": lambda: model.generate(9, balance="age"),
            "balance  ": lambda: model.generate(9, balance="dxx"),
            "balance   ": lambda: model.generate(9, balance=3),
            "seed": lambda: model.impute(gaps, seed=-1),
            "spec": lambda: model.impute(gaps, spec=3),
        }.items():
            with self.subTest(field), self.assertRaises(genesis.GenesisError) as raised:
                call()
            self.assertEqual(raised.exception.field, field.strip(), raised.exception)
            self.assertTrue(raised.exception.advice)


class OtherClientsValues(unittest.TestCase):
    """The first client's dtypes are those of generated rows, but where they cannot hold what other clients have."""

    def drawn(self, *tables):
        return model_of(*tables).generate(400)["x"]

    def test_categories_of_other_clients_are_kept(self):
        names = [["a", "b"] * 100, ["b", "c"] * 100]
        rows = self.drawn(*(pd.DataFrame({"x": pd.Categorical(n), "y": range(200)}) for n in names))
        self.assertEqual(list(rows.cat.categories), ["a", "b", "c"])
        self.assertFalse(rows.isna().any())
        self.assertEqual(set(rows), {"a", "b", "c"})
        numbers = [[1, 2] * 100, [2, 30] * 100]
        rows = self.drawn(*(pd.DataFrame({"x": pd.Categorical(n), "y": range(200)}) for n in numbers))
        self.assertEqual(list(rows.cat.categories), [1, 2, 30])
        rows = self.drawn(*(pl.DataFrame({"x": pl.Series(n, dtype=pl.Enum(sorted(set(n)))), "y": range(200)}) for n in names))
        self.assertEqual(set(rows), {"a", "b", "c"})

    def test_numbers_of_other_clients_are_not_wrapped(self):
        values = [[1, 2, 3, 4] * 50, [1000, 2000, 3000, 4000] * 50]
        for make in (lambda v, t: pd.DataFrame({"x": np.array(v, dtype=t), "y": range(200)}),
                     lambda v, t: pl.DataFrame({"x": pl.Series(v, dtype=pl.Int8 if t == "int8" else pl.Int64), "y": range(200)}),
                     lambda v, t: pa.table({"x": pa.array(v, t), "y": range(200)})):
            rows = self.drawn(make(values[0], "int8"), make(values[1], "int64"))
            rows = rows.to_pylist() if isinstance(rows, pa.ChunkedArray) else list(rows)
            self.assertGreaterEqual(min(rows), 1)
            self.assertGreater(max(rows), 900)

    def test_objects_stay_what_they_are(self):
        draw = random.Random(2)
        frame = pd.DataFrame({
            "paid": pd.Series([None if draw.random() < 0.2 else draw.random() < 0.5 for _ in range(200)], dtype=object),
            "day": pd.Series([datetime.date(2024, 1, 1) + datetime.timedelta(days=draw.randrange(60)) for _ in range(200)], dtype=object),
            "price": pd.Series([decimal.Decimal(draw.randrange(500)) / 4 for _ in range(200)], dtype=object),
        })
        rows = model_of(frame, frame).generate(200)
        self.assertEqual({type(value) for value in rows["paid"].dropna()}, {bool})
        self.assertEqual({type(value) for value in rows["day"]}, {datetime.date})
        self.assertEqual({type(value) for value in rows["price"]}, {decimal.Decimal})


if __name__ == "__main__":
    unittest.main()
