"""Does the fitness of a GAN rank as other judges do? Sixty GANs of every quality.

Random and well-known individuals are trained on 2,000 samples for a part of the epochs
of the genome, drawn log-uniformly, on one core. Data: two linked rings in 3-D, ten
unequal modes in 2-D, twelve modes in 20-D, a made table and phoneme.csv; samples of
both tables are made for labels. Each GAN is scored by the fitness on
held-out samples. Then other judges see other real samples: the ROC AUC of a random
forest and of scikit-learn's boosting that tell generated from real ones, and with
labels that of a random forest that was trained on generated samples (TSTR).

`show` prints rank correlations (Spearman) of the judges with the fitness, with the
fitness as it was before (without what classifiers see and without copies), with the
fitness under other weights, and with each term: within each data set, and their mean.
One JSON row per GAN is appended to a file; what is already there is not trained again.

    python benchmarks/gan_fitness.py run --data FOLDER           # 60 trainings
    python benchmarks/gan_fitness.py run --n 2 --max-epochs 8 --sets linked_rings
    python benchmarks/gan_fitness.py show

FOLDER has classification/phoneme.csv.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _mixtures import trained
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score

from sknevo.genomes.gan import gan, well_known
from sknevo.metrics import GenerativeScore
from sknevo.records import Chromosome, DataSpec

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
sys.path.append(str(Path(__file__).parents[1] / "tests"))
from _rows import append, commit, read
from generators import GROUPED

ROWS = Path(__file__).parent / "results" / "gan_fitness.jsonl"
KEYS = ("set", "max_epochs", "individual")
# So many samples to train on, for the fitness and for the judges.
N_TRAIN, N_HELD_OUT, N_JUDGED = 2000, 1000, 2000
# The shortest training, as a share of the longest.
SHORTEST = 0.02
# The terms of the fitness before, those by classifiers, and weights for these.
CLASSIFIERS = ("indistinguishability", "utility")
WEIGHTS = (1, 2, 8)
BEFORE = ("coverage", "density", "precision", "recall", "closeness", "stability")

# Data ------------------------------------------------------------------------------


def phoneme(data, n):
    """Return n rows of a table in a random order, and their labels."""
    frame = pd.read_csv(data / "classification" / "phoneme.csv")
    frame = frame.sample(n, random_state=0)
    X, y = frame.drop(columns="target").to_numpy(float), frame["target"].to_numpy()
    return X, np.unique(y, return_inverse=True)[1]


def loaded(name, n, args):
    """Return samples, and labels if samples are made for them."""
    if name == "phoneme":
        return phoneme(args.data, n)
    X, groups = GROUPED[name](np.random.default_rng(0), n)
    return X, groups if name == "labelled_table" else None


SETS = [*GROUPED, "phoneme"]

# Training and judging --------------------------------------------------------------


def run(args):
    done = {tuple(row[key] for key in KEYS) for row in read(args.rows)}
    for i in range(args.n):
        for name in args.sets:
            key = (name, args.max_epochs, i)
            if key in done:
                continue
            row = {"commit": commit(), **dict(zip(KEYS, key, strict=True))}
            row |= judged(name, i, args)
            append(args.rows, row)
            print(json.dumps(row), flush=True)


def judged(name, i, args):
    parts = np.cumsum([N_TRAIN, N_HELD_OUT])
    X, y = loaded(name, N_TRAIN + N_HELD_OUT + N_JUDGED, args)
    train, held_out, others = np.split(np.arange(len(X)), parts)
    labels = None if y is None else y[train]
    spec = DataSpec(
        "generation", N_TRAIN, 0 if y is None else len(np.unique(y)), shape=X.shape[1:]
    )
    chromosome, epochs = individual(spec, i, args.max_epochs)
    start = time.perf_counter()
    net = trained(i, chromosome, spec, X[train], labels)
    seconds = time.perf_counter() - start
    row = {"epochs": epochs, "train_seconds": seconds}
    if net is None:
        return {**row, "scores": {}, "judges": {}}
    start = time.perf_counter()
    given = () if y is None else (y[held_out],)
    scores = GenerativeScore()(net, X[held_out], *given, training=X[train])
    row |= {"score_seconds": time.perf_counter() - start, "scores": scores}
    judges = judgement(net, X[others], None if y is None else y[others])
    return {**row, "judges": judges}


def individual(spec, i, max_epochs):
    """Return the i-th individual, every third one well known, with its epochs."""
    draw = np.random.default_rng(i)
    genome = gan(spec, max_epochs=max_epochs)
    genes = genome.sample(draw)
    if i % 3 == 0:
        known = well_known(spec, genome)
        genes = genome.complete(known[i // 3 % len(known)], draw)
    most = genome.genes["training"].genes["epochs"].high
    epochs = max(1, round(most * SHORTEST ** draw.random()))
    genes["training"]["epochs"] = epochs
    return Chromosome(genes), epochs


def judgement(net, X, y):
    """Return what other classifiers say, with other samples and other seeds."""
    draw = np.random.default_rng(99)
    wanted = None if y is None else draw.choice(y, len(X))
    made = net.sample(len(X), wanted, random_state=99)
    one, other = (
        made if wanted is None else np.column_stack([made, wanted]),
        X if y is None else np.column_stack([X, y]),
    )
    rows = np.vstack([one, other])
    is_real = np.repeat([0, 1], len(X))
    test = draw.random(len(rows)) < 0.5
    judges = {}
    for name, judge in {
        "forest": RandomForestClassifier(200, min_samples_leaf=3, random_state=7),
        "boosting": HistGradientBoostingClassifier(random_state=7),
    }.items():
        judge.fit(rows[~test], is_real[~test])
        sure = judge.predict_proba(rows[test])[:, 1]
        judges[f"detection {name}"] = roc_auc_score(is_real[test], sure)
    if y is not None:
        model = RandomForestClassifier(200, min_samples_leaf=3, random_state=8)
        sure = model.fit(made, wanted).predict_proba(X)[:, 1]
        judges["tstr"] = roc_auc_score(y, sure)
    return judges


# Tables ----------------------------------------------------------------------------


def terms(scores):
    """Return the terms of the fitness, relative to real samples and at most 1."""
    return {
        name: min(1.0, scores[name] / scores[f"real_{name}"])
        if scores.get(f"real_{name}")
        else scores[name]
        for name in GenerativeScore.TERMS
        if name in scores
    }


def candidates(scores):
    """Return everything that may rank GANs, by name."""
    found = terms(scores)
    usual = GenerativeScore.TERMS
    plain = {name: weight for name, weight in usual.items() if name in BEFORE}
    others = {
        f"classifiers x {weight}": {**usual, **dict.fromkeys(CLASSIFIERS, weight)}
        for weight in WEIGHTS
    }
    means = {
        name: geometric_mean(found, weights)
        for name, weights in {"before": plain, **others}.items()
    }
    return {"fitness": scores["fitness"], **means, **found}


def geometric_mean(found, weights):
    names = [name for name in found if name in weights]
    logarithms = [np.log(max(found[name], 1e-3)) for name in names]
    return np.exp(np.average(logarithms, weights=[weights[name] for name in names]))


def show(args):
    rows = [row for row in read(args.rows) if row["judges"]]
    table = []
    for name in dict.fromkeys(row["set"] for row in rows):
        group = [row for row in rows if row["set"] == name]
        ranked = pd.DataFrame([candidates(row["scores"]) for row in group])
        judges = pd.DataFrame([row["judges"] for row in group])
        for judge in judges:
            sign = 1 if judge == "tstr" else -1
            values = sign * judges[judge]
            correlations = {
                by: spearmanr(ranked[by], values).statistic for by in ranked
            }
            table.append({"set": name, "judge": judge, "n": len(group), **correlations})
    frame = pd.DataFrame(table).set_index(["judge", "set"]).sort_index()
    print(frame.round(3).to_string())
    means = frame.drop(columns="n").groupby("judge").mean()
    print(f"\nMean over the data sets\n{means.round(3).to_string()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (run, show):
        sub = commands.add_parser(command.__name__)
        sub.set_defaults(command=command)
        sub.add_argument("--rows", type=Path, default=ROWS, help="file of the rows")
    sub = commands.choices["run"]
    sub.add_argument("--data", type=Path, help="folder of the tables")
    sub.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    sub.add_argument("--n", type=int, default=12, help="GANs of each data set")
    sub.add_argument("--max-epochs", type=int, default=200)
    args = parser.parse_args()
    args.command(args)


if __name__ == "__main__":
    main()
