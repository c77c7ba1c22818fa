"""The project keeps its promises: a light import, clean code, true docs."""

import inspect
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from public_names import public_names

import sknevo
import sknevo.estimators

ROOT = Path(__file__).parents[1]


def run(*args):
    """Run a fresh Python at the root of the project and return what it prints."""
    done = subprocess.run(
        [sys.executable, *args], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# A light import ------------------------------------------------------------------


# Processor time does not grow while other processes are busy.
IMPORTS = """
from time import process_time

import sklearn

begin = process_time()
import sknevo

print(process_time() - begin)
"""


def test_import_costs_little_more_than_scikit_learn():
    run("-c", IMPORTS)  # bytecode and disk warm up
    assert float(run("-c", IMPORTS)) <= 0.2


# Clean code ----------------------------------------------------------------------


@pytest.mark.parametrize("args", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_finds_nothing(args):
    # Not from a cache: what is first party depends on files beside the one checked.
    run("-m", "ruff", *args, "--no-cache", ".")


def test_imports_only_point_down():
    run("-c", "from importlinter.cli import lint_imports; exit(lint_imports())")


# True docs -----------------------------------------------------------------------


def has_section(obj, title):
    doc = inspect.getdoc(obj) or ""
    return re.search(rf"^{title}\n-{{{len(title)}}}$", doc, re.MULTILINE) is not None


def parameters(function):
    names = list(inspect.signature(function).parameters)
    return [name for name in names if name not in ("self", "cls", "args", "kwargs")]


def missing_sections(function):
    """Yield the sections that the docstring of a function lacks."""
    if parameters(function) and not has_section(function, "Parameters"):
        yield "Parameters"
    returns = inspect.signature(function).return_annotation
    silent = returns in (None, "None", inspect.Signature.empty)
    if not silent and not any(has_section(function, s) for s in ("Returns", "Yields")):
        yield "Returns"


def missing_class_sections(cls):
    """Yield the sections that the docstring of a class lacks."""
    if issubclass(cls, Exception):
        return
    if parameters(cls) and not has_section(cls, "Parameters"):
        yield "Parameters"
    if hasattr(cls, "fit") and not has_section(cls, "Attributes"):
        yield "Attributes"


def undocumented_methods(cls):
    """Yield our public methods with what their docstrings, or inherited ones, lack."""
    for name, method in inspect.getmembers(cls, inspect.isroutine):
        ours = (getattr(method, "__module__", None) or "").startswith("sknevo")
        owner = getattr(method, "__qualname__", "").rpartition(".")[0]
        if not ours or name.startswith("_") or not owner or owner.startswith("_"):
            continue  # a plain function as an attribute, or a private class
        docs = [getattr(base, name) for base in cls.__mro__ if hasattr(base, name)]
        if not any(inspect.getdoc(doc) for doc in docs):
            yield f"{name}: no docstring"
        elif missing := list(missing_sections(method)):
            yield f"{name}: {missing}"


PUBLIC = {
    path: obj
    for path, obj in public_names().items()
    if inspect.isclass(obj) or inspect.isroutine(obj)  # no plain value
}


def test_all_public_packages_are_checked_for_documentation():
    homes = {name.split(".")[1] for name in PUBLIC}
    assert homes >= {"EvolvedClassifier", "datasets", "displays", "genomes", "metrics"}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name):
    obj = PUBLIC[name]
    doc = inspect.getdoc(obj)
    assert doc, f"{name} has no docstring"
    if inspect.isclass(obj):
        assert not list(missing_class_sections(obj))
        assert not list(undocumented_methods(obj))
    elif inspect.isfunction(obj):
        assert not list(missing_sections(obj))
    if not (inspect.isclass(obj) and issubclass(obj, Exception)):
        assert ">>>" in doc, f"{name} has no example"


def test_estimators_share_what_they_say_of_shared_parameters(monkeypatch):
    path = str(ROOT / "tools" / "shared_docs.py")
    monkeypatch.setattr(sys, "argv", [path, "--check"])
    runpy.run_path(path, run_name="__main__")  # exits if they differ


@pytest.mark.parametrize("name", sknevo.estimators.__all__)
def test_every_parameter_is_described_once_and_no_other(name):
    cls = getattr(sknevo, name)
    section = inspect.getdoc(cls).split("Parameters\n----------\n")[1]
    described = re.findall(r"^(\w+) : ", section.split("\n\n")[0], re.MULTILINE)
    assert sorted(described) == sorted(parameters(cls))


def test_changelog_has_an_unreleased_section():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog


def test_files_that_the_readme_names_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    scripts = re.findall(r"\bpython (\S+\.py)", readme)
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", readme)
    assert scripts, "the README names no script to run"
    assert [path for path in scripts + links if not (ROOT / path).exists()] == []


def test_ci_finds_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(
        r"^<!-- tests -->\n+```\w*\n(.+)\n```\n+<!-- /tests -->$", readme, re.MULTILINE
    )
    assert block is not None
    assert re.fullmatch(r"pip install -e .+ && pytest( -\S+( \w+)?)*", block[1])
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
