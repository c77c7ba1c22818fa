"""The site has a page for everything, and its links lead somewhere."""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest
from example_runs import QUICK
from reference import pages
from test_public_surface import GOLDEN

import sknevo
import sknevo.metrics

ROOT = Path(__file__).parents[1]
DOC = ROOT / "doc"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
GENERATED = ("examples", "reference")  # folders of doc/ that the build writes
PAGES = [
    path
    for path in sorted(DOC.rglob("*.md"))
    if path.relative_to(DOC).parts[0] not in GENERATED
]
TEXTS = [*ROOT.glob("*.md"), *(ROOT / "benchmarks").rglob("*.md"), *PAGES]


# The reference -------------------------------------------------------------------


def test_every_public_name_has_a_page():
    surface = json.loads(GOLDEN.read_text(encoding="utf-8"))["names"]
    names = {
        name
        for name, kind in surface.items()
        if re.match(r"(class|function|error|dict)\b", kind) and "(" not in name
    }
    written = pages()
    assert names == set(written) - {"index"}
    assert names <= set(written["index"].split())
    for path in names:
        name = path.rpartition(".")[2]
        assert re.search(rf"^\.\. auto\w+:: {name}$", written[path], re.MULTILINE)


def test_a_new_name_joins_the_reference_by_itself(monkeypatch):
    def new_metric():
        """Return nothing."""

    new_metric.__module__ = "sknevo.metrics"
    exported = [*sknevo.metrics.__all__, "new_metric"]
    monkeypatch.setattr(sknevo.metrics, "__all__", exported)
    monkeypatch.setattr(sknevo.metrics, "new_metric", new_metric, raising=False)
    assert ".. autofunction:: new_metric" in pages()["sknevo.metrics.new_metric"]


def test_pages_have_the_methods_of_sknevo_and_name_those_of_scikit_learn():
    page = pages()["sknevo.EvolvedGAN"]
    assert ".. automethod:: EvolvedGAN.sample" in page
    assert ".. automethod:: EvolvedGAN.get_params" not in page
    assert "``get_params``" in page


# Pages ---------------------------------------------------------------------------


def contents(page):
    """Yield the pages that the tables of contents of a page name."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            if line and not line.startswith(":"):
                name = re.sub(r".*<(.*)>", r"\1", line)
                yield (page.parent / name).relative_to(DOC).as_posix()


def test_every_page_is_in_one_table_of_contents():
    listed = Counter(name for page in PAGES for name in contents(page))
    for folder in GENERATED:
        assert listed.pop(f"{folder}/index") == 1
    written = {page.relative_to(DOC).with_suffix("").as_posix() for page in PAGES}
    assert listed == Counter(written - {"index"})


def test_what_is_included_has_the_marks_between_which_it_is():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for file, options in re.findall(
            r"^```\{include\} (\S+)\n(.*?)^```", text, re.S | re.M
        ):
            included = (page.parent / file).read_text(encoding="utf-8")
            marks = re.findall(r':(?:start-after|end-before): "(.+)"', options)
            assert all(f"\n{mark}\n" in f"\n{included}" for mark in marks), file


def test_the_guide_says_what_each_of_its_pages_is_about():
    guide = DOC / "guide" / "index.md"
    text = guide.read_text(encoding="utf-8")
    described = re.findall(r"^- \[.+?\]\((\w+)\.md\): .+", text, re.MULTILINE)
    assert sorted(f"guide/{name}" for name in described) == sorted(contents(guide))


def slug(heading):
    """Return the anchor that GitHub, and the site, give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path):
    """Return the anchors of a page; what stands in its code is no heading."""
    text = re.sub(
        r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.S | re.M
    )
    return {slug(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# Code of pages -------------------------------------------------------------------


def snippets(page):
    """Return the Python code of a page, parsed."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    return [ast.parse(code) for code in found]


def imported(tree):
    """Return what a snippet imports from sknevo, by name; each must be there."""
    return {
        alias.asname or alias.name: getattr(import_module(node.module), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("sknevo")
        for alias in node.names
    }


def calls(tree):
    """Yield name and keywords of each call, also of those that `partial` makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            is_partial = node.func.id == "partial"
            called = node.args[0] if is_partial else node.func
            yield called.id, [keyword.arg for keyword in node.keywords if keyword.arg]


@pytest.mark.parametrize(
    "page", [page for page in TEXTS if snippets(page)], ids=lambda path: path.stem
)
def test_code_of_pages_has_names_and_parameters_that_exist(page):
    known = {name: getattr(sknevo, name) for name in sknevo.__all__}
    for tree in snippets(page):  # later ones go on from earlier ones
        known |= imported(tree)
        for name, keywords in calls(tree):
            if name in known:
                signature(known[name]).bind_partial(**dict.fromkeys(keywords))


# The gallery ---------------------------------------------------------------------


def test_the_gallery_is_not_small():
    assert len(EXAMPLES) >= 14
    assert {path.stem for path in EXAMPLES} >= QUICK.keys()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_begins_with_a_title(path):
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    title, line = doc.splitlines()[:2]
    assert line == "=" * len(title)


def test_the_guide_links_to_every_example():
    guide = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    linked = re.findall(r"\]\(\.\./\.\./examples/(\w+)\.py\)", guide)
    assert {path.stem for path in EXAMPLES} - {*linked} == set()


# The build -----------------------------------------------------------------------

OFFLINE = """
import socket, sys

def refuse(event, args):
    if event == "socket.connect" and args[0].family != socket.AF_UNIX:
        host = args[1][0]
        if host not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"the site fetches from {host}")

sys.addaudithook(refuse)
"""


@pytest.mark.slow
def test_the_local_cluster_of_the_page_runs(tmp_path):
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    text = (DOC / "clusters.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n([^`]*__main__[^`]*)^```", text, re.MULTILINE)
    script = tmp_path / "local.py"
    script.write_text(code, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip()


@pytest.mark.slow
def test_the_site_builds_without_a_warning_or_a_network(tmp_path):
    pytest.importorskip("sphinx_gallery", reason="the extra doc is not installed")
    (tmp_path / "sitecustomize.py").write_text(OFFLINE)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    folder = ROOT / "build" / "site"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees"), str(DOC), str(folder)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    for example in EXAMPLES:
        page = folder / "examples" / f"{example.stem}.html"
        assert f"sphx_glr_{example.stem}_001" in page.read_text(encoding="utf-8")
