"""The command line: evolve a model on a file or a folder, and predict with it.

    python -m sknevo fit data.csv --target y --time 60 --model model.pkl
    python -m sknevo predict model.pkl new.csv --out predictions.csv

An error is one line, and the exit status is 2.
"""

import argparse
import pickle
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from sknevo.datasets import load_image_folder, unlabelled_images
from sknevo.describe import score_text
from sknevo.extras import require
from sknevo.skops_files import load_skops, save_skops
from sknevo.spelling import did_you_mean

# A column of whole numbers has values to predict, rather than classes, if it holds more
# different ones. Chosen, not measured.
MANY_VALUES = 20
# Columns that a message names. Chosen, not measured.
MOST_NAMED = 12
# The tasks, and what is maximised if the user names nothing.
SCORING = {"classification": "accuracy", "regression": "r2"}


class _Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"sknevo: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit status.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        The words after ``python -m sknevo``. None takes those of this process.

    Returns
    -------
    int
        0, or 2 after an error, which is printed as one line.

    Examples
    --------
    >>> main(["predict", "/nowhere/model.pkl", "data.csv", "--out", "found.csv"])
    2
    """
    args = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _in_one_line
            args.run(args)
    except (ImportError, OSError, TypeError, ValueError) as fault:
        print(f"sknevo: error: {_one_line(fault)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sknevo: error: interrupted", file=sys.stderr)
        return 2
    return 0


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())


def _in_one_line(message: Any, *_: Any, **__: Any) -> None:
    print(f"sknevo: warning: {_one_line(message)}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sknevo", description="Evolve a model, and predict with it.")
    commands = parser.add_subparsers(required=True, metavar="fit|predict")

    fit = commands.add_parser("fit", help="evolve a model on a table or on images")
    fit.add_argument(
        "data",
        type=Path,
        help="a table (.csv, .tsv, .parquet), or a folder with a folder of images for "
        "each class",
    )
    fit.add_argument("--target", help="the column to predict; a table needs it")
    fit.add_argument(
        "--model",
        type=Path,
        required=True,
        help="the file to write: .pkl, .skops (tables) or .safetensors (images)",
    )
    fit.add_argument("--report", type=Path, help="a page to write: .html")
    fit.add_argument("--time", type=float, default=60, help="seconds (default: 60)")
    fit.add_argument(
        "--task",
        choices=[*SCORING],
        help="default: regression if the target has decimals or more than "
        f"{MANY_VALUES} different numbers, else classification",
    )
    fit.add_argument(
        "--text",
        action="append",
        metavar="COLUMN",
        help="a column of text rather than labels; may be repeated, and then no other "
        "is (default: by its values)",
    )
    fit.add_argument(
        "--scoring",
        help=f"default: {SCORING['classification']}, or {SCORING['regression']} for "
        "regression",
    )
    fit.add_argument(
        "--jobs", type=int, default=-1, help="workers (default: all cores)"
    )
    fit.add_argument("--seed", type=int, help="makes random numbers the same")
    fit.add_argument("--image-size", type=int, default=64, help="pixels (default: 64)")
    fit.add_argument("--quiet", action="store_true", help="print the result alone")
    fit.set_defaults(run=_fit)

    predict = commands.add_parser("predict", help="predict with a model of fit")
    predict.add_argument("model", type=Path, help="a file of fit")
    predict.add_argument("data", type=Path, help="a table, or a folder of images")
    predict.add_argument(
        "--out", type=Path, required=True, help="the CSV file to write"
    )
    predict.add_argument(
        "--probabilities", action="store_true", help="a column for each class, too"
    )
    predict.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="TYPE",
        help="a type in a .skops file that may be loaded beside the usual ones",
    )
    predict.set_defaults(run=_predict)
    return parser


# fit ----------------------------------------------------------------------------------


def _fit(args: argparse.Namespace) -> None:
    _check_exists(args.data, "the table or folder of images")
    of_images = args.data.is_dir()
    _check_model(args.model, of_images)
    if args.report is not None:
        _check_report(args.report)
    X, y = _images(args) if of_images else _table(args)
    task = args.task or _task_of(y)
    scoring = args.scoring or SCORING[task]
    texts = {} if args.text is None else {"text_columns": args.text}
    estimator = _estimator(task, of_images)(
        **texts,
        scoring=scoring,
        max_time=args.time,
        n_jobs=args.jobs,
        random_state=args.seed,
        verbose=0 if args.quiet else 1,
    )
    estimator.fit(X, y)
    _save(estimator, args.model)
    if args.report is not None:
        estimator.report(args.report, saved_as=args.model)
    score = score_text(getattr(estimator, "ensemble_score_", estimator.best_score_))
    print(
        f"{scoring} {score} in the selection: expect a little less on new data. "
        f"Written to {args.model}"
    )


def _check_model(path: Path, of_images: bool) -> None:
    """Refuse a file that could not be written, before anything is trained."""
    kinds = [".pkl", ".safetensors" if of_images else ".skops"]
    if path.suffix not in kinds:
        raise ValueError(f"--model must end with {' or '.join(kinds)}; got {path}.")
    _check_folder("--model", path)
    if path.suffix == ".skops":
        require("A .skops file", "skops")


def _check_report(path: Path) -> None:
    require("--report", "jinja2")
    if path.suffix != ".html":
        raise ValueError(f"--report must end with .html; got {path}.")
    _check_folder("--report", path)


def _check_folder(option: str, path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{option} must be in a folder that exists; got {path}.")


def _images(args: argparse.Namespace) -> tuple[Any, np.ndarray]:
    if args.target or args.text or args.task == "regression":
        raise ValueError(
            "--target, --text and --task regression are for tables; images are in a "
            "folder for each class."
        )
    require("A folder of images", "torch", "skorch", "safetensors", "torchvision")
    found = load_image_folder(args.data, args.image_size)
    return found.images, found.target_names[found.target]


def _table(args: argparse.Namespace) -> tuple[pd.DataFrame, np.ndarray]:
    table = _read(args.data)
    if args.target is None:
        raise ValueError("--target must name the column to predict.")
    if args.target not in table:
        raise ValueError(
            f"--target must name a column of {args.data}, which are "
            f"{_named(table.columns)}; got {args.target!r}."
            f"{did_you_mean(args.target, map(str, table.columns))}"
        )
    targets = table.pop(args.target)
    known = targets.notna()
    if not known.all():
        print(f"{(~known).sum()} rows without {args.target!r} are left out", flush=True)
    # Whole numbers are floats if cells of the column were empty.
    targets = targets[known].infer_objects()
    if targets.dtype.kind == "f" and (targets % 1 == 0).all():
        targets = targets.astype(int)
    return table[known].reset_index(drop=True), targets.to_numpy()


def _named(columns: Sequence[Any]) -> str:
    first = ", ".join(repr(name) for name in columns[:MOST_NAMED])
    return first + (", …" if len(columns) > MOST_NAMED else "")


def _check_exists(path: Path, what: str) -> None:
    if not path.exists():
        near = did_you_mean(path.name, [one.name for one in _beside(path)])
        raise ValueError(f"{what} must be there to be read; {path} is not.{near}")


def _beside(path: Path) -> Iterator[Path]:
    folder = path.absolute().parent
    return folder.iterdir() if folder.is_dir() else iter(())


def _read(path: Path) -> pd.DataFrame:
    match path.suffix.lower():
        case ".parquet" | ".pq":
            require("A Parquet file", "pyarrow")
            return pd.read_parquet(path)
        case suffix:
            return pd.read_csv(path, sep="\t" if suffix == ".tsv" else ",")


def _task_of(y: np.ndarray) -> str:
    if y.dtype.kind not in "iuf":
        return "classification"
    continuous = (y % 1 != 0).any() or len(np.unique(y)) > MANY_VALUES
    return "regression" if continuous else "classification"


def _estimator(task: str, of_images: bool) -> Any:
    # Imported here, so that a wrong command is told at once.
    from sknevo import estimators

    if of_images:
        return estimators.EvolvedClassifier
    if task == "regression":
        return estimators.EvolvedPipelineRegressor
    return estimators.EvolvedPipelineClassifier


def _save(estimator: Any, path: Path) -> None:
    match path.suffix:
        case ".safetensors":
            estimator.save_network(path)
        case ".skops":
            save_skops(estimator.ensemble_ or estimator.best_estimator_, path)
        case _:
            with path.open("wb") as file:
                pickle.dump(estimator, file)


# predict ------------------------------------------------------------------------------


def _predict(args: argparse.Namespace) -> None:
    _check_exists(args.model, "the model")
    _check_exists(args.data, "the table or folder of images")
    model = _load(args.model, args.trust)
    if args.data.is_dir():
        found = unlabelled_images(args.data, _size_of(model))
        X, columns = found.images, {"file": found.filenames}
    else:
        X, columns = _columns_for(model, _read(args.data), args.data), {}
    columns["prediction"] = model.predict(X)
    if args.probabilities:
        if not hasattr(model, "predict_proba"):
            raise ValueError("--probabilities are of classes; the model has none.")
        shares = model.predict_proba(X).T
        columns |= {f"P({c})": p for c, p in zip(model.classes_, shares, strict=True)}
    pd.DataFrame(columns).to_csv(args.out, index=False)
    print(f"{len(columns['prediction'])} predictions, written to {args.out}")


def _load(path: Path, trusted: Sequence[str]) -> Any:
    match path.suffix:
        case ".safetensors":
            require("A .safetensors file", "torch", "skorch", "safetensors")
            from sknevo.builders.networks import load_network

            return load_network(path)
        case ".skops":
            require("A .skops file", "skops")
            return load_skops(path, trusted)
        case ".pkl":
            return _load_pickle(path)
    raise ValueError(f"the model must be a file of `sknevo fit`; got {path}.")


def _load_pickle(path: Path) -> Any:
    with path.open("rb") as file:
        try:
            return pickle.load(file)
        except Exception as fault:
            raise ValueError(f"{path} is no model that can be read: {fault}") from fault


def _columns_for(model: Any, table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the columns that a model was fitted with, in their order."""
    steps = [step for _, step in getattr(model, "first_steps", ())]
    names = next(
        (
            one.feature_names_in_
            for one in [model, *steps]
            if hasattr(one, "feature_names_in_")
        ),
        None,
    )
    if names is None:
        return table
    if missing := [name for name in names if name not in table]:
        raise ValueError(f"{path} has no column {missing[0]!r}, which the model needs.")
    return table[[*names]]


def _size_of(model: Any) -> tuple[int, int]:
    """Return the height and width of the images that a network was fitted with."""
    inner = getattr(model, "best_estimator_", model)
    if not hasattr(inner, "get_params_for"):
        raise ValueError("the model predicts from tables; got a folder of images.")
    height, width, *_ = inner.get_params_for("module")["sample_shape"]
    return height, width
