#!/usr/bin/env python3
"""What are synthetic rows worth for learning? AUC of a model trained on them, tested on real rows.

    utility.py REAL_HOLDOUT TRAINING [--target income] [--positive '>50K']

REAL_HOLDOUT: real rows that no generator has seen. TRAINING: synthetic rows, or real ones for the
value to come near. Both .csv or .csv.gz. Prints one line of JSON.

The model is scikit-learn's HistGradientBoostingClassifier with its defaults (100 trees of at most 31
leaves, learning rate 0.1), without early stopping, random_state 0. Columns that are not all numbers in
the held-out table are categories, given as such; a category that training lacks is missing. Two
classes: AUC of the positive one, by default the rarer; more: one against the rest, weighted by their
shares.
"""

import argparse
import json

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def read(path, categories=None):
    """`categories` None: infer them, all columns that are not numbers."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    if categories is None:
        categories = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    for name in table.columns:
        if name in categories:
            table[name] = table[name].astype(str).where(table[name].notna(), "")
        else:
            table[name] = pd.to_numeric(table[name], errors="coerce")
    return table, categories


def auc(holdout, training, target, positive, categories):
    features = [name for name in holdout.columns if name != target]
    discrete = [name for name in features if name in categories]
    # The encoder gives categories first, in the order of `discrete`.
    encoder = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"),
                        max_categories=255), discrete),
        remainder="passthrough",
    )
    model = make_pipeline(encoder, HistGradientBoostingClassifier(
        categorical_features=list(range(len(discrete))), early_stopping=False, random_state=0))
    model.fit(training[features], training[target])
    chances = model.predict_proba(holdout[features])
    classes = list(model.classes_)
    if len(classes) == 2:
        chance = chances[:, classes.index(positive)]
        return roc_auc_score(holdout[target] == positive, chance)
    return roc_auc_score(holdout[target], chances, multi_class="ovr", average="weighted", labels=classes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("holdout")
    parser.add_argument("training")
    parser.add_argument("--target", default="income")
    parser.add_argument("--positive", help="the class whose AUC is given; default: the rarer one")
    arguments = parser.parse_args()

    holdout, categories = read(arguments.holdout)
    categories = sorted({*categories, arguments.target})
    holdout, _ = read(arguments.holdout, categories)
    training, _ = read(arguments.training, categories)
    positive = arguments.positive or holdout[arguments.target].value_counts().idxmin()
    if training[arguments.target].nunique() < 2:
        parser.error(f"{arguments.training}: {arguments.target} has a single class")
    print(json.dumps({
        "auc": round(auc(holdout, training, arguments.target, positive, categories), 4),
        "target": arguments.target,
        "positive": positive,
        "training_rows": len(training),
        "holdout_rows": len(holdout),
    }))


if __name__ == "__main__":
    main()
