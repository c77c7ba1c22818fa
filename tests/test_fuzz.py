"""Files that are damaged, or made to do harm, end in one clear error; nothing runs."""

import io
import json
import random
import re
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
from PIL import Image
from sklearn.datasets import load_digits, load_iris
from sklearn.tree import DecisionTreeClassifier
from toys import LANDSCAPE

from sknevo import (
    Chromosome,
    EvolvedClassifier,
    EvolvedSearchCV,
    JournalError,
    load_network,
    read_journal,
)
from sknevo.builders.pipeline._columns import ColumnReader
from sknevo.datasets import load_image_folder
from sknevo.records import Evaluation

# What an interpreter reports when something in a file gets to run, or to write.
DEEDS = (
    "pickle.find_class",
    "marshal.loads",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.remove",
    "subprocess.Popen",
    "socket.connect",
)
_watched = []
N_SEARCHES = 8
SEEDS = [0, *(pytest.param(i, marks=pytest.mark.slow) for i in (1, 2))]


def _listen(event, args):
    if _watched and event in DEEDS:
        _watched[-1].append(event)


sys.addaudithook(_listen)  # for ever: hooks cannot be taken away


@contextmanager
def sound_or(kind, message):
    """See to it that nothing runs, and that there is no other error than this."""
    _watched.append([])
    said = None
    try:
        yield
    except kind as error:
        said = str(error)
    finally:
        deeds = _watched.pop()
    assert said is None or re.search(message, said)
    assert deeds == []


# What is tempting to run or to trust.
BAIT = [
    "__import__('os').system('true')",
    b"cos\nsystem\n(S'true'\ntR.".decode(),
    {"__reduce__": ["os.system", ["true"]]},
    "!!python/object/apply:os.system ['true']",
    "\x80\x04\x95",
    [[[[[[]]]]]],
    {},
    [],
    "",
    None,
    True,
    -1,
    0,
    2**70,
    10**9,
    1e308,
    "O",
    "U999999999",
    "(999999999,9)f8",
]


