"""Make new rows of a table
========================

Evolve a generator of a table, write a table of new rows, and report how good it is::

    python examples/synthesize_table.py
    python examples/synthesize_table.py data.csv --target column --max-time 600

It reads a CSV file, and writes ``synthetic.csv`` and pictures of its columns. A fifth
of the rows is held out: nothing is trained on it, and the report compares with it.
Without a file, the table is one of scikit-learn's, with missing values, labels and
dates added. Takes about two minutes. Needs ``pip install ".[networks,plots]"``.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_wine
from sklearn.ensemble import (
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
)

from sknevo import EvolvedGAN

MANY_LABELS = 30  # words with more values than this, most of them rare, are text
MOST_LABELS = 500  # that EvolvedGAN takes in a column
MANY_VALUES = 20  # whole numbers with more values than this are a regression target
MANY_ROWS = 10_000  # rows that are told apart at most
N_TREES = 60  # of the forests of the report
REAL, MADE = "#9aa5b1", "#d1495b"


def main():
    args = parse_arguments()
    table = read_table(args.table, args.max_rows, args.random_state)
    target = args.target or table.columns[-1]
    if target not in table:
        raise SystemExit(f"no column {target!r} among {list(table.columns)}")
    train, held_out = train_test_split(
        table, test_size=0.2, random_state=args.random_state
    )
    print(f"{len(train)} rows to learn from, {len(held_out)} held out")

    evolved = EvolvedGAN(
        max_time=args.max_time,
        max_epochs=args.max_epochs,
        n_jobs=args.n_jobs,
        random_state=args.random_state,
        verbose=1,
    ).fit(train)
    print(f"\nThe best GAN ({evolved.stop_reason_}):\n{evolved.best_chromosome_}")
    made = evolved.sample(args.rows or len(train), random_state=args.random_state)
    made.to_csv(args.out, index=False)
    print(f"\n{len(made)} rows written to {args.out}")

    report(train, held_out, made, target, args.random_state)
    plot_columns(train, made, args.plot)
    plot_relations(train, held_out, made, args.plot.with_stem(f"{args.plot.stem}_2"))
    print(f"\npictures: {args.plot} and {args.plot.stem}_2{args.plot.suffix}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", nargs="?", help="a CSV file with a header")
    parser.add_argument("--target", help="column to predict (default: the last)")
    parser.add_argument("--out", type=Path, default=Path("synthetic.csv"))
    parser.add_argument("--rows", type=int, help="to make (default: as learned)")
    parser.add_argument("--max-rows", type=int, help="to read at most, drawn at random")
    parser.add_argument("--max-time", type=float, default=120, help="seconds to evolve")
    parser.add_argument("--max-epochs", type=int)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=Path("synthetic.png"))
    return parser.parse_args()


# The table -----------------------------------------------------------------------


def read_table(path, max_rows, random_state):
    """Return a table without columns of text, which no generator can make."""
    table = pd.read_csv(path) if path else wine(random_state)
    if max_rows and len(table) > max_rows:
        table = table.sample(max_rows, random_state=random_state)
    for name in table.select_dtypes(include=["object", "string"]):
        n_values, n_told = table[name].nunique(), table[name].count()
        dates = pd.to_datetime(table[name], errors="coerce", format="ISO8601")
        many = min(MOST_LABELS, max(MANY_LABELS, n_told / 5))
        if n_values > many and dates.count() < n_told:
            print(f"column {name!r} is left out: text with {n_values} values")
            table = table.drop(columns=name)
    return table


def wine(random_state):
    """Return scikit-learn's wines with gaps, dates and words as labels."""
    rng = np.random.default_rng(random_state)
    data = load_wine(as_frame=True)
    table = data.frame[["alcohol", "malic_acid", "color_intensity", "hue", "proline"]]
    table.loc[rng.random(len(table)) < 0.1, "malic_acid"] = np.nan
    table["proline"] = table["proline"].astype(int)
    days = pd.to_timedelta(200 * data.target + rng.integers(0, 150, len(table)), "D")
    table["bottled"] = (pd.Timestamp("1990-01-01") + days).dt.strftime("%Y-%m-%d")
    table["cultivar"] = data.target.map({0: "Barolo", 1: "Grignolino", 2: "Barbera"})
    return table


