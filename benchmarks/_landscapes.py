"""Landscapes that cost nothing to evaluate: synthetic ones, and tables of pipelines."""

import hashlib
import json
import math
import time
import warnings
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from sknevo.genes import (
    Categorical,
    Choice,
    Gene,
    Genome,
    Integer,
    Real,
    Repeat,
    positions,
)
from sknevo.records import Chromosome, Evaluation, flatten

RESULTS = Path(__file__).parent / "results"
TABLES = ("ionosphere", "phoneme")
ROWS, FOLDS = 500, 3


@dataclass(frozen=True)
class Landscape:
    """A genome, the true fitness of its individuals, and the noise of a score.

    `reference` holds the scores among which the best 1 % are counted.
    """

    name: str
    genome: Genome
    truth: callable
    reference: np.ndarray
    noise: float = 0.0

    def rate(self, chromosome, seed):
        """Return the evaluation of an individual, with noise that the seed decides."""
        fitness = self.truth(chromosome)
        if self.noise:
            digest = hashlib.sha256(f"{seed} {chromosome.key}".encode()).digest()
            draw = np.random.default_rng(list(digest[:8])).standard_normal()
            fitness += self.noise * draw
        return Evaluation(chromosome, "ok", float(fitness))


# Synthetic landscapes ------------------------------------------------------------

ACTIVATIONS = ("relu", "gelu", "tanh", "elu")
MIXED = Genome(
    rate=Real(1e-5, 1, log=True),
    batch=Integer(8, 512, log=True),
    decay=Real(1e-7, 1e-1, log=True),
    scaling=Categorical(["none", "standard", "quantile", "robust"]),
    model=Choice(
        svm=Genome(
            C=Real(1e-3, 1e3, log=True),
            kernel=Choice(
                rbf=Genome(gamma=Real(1e-4, 10, log=True)),
                polynomial=Genome(degree=Integer(2, 5), shift=Real(0, 1)),
                linear=Genome(),
            ),
        ),
        trees=Genome(
            depth=Integer(1, 20),
            share=Real(0.2, 1),
            shrinkage=Real(1e-3, 1, log=True),
            leaf=Integer(1, 100, log=True),
        ),
        network=Genome(
            layers=Repeat(
                Genome(
                    units=Integer(8, 512, log=True), activation=Categorical(ACTIVATIONS)
                ),
                1,
                4,
            ),
            dropout=Real(0, 0.8),
        ),
    ),
)
NOISY = Genome(
    **{f"x{i}": Real(1e-4, 1, log=True) for i in range(6)},
    **{f"c{i}": Categorical(list("abcd")) for i in range(4)},
)


def mixed(chromosome):
    """Return the fitness: slanting optima, three unequal branches, and ripples."""
    at, genes = positions(MIXED, chromosome.genes), flatten(chromosome.genes)
    # The best rate grows with the batch.
    slope = (at["rate"] - 0.4 * at["batch"] - 0.35) ** 2 * 6
    height = 1 - slope - (at["batch"] - 0.4) ** 2 - 0.5 * (at["decay"] - 0.6) ** 2
    ripple = 0.05 * math.cos(6 * math.pi * at["rate"])
    return height + ripple + _BRANCHES[genes["model"]](at, genes)


def _svm(at, genes):
    pit = 2 * (at["model.svm.C"] - 0.7) ** 2
    scaled = {"none": -0.4, "standard": 0.1, "quantile": 0.05, "robust": 0.0}
    match genes["model.svm.kernel"]:
        case "rbf":
            ridge = at["model.svm.C"] + at["model.svm.kernel.rbf.gamma"] - 1.1
            shape = 0.25 - 4 * ridge**2
        case "polynomial":
            degree = genes["model.svm.kernel.polynomial.degree"]
            shape = 0.2 - 0.1 * abs(degree - 3)
            shape -= 0.3 * (at["model.svm.kernel.polynomial.shift"] - 0.5) ** 2
        case _:
            shape = 0.05
    return shape - pit + scaled[genes["scaling"]]


def _trees(at, genes):
    shrinkage, leaf = at["model.trees.shrinkage"], at["model.trees.leaf"]
    pit = 2 * (at["model.trees.depth"] - 0.3 - 0.3 * (1 - shrinkage)) ** 2
    pit += 1.5 * (shrinkage - 0.6) ** 2 + (leaf - 0.5) ** 2
    return 0.35 - pit - 0.5 * (at["model.trees.share"] - 0.7) ** 2


def _network(at, genes):
    length = genes["model.network.layers"]
    wanted = {"relu": 0.06, "gelu": 0.1, "tanh": 0.0, "elu": 0.03}
    layers = [f"model.network.layers.{i}" for i in range(length)]
    activations = sum(wanted[genes[f"{layer}.activation"]] for layer in layers)
    widths = sum((at[f"{layer}.units"] - 0.65) ** 2 for layer in layers)
    dropout = 2 * (at["model.network.dropout"] - 0.1 * length) ** 2
    scaled = 0.1 if genes["scaling"] in ("standard", "quantile") else -0.3
    return scaled + (activations - widths) / length + 0.08 * length - dropout


_BRANCHES = {"svm": _svm, "trees": _trees, "network": _network}


def noisy(chromosome):
    """Return the fitness: one slanting optimum, and letters that fit together."""
    genes = chromosome.genes
    at = np.array([positions(NOISY, genes)[f"x{i}"] for i in range(6)])
    pit = ((at - np.array([0.2, 0.8, 0.5, 0.3, 0.6, 0.7])) ** 2).sum()
    slant = (at[0] + at[1] - 1) ** 2 + (at[2] - at[3] - 0.2) ** 2
    letters = [genes[f"c{i}"] for i in range(4)]
    fitting = sum(a == b for a, b in zip(letters, "abca", strict=True))
    pairs = sum(pair == ("a", "b") for pair in pairwise(letters))
    return 0.15 * fitting + 0.1 * pairs - pit - 2 * slant


