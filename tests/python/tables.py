"""Small tables for the tests of the Python package."""

import random

import pandas as pd

DIAGNOSES = ("asthma", "cold", "flu")
# Trainings of a second or two: small networks, one epoch a round.
SMALL = {"embedding_dim": 16, "generator_dim": [32, 32], "discriminator_dim": [32, 32], "pac": 1, "batch_size": 50}


def patients(seed: int, rows: int = 120) -> pd.DataFrame:
    draw = random.Random(seed)
    return pd.DataFrame(
        {
            "age": [draw.randint(18, 90) for _ in range(rows)],
            "income": [round(draw.gauss(3000, 800), 2) for _ in range(rows)],
            "diagnosis": [DIAGNOSES[draw.randrange(3)] for _ in range(rows)],
            "smoker": [draw.random() < 0.3 for _ in range(rows)],
        }
    )