def as_numbers(column):
    """Return a column of numbers or dates as floats, None for labels."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(column):
        dates = column
    else:
        dates = pd.to_datetime(column, errors="coerce", format="ISO8601")
        if not column.count() or dates.count() < column.count():
            return None
    dates = dates.dt.tz_localize(None).astype("datetime64[s]")
    return np.where(dates.isna(), np.nan, dates.astype("int64") / 86400)


def as_numbers_and_labels(*tables):
    """Return tables of one kind as tables of floats and categories."""
    whole = pd.concat(tables, ignore_index=True)
    columns = {}
    for name in whole:
        numbers = as_numbers(whole[name])
        words = whole[name].map(str, na_action="ignore")
        columns[name] = words.astype("category") if numbers is None else numbers
    whole = pd.DataFrame(columns)
    ends = np.cumsum([len(table) for table in tables])
    return [
        whole[end - len(table) : end] for end, table in zip(ends, tables, strict=True)
    ]


# The report ----------------------------------------------------------------------


def report(train, held_out, made, target, seed):
    """Print how real the made rows are, each figure beside that of real rows."""
    train, held_out, made = as_numbers_and_labels(train, held_out, made)
    half = len(held_out) // 2
    print(f"\n{'':<46}{'made':>8}{'real':>8}")

    def say(what, of_made, of_real):
        print(f"{what:<46}{of_made:8.3f}{of_real:8.3f}")

    say(
        "mean difference of correlations",
        np.abs(correlations(train) - correlations(made)).mean(),
        np.abs(correlations(train) - correlations(held_out)).mean(),
    )
    say(
        "a classifier tells them from real: ROC AUC",
        detection(held_out, made, seed),
        detection(held_out[:half], held_out[half:], seed),
    )
    score = "R2" if is_regression(train[target]) else "ROC AUC"
    say(
        f"trained on them, predicts {target}: {score}",
        prediction(made, held_out, target, seed),
        prediction(train, held_out, target, seed),
    )
    near_made, near_real = nearest(train, made, held_out)
    say(
        "median distance to a row that was learned from",
        np.median(near_made),
        np.median(near_real),
    )
    near = np.quantile(near_real, 0.05)
    say(
        "share nearer than 95 % of held-out rows",
        np.mean(near_made <= near),
        np.mean(near_real <= near),
    )


def correlations(table):
    """Return rank correlations of all columns, with labels as indicators."""
    numbers = pd.get_dummies(table, dtype=float)
    return numbers.corr("spearman", min_periods=3).fillna(0).to_numpy()


def preparation():
    """Return what standardises numbers, and makes indicators of gaps and labels."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    words = FunctionTransformer(lambda X: X.astype(object).fillna("missing"))
    labels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (make_pipeline(words, labels), make_column_selector(dtype_include="category")),
    )


def detection(real, made, seed):
    """Return how well as many real and made rows are told apart, out of fold."""
    n = min(len(real), len(made), MANY_ROWS)
    rows = pd.concat([one.sample(n, random_state=seed) for one in (real, made)])
    is_real = np.repeat([1, 0], n)
    trees = ExtraTreesClassifier(N_TREES, min_samples_leaf=2, random_state=seed)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    model = make_pipeline(preparation(), trees)
    found = cross_val_predict(model, rows, is_real, cv=folds, method="predict_proba")
    return roc_auc_score(is_real, np.asarray(found)[:, 1])


def is_regression(column):
    return column.dtype.kind == "f" and column.nunique() > MANY_VALUES


def prediction(train, test, target, seed):
    """Return how well a forest that is trained on some rows predicts others."""
    train, test = (rows.dropna(subset=[target]) for rows in (train, test))
    X, X_test = train.drop(columns=target), test.drop(columns=target)
    options = {"n_estimators": N_TREES, "min_samples_leaf": 2, "random_state": seed}
    if is_regression(test[target]):
        model = make_pipeline(preparation(), RandomForestRegressor(**options))
        return r2_score(test[target], model.fit(X, train[target]).predict(X_test))
    model = make_pipeline(preparation(), RandomForestClassifier(**options))
    model.fit(X, train[target].astype(str))
    y, found = test[target].astype(str).to_numpy(), model.predict_proba(X_test)
    scores = dict(zip(model.classes_, found.T, strict=True))
    # A label that was not made is predicted of no row.
    nothing = np.zeros(len(y))
    labels = [label for label in np.unique(y) if (y != label).any()]
    return np.mean(
        [roc_auc_score(y == each, scores.get(each, nothing)) for each in labels]
    )


