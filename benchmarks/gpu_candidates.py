"""Ways to train several networks on one GPU, in candidates per hour.

All train the same layers by Adam on made images of ten classes: as many as MNIST has,
or 50,000 in colour. A candidate is one epoch of one network. For `seconds`, each way
trains its k candidates; `to begin` are the seconds before that, which count too, for
building, compiling and capturing (not for the start of processes). The ways:

- skorch as it is, with a DataLoader, and our net's `fit`, alone and in k processes;
- a plain loop with the images on the device: in float32, TF32 and bfloat16, channels
  last, with a fused optimizer, compiled; in k threads with a stream each, and in k
  processes;
- the same step as a CUDA graph, which takes its batches from an order of rows on the
  device: k graphs on k streams, started in turn by one thread;
- k candidates of one architecture stacked by `torch.func`: one step trains them all,
  each on batches and with a learning rate of its own; as it is, and as a CUDA graph.

The loss is that of the first candidate's last batch: that it is below the ln 10 = 2.30
of a guess shows that a way learns. MB is what torch has reserved.

    python benchmarks/gpu_candidates.py
    python benchmarks/gpu_candidates.py --small --device cpu
"""

import argparse
import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from sknevo.builders.convnet import ConvNetBuilder
from sknevo.genomes.convnet import convnet, well_known
from sknevo.records import Chromosome, DataSpec

N_CLASSES, LEARNING_RATE = 10, 1e-3


@dataclass(frozen=True)
class Setting:
    """The images, the network and how it is trained."""

    name: str
    shape: tuple[int, int, int]
    n_images: int
    widths: tuple[int, ...]
    batch_size: int
    device: str

    def __str__(self) -> str:
        widths = "/".join(map(str, self.widths))
        return f"{self.name}, {widths} channels, batches of {self.batch_size}"


class Way(NamedTuple):
    """One step of k candidates, how many images it takes, and the last loss."""

    step: Callable[[], Any]
    images: int
    loss: Callable[[], float]


@dataclass(frozen=True)
class How:
    """How a plain step computes."""

    precision: str = "tf32"
    channels_last: bool = False
    fused: bool = False
    compiled: bool = False
    # Whether the same seed gives the same weights, as all of sknevo's trainings do.
    reproducible: bool = True


BEST = How("bfloat16", channels_last=True, fused=True)


