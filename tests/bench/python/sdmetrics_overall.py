#!/usr/bin/env python3
"""SDMetrics' QualityReport of two CSV files, as the judge of ours and of peers alike.

    sdmetrics_overall.py REAL SYNTHETIC [MISSING ...]

MISSING are words that stand for missing cells, beside empty ones. Kinds are those of the real file: columns that are all numbers are numerical, those that are all dates datetime; text
most of whose cells hold a text of fewer than 5 rows is an identifier, which SDMetrics leaves out (a generator that
scores in it writes texts of single persons); the others are categorical. Rows may be .csv or .csv.gz. Prints one line
of JSON: overall, column_shapes, column_pair_trends, identifiers, worst (the three columns of the lowest shape).
"""

import json
import sys
import warnings

import pandas as pd

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from sdmetrics.reports.single_table import QualityReport


FEW_ROWS = 5  # that hold a text, below which it may stand for a person


def is_date(column):
    if not column.str.match(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}").all():
        return False
    return pd.to_datetime(column, errors="coerce", format="mixed", utc=True).notna().all()


def sdtype_of(column):
    if pd.api.types.is_numeric_dtype(column):
        return "numerical"
    texts = column.dropna().astype(str)
    if is_date(texts):
        return "datetime"
    rows = texts.map(texts.value_counts())
    return "id" if (rows < FEW_ROWS).mean() > 0.5 else "categorical"


def read(path, **options):
    return pd.read_csv(path, keep_default_na=False, na_values=["", *sys.argv[3:]], **options)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    real = read(sys.argv[1])
    kinds = {name: sdtype_of(real[name]) for name in real.columns}
    synthetic = read(sys.argv[2], dtype={name: str for name, kind in kinds.items() if kind != "numerical"})
    for name, kind in kinds.items():
        if kind == "numerical":
            synthetic[name] = pd.to_numeric(synthetic[name], errors="coerce")
        elif kind == "datetime":
            real[name], synthetic[name] = (
                pd.to_datetime(table[name], errors="coerce", format="mixed", utc=True).dt.tz_localize(None)
                for table in (real, synthetic))
    report = QualityReport()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate(real, synthetic, {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}},
                        verbose=False)
    properties = dict(report.get_properties().itertuples(index=False))
    shapes = report.get_details("Column Shapes").set_index("Column")["Score"]
    print(json.dumps({
        "overall": report.get_score(),
        "column_shapes": properties["Column Shapes"],
        "column_pair_trends": properties["Column Pair Trends"],
        "identifiers": [name for name, kind in kinds.items() if kind == "id"],
        "worst": shapes.nsmallest(3).round(3).to_dict(),
    }))


if __name__ == "__main__":
    main()
