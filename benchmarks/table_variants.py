"""Generators of tables: the effect of each choice in a known individual.

Known individuals and their variations by one choice or two are trained once on one
core, each for as many epochs as the seconds allow by the time of the first few.
The judges are those of gan_tables.py, on rows that were held out. The tables are others
than those of gan_tables.py: the known individuals were chosen on these.

    python benchmarks/table_variants.py FOLDER_OF_CSVS --out rows.jsonl
    python benchmarks/table_variants.py FOLDER_OF_CSVS --tables storms --names known
"""

import argparse
import io
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "peers"), str(HERE.parent / "examples")]

from _rows import append, commit, read  # noqa: E402
from gan_tables import judge, read_csv, split  # noqa: E402
from gan_variants import genes_of, rates, training, unchanged  # noqa: E402
from joblib import Parallel, delayed  # noqa: E402

from sknevo.builders.gan import GANBuilder  # noqa: E402
from sknevo.evaluation import limited_threads  # noqa: E402
from sknevo.genomes.gan import well_known  # noqa: E402
from sknevo.records import DataSpec  # noqa: E402
from sknevo.table_codec import FrameNumbers, TableCodec  # noqa: E402

TABLES = ("phoneme", "segment", "storms", "deliveries")
MOST_ROWS, TIMED_EPOCHS = 10_000, 5


def layers(units=128, depth=3, normalisation="none"):
    def change(genes):
        for name, each in (("generator", normalisation), ("discriminator", "none")):
            layer = genes[name]["dense"][0] | {"units": units, "normalisation": each}
            genes[name]["dense"] = [layer] * depth

    return change


def table(**values):
    def change(genes):
        known = values.keys() & genes["table"].keys()
        genes["table"] |= {name: values[name] for name in known}

    return change


def noise(dimension):
    return lambda genes: genes["noise"].update(dimension=dimension)


def reconstruction(weight):
    return lambda genes: genes["loss"]["variational"].update(reconstruction=weight)


# By the place of the known individual that is varied.
VARIATIONAL, ADVERSARIAL, CTGAN = 0, 2, -1
VARIANTS_OF = {
    VARIATIONAL: {
        "variational": unchanged,
        "variational, 8 dimensions": noise(8),
        "variational, 32 dimensions": noise(32),
        "variational, rates 2e-3": rates(2e-3, 2e-3),
        "variational, rates 8e-3": rates(8e-3, 8e-3),
        "variational, 256 units": layers(256, 2),
        "variational, three layers": layers(depth=3),
        "variational, batches of 256": training(batch_size=256),
        "variational, reconstruction 5": reconstruction(5.0),
        "variational, reconstruction 1": reconstruction(1.0),
        "variational, modes": table(numbers="modes"),
        "variational, conditional": table(conditional=True),
        "variational, rejection 0.5": genes_of(rejection=0.5),
    },
    ADVERSARIAL: {
        "known": unchanged,
        "modes": table(numbers="modes"),
        "not conditional": table(conditional=False),
        "modes, not conditional": table(numbers="modes", conditional=False),
        "rates 2e-3": rates(2e-3, 2e-3),
        "rates 8e-3": rates(8e-3, 8e-3),
        "256 units": layers(256),
        "four layers": layers(depth=4),
        "batch norm": layers(normalisation="batch"),
        "batches of 256": training(batch_size=256),
        "average 0.999": training(ema_decay=0.999),
        "gradient_penalty 1": genes_of(
            loss={"relativistic": {"gradient_penalty": 1.0}}
        ),
        "shares": table(relaxation="shares"),
        "rejection 0.5": genes_of(rejection=0.5),
    },
    CTGAN: {"CTGAN as published": unchanged},
}
VARIANTS = {
    name: (place, change)
    for place, variants in VARIANTS_OF.items()
    for name, change in variants.items()
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the tables that are files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--names", nargs="+", default=[*VARIANTS], choices=VARIANTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--n-jobs", type=int, default=2)
    args = parser.parse_args()
    done = {(row["table"], row["name"], row["seed"]) for row in read(args.out)}
    cells = [(t, n, s) for s in args.seeds for n in args.names for t in args.tables]
    rows = Parallel(args.n_jobs, return_as="generator")(
        delayed(one_row)(*cell, args) for cell in cells if cell not in done
    )
    for row in rows:
        append(args.out, row)
        told = ("table", "name", "seed", "epochs", "tstr", "detection", "near")
        print({name: row.get(name) for name in told}, flush=True)


def one_row(name_of_table, name, seed, args):
    begin = {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),
        **{"table": name_of_table, "name": name, "seed": seed},
        "budget": args.seconds,
    }
    train, held_out = split(name_of_table, args.data, seed, MOST_ROWS)
    frame = FrameNumbers(train)
    X = frame.read(train)
    codecs = TableCodec.of_all_codings(X, frame.are_labels)
    parts = {coding: codec.parts for coding, codec in codecs.items()}
    spec = DataSpec("generation", len(X), 0, shape=(X.shape[1],), parts=parts)
    place, change = VARIANTS[name]
    genes = well_known(spec)[place]
    change(genes)
    with limited_threads(1):
        epochs = max(
            TIMED_EPOCHS, int(args.seconds / seconds_of_epoch(genes, X, codecs, spec))
        )
        gan = trained(genes, epochs, X, codecs, spec, seed)
        made = frame.write(gan.sample(len(X), random_state=seed))
        judged = judge(*map(as_read, (train, held_out, made)))
    return {**begin, "epochs": epochs, "stability": gan.stability_, **judged}


def seconds_of_epoch(genes, X, codecs, spec):
    begin = time.perf_counter()
    trained(genes, TIMED_EPOCHS, X, codecs, spec, 0)
    return (time.perf_counter() - begin) / TIMED_EPOCHS


def trained(genes, epochs, X, codecs, spec, seed):
    genes["training"]["epochs"] = epochs
    gan = GANBuilder(spec, "cpu", tables=codecs)(genes, seed)
    return gan.set_params(prune=False).fit(X)


def as_read(table: pd.DataFrame) -> pd.DataFrame:
    return read_csv(io.StringIO(table.to_csv(index=False)))


if __name__ == "__main__":  # worker processes import this file
    main()
