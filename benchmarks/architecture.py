"""Figures of the architecture: size, prose, imports, and the way of one `fit`.

Each path is a checkout; the default is the present one. With two, the first is the tree
before a change and the second the tree after it. The figures of `fit` depend a little
on the versions of Python and scikit-learn: take both trees in one run.

    python benchmarks/architecture.py
    git worktree add /tmp/before f8a88ca
    python benchmarks/architecture.py /tmp/before . --names
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.svm import SVC

ROOT = Path(__file__).resolve().parents[1]

GOALS = {
    "lines outside public docstrings": "<= 13,500",
    "code lines": "<= 9,600",
    "files": "<= 90",
    "comments per 100 code lines": ">= 6",
    "circles of imports": "0",
    "files with time logic": "<= 3",
    "fit: files": "<= 20",
    "fit: depth": "<= 16",
}
DOCUMENTED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

# Every module without an underscore in its path, and those that users import from.
PUBLIC = r"sknevo(\.[a-z]\w*)*"
USED = "datasets|displays|evolution|genes|genomes|metrics|records"
FOR_USERS = rf"sknevo(\.({USED})(\.[a-z]\w*)?)?"

# Moments, as opposed to `perf_counter`, with which a duration is measured.
CLOCKS = {"time", "monotonic"}
# What is known of time when a limit is kept: names, and attributes of other objects.
TIMES = {"cost", "deadline", "max_time", "max_eval_time", "remaining", "time_left"}
TIME_ATTRIBUTES = TIMES | {"seconds"}
ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class Tree:
    """The modules of a checkout, parsed, by their dotted names."""

    def __init__(self, path):
        self.texts, self.modules, self.packages = {}, {}, set()
        for file in sorted((path / "sknevo").rglob("*.py")):
            name = ".".join(file.relative_to(path).with_suffix("").parts)
            if file.name == "__init__.py":
                name = name.removesuffix(".__init__")
                self.packages.add(name)
            self.texts[name] = file.read_text(encoding="utf-8")
            self.modules[name] = ast.parse(self.texts[name])
        public = [name for name in self.modules if re.fullmatch(PUBLIC, name)]
        self.exports = exports(path.resolve(), public)


# Lines -------------------------------------------------------------------------------


def docstring_lines(node):
    """Return the numbers of the lines that a docstring has, empty ones included."""
    if ast.get_docstring(node, clean=False) is None:
        return range(0)
    return range(node.body[0].lineno, node.body[0].end_lineno + 1)


def kinds_of_lines(text, module):
    """Yield what each line is; an empty line of a docstring is empty."""
    documented = [
        n for n in ast.walk(module) if isinstance(n, (ast.Module, *DOCUMENTED))
    ]
    docs = {line for node in documented for line in docstring_lines(node)}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            yield "empty"
        elif number in docs:
            yield "docstring"
        else:
            # A comment beside code is not counted as one.
            yield "comment" if line.lstrip().startswith("#") else "code"


EXPORTS = """
import importlib, json, sys
names = json.loads(sys.argv[1])
modules = {name: importlib.import_module(name) for name in names}
print(json.dumps({n: list(getattr(m, "__all__", [])) for n, m in modules.items()}))
"""


def exports(path, names):
    """Return the `__all__` of modules of a checkout, as they are when imported."""
    command = [sys.executable, "-c", EXPORTS, json.dumps(names)]
    run = subprocess.run(command, cwd=path, check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout)


def public_definitions(tree, pattern):
    """Yield the classes and functions, with their public methods, that are public.

    The `__all__` of a module of a matching name says what is public there. In other
    modules it is what a matching package above them exports.
    """
    is_public = re.compile(pattern).fullmatch
    for name, module in tree.modules.items():
        above = [".".join(name.split(".")[: i + 1]) for i in range(name.count("."))]
        homes = [n for n in above if n in tree.packages and is_public(n)]
        sources = [name] if is_public(name) else homes
        names = set().union(*(tree.exports.get(source, ()) for source in sources))
        for node in module.body:
            if isinstance(node, DOCUMENTED) and node.name in names:
                yield node
                members = node.body if isinstance(node, ast.ClassDef) else []
                for member in members:
                    if isinstance(member, DOCUMENTED) and member.name[0] != "_":
                        yield member


def lines_of_docstrings(nodes):
    return sum(len(docstring_lines(node)) for node in nodes)


def sizes(tree):
    """Return how long the code is and what its lines are."""
    lines = [
        kind
        for name, module in tree.modules.items()
        for kind in kinds_of_lines(tree.texts[name], module)
    ]
    nodes = [node for module in tree.modules.values() for node in ast.walk(module)]
    functions = [n for n in nodes if isinstance(n, DOCUMENTED[1:])]
    # Of several definitions of public this one is nearest to the 17,750 of the review:
    # the `__all__` of every module whose path has no underscore; docstrings of modules
    # do not count. With those of packages alone it would be 18,730.
    public = lines_of_docstrings(public_definitions(tree, PUBLIC))
    for_users = lines_of_docstrings(public_definitions(tree, FOR_USERS))
    everything = lines_of_docstrings(n for n in nodes if isinstance(n, DOCUMENTED))
    return {
        "lines": len(lines),
        "lines outside public docstrings": len(lines) - public,
        "code lines": lines.count("code"),
        "files": len(tree.modules),
        "functions": len(functions),
        "comments per 100 code lines": 100
        * lines.count("comment")
        / lines.count("code"),
        "docstring lines, public": public,
        "docstring lines, internal": everything - public,
        "docstring lines, public for users": for_users,
        "docstring lines, other": everything - for_users,
    }


# Imports -----------------------------------------------------------------------------


def imports(tree):
    """Return what each module imports of the tree, for types and in functions too."""
    graph = {}
    for name, module in tree.modules.items():
        found = set()
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    part = f"{node.module}.{alias.name}"
                    found.add(part if part in tree.modules else node.module)
        graph[name] = found & set(tree.modules) - {name}
    return graph


def reachable(graph, start):
    seen, waiting = set(), [start]
    while waiting:
        new = graph[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def circles(graph):
    """Return the groups of modules that import each other, directly or not."""
    reached = {name: reachable(graph, name) for name in graph}
    groups = {
        tuple(
            other
            for other in graph
            if other in reached[name] and name in reached[other]
        )
        for name in graph
        if name in reached[name]
    }
    return [" ".join(group) for group in sorted(groups)]


def with_one_importer(tree, graph):
    """Return private and top-level modules that one module imports, and no package."""
    found = []
    for name in graph:
        importers = [other for other in graph if name in graph[other]]
        private = "._" in name or name.count(".") == 1
        if private and len(importers) == 1 and importers[0] not in tree.packages:
            found.append(name)
    return found


# Time --------------------------------------------------------------------------------


def reads_clock(node):
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr=attribute)):
            return attribute in CLOCKS
    return False


def calculates_with_time(node):
    """Return whether a calculation or comparison has a part that is known as a time."""
    match node:
        case ast.BinOp() | ast.AugAssign():
            pass
        case ast.Compare(ops=ops) if isinstance(ops[0], ORDER):
            pass
        case _:
            return False
    return any(
        (isinstance(part, ast.Name) and part.id.strip("_") in TIMES)
        or (isinstance(part, ast.Attribute) and part.attr in TIME_ATTRIBUTES)
        for part in ast.walk(node)
    )


def with_time_logic(tree):
    """Return the modules that ask for the present moment or calculate with limits.

    Durations measured by `perf_counter`, and what builders say that a fit costs, are no
    such logic.
    """
    return [
        name
        for name, module in tree.modules.items()
        if any(reads_clock(n) or calculates_with_time(n) for n in ast.walk(module))
    ]


# One fit -----------------------------------------------------------------------------


class Trace:
    """Counts what is called of a package; to be given to `sys.setprofile`."""

    def __init__(self, home):
        self.home, self.functions, self.files = home, set(), set()
        self.changes = self.depth = 0
        self.last = None

    def __call__(self, frame, event, _):
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(self.home):
            return
        if not code.co_name.startswith("<"):  # a comprehension or lambda
            self.functions.add(code)
        self.files.add(code.co_filename)
        self.changes += self.last not in (None, code.co_filename)
        self.last = code.co_filename
        self.depth = max(self.depth, self._depth(frame))

    def _depth(self, frame):
        depth = 0
        while frame is not None:
            depth += frame.f_code.co_filename.startswith(self.home)
            frame = frame.f_back
        return depth


def trace_fit():
    """Print, as JSON, the way of a `fit` of 8 candidates by the sknevo on the path."""
    import sknevo

    warnings.simplefilter("ignore")
    search = sknevo.EvolvedSearchCV(
        SVC(),
        {"C": loguniform(1e-2, 1e3)},
        population_size=4,
        generations=2,
        n_jobs=1,
        random_state=0,
    )
    X, y = load_iris(return_X_y=True)
    trace = Trace(str(Path(sknevo.__file__).parent) + os.sep)
    sys.setprofile(trace)
    try:
        search.fit(X, y)
    finally:
        sys.setprofile(None)
    found = {
        "fit: functions": len(trace.functions),
        "fit: files": len(trace.files),
        "fit: depth": trace.depth,
        "fit: changes of file": trace.changes,
    }
    print(json.dumps(found))


def traced(path):
    """Return the figures of one `fit` by a checkout."""
    command = [sys.executable, __file__, "--trace"]
    environment = os.environ | {"PYTHONPATH": str(path)}
    known = {"env": environment, "cwd": path, "stdout": subprocess.PIPE, "text": True}
    return json.loads(subprocess.run(command, check=True, **known).stdout)


# The table ---------------------------------------------------------------------------


def figures(path):
    """Return the figures of a checkout, and the names behind some of them."""
    tree = Tree(path)
    graph = imports(tree)
    names = {
        "modules with one importer": with_one_importer(tree, graph),
        "circles of imports": circles(graph),
        "files with time logic": with_time_logic(tree),
    }
    counts = {title: len(found) for title, found in names.items()}
    return sizes(tree) | counts | traced(path), names


def shown(figure):
    return f"{figure:.1f}" if isinstance(figure, float) else f"{figure:,}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT], help="checkouts")
    parser.add_argument("--names", action="store_true", help="list what was counted")
    parser.add_argument("--trace", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.trace:
        trace_fit()
        return
    columns = [figures(path.resolve()) for path in options.paths]
    heads = ["before", "now"] if len(columns) == 2 else map(str, options.paths)
    print(f"| | {' | '.join(heads)} | goal |")
    print("|-|" + "-:|" * len(columns) + "-|")
    for title in columns[0][0]:
        cells = " | ".join(shown(counted[title]) for counted, _ in columns)
        print(f"| {title} | {cells} | {GOALS.get(title, '')} |")
    if options.names:
        for title, found in columns[-1][1].items():
            print(f"\n{title}:", *found, sep="\n- ")


if __name__ == "__main__":
    main()
