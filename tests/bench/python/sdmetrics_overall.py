#!/usr/bin/env python3
"""SDMetrics' QualityReport of two CSV files, as the judge of ours and of peers alike.

    sdmetrics_overall.py REAL SYNTHETIC

Columns that are all numbers in the real file are numerical, the others categorical; rows may be .csv
or .csv.gz. Prints one line of JSON: overall, column_shapes, column_pair_trends.
"""

import json
import sys
import warnings

import pandas as pd

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from sdmetrics.reports.single_table import QualityReport


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    real = pd.read_csv(sys.argv[1], keep_default_na=False, na_values=[""])
    numbers = {name for name in real.columns if pd.api.types.is_numeric_dtype(real[name])}
    synthetic = pd.read_csv(sys.argv[2], keep_default_na=False, na_values=[""],
                            dtype={name: str for name in real.columns if name not in numbers})
    for name in numbers:
        synthetic[name] = pd.to_numeric(synthetic[name], errors="coerce")
    kinds = {name: {"sdtype": "numerical" if name in numbers else "categorical"} for name in real.columns}
    report = QualityReport()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate(real, synthetic, {"columns": kinds}, verbose=False)
    properties = dict(report.get_properties().itertuples(index=False))
    print(json.dumps({
        "overall": report.get_score(),
        "column_shapes": properties["Column Shapes"],
        "column_pair_trends": properties["Column Pair Trends"],
    }))


if __name__ == "__main__":
    main()
