"""Embeddings that tell new classes apart after one or five images of each.

    python benchmarks/few_shot.py run --data FOLDER --out rows.jsonl
    python benchmarks/few_shot.py run --data FOLDER --out rows.jsonl \
--sets omniglot --methods sknevo conv4 --budgets 60 --seeds 0
    python benchmarks/few_shot.py summary rows.jsonl

FOLDER holds `omniglot_small`, with its archive, and `photos` with `ten` and `shore4`.

`omniglot` learns two of the alphabets Balinese, Greek and Korean and is asked for the
third, which the seed names: settings are chosen by it. With `--final`, and only then,
`omniglot_final` learns all three and is asked for Latin and Early Aramaic, which no
choice may depend on. Both print the mean accuracy of 1,000 episodes of characters of
one alphabet: 20 classes with one image each, 5 with one, and 5 with five.

`shore4` learns the ten classes of `photos/ten`, adapts to five photos of each of four
other classes, and classifies the 16 test photos of these; the mean of ten draws of
photos to adapt to. `classifier` is an `EvolvedClassifier` that learns the same five
photos of each class (of the first draw) for the same seconds, without `photos/ten`.

`sknevo` is `EvolvedFewShotClassifier`; alphabets are held out as wholes. `random` has
the same known individuals, and random ones in place of bred ones. `conv4` is the
network of four blocks of 64 channels that papers use, trained with prototypes by a
plain loop for the same seconds on the same cores. `pixels` compares with the mean of
pixels; it knows no budget. Rows, with the commit, are appended as soon as a fit has
ended; rows that the file has are not measured again.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from _picture_sets import characters
from _rows import append, commit, read

from sknevo import EvolvedClassifier, EvolvedFewShotClassifier
from sknevo.datasets import load_image_folder
from sknevo.metrics import EpisodeAccuracy

HERE = Path(__file__).resolve().parent
OMNIGLOT = "omniglot_small/images_background_small1.zip"
CHOSEN_BY = ("Balinese", "Greek", "Korean")
LOOKED_AT_ONCE = ("Early_Aramaic", "Latin")
# Classes and images of an episode.
KINDS = ((20, 1), (5, 1), (5, 5))
EPISODES = 1_000
PHOTO_SIDE, PHOTO_SHOTS, DRAWS = 64, 5, 10


class Cell(NamedTuple):
    """What is compared: one method on one set; the budget is in seconds."""

    seed: int
    set: str
    budget: float
    method: str


class Task(NamedTuple):
    """What is learned from, and the score of an embedding by name."""

    X: np.ndarray
    y: np.ndarray
    # Classes of one group are held out together; None if each is a group.
    groups: np.ndarray | None
    # The fitness.
    scoring: EpisodeAccuracy
    score: Callable[[Any], dict[str, float]]
    # Photos of the classes in question, for a method that learns these alone.
    shots: tuple[np.ndarray, np.ndarray] | None = None


# The sets ------------------------------------------------------------------------


def omniglot(data: Path, seed: int) -> Task:
    held_out = CHOSEN_BY[seed % len(CHOSEN_BY)]
    learned = [name for name in CHOSEN_BY if name != held_out]
    return _alphabets(data, learned, [held_out])


def omniglot_final(data: Path, seed: int) -> Task:
    return _alphabets(data, CHOSEN_BY, LOOKED_AT_ONCE)


def _alphabets(data: Path, learned: Sequence[str], asked: Sequence[str]) -> Task:
    X, y, _ = characters(data / OMNIGLOT, learned)
    groups = np.array([name.split("/")[0] for name in y])
    others = {name: characters(data / OMNIGLOT, [name])[:2] for name in asked}

    def score(embedding: Any) -> dict[str, float]:
        found = {}
        for n_way, n_shot in KINDS:
            draw = EpisodeAccuracy(n_way, n_shot, n_episodes=EPISODES // len(others))
            each = {name: draw(embedding, *other) for name, other in others.items()}
            found |= {f"{n_way}-way {n_shot}-shot {k}": v for k, v in each.items()}
            found[f"{n_way}-way {n_shot}-shot"] = float(np.mean([*each.values()]))
        return found

    return Task(X, y, groups, EpisodeAccuracy(20), score)


def shore4(data: Path, seed: int) -> Task:
    ten, train, test = (
        load_image_folder(data / "photos" / part, PHOTO_SIDE)
        for part in ("ten/train", "shore4/train", "shore4/test")
    )
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(train.target == k) for k in range(4)]
    draws = [
        np.concatenate([rng.choice(rows, PHOTO_SHOTS, False) for rows in members])
        for _ in range(DRAWS)
    ]

    def score(embedding: Any) -> dict[str, float]:
        right = [
            np.mean(
                _adapted(embedding, train, rows).predict(test.images) == test.target
            )
            for rows in draws
        ]
        return {"4-way 5-shot": float(np.mean(right)), "sd": float(np.std(right))}

    shots = train.images[draws[0]], train.target[draws[0]]
    scoring = EpisodeAccuracy(n_shot=PHOTO_SHOTS)
    return Task(ten.images, ten.target, None, scoring, score, shots)


def _adapted(embedding: Any, train: Any, rows: np.ndarray) -> Any:
    if not hasattr(embedding, "adapt"):  # it has learned these classes already
        return embedding
    return embedding.adapt(train.images[rows], train.target[rows])


SETS = {"omniglot": omniglot, "shore4": shore4, "omniglot_final": omniglot_final}


# The methods ---------------------------------------------------------------------


class Embedding(TransformerMixin, BaseEstimator):
    """An embedding that is adapted by the nearest mean."""

    def fit(self, X: np.ndarray, y: Any = None) -> "Embedding":
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return X.reshape(len(X), -1) / 255.0

    def adapt(self, X: np.ndarray, y: np.ndarray) -> "Nearest":
        return Nearest(self, X, y)


class Nearest:
    """Predicts the class of the nearest mean."""

    def __init__(self, embedding: Embedding, X: np.ndarray, y: np.ndarray) -> None:
        Z = embedding.transform(X)
        self.embedding, self.classes_ = embedding, np.unique(y)
        self.means = np.stack([Z[y == label].mean(axis=0) for label in self.classes_])

    def predict(self, X: np.ndarray) -> np.ndarray:
        Z = self.embedding.transform(X)
        squares = [np.square(Z - mean).sum(axis=1) for mean in self.means]
        return self.classes_[np.argmin(squares, axis=0)]


class Conv4(Embedding):
    """Four blocks of 64 channels, trained with episodes (Snell et al. 2017).

    Adam with a rate of 1e-3, which falls along half a cosine over the seconds. An
    episode has as many classes as there are, but 60 at most, with one image to adapt to
    and five queries each.
    """

    WAYS, SHOTS, QUERIES, RATE = 60, 1, 5, 1e-3

    def __init__(
        self, seconds: float = 60.0, n_threads: int = 2, seed: int = 0
    ) -> None:
        self.seconds, self.n_threads, self.seed = seconds, n_threads, seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Conv4":
        begin = time.perf_counter()
        torch.set_num_threads(self.n_threads)
        torch.manual_seed(self.seed)
        rng = np.random.default_rng(self.seed)
        self.mean_, self.scale_ = float(X.mean()), float(X.std())
        images = self._tensor(X)
        members = [np.flatnonzero(y == label) for label in np.unique(y)]
        layers: list[nn.Module] = []
        for channels in (images.shape[1], 64, 64, 64):
            layers += [
                nn.Conv2d(channels, 64, 3, padding=1, bias=False),
                nn.BatchNorm2d(64),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.network_ = nn.Sequential(*layers, nn.Flatten())
        optimizer = torch.optim.Adam(self.network_.parameters(), self.RATE)
        self.n_episodes_, done = 0, 0.0
        while done < 1:
            rate = self.RATE * (1 + math.cos(math.pi * done)) / 2
            optimizer.param_groups[0]["lr"] = rate
            loss = self._loss(images, members, rng)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            self.n_episodes_ += 1
            done = (time.perf_counter() - begin) / self.seconds
        self.network_.eval()
        return self

    def _loss(
        self, images: Tensor, members: list[np.ndarray], rng: np.random.Generator
    ) -> Tensor:
        n_way = min(self.WAYS, len(members))
        chosen = rng.choice(len(members), n_way, replace=False)
        each = self.SHOTS + self.QUERIES
        rows = np.stack([rng.choice(members[k], each, replace=False) for k in chosen])
        Z = self.network_(images[rows.ravel()]).view(n_way, each, -1)
        means = Z[:, : self.SHOTS].mean(dim=1)
        queries = Z[:, self.SHOTS :].flatten(0, 1)
        targets = torch.arange(n_way).repeat_interleave(self.QUERIES)
        return nn.functional.cross_entropy(-(torch.cdist(queries, means) ** 2), targets)

    def transform(self, X: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            parts = [self.network_(part) for part in self._tensor(X).split(200)]
        return torch.cat(parts).numpy()

    def _tensor(self, X: np.ndarray) -> Tensor:
        images = torch.from_numpy(X).float().sub(self.mean_).div(self.scale_)
        return images[:, None] if X.ndim == 3 else images.permute(0, 3, 1, 2)


def evolved(task: Task, cell: Cell, n_jobs: int, **parameters: Any) -> Any:
    model = EvolvedFewShotClassifier(
        scoring=task.scoring,
        max_time=cell.budget,
        n_jobs=n_jobs,
        random_state=cell.seed,
        **parameters,
    )
    return model.fit(task.X, task.y, groups=task.groups)


def classifier(task: Task, cell: Cell, n_jobs: int) -> Any:
    if task.shots is None:
        return None
    model = EvolvedClassifier(
        max_time=cell.budget, n_jobs=n_jobs, random_state=cell.seed
    )
    return model.fit(*task.shots)


def conv4(task: Task, cell: Cell, n_jobs: int) -> Any:
    return Conv4(cell.budget, n_jobs, cell.seed).fit(task.X, task.y)


def random_search(task: Task, cell: Cell, n_jobs: int) -> Any:
    return evolved(task, cell, n_jobs, strategy="elitist")


METHODS: dict[str, Callable[[Task, Cell, int], Any]] = {
    "pixels": lambda task, cell, n_jobs: Embedding(),
    "conv4": conv4,
    "sknevo": evolved,
    "random": random_search,
    "classifier": classifier,
}
WITHOUT_BUDGET = ("pixels",)


# Rows ----------------------------------------------------------------------------


def run_all(args: argparse.Namespace) -> None:
    """Measure what has no row yet; seeds come first, so that all is soon seen."""
    sets = [*args.sets, *(["omniglot_final"] if args.final else [])]
    for seed in args.seeds:
        for name in sets:
            for budget in args.budgets:
                for method in args.methods:
                    seconds = 0.0 if method in WITHOUT_BUDGET else budget
                    measure(Cell(seed, name, seconds, method), args)


def measure(cell: Cell, args: argparse.Namespace) -> None:
    """Append the row of a cell, unless the file has it."""
    if any(cell == Cell(*(row[n] for n in Cell._fields)) for row in read(args.out)):
        return
    row: dict[str, Any] = {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),
        **cell._asdict(),
        "n_jobs": args.n_jobs,
    }
    task = SETS[cell.set](args.data, cell.seed)
    begin = time.perf_counter()
    model = METHODS[cell.method](task, cell, args.n_jobs)
    if model is None:
        return
    row["fit_seconds"] = round(time.perf_counter() - begin, 2)
    row |= {"n_images": len(task.y), "scores": task.score(model), **details(model)}
    append(args.out, row)
    print(line(row), flush=True)


def details(model: Any) -> dict[str, Any]:
    """Return what a search or a training says of itself."""
    if hasattr(model, "n_episodes_"):
        return {"n_episodes": model.n_episodes_}
    if not hasattr(model, "cv_results_"):
        return {}
    return {
        "stop_reason": model.stop_reason_,
        "n_evaluations": model.n_evaluations_,
        "best_score": model.best_score_,
        "best": {
            "origin": model.best_chromosome_.origin,
            "words": model.best_chromosome_.words,
            "genes": model.best_chromosome_.expressed,
        },
        "status": [*map(str, model.cv_results_["status"])],
    }


def line(row: dict[str, Any]) -> str:
    shown = {name: f"{score:.3f}" for name, score in row["scores"].items()}
    named = ", ".join(f"{name} {score}" for name, score in shown.items())
    return f"{' '.join(str(row[n]) for n in Cell._fields)}: {named}"


def summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield tables: for each set and budget the means over the seeds."""
    for name in SETS:
        mine = [row for row in rows if row["set"] == name]
        for budget in sorted({row["budget"] for row in mine} - {0.0}):
            part = [row for row in mine if row["budget"] in (budget, 0.0)]
            scores = [s for s in part[0]["scores"] if s != "sd" and "shot " not in s]
            yield f"\n{name}, {budget:g} s"
            yield f"| | seeds | {' | '.join(scores)} |"
            yield f"|-|-:|{'-:|' * len(scores)}"
            for method in METHODS:
                of = [row["scores"] for row in part if row["method"] == method]
                if of:
                    means = [np.mean([one[s] for one in of]) for s in scores]
                    shown = " | ".join(f"{100 * mean:.1f} %" for mean in means)
                    yield f"| {method} | {len(of)} | {shown} |"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("--data", type=Path, required=True, help="folder of the sets")
    run.add_argument("--out", type=Path, required=True, help="file of rows")
    free = [name for name in SETS if name != "omniglot_final"]
    run.add_argument("--sets", nargs="*", choices=free, default=free)
    run.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    run.add_argument("--budgets", nargs="+", type=float, default=[600.0])
    run.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    run.add_argument("--n-jobs", type=int, default=2)
    run.add_argument(
        "--final",
        action="store_true",
        help="measure the alphabets that no choice may depend on, too",
    )
    table = commands.add_parser("summary")
    table.add_argument("files", nargs="+", type=Path)
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    if args.command == "run":
        run_all(args)
    else:
        print(*summary([row for path in args.files for row in read(path)]), sep="\n")


if __name__ == "__main__":  # worker processes import this file
    main()