VALLEY = Genome(**{f"x{i}": Real(1e-4, 1, log=True) for i in range(8)})
_TURN = np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))[0]
_FLOOR = np.random.default_rng(2).uniform(0.25, 0.75, 8)


def valley(chromosome):
    """Return the fitness in a rotated valley that is ten times as long as wide."""
    at = np.array(list(positions(VALLEY, chromosome.genes).values()))
    return -(10 ** np.linspace(0, 2, 8) * (_TURN @ (at - _FLOOR)) ** 2).sum()


# Tables of all pipelines ---------------------------------------------------------

SCALING = Categorical(["none", "standard", "quantile"])
PIPELINES = Genome(
    selection=Integer(0, 2),
    model=Choice(
        svm=Genome(scaling=SCALING, C=Integer(0, 7), gamma=Integer(0, 7)),
        neighbours=Genome(
            scaling=SCALING,
            k=Integer(0, 9),
            weights=Categorical(["uniform", "distance"]),
            p=Categorical([1, 2]),
        ),
        logistic=Genome(scaling=SCALING, C=Integer(0, 7)),
        lightgbm=Genome(leaves=Integer(0, 4), rate=Integer(0, 4), leaf=Integer(0, 3)),
    ),
)


def all_values(gene: Gene):
    """Yield a value for everything that a gene of finite range can express."""
    match gene:
        case Integer():
            yield from range(gene.low, gene.high + 1)
        case Categorical():
            yield from gene.options
        case Genome():
            records = [{}]
            for name, inner in gene.genes.items():
                records = [
                    {**r, name: value} for r in records for value in all_values(inner)
                ]
            yield from records
        case Choice():
            silent = {name: next(all_values(g)) for name, g in gene.branches.items()}
            for name, inner in gene.branches.items():
                for value in all_values(inner):
                    yield {**silent, "choice": name, name: value}


def make_pipeline(expressed):
    from sklearn.feature_selection import SelectPercentile
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer, StandardScaler

    ((name, genes),) = expressed["model"].items()
    scaler = {
        "none": "passthrough",
        "standard": StandardScaler(),
        "quantile": QuantileTransformer(n_quantiles=100, random_state=0),
    }[genes.get("scaling", "none")]
    selection = SelectPercentile(percentile=100 / 2 ** expressed["selection"])
    return make_pipeline(scaler, selection, _MODELS[name](genes))


def _make_svm(genes):
    from sklearn.svm import SVC

    C, gamma = 10 ** (genes["C"] / 1.4 - 2), 10 ** (genes["gamma"] / 1.4 - 4)
    return SVC(C=C, gamma=gamma, max_iter=100_000)


def _make_neighbours(genes):
    from sklearn.neighbors import KNeighborsClassifier

    k = round(1.5 ** genes["k"])
    return KNeighborsClassifier(k, weights=genes["weights"], p=genes["p"])


def _make_logistic(genes):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10 ** (genes["C"] - 4), max_iter=300)


def _make_lightgbm(genes):
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        n_estimators=50,
        num_leaves=2 ** (genes["leaves"] + 1),
        learning_rate=0.3 / 2 ** genes["rate"],
        min_child_samples=3 * 2 ** genes["leaf"],
        n_jobs=1,
        random_state=0,
        verbose=-1,
    )


_MODELS = {
    "svm": _make_svm,
    "neighbours": _make_neighbours,
    "logistic": _make_logistic,
    "lightgbm": _make_lightgbm,
}


def table(folder, name):
    """Return the scores of all pipelines by key, from the file if it exists."""
    path = RESULTS / f"landscape_{name}.json"
    if not path.exists():
        begin = time.perf_counter()
        scores = score_all_values(folder, name)
        RESULTS.mkdir(exist_ok=True)
        path.write_text(json.dumps(scores))
        seconds = time.perf_counter() - begin
        print(f"{name}: {len(scores)} pipelines scored in {seconds:.0f} s")
    return json.loads(path.read_text())


def score_all_values(folder, name):
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.utils import resample
    from tables import read

    X, y = read(folder, name)
    if len(y) > ROWS:
        X, y = resample(X, y, n_samples=ROWS, replace=False, stratify=y, random_state=0)
    X, y = X.to_numpy(float), np.unique(y, return_inverse=True)[1]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    scores = {}
    with warnings.catch_warnings():  # of models that do not converge
        warnings.simplefilter("ignore")
        for genes in all_values(PIPELINES):
            chromosome = Chromosome(genes)
            pipeline = make_pipeline(chromosome.expressed)
            score = cross_val_score(pipeline, X, y, cv=folds, scoring="roc_auc").mean()
            scores[chromosome.key] = float(score)
    return scores


def looked_up(scores, chromosome):
    return scores[chromosome.key]


# All of them --------------------------------------------------------------------


def synthetic(name, genome, truth, noise=0.0, n=20_000):
    """Return a landscape whose best 1 % are those of n random individuals."""
    rng = np.random.default_rng(0)
    drawn = [truth(Chromosome(genome.sample(rng))) for _ in range(n)]
    return Landscape(name, genome, truth, np.array(drawn), noise * np.std(drawn))


def landscapes(folder):
    yield synthetic("mixed", MIXED, mixed)
    yield synthetic("noisy", NOISY, noisy, noise=0.5)
    yield synthetic("valley", VALLEY, valley)
    for name in TABLES if folder else ():
        scores = table(folder, name)
        truth = partial(looked_up, scores)
        yield Landscape(name, PIPELINES, truth, np.array(list(scores.values())))
