"""What a network predicts with when its training pauses, and what ends a training.

Training images of three sets are split into a part to train with and one held out
(7,000 and 2,000 digits of MNIST, 10,000 and 2,000 images of Fashion-MNIST, 300 and 100
photos of ten classes, 32 x 32); test images are not read. Each candidate, known or
random, is trained to three rungs (1, 3 and 9 epochs; 4, 12 and 36 of the photos):

- `constant`: at a constant rate after a short warm-up; the rung predicts with the
  weights as they are, with averages of several widths (batch statistics averaged, as
  they are, or computed again), or after a linear decay on a copy over a share of the
  images, which are then fewer before it;
- a schedule over all epochs, the rung predicting with the weights or with an average;
- `restart`: a training of its own for each rung, by a one-cycle schedule;
- `schedule_free`: AdamW and SGD without a schedule (Defazio et al. 2024).

All have trained on the same number of images at a rung, except that `restart` has
thrown away the rungs before, and a decay on a copy itself.

`finish` goes on from the second rung for a share of the epochs so far, the rate falling
to 0 from several shares of its gene. `samples` scores the average by images trained, up
to two passes over 30,000 images of Fashion-MNIST: what a first rung of so many images
says of the end.

    python benchmarks/continuing.py rungs --data-home FOLDER --photos FOLDER
    python benchmarks/continuing.py finish --data-home FOLDER --photos FOLDER
    python benchmarks/continuing.py samples --data-home FOLDER
    python benchmarks/continuing.py report rows.jsonl

Rows are appended as soon as they are measured; a run that was stopped goes on.
"""

import argparse
import copy
import json
import math
import subprocess
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.builders.networks import _trainer
from sknevo.builders.networks._data import (
    EPOCH,
    ShuffledBatches,
    random_source,
    rows_of_epoch,
)
from sknevo.builders.networks._net import WARM_UP, WARM_UP_SHARE
from sknevo.builders.networks._trainer import SCHEDULES, Trainer, WeightAverage
from sknevo.datasets import fetch_fashion_mnist, fetch_mnist, load_image_folder
from sknevo.genomes.convnet import convnet, well_known
from sknevo.records import Chromosome, DataSpec

RUNGS = {"mnist": (1, 3, 9), "fashion": (1, 3, 9), "photos": (4, 12, 36)}
# Powers of the average, and shares of the images in a decay on a copy.
POWERS, DECAYS = (3, 7, 15, 31), (0.1, 0.2)
# Of a candidate that takes more seconds, by its builder's guess, another is drawn.
MOST_SECONDS = 12


@dataclass
class Data:
    """Images to train with and images held out, both of the training part."""

    X: np.ndarray
    y: np.ndarray
    X_held: np.ndarray
    y_held: np.ndarray

    @property
    def spec(self):
        shape, n_classes = self.X.shape[1:], len(set(self.y))
        return DataSpec("classification", len(self.X), n_classes, shape=shape)


def load(name, args, n_train=None):
    if name == "photos":
        images = load_image_folder(args.photos / "train", image_size=32)
        n_train, n_held = 300, 100
    else:
        fetch = fetch_mnist if name == "mnist" else fetch_fashion_mnist
        images = fetch(subset="train", data_home=args.data_home)
        n_train, n_held = n_train or {"mnist": 7_000, "fashion": 10_000}[name], 2_000
    X, X_held, y, y_held = train_test_split(
        images.images,
        images.target,
        train_size=n_train,
        test_size=n_held,
        stratify=images.target,
        random_state=0,
    )
    return Data(X, y, X_held, y_held)


def candidates(spec, epochs, n_known, n_random):
    """Return the expressed genes of known candidates, then of random ones."""
    genome, rng = convnet(spec, max_epochs=max(8, epochs)), np.random.default_rng(0)
    builder, found = ConvNetBuilder(spec, "cpu", "float32"), []
    known = [genome.complete(genes, rng) for genes in well_known(spec, genome)]
    while len(found) < n_known + n_random:
        genes = known.pop(0) if len(found) < n_known else genome.sample(rng)
        expressed = Chromosome(genes).expressed
        expressed["training"]["epochs"] = epochs
        if len(found) < n_known or builder.cost(expressed) < MOST_SECONDS:
            found.append(expressed)
    return found


