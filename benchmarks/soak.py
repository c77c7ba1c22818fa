"""Searches that are killed, or whose workers are killed, have the same results.

A search with a journal is killed (SIGKILL) at a random moment and started again until
it ends; then the next search begins, until the number of kills is reached. After that,
in searches without a journal, random workers are killed, each after a fifth to the
whole of the time of an undisturbed search. Every search must end with the scores of the
undisturbed one, individual by individual.

    python benchmarks/soak.py [--kills 50] [--of searches workers]
"""

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEEDS = (0, 1, 2)
SCRIPT = """
import json, sys
from sklearn.datasets import load_breast_cancer
from sknevo import EvolvedPipelineClassifier

if __name__ == "__main__":
    seed, journal, result = sys.argv[1:]
    clf = EvolvedPipelineClassifier(
        population_size=8, generations=4, cv=3, n_jobs=2, random_state=int(seed),
        journal=journal or None,
    ).fit(*load_breast_cancer(return_X_y=True))
    rows = clf.cv_results_
    with open(result, "w") as file:
        json.dump(
            [clf.best_chromosome_.key, clf.best_score_, clf.stop_reason_]
            + [rows[name].tolist() for name in ("key", "status", "mean_test_score")],
            file,
        )
"""


class Search:
    """A search in its own process."""

    def __init__(self, seed, folder, journal=""):
        self.result = folder / "result.json"
        self.result.unlink(missing_ok=True)
        script = folder / "search.py"
        script.write_text(SCRIPT)
        command = [sys.executable, script, seed, journal, self.result]
        self.process = subprocess.Popen(list(map(str, command)))

    def ended_within(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def outcome(self):
        if self.process.wait():
            raise RuntimeError(f"the search ended with {self.process.returncode}")
        return json.loads(self.result.read_text())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def workers(self):
        """Return the ids of the worker processes."""
        command = ["pgrep", "-P", str(self.process.pid), "-f", "LokyProcess"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return list(map(int, found.stdout.split()))


def kill_searches(n_kills, undisturbed, folder, rng):
    """Yield seed, number of kills and result of killed searches."""
    left = n_kills
    for number in itertools.count():
        if not left:
            return
        seed, n_killed = rng.choice(SEEDS), 0
        journal = folder / f"{number}.jsonl"
        while True:
            search = Search(seed, folder, journal)
            _, seconds = undisturbed[seed]
            if search.ended_within(rng.uniform(0, seconds) if left else None):
                break
            search.kill()
            n_killed, left = n_killed + 1, left - 1
        yield seed, n_killed, search.outcome()


def kill_workers(n_kills, undisturbed, folder, rng):
    """Yield seed, number of kills and result of searches with killed workers."""
    left = n_kills
    while left:
        seed, n_killed = rng.choice(SEEDS), 0
        search = Search(seed, folder)
        _, seconds = undisturbed[seed]
        while not search.ended_within(rng.uniform(0.2, 1) * seconds):
            workers = search.workers()
            if workers and left:
                os.kill(rng.choice(workers), signal.SIGKILL)
                n_killed, left = n_killed + 1, left - 1
        yield seed, n_killed, search.outcome()


KILLS = {"searches": kill_searches, "workers": kill_workers}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--of", nargs="*", choices=KILLS, default=[*KILLS])
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder, undisturbed = Path(name), {}
        for seed in SEEDS:
            begin = time.perf_counter()
            outcome = Search(seed, folder).outcome()
            undisturbed[seed] = outcome, time.perf_counter() - begin
            print(f"seed {seed}, undisturbed: {undisturbed[seed][1]:.1f} s", flush=True)
        for kill in map(KILLS.get, args.of):
            same = []
            for seed, n_killed, outcome in kill(args.kills, undisturbed, folder, rng):
                same.append(outcome == undisturbed[seed][0])
                print(
                    f"{kill.__name__}, seed {seed}: {n_killed} kills, "
                    f"{'the same' if same[-1] else 'NOT THE SAME'}",
                    flush=True,
                )
            print(f"RESULT {kill.__name__}: {sum(same)} of {len(same)} ended the same")


if __name__ == "__main__":
    main()
