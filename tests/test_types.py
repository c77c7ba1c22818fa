"""What users write has types: README's snippets and the examples pass two checkers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# What the snippets take for granted.
GIVEN = "from typing import Any\n\nX: Any = 0\ny: Any = 0\nX_new: Any = 0\n\n"
# Each is found: an ignored line that is right is an error, too. mypy does not know
# what scikit-learn's classes lack.
MISTAKES = """
from sknevo import EvolvedPipelineClasifier  # type: ignore
from sknevo import EvolvedPipelineClassifier

EvolvedPipelineClassifier(generation=3)  # pyright: ignore
EvolvedPipelineClassifier(generations="many")  # type: ignore
EvolvedPipelineClassifier().fit([[1]], [1]).best_chromosome_.weather  # type: ignore
EvolvedPipelineClassifier().plots()  # pyright: ignore
"""
CHECKERS = {
    "mypy": ["--config-file", str(ROOT / "pyproject.toml")],
    "basedpyright": ["--level", "error", "--project", str(ROOT / "pyproject.toml")],
}


def check(checker, files):
    """Return what a type checker finds in files, as a user of the package runs it."""
    command = [sys.executable, "-m", checker, *CHECKERS[checker], *map(str, files)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600
    )


@pytest.fixture(scope="module")
def snippets(tmp_path_factory):
    """Write each snippet of the README to a file."""
    folder = tmp_path_factory.mktemp("snippets")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    files = []
    for i, code in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)):
        files.append(folder / f"readme_{i}.py")
        files[-1].write_text(GIVEN + code, encoding="utf-8")
    assert files
    return files


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory):
    """Write what is wrong to a file."""
    file = tmp_path_factory.mktemp("mistakes") / "mistakes.py"
    file.write_text(MISTAKES, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "checker", ["mypy", pytest.param("basedpyright", marks=pytest.mark.slow)]
)
def test_snippets_and_examples_have_types(checker, snippets, mistakes):
    found = check(checker, [*snippets, mistakes, *EXAMPLES])
    assert found.returncode == 0, found.stdout + found.stderr