class Course:
    """A training of a candidate, step by step."""

    def __init__(self, data, expressed, rate=1.0, optimizer=None):
        self.data, self.expressed = data, expressed
        builder = ConvNetBuilder(data.spec, "cpu", "float32", final=True)
        net = builder(expressed, 0)
        net.set_params(optimizer__lr=rate * net.get_params()["optimizer__lr"])
        net._begin(data.X, data.y, None)
        if optimizer is not None:
            net.optimizer_ = optimizer(net.module_.parameters(), net)
        self.net, self.step = net, 0
        self.tensors, _ = net.get_split_datasets(data.X, data.y)
        self.n_batches = len(self._batches(0))
        self.all_steps = self.n_batches * expressed["training"]["epochs"]
        self.warm_up = min(WARM_UP, int(WARM_UP_SHARE * self.all_steps))

    def _batches(self, epoch):
        rows = rows_of_epoch(epoch, len(self.data.X), 0)
        return ShuffledBatches(self.tensors, rows, self.net.batch_size)

    def train(self, until, schedule, watch=lambda module: None):
        """Train until a step, the rate by how many steps are done."""
        net, trainer, batches = self.net, Trainer([self.net.optimizer_]), ()
        while self.step < until:
            epoch, place = divmod(self.step, self.n_batches)
            batches = batches or [*self._batches(epoch)]
            warmth = min(1.0, (self.step + 1) / max(1, self.warm_up))
            trainer._set_rates(schedule(self.step) * warmth)
            generator = random_source(0, EPOCH, self.step)
            with trainer.training(generator, net.module_):
                net.train_step(batches[place])
            watch(net.module_)
            self.step += 1
            if place + 1 == self.n_batches:
                batches = ()
        return self

    def decayed(self, until, begin=1.0, watch=lambda module: None):
        """Return a copy that was trained until a step, the rate falling to 0."""
        other = copy.copy(self)
        other.net = copy.deepcopy(self.net)
        first, steps = self.step, until - self.step
        return other.train(
            until, lambda step: begin * (1 - (step - first) / steps), watch
        )

    def score(self, module=None):
        """Return the error in % and the log-loss of the held-out part."""
        net, held = self.net, self.data.X_held
        trained, net.module_ = net.module_, module or net.module_
        net.module_.eval()
        P = net.predict_proba(held).astype(float)
        net.module_ = trained
        P = np.clip(P, 1e-7, 1)
        P /= P.sum(axis=1, keepdims=True)
        error = 100 * float((net.classes_[P.argmax(axis=1)] != self.data.y_held).mean())
        return {"error": error, "loss": float(log_loss(self.data.y_held, P))}

    def with_fresh_statistics(self, module, n_images=2_000):
        """Return a copy whose batch statistics are those of some training images."""
        module = copy.deepcopy(module)
        norms = [one for one in module.modules() if hasattr(one, "running_mean")]
        norms = [one for one in norms if one.running_mean is not None]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean of all batches
        n = max(1, n_images // self.net.batch_size)
        with Trainer.training(random_source(0, 2), module), torch.no_grad():
            for X, *_ in [*self._batches(0)][:n]:
                module(X)
        return module


class Average(WeightAverage):
    """An average of another width."""

    def __init__(self, network, power):
        super().__init__(network)
        self.power = power

    def update(self, network):
        before = _trainer.AVERAGING_POWER
        _trainer.AVERAGING_POWER = self.power
        super().update(network)
        _trainer.AVERAGING_POWER = before


class ScheduleFree(torch.optim.Optimizer):
    """AdamW or SGD without a schedule, as Defazio et al. (2024) publish them.

    The parameters hold the points y at which gradients are taken.
    """

    def __init__(self, parameters, net):
        genes = {k: v for k, v in net.get_params().items() if "optimizer__" in k}
        betas = genes.get("optimizer__betas", (0.9, 0.999))
        defaults = {
            "lr": genes["optimizer__lr"],
            "beta1": genes.get("optimizer__momentum") or betas[0],
            "beta2": betas[1],
            "decay": genes["optimizer__weight_decay"],
            "adaptive": "optimizer__momentum" not in genes,
        }
        super().__init__(parameters, defaults)
        self.n_steps, self.summed = 0, 0.0

    @torch.no_grad()
    def step(self):
        (group,) = self.param_groups
        self.n_steps += 1
        weight = max(group["lr"], 1e-12) ** 2
        self.summed += weight
        share = weight / self.summed
        for y in group["params"]:
            state, grad = self.state[y], y.grad
            if not state:
                state["z"], state["v"] = y.clone(), torch.zeros_like(y)
            if group["adaptive"]:
                v, beta2 = state["v"], group["beta2"]
                v.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                grad = grad / ((v / (1 - beta2**self.n_steps)).sqrt() + 1e-8)
            grad = grad + group["decay"] * y
            y.lerp_(state["z"], share)
            y.add_(grad, alpha=group["lr"] * (group["beta1"] * (1 - share) - 1))
            state["z"].sub_(grad, alpha=group["lr"])

    def averaged(self, module):
        """Return a copy of a module at the averaged points x."""
        (group,) = self.param_groups
        found = copy.deepcopy(module)
        with torch.no_grad():
            for x, y in zip(found.parameters(), group["params"], strict=True):
                x.lerp_(self.state[y]["z"], 1 - 1 / group["beta1"])
        return found


# What is compared ------------------------------------------------------------------


def constant(data, expressed, rungs, rate):
    course = Course(data, expressed, rate)
    averages = [Average(course.net.module_, power) for power in POWERS]
    stops = [(rung, share) for rung in rungs for share in (*DECAYS, 0.0)]
    stops.sort(key=lambda stop: stop[0] * (1 - stop[1]))

    def watch(module):
        for average in averages:
            average.update(module)

    for rung, share in stops:
        end = rung * course.n_batches
        course.train(round(end * (1 - share)), lambda step: 1.0, watch)
        if share:
            yield rung, f"decay {share}", course.decayed(end).score()
            continue
        yield rung, "weights", course.score()
        for average in averages:
            yield rung, f"average {average.power}", course.score(average.network)
        network = averages[1].network
        fresh = course.with_fresh_statistics(network)
        yield rung, "average 7, fresh statistics", course.score(fresh)
        last = copy.deepcopy(network)
        for (name, mine), theirs in zip(
            last.named_buffers(), course.net.module_.buffers(), strict=True
        ):
            if "running" in name:
                mine.copy_(theirs)
        yield rung, "average 7, last statistics", course.score(last)


def scheduled(name):
    def run(data, expressed, rungs, rate):
        course = Course(data, expressed, rate)
        averages = [Average(course.net.module_, power) for power in (7, 15)]

        def watch(module):
            for average in averages:
                average.update(module)

        for rung in rungs:
            end = rung * course.n_batches
            course.train(end, lambda step: SHAPES[name](step / course.all_steps), watch)
            yield rung, "weights", course.score()
            for average in averages:
                yield rung, f"average {average.power}", course.score(average.network)

    return run


def restart(data, expressed, rungs, rate):
    for rung in rungs:
        course = Course(data, expressed, rate)
        course.warm_up, end = 0, rung * course.n_batches
        course.train(end, lambda step, n=end: SHAPES["one_cycle"](step / n))
        yield rung, "weights", course.score()


def schedule_free(data, expressed, rungs, rate):
    if not {"sgd", "adam", "adamw"} & {*expressed["optimizer"]}:
        return
    course = Course(data, expressed, rate, ScheduleFree)
    for rung in rungs:
        course.train(rung * course.n_batches, lambda step: 1.0)
        averaged = course.net.optimizer_.averaged(course.net.module_)
        yield rung, "average", course.score(course.with_fresh_statistics(averaged))


METHODS = {
    "constant": constant,
    "cosine": scheduled("cosine"),
    "linear": scheduled("linear"),
    "triangular": scheduled("triangular"),
    "one_cycle": scheduled("one_cycle"),
    "restart": restart,
    "schedule_free": schedule_free,
}


# Schedules that rise at first, as sknevo had them.
def _one_cycle(done):
    if done < 0.25:
        return 0.05 + 0.95 * done / 0.25
    return SCHEDULES["cosine"]((done - 0.25) / 0.75)


def _triangular(done):
    return 0.2 + 0.8 * done / 0.2 if done < 0.2 else (1 - done) / 0.8


SHAPES = {**SCHEDULES, "one_cycle": _one_cycle, "triangular": _triangular}
# Rates of known candidates, in multiples of the gene; a schedule-free optimizer is to
# have one to ten times as high ones, SGD the highest.
RATES = {"constant": (1.0, 0.33), "schedule_free": (1.0, 3.0, 10.0)}


def rates_of(method, expressed):
    rates = RATES.get(method, (1.0,))
    if method != "schedule_free":
        return rates
    return rates[1:] if "sgd" in expressed["optimizer"] else rates[:2]


def finishes(data, expressed, rungs, rate):
    """Go on from the second rung, at a constant rate or at the end of a schedule."""
    for kind in ("constant", "triangular"):
        course = Course(data, expressed, rate)
        average = WeightAverage(course.net.module_)
        begun = rungs[1] * course.n_batches
        course.train(
            begun, lambda step, n=begun, k=kind: SHAPES[k](step / n), average.update
        )
        yield kind, 0.0, 0.0, "weights", course.score()
        yield kind, 0.0, 0.0, "average", course.score(average.network)
        moved = copy.copy(course)
        moved.net = copy.deepcopy(course.net)
        moved.net.module_.load_state_dict(average.network.state_dict())
        starts = {"": course, "from the average, ": moved}
        for share, begin in product((0.1, 0.3, 1.0), (1.0, 0.5, 0.2)):
            end = begun + max(1, round(share * begun))
            for name, start in starts.items():
                further = copy.deepcopy(average)
                other = start.decayed(end, begin, further.update)
                yield kind, share, begin, f"{name}weights", other.score()
                score = other.score(further.network)
                yield kind, share, begin, f"{name}average", score


# Rows ------------------------------------------------------------------------------


class Rows:
    """The file of rows, and which of them are there."""

    def __init__(self, path):
        self.path = path
        command = ["git", "-C", Path(__file__).parent, "rev-parse", "--short", "HEAD"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        self.commit = run.stdout.strip()
        self.done = set()
        if path.exists():
            self.done = {key(json.loads(line)) for line in path.open()}

    def append(self, cell, rows):
        with self.path.open("a") as file:
            for row in rows:
                file.write(json.dumps({**cell, "commit": self.commit, **row}) + "\n")
        self.done.add(key(cell))


def key(row):
    return tuple(row.get(name) for name in ("do", "set", "candidate", "method", "rate"))


def rungs(args):
    kept = Rows(args.out)
    for name in args.sets:
        data, steps = load(name, args, args.n_train), RUNGS[name]
        found = candidates(data.spec, steps[-1], args.n_known, args.n_random)
        for number, expressed in enumerate(found):
            for method in args.methods:
                known = number < args.n_known
                for rate in rates_of(method, expressed) if known else (1.0,):
                    cell = {"do": "rungs", "set": name, "candidate": number}
                    cell |= {"method": method, "rate": rate}
                    if key(cell) in kept.done:
                        continue
                    begin = time.perf_counter()
                    rows = [
                        {"known": known, "rung": rung, "by": by, **score}
                        for rung, by, score in METHODS[method](
                            data, expressed, steps, rate
                        )
                    ]
                    seconds = round(time.perf_counter() - begin, 1)
                    kept.append(cell, [{**row, "seconds": seconds} for row in rows])
                    print(cell, seconds, flush=True)


def finish(args):
    kept = Rows(args.out)
    for name in args.sets:
        data, steps = load(name, args, args.n_train), RUNGS[name]
        found = candidates(data.spec, steps[1], args.n_known, 0)
        for number, expressed in enumerate(found):
            cell = {"do": "finish", "set": name, "candidate": number}
            if key(cell) in kept.done:
                continue
            rows = [
                {"kind": kind, "share": share, "begin": begin, "by": by, **score}
                for kind, share, begin, by, score in finishes(
                    data, expressed, steps, 1.0
                )
            ]
            kept.append(cell, rows)
            print(cell, flush=True)


def samples(args):
    kept = Rows(args.out)
    data = load("fashion", args, 30_000)
    found = candidates(data.spec, 6, args.n_known, args.n_random)
    for number, expressed in enumerate(found):
        cell = {"do": "samples", "set": "fashion", "candidate": number}
        if key(cell) in kept.done:
            continue
        course, rows = Course(data, expressed), []
        average = WeightAverage(course.net.module_)
        for images in (1_000, 2_500, 5_000, 10_000, 20_000, 60_000):
            end = math.ceil(images / 10_000 * course.n_batches)
            begin = time.perf_counter()
            course.train(end, lambda step: 1.0, average.update)
            seconds = time.perf_counter() - begin
            score = course.score(average.network)
            rows.append({"images": images, "seconds": seconds, **score})
        kept.append(cell, rows)
        print(cell, rows, flush=True)


# The report --------------------------------------------------------------------------


def report(args):
    table = pd.DataFrame([json.loads(line) for line in args.out.open()])
    table = table.drop_duplicates(
        ["do", "set", "candidate", "method", "rate", "rung", "by"]
        + [c for c in ("kind", "share", "begin", "images") if c in table],
        keep="last",
    )
    pd.set_option("display.width", 160, "display.max_rows", 200)
    rows = table[table.do == "rungs"]
    if len(rows):
        _report_rungs(rows)
    rows = table[table.do == "finish"]
    if len(rows):
        columns = ["set", "kind", "by", "begin", "share"]
        for measure in ("error", "loss"):
            print(f"\n{measure} after a finish\n")
            print(rows.groupby(columns)[measure].mean().unstack().round(4))
    rows = table[table.do == "samples"]
    if len(rows):
        for measure in ("error", "loss"):
            wide = rows.pivot(index="candidate", columns="images", values=measure)
            print(f"\nrank correlation of the {measure} with that at the end\n")
            print(wide.corr("spearman")[wide.columns[-1]].round(2).to_string())
        print(rows.groupby("images").seconds.mean().cumsum().round(2).to_string())


def _report_rungs(rows):
    sets = {name: min(RUNGS[name]) for name in RUNGS}
    rows = rows.assign(level=rows.rung / rows.set.map(sets))
    columns = ["method", "rate", "by"]
    for measure in ("error", "loss"):
        print(f"\nmean {measure} of the known candidates\n")
        means = rows[rows.known == True].groupby([*columns, "set", "level"])  # noqa: E712
        print(means[measure].mean().unstack(["set", "level"]).round(4).to_string())
        print(f"\nrank correlation of the {measure} with that of the last rung\n")
        at_gene = rows[rows.rate == 1.0]
        wide = at_gene.pivot_table(
            index=["set", "candidate"],
            columns=["method", "by", "level"],
            values=measure,
        )
        reference = wide.xs(9.0, level="level", axis=1).rank().mean(axis=1)
        found = {}
        for name, part in wide.groupby(level="set"):
            for method, by, level in part:
                one = part[method, by, level]
                own = one.corr(part[method, by, 9.0], "spearman")
                truth = one.corr(reference[part.index], "spearman")
                found[method, by, name, level] = f"{own:.2f} / {truth:.2f}"
        print(pd.Series(found).unstack([2, 3]).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for do in (rungs, finish, samples):
        one = commands.add_parser(do.__name__)
        one.add_argument("--out", type=Path, default=Path("continuing.jsonl"))
        one.add_argument("--data-home", type=Path, help="where MNIST/ is")
        one.add_argument("--photos", type=Path, help="folder of train/CLASS")
        one.add_argument("--sets", nargs="+", choices=RUNGS, default=[*RUNGS])
        one.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
        one.add_argument("--n-train", type=int, help="images of MNIST or Fashion-MNIST")
        one.add_argument("--n-known", type=int, default=2)
        one.add_argument("--n-random", type=int, default=6)
        one.set_defaults(do=do)
    shown = commands.add_parser("report")
    shown.add_argument("out", type=Path)
    shown.set_defaults(do=report)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.do(args)


if __name__ == "__main__":
    main()
