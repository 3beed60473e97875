#!/usr/bin/env python3
"""Tables of pandas, polars and Arrow keep kind and dtypes on their way through a training."""

import random
import unittest

import pandas as pd
import polars as pl
import pyarrow as pa

from genesis.federated import FederatedSynthesizer
from tables import SMALL


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

    def test_polars(self):
        table = pl.DataFrame(draws()).with_columns(
            pl.col("small").cast(pl.Int8), pl.col("ward").cast(pl.Enum(["a", "b", "c"])), pl.col("seen").dt.date().alias("day"))
        rows = trained_on(table)
        self.assertIsInstance(rows, pl.DataFrame)
        self.assertEqual(rows.schema, table.schema)
        self.assertEqual(rows.height, 150)

    def test_arrow(self):
        frame = pd.DataFrame(draws()).drop(columns="stay")
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.set_column(table.schema.get_field_index("ward"), "ward", table["ward"].combine_chunks().dictionary_encode())
        rows = trained_on(table)
        self.assertIsInstance(rows, pa.Table)
        self.assertEqual(rows.schema.types, table.schema.types)
        self.assertEqual(rows.num_rows, 150)


if __name__ == "__main__":
    unittest.main()