@lru_cache(1)
def made_images(shape: tuple[int, ...], n_images: int) -> tuple[Any, Any]:
    """Return images of a faint pattern per class in noise, and labels."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, N_CLASSES, n_images)
    patterns = rng.integers(0, 60, (N_CLASSES, *shape), dtype=np.uint8)
    X = rng.integers(0, 190, (n_images, *shape), dtype=np.uint8)
    return X + patterns[y], y


class Standardise(nn.Module):
    def forward(self, X):
        return (X.float() - 127) / 60


def plain_module(setting: Setting, running: bool = True) -> nn.Sequential:
    """Return convolutions, each with batch norm, ReLU and pooling, and a head."""
    channels, side, _ = setting.shape
    layers = [Standardise()]
    for width in setting.widths:
        layers += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width, track_running_stats=running),
            nn.MaxPool2d(2),
            nn.ReLU(),
        ]
        channels, side = width, side // 2
    layers += [nn.Flatten(), nn.Linear(channels * side**2, N_CLASSES)]
    return nn.Sequential(*layers)


# One candidate -----------------------------------------------------------------------


def skorch(setting: Setting) -> Way:
    X, y = made_images(setting.shape, setting.n_images)
    torch.backends.cudnn.deterministic = False
    net = NeuralNetClassifier(
        plain_module,
        module__setting=setting,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=setting.batch_size,
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
        device=setting.device,
    )
    return Way(lambda: net.fit(X, y), len(X), lambda: net.history[-1, "train_loss"])


def ours(setting: Setting, precision: str = "bfloat16") -> Way:
    X, y = made_images(setting.shape, setting.n_images)
    spec = DataSpec("classification", len(y), N_CLASSES, shape=setting.shape)
    genome = convnet(spec, max_parameters=100_000_000, max_epochs=1)
    genes = well_known(spec, genome)[0]
    block = genes["blocks"][0]
    genes["blocks"] = [{**block, "channels": width} for width in setting.widths]
    training = {"batch_size": setting.batch_size, "epochs": 1}
    genes["training"] = {**genes["training"], **training}
    expressed = Chromosome(genome.complete(genes, np.random.default_rng(0))).expressed
    net = ConvNetBuilder(spec, setting.device, precision, final=True)(expressed, 0)
    return Way(lambda: net.fit(X, y), len(X), lambda: net.history[-1, "train_loss"])


class Batches:
    """Rows of the next batch, by an order and a position that are on the device."""

    def __init__(self, setting: Setting, seed: int) -> None:
        device, n = setting.device, setting.n_images
        generator = torch.Generator(device).manual_seed(seed)
        self.order = torch.randperm(n, generator=generator, device=device)
        self.size, self.n_rows = setting.batch_size, n // setting.batch_size
        self.position = torch.zeros((), dtype=torch.long, device=device)
        self.within = torch.arange(self.size, device=device)

    def next(self) -> Tensor:
        rows = self.order[self.position * self.size + self.within]
        self.position.add_(1).remainder_(self.n_rows)
        return rows


def on_device(setting: Setting) -> tuple[Tensor, Tensor]:
    arrays = made_images(setting.shape, setting.n_images)
    found = tuple(torch.from_numpy(array).to(setting.device) for array in arrays)
    synchronise(setting)  # other streams do not wait for this one
    return found


def loop(setting: Setting, how: How, data: Any = None, seed: int = 0) -> Way:
    """Return a step of a plain loop that never waits for the device."""
    device = torch.device(setting.device)
    torch.backends.cudnn.allow_tf32 = how.precision != "float32"
    torch.backends.cuda.matmul.allow_tf32 = how.precision != "float32"
    torch.backends.cudnn.deterministic = how.reproducible
    X, y = data or on_device(setting)
    module = plain_module(setting).to(device)
    if how.channels_last:
        module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(
        module.parameters(),
        lr=LEARNING_RATE,
        fused=how.fused or None,
        capturable=device.type == "cuda",
    )
    criterion, half = nn.CrossEntropyLoss(), how.precision == "bfloat16"
    batches, last = Batches(setting, seed), []

    def loss_of(images, targets):
        if how.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        # A cache of cast weights would outlive the step in a graph.
        with torch.autocast(device.type, torch.bfloat16, half, cache_enabled=False):
            logits = module(images)
        return criterion(logits.float(), targets)

    if how.compiled:
        torch._dynamo.reset()
        loss_of = torch.compile(loss_of)

    def step():
        rows = batches.next()
        loss = loss_of(X[rows], y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last[:] = [loss.detach()]

    return Way(step, setting.batch_size, lambda: float(last[0]))


# CUDA graphs -------------------------------------------------------------------------


def captured(way: Way, n_steps: int = 1) -> tuple[Any, Any]:
    """Return a CUDA graph of steps, and the stream that it is captured on."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            way.step()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(n_steps):
            way.step()
    return graph, stream


def graphs(setting: Setting, k: int, how: How = BEST, n_steps: int = 1) -> Way:
    data = on_device(setting)
    ways = [loop(setting, how, data, seed) for seed in range(k)]
    pairs = [captured(way, n_steps) for way in ways]

    def step():
        for graph, stream in pairs:
            with torch.cuda.stream(stream):
                graph.replay()

    return Way(step, k * n_steps * setting.batch_size, ways[0].loss)


def graph_of(way: Way) -> Way:
    graph, stream = captured(way)

    def step():
        with torch.cuda.stream(stream):
            graph.replay()

    return Way(step, way.images, way.loss)


