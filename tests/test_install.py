"""sknevo is installed in parts: tables need least, and what is missing says so."""

import ast
import configparser
import json
import os
import pickle
import re
import subprocess
import sys
import venv
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from public_names import MODULES

import sknevo
from sknevo.builders.convnet import ClassifierNet
from sknevo.extras import EXTRAS, require

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
EXTRAS_OF_SETUP = SETUP["options.extras_require"]

# Python behaves as if the modules were not installed, in worker processes, too.
WITHOUT = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {missing}:
            return self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)
"""


@pytest.fixture(scope="module")
def without_extras(tmp_path_factory):
    """Return an environment in which Python finds no module of an extra."""
    folder = tmp_path_factory.mktemp("without_extras")
    missing = sorted(EXTRAS)
    (folder / "sitecustomize.py").write_text(WITHOUT.format(missing=missing))
    path = [str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def run(python, script, *, cwd, env=None):
    """Run a script as a file, as users do, and return what it prints."""
    file = Path(cwd) / "script.py"
    file.write_text(script)
    done = subprocess.run(
        [python, str(file)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


# Tables ------------------------------------------------------------------------------

TABLES = """
from sklearn.datasets import make_classification
from sklearn.tree import DecisionTreeClassifier

from sknevo import EvolvedPipelineClassifier, EvolvedPipelineRegressor, EvolvedSearchCV


def score(estimator, X, y):  # in the workers
    import sys

    heavy = {"safetensors", "skorch", "torch", "torchvision"} & set(sys.modules)
    assert not heavy, heavy
    return estimator.score(X, y)


if __name__ == "__main__":
    X, y = make_classification(n_samples=60, random_state=0)
    search = {"population_size": 2, "generations": 1, "cv": 2, "n_jobs": 2,
              "scoring": score, "error_score": "raise", "random_state": 0}
    for evolved in (
        EvolvedPipelineClassifier(**search),
        EvolvedPipelineRegressor(**search),
        EvolvedSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, **search),
    ):
        score(evolved.fit(X, y), X, y)
    print("fitted")
"""
# Pipelines have features of images, some of which need an extra.
IMAGES = """
    import numpy as np

    images = np.random.default_rng(0).random((60, 8, 8))
    score(EvolvedPipelineClassifier(**search).fit(images, y), images, y)
    print("fitted to images")
"""


def first_example():
    """Return the script, and its options, of the first command of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.search(r'^pip install "\.\[.+\]" && python (.+)$', readme, re.MULTILINE)
    script, *options = first[1].split()
    return ROOT / script, options


def test_pipelines_never_import_torch(tmp_path):
    told = run(sys.executable, TABLES + IMAGES, cwd=tmp_path)
    assert told.splitlines() == ["fitted", "fitted to images"]


@pytest.mark.slow
def test_tables_need_no_extra(without_extras, tmp_path):
    assert run(sys.executable, TABLES, cwd=tmp_path, env=without_extras) == "fitted"


def test_the_first_example_needs_no_extra(without_extras, tmp_path):
    command = [sys.executable, str(first_example()[0]), "--max-time", "1"]
    told = subprocess.run(
        command,
        cwd=tmp_path,
        env=without_extras,
        check=True,
        timeout=600,
        capture_output=True,
        text=True,
    ).stdout
    assert re.search(r"^evolved +0\.\d{4}$", told, re.MULTILINE)
    assert re.search(r"^tuned LightGBM +0\.\d{4} ", told, re.MULTILINE)
    assert [*tmp_path.iterdir()] == []  # an example leaves no files behind


@pytest.mark.slow
def test_the_first_command_of_the_readme_ends_with_a_report(tmp_path):
    for module in ("jinja2", "matplotlib"):
        pytest.importorskip(module, reason="the extra report is not installed")
    script, options = first_example()
    command = [sys.executable, str(script), *options, "--max-time", "2"]
    told = subprocess.run(
        command, cwd=tmp_path, check=True, timeout=600, capture_output=True, text=True
    ).stdout
    page = (tmp_path / options[-1]).read_text(encoding="utf-8")
    score = float(re.search(r"^evolved +(0\.\d{4})$", told, re.MULTILINE)[1])
    assert f"balanced accuracy {score:.3f} ±" in page
    assert "<td>height</td>" in page  # a column whose importance is told