def damaged(content, rng):
    """Return bytes with some of them changed, removed, doubled or swapped."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        begin = rng.randrange(len(content))
        end = min(len(content), begin + rng.choice([1, 1, 4, 30]))
        part = content[begin:end]
        content[begin:end] = rng.choice(
            [bytes(rng.randrange(256) for _ in part), b"", part * 2, part[::-1]]
        )
        content = content or bytearray(b"\n")
    return bytes(content)


def altered(value, rng):
    """Return JSON with something in it replaced, removed or added."""
    if rng.random() < 0.2 or not isinstance(value, dict | list) or not value:
        return rng.choice(BAIT)
    value = value.copy()
    place = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
    deed = rng.random()
    if deed < 0.1:
        del value[place]
    elif deed < 0.2 and isinstance(value, dict):
        value[str(rng.choice(BAIT))] = value.pop(place)
    else:
        value[place] = altered(value[place], rng)
    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_chromosomes(seed):
    rng, dice = random.Random(seed), np.random.default_rng(seed)
    for _ in range(300):
        text = Chromosome(LANDSCAPE.sample(dice), origin="random").to_json()
        for bad in (
            damaged(text.encode(), rng).decode(errors="replace"),
            json.dumps(altered(json.loads(text), rng)),
        ):
            with sound_or(ValueError, "must be the JSON of a chromosome"):
                assert isinstance(Chromosome.from_json(bad).key, str)


def evolve_trees(path):
    """Evolve trees, of which one kind fails, towards two goals."""
    X, y = load_iris(return_X_y=True)
    return EvolvedSearchCV(
        DecisionTreeClassifier(),
        {"max_depth": [1, 2, 3, -1], "min_samples_leaf": [1, 5, 9]},
        scoring=["accuracy", "f1_macro"],
        refit="accuracy",
        initial_population=[{"max_depth": -1}],
        population_size=4,
        generations=2,
        cv=2,
        journal=path,
        random_state=0,
    ).fit(X[::5], y[::5])


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "run.jsonl"
    assert {"error", "ok"} == set(evolve_trees(path).cv_results_["status"])
    # Seconds are as long as the machine makes them: with one length of the file the
    # same places are damaged on every run.
    return re.sub(rb"_times\":\[\d[^]]*\]", rb'_times":[0.5,0.25]', path.read_bytes())


def changed(journal, rng):
    """Return a journal with something in one of its lines changed; all are JSON."""
    lines = journal.splitlines()
    number = rng.randrange(len(lines))
    record = altered(json.loads(lines[number]), rng)
    lines[number] = json.dumps(record, separators=(",", ":")).encode()
    return b"\n".join([*lines, b""])


@pytest.mark.parametrize("seed", SEEDS)
def test_journals(journal, tmp_path, seed):
    rng, path = random.Random(seed), tmp_path / "run.jsonl"
    for _ in range(150):
        for bad in (damaged(journal, rng), changed(journal, rng)):
            path.write_bytes(bad)
            with sound_or(JournalError, "journal"):
                assert all(isinstance(e, Evaluation) for e in read_journal(path))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of scores near infinity
@pytest.mark.parametrize("seed", SEEDS)
def test_searches_that_go_on_from_journals(journal, tmp_path, seed):
    rng, path = random.Random(seed), tmp_path / "run.jsonl"
    for _ in range(N_SEARCHES):
        for bad in (damaged(journal, rng), changed(journal, rng)):
            path.write_bytes(bad)
            with sound_or(JournalError, "journal"):
                assert evolve_trees(path).predict([[5, 3, 1, 0.2]]).shape == (1,)
                read_journal(path)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    X, y = load_digits(n_class=3, return_X_y=True)
    images = X.reshape(-1, 8, 8)[::9]
    clf = EvolvedClassifier(
        population_size=1, generations=1, max_epochs=1, refit=True, random_state=0
    )
    path = tmp_path_factory.mktemp("fuzz") / "net.safetensors"
    clf.fit(images, y[::9]).save_network(path)
    return path


def test_networks_of_damaged_bytes(network, tmp_path):
    rng, path = random.Random(0), tmp_path / "net.safetensors"
    whole = network.read_bytes()
    size = int.from_bytes(whole[:8], "little") + 8
    for _ in range(150):  # in the head, which is what is read
        path.write_bytes(damaged(whole[:size], rng) + whole[size:])
        with sound_or(ValueError, "is not a network that sknevo"):
            load_network(path, device="cpu")


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_networks_of_altered_genes(network, tmp_path):
    rng, path = random.Random(0), tmp_path / "net.safetensors"
    weights = safetensors.torch.load_file(network)
    with safetensors.safe_open(network, "pt") as file:
        about = json.loads(file.metadata()["sknevo"])
    for _ in range(150):
        metadata = {"sknevo": json.dumps(altered(about, rng))}
        safetensors.torch.save_file(weights, path, metadata=metadata)
        with sound_or(ValueError, "is not a network that sknevo"):
            load_network(path, device="cpu")


# Tables and pictures --------------------------------------------------------------

TABLE = """\
age,fare,when,deck,name,alive
{rows}
"""
ROW = '{age},"{fare:,.2f}",2026-{month:02d}-{day:02d},{deck},"Bee, the {i}th",{alive}'


def csv_file(rng, n=40):
    """Return a CSV file with a column of each kind; some values are missing."""
    rows = [
        ROW.format(
            age=rng.choice(["", "?", rng.randrange(90)]),
            fare=rng.uniform(0, 5000),
            month=rng.randint(1, 12),
            day=rng.randint(1, 28),
            deck=rng.choice("ABC"),
            i=i,
            alive=rng.choice(["True", "False"]),
        )
        for i in range(n)
    ]
    return TABLE.format(rows="\n".join(rows))


@pytest.mark.filterwarnings("ignore:Column '")  # of what is read as missing
@pytest.mark.parametrize("seed", SEEDS)
def test_tables_of_damaged_files(seed):
    """A reader takes what is left of a table, or names the column that it cannot."""
    rng = random.Random(seed)
    whole = csv_file(rng)
    reader = ColumnReader().fit(read_csv(whole.encode()))
    n_read = 0
    for _ in range(40):
        try:
            table = read_csv(damaged(whole.encode(), rng))
        except ValueError:
            continue  # it is no table any more
        n_read += 1
        with sound_or((ValueError, TypeError), r"\(column '"):
            read = ColumnReader().fit_transform(table)
            assert len(read) == len(table)
        with sound_or(ValueError, r"\(column '|[Ff]eature"):
            assert len(reader.transform(table)) == len(table)
    assert n_read > 20


def read_csv(content):
    return pd.read_csv(io.BytesIO(content), encoding_errors="replace")


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Pillow, of what it makes out
@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "tif"])
def test_folders_with_damaged_pictures(tmp_path, ending):
    Image.init()  # reads the code of all formats
    rng = random.Random(0)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / f"whole.{ending}")
    path = tmp_path / "b" / f"broken.{ending}"
    whole = (tmp_path / "a" / f"whole.{ending}").read_bytes()
    for _ in range(30):
        path.write_bytes(damaged(whole, rng))
        with sound_or((OSError, ValueError), "broken"):
            images = load_image_folder(tmp_path, image_size=(8, 8)).images
            assert images.shape[0] == 3