# Candidates of one architecture, stacked ---------------------------------------------


class StackedAdam:
    """Adam with a learning rate for each candidate, on stacked parameters."""

    def __init__(self, parameters: dict[str, Tensor], rates: Tensor) -> None:
        self.parameters = [*parameters.values()]
        self.means, self.squares = (
            [torch.zeros_like(p) for p in self.parameters] for _ in range(2)
        )
        self.n_steps = torch.zeros((), device=rates.device)
        self.rates = [
            rates.view(-1, *[1] * (p.ndim - 1)).contiguous() for p in self.parameters
        ]

    def step(self, gradients: dict[str, Tensor]) -> None:
        gradients = [*gradients.values()]
        self.n_steps += 1
        torch._foreach_lerp_(self.means, gradients, 0.1)
        torch._foreach_mul_(self.squares, 0.999)
        torch._foreach_addcmul_(self.squares, gradients, gradients, 0.001)
        scale = (1 - 0.999**self.n_steps).sqrt() / (1 - 0.9**self.n_steps)
        below = torch._foreach_sqrt(self.squares)
        torch._foreach_add_(below, 1e-8)
        updates = torch._foreach_div(self.means, below)
        torch._foreach_mul_(updates, torch._foreach_mul(self.rates, -scale))
        torch._foreach_add_(self.parameters, updates)


def stacked(
    setting: Setting, k: int, precision: str = "bfloat16", compiled: bool = False
) -> Way:
    """Return a step of k candidates at once.

    Batch norm keeps no running statistics: `vmap` cannot update them in place. They
    are those of some batches after the training.
    """
    device = torch.device(setting.device)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    X, y = on_device(setting)
    modules = [plain_module(setting, running=False).to(device) for _ in range(k)]
    parameters, _ = stack_module_state(modules)
    parameters = {name: p.detach() for name, p in parameters.items()}
    rates = LEARNING_RATE * torch.logspace(-0.3, 0.3, k, device=device)
    optimizer, last = StackedAdam(parameters, rates), []
    batches = [Batches(setting, seed) for seed in range(k)]
    every = Batches(setting, 0)
    orders = torch.stack([each.order for each in batches])
    criterion, half = nn.CrossEntropyLoss(), precision == "bfloat16"

    def loss_of(weights, images, targets):
        if half:  # batch norm, too: its backward pass under vmap takes one type
            weights = {name: weight.bfloat16() for name, weight in weights.items()}
        with torch.autocast(device.type, torch.bfloat16, half, cache_enabled=False):
            logits = functional_call(modules[0], weights, (images,))
        return criterion(logits.float(), targets)

    gradients_of = vmap(grad_and_value(loss_of))
    if compiled:
        torch._dynamo.reset()
        gradients_of = torch.compile(gradients_of)

    def step():
        rows = orders[:, every.position * every.size + every.within]
        every.next()
        gradients, losses = gradients_of(parameters, X[rows], y[rows])
        optimizer.step(gradients)
        last[:] = [losses.detach()]

    return Way(step, k * setting.batch_size, lambda: float(last[0][0]))


# Measuring ---------------------------------------------------------------------------


def synchronise(setting: Setting) -> None:
    if setting.device != "cpu":
        torch.cuda.synchronize()


def images_per_second(way: Way, setting: Setting, seconds: float) -> float:
    """Train for some seconds, of which a tenth warms up."""
    for share in (0.1, 1):
        n_steps, begin = 0, time.perf_counter()
        while (spent := time.perf_counter() - begin) < share * seconds:
            for _ in range(1 if way.images >= setting.n_images else 10):
                way.step()
                n_steps += 1
            synchronise(setting)
    return n_steps * way.images / spent


def alone(make: Callable[[Setting], Way], setting: Setting, seconds: float):
    begin = time.perf_counter()
    way = make(setting)
    if way.images < setting.n_images:  # not a whole epoch: compiles at the first step
        way.step()
    synchronise(setting)
    to_begin = time.perf_counter() - begin
    return to_begin, images_per_second(way, setting, seconds), way.loss()