def nearest(train, *others):
    """Return the distances of other rows to the nearest one that was learned from."""
    prepared = preparation().fit(train)
    search = NearestNeighbors(n_neighbors=1).fit(prepared.transform(train))
    return [search.kneighbors(prepared.transform(rows))[0][:, 0] for rows in others]


# Pictures ------------------------------------------------------------------------


def plot_columns(real, made, path):
    """Draw the values of each column, real and made side by side."""
    n_columns = min(4, real.shape[1])
    n_rows = -(-real.shape[1] // n_columns)
    figure = Figure(figsize=(4 * n_columns, 2.6 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, name in zip(axes, real, strict=False):
        gaps = [100 * rows[name].isna().mean() for rows in (real, made)]
        title = str(name)
        if max(gaps):
            title += f"\nmissing {gaps[0]:.0f} %, made {gaps[1]:.0f} %"
        ax.set_title(title, fontsize="medium")
        numbers = [as_numbers(rows[name]) for rows in (real, made)]
        if any(column is None for column in numbers):
            plot_labels(ax, real[name], made[name])
        else:
            plot_numbers(ax, *numbers)
    for ax in axes[real.shape[1] :]:
        ax.set_axis_off()
    axes[0].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def plot_numbers(ax, real, made):
    real, made = (column[~np.isnan(column)] for column in (real, made))
    if not len(real):
        return
    low, high = np.quantile(real, [0.005, 0.995])
    few = np.unique(real)
    edges = np.linspace(low, high if high > low else low + 1, 31)
    if len(few) <= MANY_VALUES:
        edges = np.append(few, few[-1] + 1) - 0.5
    for column, colour, label, kind in (
        (real, REAL, "real", "stepfilled"),
        (made, MADE, "made", "step"),
    ):
        weights = np.full(len(column), 100 / max(1, len(column)))
        inside = np.clip(column, edges[0], edges[-1])
        ax.hist(
            inside, edges, weights=weights, color=colour, histtype=kind, label=label
        )
    ax.set_ylabel("% of rows")


def plot_labels(ax, real, made):
    shares = [
        100 * rows.astype(str).value_counts(normalize=True) for rows in (real, made)
    ]
    names = shares[0].index[:12]
    places = np.arange(len(names))
    for share, colour, label, shift in zip(
        shares, (REAL, MADE), ("real", "made"), (-0.2, 0.2), strict=True
    ):
        ax.bar(
            places + shift,
            share.reindex(names).fillna(0),
            0.4,
            color=colour,
            label=label,
        )
    ax.set_xticks(places, [str(name)[:12] for name in names], rotation=45, ha="right")
    ax.set_ylabel("% of rows")


def plot_relations(train, held_out, made, path):
    """Draw correlations, and the distances to rows that were learned from."""
    train, held_out, made = as_numbers_and_labels(train, held_out, made)
    figure = Figure(figsize=(14, 4.5), layout="constrained")
    real_ax, made_ax, near_ax = figure.subplots(1, 3)
    for ax, rows, title in ((real_ax, train, "real"), (made_ax, made, "made")):
        image = ax.imshow(correlations(rows), cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(title=f"Rank correlations, {title}", xlabel="column", ylabel="column")
    figure.colorbar(image, ax=[real_ax, made_ax], shrink=0.8)
    near_made, near_real = nearest(train, made, held_out)
    edges = np.linspace(0, np.quantile([*near_made, *near_real], 0.99), 31)
    for near, colour, label, kind in (
        (near_real, REAL, "held out", "stepfilled"),
        (near_made, MADE, "made", "step"),
    ):
        weights = np.full(len(near), 100 / len(near))
        near_ax.hist(
            near, edges, weights=weights, color=colour, histtype=kind, label=label
        )
    near_ax.set(
        title="Distance to the nearest row that was learned from",
        xlabel="distance",
        ylabel="% of rows",
    )
    near_ax.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":  # worker processes import this file
    main()