# What is missing ---------------------------------------------------------------------

# What needs an extra, and the extra.
CALLS = {
    "EvolvedAutoencoder()": "networks",
    "EvolvedClassifier()": "networks",
    "EvolvedRegressor()": "networks",
    "EvolvedFewShotClassifier()": "networks",
    "EvolvedGAN()": "networks",
    "EvolvedPolicy('CartPole-v1')": "rl",
    "pickle.loads(pickled)": "networks",
    "load_network('digits.safetensors')": "networks",
    "sknevo.datasets.fetch_mnist()": "networks",
    "sknevo.datasets.fetch_fashion_mnist()": "networks",
    "sknevo.datasets.fetch_cifar10()": "networks",
    "sknevo.datasets.fetch_cifar100()": "networks",
    "sknevo.metrics.invert(None, None, None)": "networks",
    "sknevo.metrics.InceptionFeatures('weights.pth')": "networks",
    "sknevo.metrics.structural_similarity(None, None)": "images",
    "sknevo.metrics.nearest_neighbour_ssim(None, None)": "images",
    "sknevo.pretrained.find_weights(['resnet18'])": "networks,pretrained",
    "sknevo.displays.GanSignalsDisplay(None, None).plot()": "plots",
    "sknevo.displays.ReconstructionDisplay(None, None, (2,)).plot()": "plots",
    "sknevo.displays.SampleGridDisplay(None, (2,)).plot()": "plots",
    "sknevo.callbacks.MLflowLogger()": "mlflow",
    "sknevo.callbacks.TensorBoardLogger('runs')": "tensorboard",
    "EvolvedPipelineClassifier().fit('table.parquet', 'y')": "dask",
}
ASK = """
import inspect, json, pickle
import sknevo
from sknevo import *

def look_up_all_names():
    for name in sknevo.__all__:
        assert inspect.getdoc(getattr(sknevo, name)), name
    assert set(sknevo.__all__) <= set(dir(sknevo))
    for module in {modules!r}:
        found = eval(module)
        assert inspect.ismodule(found) and found.__name__ == module, found

pickled = {pickled!r}
said = {{}}
for call in {calls!r}:
    try:
        eval(call)
    except ImportError as error:
        said[call] = str(error)
    except Exception as error:
        said[call] = repr(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(without_extras, tmp_path_factory):
    """Return what each of the calls says if no extra is installed."""
    clf = sknevo.EvolvedClassifier()
    # Stands for a fitted network: to unpickle it, Python would import torch.
    clf.best_estimator_ = ClassifierNet
    calls = ["look_up_all_names()", *CALLS]
    script = ASK.format(pickled=pickle.dumps(clf), calls=calls, modules=MODULES)
    folder = tmp_path_factory.mktemp("said")
    return json.loads(run(sys.executable, script, cwd=folder, env=without_extras))


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_extra_is_named_with_the_command(call, said):
    assert said[call].endswith(f'run: pip install ".[{CALLS[call]}]"')


def test_several_missing_extras_are_one_command(monkeypatch):
    for name in ("rich", "skorch", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError) as caught:
        require("This", "torch", "rich", "skorch", "json")
    assert str(caught.value).startswith("This needs torch, rich, skorch. ")
    assert str(caught.value).endswith('pip install ".[networks,progress]"')


def test_all_names_and_modules_are_there_without_extras(said):
    assert said.keys() == CALLS.keys()  # to look them up raises no error


# What is declared --------------------------------------------------------------------

# A frame of polars is only met where polars is installed, IPython in a notebook.
USERS_OWN = {"IPython", "polars"}


def distributions(requirements):
    """Return the normalised names of requirements, one a line."""
    lines = requirements.strip().splitlines()
    return {canonicalize_name(Requirement(line).name) for line in lines}


@cache
def packages_of_modules():
    """Return the names of the installed packages that hold each module."""
    return packages_distributions()


def names_of(module):
    """Return the normalised names of the installed packages that hold a module."""
    return {canonicalize_name(n) for n in packages_of_modules().get(module, [])}


def imported_modules():
    """Return the modules that sknevo imports, also those within functions."""
    found = set()
    for file in (ROOT / "sknevo").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"sknevo"} - USERS_OWN


@pytest.mark.parametrize("module", sorted(EXTRAS))
def test_each_extra_brings_what_is_said_of_it(module):
    if not (names := names_of(module)):
        pytest.skip(f"{module} is not installed")
    assert names & distributions(EXTRAS_OF_SETUP[EXTRAS[module]])


def test_what_is_imported_is_required_or_belongs_to_an_extra():
    required = distributions(SETUP["options"]["install_requires"])
    others = imported_modules() - EXTRAS.keys()
    assert {module for module in others if not names_of(module) & required} == set()


def test_all_has_every_extra_of_users():
    all_of = Requirement(EXTRAS_OF_SETUP["all"]).extras
    working = {"all", "benchmarks", "doc", "tests"}  # on sknevo itself
    assert all_of == EXTRAS_OF_SETUP.keys() - working
    assert set(EXTRAS.values()) <= all_of


def test_the_citation_has_the_version_and_says_what_the_package_says():
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    cited = dict(
        line.split(": ", 1) for line in lines if line[:1].islower() and line.count(": ")
    )
    assert cited["version"] == sknevo.__version__
    assert cited["abstract"] == SETUP["metadata"]["description"]
    assert cited["license"] == SETUP["metadata"]["license_expression"]


def test_no_text_advises_a_package_that_is_not_published():
    git = ["git", "grep", "-nE", "pip install (-[^ ]+ )*.?sknevo"]
    found = subprocess.run(git, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == ""


# Installed ---------------------------------------------------------------------------

# What tables need in MB, sknevo included; measured: 414, of which scikit-learn and
# pandas with what they need are 357. With torch or NCCL it would be far more.
MOST_MEGABYTES = 500


def test_a_script_beside_the_clone_finds_the_package(tmp_path):
    (tmp_path / "sknevo").symlink_to(ROOT, target_is_directory=True)
    script = "import sknevo; print(sknevo.__file__)"
    file = run(sys.executable, script, cwd=tmp_path)
    assert Path(file).samefile(sknevo.__file__)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Return a copy of what git holds, in a folder named as the package."""
    folder = tmp_path_factory.mktemp("beside") / "sknevo"
    subprocess.run(
        ["git", "checkout-index", "--all", f"--prefix={folder}/"], cwd=ROOT, check=True
    )
    return folder