def in_threads(make: Callable[..., Way], k: int, setting: Setting, seconds: float):
    begin = time.perf_counter()
    data, barrier = on_device(setting), threading.Barrier(k)
    cuda = setting.device != "cpu"

    def work(seed):
        stream = torch.cuda.Stream() if cuda else None
        with torch.cuda.stream(stream) if cuda else nullcontext():
            way = make(setting, data=data, seed=seed)
            for _ in range(3):
                way.step()
            torch.cuda.current_stream().synchronize() if cuda else None
            barrier.wait()
            started = time.perf_counter()
            n_steps = 0
            while (spent := time.perf_counter() - started) < seconds:
                for _ in range(10):
                    way.step()
                torch.cuda.current_stream().synchronize() if cuda else None
                n_steps += 10
            return started, n_steps * way.images / spent, way.loss()

    with ThreadPoolExecutor(k) as pool:
        found = [*pool.map(work, range(k))]
    return found[0][0] - begin, sum(rate for _, rate, _ in found), found[0][2]


def _in_process(make, setting, seconds, barrier):
    torch.set_num_threads(1)
    begin = time.perf_counter()
    way = make(setting)
    if way.images < setting.n_images:
        way.step()
    synchronise(setting)
    to_begin = time.perf_counter() - begin
    barrier.wait()
    rate = images_per_second(way, setting, seconds)
    return to_begin, rate, way.loss()


def in_processes(pool, manager, make, k, setting, seconds):
    barrier = manager.Barrier(k)
    arguments = (make, setting, seconds, barrier)
    futures = [pool.submit(_in_process, *arguments) for _ in range(k)]
    found = [future.result() for future in futures]
    to_begin = max(seconds for seconds, *_ in found)
    return to_begin, sum(rate for _, rate, _ in found), found[0][2]


def single_ways(cuda: bool) -> dict[str, Callable[[Setting], Way]]:
    """Return, by name, what trains one candidate."""
    last = How(channels_last=True, fused=True)
    compiled = replace(BEST, compiled=True)
    loops = {
        "float32": How("float32"),
        "TF32": How(),
        "bfloat16": How("bfloat16"),
        "bfloat16, channels last": How("bfloat16", channels_last=True),
        "TF32, fused": How(fused=True),
        "TF32, channels last, fused": last,
        "bfloat16, channels last, fused": BEST,
        "compiled": compiled,
    }
    hows = {
        "TF32": How(fused=True),
        "TF32, not reproducible": How(fused=True, reproducible=False),
        "TF32, channels last": last,
        "bfloat16": How("bfloat16", fused=True),
        "bfloat16, channels last": BEST,
        "compiled": compiled,
    }
    ways = {
        "skorch": skorch,
        "ours, float32": partial(ours, precision="float32"),
        "ours": ours,
    }
    ways |= {f"loop, {name}": partial(loop, how=how) for name, how in loops.items()}
    if cuda:
        ways |= {
            f"graph, {n}": partial(graphs, k=1, how=how) for n, how in hows.items()
        }
        ways["graph of 10 steps"] = partial(graphs, k=1, n_steps=10)
    return ways


def stacked_ways(k: int, cuda: bool) -> dict[str, Callable[[Setting], Way]]:
    """Return, by name, what trains k candidates in one step."""
    ways = {}
    for name, precision in (("TF32", "tf32"), ("bfloat16", "bfloat16")):
        ways[f"{k} stacked, {name}"] = partial(stacked, k=k, precision=precision)
        if cuda:
            graph = partial(graph_stacked, k=k, precision=precision)
            ways[f"{k} stacked, {name}, graph"] = graph
    ways[f"{k} stacked, compiled"] = partial(stacked, k=k, compiled=True)
    return ways


