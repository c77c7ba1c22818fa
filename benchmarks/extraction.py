"""What a step that extracts features brings, and each of the generated features.

For every table, random candidates are fitted with and without the step, all else equal,
and scored on the same held-out 30 %. Each pair is one printed row of
table, candidate, model, what, score without it, score with it.
Scores are log-loss: less is better.

    python benchmarks/extraction.py FOLDER_OF_CSVS --candidates 40
    python benchmarks/extraction.py FOLDER_OF_CSVS --steps generated
"""

import argparse
import warnings

import numpy as np
import tables
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknevo.builders import PipelineBuilder
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.genomes.pipeline import pipeline
from sknevo.genomes.pipeline._space import GENERATED
from sknevo.records import Chromosome, DataSpec

# More rows are left out.
MOST_ROWS = 2500
# Slower candidates are left out; in predicted seconds.
SLOW = 3.0


def parts(X, y, seed):
    """Return training, watched and test part, and the description of the table."""
    rows = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
    X, y = (
        X.iloc[rows].reset_index(drop=True),
        np.unique(y[rows], return_inverse=True)[1],
    )
    X_fit, X_test, y_fit, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    X_fit, X_val, y_fit, y_val = train_test_split(
        X_fit, y_fit, test_size=0.2, stratify=y_fit, random_state=seed
    )
    reader = ColumnReader().fit(X_fit)
    X_fit, X_val, X_test = map(reader.transform, (X_fit, X_val, X_test))
    spec = DataSpec(
        "classification", len(X_fit), len(np.unique(y)), reader.describe(X_fit)
    )
    return (X_fit, y_fit), (X_val, y_val), (X_test, y_test), spec


def score(spec, expressed, fitted, watched, test):
    """Return the log-loss on the test part."""
    pipe = PipelineBuilder(spec)(expressed, 0)
    X, y = fitted
    steps, model = pipe[:-1], pipe[-1]
    X = steps.fit_transform(X, y)
    watch = {}
    if hasattr(model, "rounds"):
        watch = {"X_val": steps.transform(watched[0]), "y_val": watched[1]}
    model.fit(X, y, **watch)
    predicted = model.predict_proba(steps.transform(test[0]))
    return log_loss(test[1], predicted, labels=model.classes_)


def pairs(spec, steps, rng):
    """Yield a name, and genes of the same candidate without and with a step."""
    genome, builder = pipeline(spec), PipelineBuilder(spec)
    flags = [n for n in GENERATED if n in genome.genes["preparation"].genes]
    branches = [n for n in genome.genes["extraction"].branches if n != "none"]
    names = flags if steps == "generated" else branches
    off = {"extraction": "none", "preparation": dict.fromkeys(flags, False)}
    while names:
        name = str(rng.choice(names))
        plain = Chromosome(
            genome.complete({**off, "class_weight": None}, rng)
        ).expressed
        if name in flags:
            changed = {**plain, "preparation": {**plain["preparation"], name: True}}
        else:
            changed = {**plain, "extraction": name}
        changed = Chromosome(genome.complete(changed, rng)).expressed
        slow = max(builder.cost(plain), builder.cost(changed)) > SLOW
        # Not all models take all steps.
        has_it = name in changed["extraction"] or changed["preparation"].get(name)
        if has_it and not slow:
            yield name, plain, changed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument(
        "--tables", nargs="+", default=["credit_g", "segment", "phoneme"]
    )
    parser.add_argument(
        "--steps", choices=["extraction", "generated"], default="extraction"
    )
    parser.add_argument("--candidates", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for table in args.tables:
        *data, spec = parts(*tables.read(args.folder, table), args.seed)
        drawn = pairs(spec, args.steps, np.random.default_rng(args.seed))
        for number, (what, *both) in zip(range(args.candidates), drawn, strict=False):
            without, with_it = (score(spec, genes, *data) for genes in both)
            model = next(iter(both[0]["model"]))
            print(
                table, number, model, what, f"{without:.4f} {with_it:.4f}", flush=True
            )


if __name__ == "__main__":
    main()