@pytest.fixture(scope="module")
def archives(clone, tmp_path_factory):
    """Return the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("archives")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(clone)], check=True
    )
    (wheel,), (sources,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sources


@pytest.fixture(scope="module")
def pip(tmp_path_factory):
    """Return a function that runs pip in an empty environment, and its Python."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    outside = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    env = {k: v for k, v in os.environ.items() if k not in outside}

    def call(*arguments):
        subprocess.run([python, "-m", "pip", *arguments], env=env, check=True)

    call.python, call.env, call.folder = python, env, folder
    return call


def megabytes(folder):
    return sum(file.lstat().st_size for file in folder.rglob("*")) / 1e6


@pytest.mark.slow
def test_the_wheel_suffices_for_tables(archives, pip, tmp_path):
    empty = megabytes(pip.folder)
    pip("install", str(archives[0]))
    pip("check")
    assert run(pip.python, TABLES, cwd=tmp_path, env=pip.env) == "fitted"
    assert megabytes(pip.folder) - empty < MOST_MEGABYTES


@pytest.mark.slow
def test_the_source_distribution_holds_all(archives, pip, tmp_path):
    pip("install", "--force-reinstall", "--no-deps", str(archives[1]))
    script = "from importlib.resources import files; import sknevo; print(*("
    script += "files(sknevo).joinpath(p).is_file() for p in {data!r}))"
    data = SETUP["options.package_data"]["sknevo"].split()
    found = run(pip.python, script.format(data=data), cwd=tmp_path, env=pip.env)
    assert set(found.split()) == {"True"}


@pytest.mark.slow
def test_an_editable_install_works_beside_the_clone(clone, pip):
    pip("install", "--no-deps", "--editable", str(clone))
    script = "import sknevo; print(sknevo.__file__)"
    file = run(pip.python, script, cwd=clone.parent, env=pip.env)
    assert Path(file) == clone / "sknevo" / "__init__.py"