def ways_of(args, pool, manager) -> dict[str, tuple[int, Callable]]:
    """Return, by name, how many candidates train at a time, and what measures them."""
    cuda = args.device != "cpu"
    last = How(channels_last=True, fused=True)
    best, processes = partial(loop, how=BEST), partial(in_processes, pool, manager)
    ways = {name: (1, partial(alone, make)) for name, make in single_ways(cuda).items()}
    for k in args.ks:
        ways[f"{k} threads"] = k, partial(in_threads, best, k)
    for k in args.ks:
        ways[f"{k} processes"] = k, partial(processes, best, k)
        ways[f"ours, {k} processes"] = k, partial(processes, ours, k)
    for k in args.ks if cuda else ():
        ways[f"{k} graphs"] = k, partial(alone, partial(graphs, k=k))
        ways[f"{k} graphs, TF32"] = k, partial(alone, partial(graphs, k=k, how=last))
    for k in args.stacks:
        for name, make in stacked_ways(k, cuda).items():
            ways[name] = k, partial(alone, make)
    return ways


def graph_stacked(setting: Setting, k: int, precision: str) -> Way:
    return graph_of(stacked(setting, k, precision))


def settings_of(args) -> list[Setting]:
    mnist = ("MNIST", (1, 28, 28), 60_000 // args.divided)
    colour = ("colour", (3, 32, 32), 50_000 // args.divided)
    small, large = (16, 32), (64, 128, 256)
    found = [
        Setting(*images, widths, batch_size, args.device)
        for images, widths in (
            (mnist, small),
            (colour, large),
            (mnist, large),
            (colour, small),
        )
        for batch_size in (64, 128, 512)
    ]
    return [setting for setting in found if args.only in str(setting)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--only", default="", help="a part of the settings' names")
    parser.add_argument("--skip", nargs="*", default=[], help="parts of ways' names")
    parser.add_argument("--ks", type=int, nargs="*", default=[2, 4, 8, 16])
    parser.add_argument("--stacks", type=int, nargs="*", default=[8, 32])
    parser.add_argument("--small", action="store_true", help="a hundredth of it all")
    args = parser.parse_args()
    args.divided = 1
    if args.small:
        args.divided, args.seconds, args.ks, args.stacks = 100, 0.05, [2], [2]
        args.skip += ["compiled"]
        args.only = args.only or "MNIST, 16/32 channels, batches of 64"
    torch.set_num_threads(1)
    cuda = args.device != "cpu"
    torch.zeros(1, device=args.device)  # starts CUDA
    print(torch.cuda.get_device_name() if cuda else "CPU", "torch", torch.__version__)

    context = multiprocessing.get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(max(args.ks), context) as pool,
    ):
        for setting in settings_of(args):
            measure_all(setting, args, ways_of(args, pool, manager))


def measure_all(setting: Setting, args, ways) -> None:
    """Print a row per way."""
    print(f"\n{setting}, {setting.n_images} images")
    print(
        f"{'way':<36}{'k':>3}{'images/s':>11}{'to begin':>9}{'cand./h':>9}"
        f"{'ratio':>7}{'loss':>7}{'MB':>7}"
    )
    first = None
    for name, (k, measure) in ways.items():
        if any(part in name for part in args.skip):
            continue
        if args.device != "cpu":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            to_begin, rate, loss = measure(setting, args.seconds)
        except Exception as error:
            print(f"{name:<36}{type(error).__name__}: {str(error)[:200]}", flush=True)
            continue
        per_hour = 3600 * k / (to_begin + k * setting.n_images / rate)
        first = first or per_hour
        held = torch.cuda.max_memory_reserved() / 2**20 if args.device != "cpu" else 0
        print(
            f"{name:<36}{k:>3}{rate:>11,.0f}{to_begin:>9.2f}{per_hour:>9,.0f}"
            f"{per_hour / first:>7.2f}{loss:>7.3f}{held:>7.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
