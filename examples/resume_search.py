"""Stop a search, and go on with it
================================

Write each evaluation to a journal, and let a second search go on from there::

    python examples/resume_search.py
    python examples/resume_search.py --journal run.jsonl --plot evolution.png

The first search ends after one generation, as if it had been killed. The second one
has more generations and repeats nothing. If you run the script again with the same
``--journal``, all evaluations are read from the file. Takes about ten seconds. Plots
need ``pip install ".[plots]"``.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter

from sklearn.datasets import load_breast_cancer

from sknevo import EvolvedPipelineClassifier, read_journal
from sknevo.genomes.pipeline import pipeline

MODELS = ["svm", "linear", "naive_bayes", "neighbours"]  # quick to train


def main():
    args = parse_arguments()
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    with tempfile.TemporaryDirectory() as temporary:
        journal = Path(args.journal or Path(temporary) / "run.jsonl")
        for generations in (1, args.generations):
            known = len(read_journal(journal)) if journal.exists() else 0
            evolved = EvolvedPipelineClassifier(
                genome=partial(pipeline, models=MODELS),
                scoring="neg_log_loss",
                cv=3,
                population_size=10,
                generations=generations,
                journal=journal,
                n_jobs=args.n_jobs,
                random_state=args.random_state,
            )
            begin = perf_counter()
            evolved.fit(X, y)
            print(
                f"{evolved.n_generations_} generations in "
                f"{perf_counter() - begin:.1f} s: {known} evaluations from the "
                f"journal, {len(read_journal(journal)) - known} new, "
                f"the best {evolved.best_score_:.4f}"
            )
    if args.plot:
        from sknevo.displays import EvolutionDisplay

        display = EvolutionDisplay.from_estimator(evolved, over="generations")
        display.figure_.savefig(args.plot, dpi=100)
        print(f"plotted to {args.plot}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--journal", help="where to write it (default: temporary)")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--plot", help="where to write a picture, such as course.png")
    return parser.parse_args()


if __name__ == "__main__":  # worker processes import this file
    main()
