"""The source of sknevo's own classes, with all that it needs of sknevo and no more."""

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import accumulate
from typing import Any

OWN = "sknevo"
# What a search needs and a script does not: there is no deadline in it.
REPLACED = {
    ("sknevo.deadline", "check_deadline"): "def check_deadline():\n    pass",
    ("sknevo.deadline", "is_training_over"): (
        "def is_training_over(rounds=0):\n    return False"
    ),
}
# A function with all parameters in a line of their own.
_SIGNATURE = re.compile(r"(def \w+)\(\n\s+([^\n]{,60}?),?\n\s*\):")
Name = tuple[str, str]  # of a module, and in it


def is_own(thing: Any) -> bool:
    """Return whether a class or function is sknevo's."""
    return getattr(thing, "__module__", "").partition(".")[0] == OWN


def source_of(things: Iterable[Any]) -> tuple[str, str]:
    """Return the imports and the definitions that own classes and functions need.

    Definitions are in an order in which they can be run, under their own names.
    """
    needed = _Needed()
    for thing in things:
        needed.add((thing.__module__, thing.__qualname__))
    return "\n".join(sorted(needed.imports)), "\n\n\n".join(needed.definitions())


@dataclass(frozen=True)
class _Statement:
    """A statement of a module, as text without all but the first line of docstrings."""

    line: int
    text: str
    # Names that it reads, and those that it makes.
    reads: frozenset[str]
    makes: frozenset[str]


@dataclass(frozen=True)
class _Module:
    """What the names of a module stand for."""

    statements: dict[str, list[_Statement]]
    # By the name that is bound: the statement, and what it is if that is sknevo's.
    imports: dict[str, tuple[str, Name | None]]


@dataclass
class _Needed:
    """Collects definitions, from those that are asked for to all that they need."""

    imports: set[str] = field(default_factory=set)
    found: dict[str, dict[int, _Statement]] = field(default_factory=dict)
    seen: set[Name] = field(default_factory=set)
    replaced: set[Name] = field(default_factory=set)

    def add(self, name: Name) -> None:
        """Take a definition and all that it needs."""
        if name in self.seen:
            return
        self.seen.add(name)
        if name in REPLACED:
            self.replaced.add(name)
            return
        module = _module(name[0])
        if name[1] in module.imports:
            statement, own = module.imports[name[1]]
            if own is None:
                self.imports.add(statement)
            else:
                self.add(own)
            return
        for statement in module.statements.get(name[1], ()):
            for other in sorted(statement.reads):
                self.add((name[0], other))
            # The modules that it needs are here by now: they come before it.
            self.found.setdefault(name[0], {})[statement.line] = statement

    def definitions(self) -> Iterator[str]:
        """Yield the definitions in the order of their modules.

        A name that two modules have gets that of its module at its end.
        """
        yield from (REPLACED[name] for name in sorted(self.replaced))
        modules = self._ordered()
        final: dict[Name, str] = {}
        taken: set[str] = set()
        for module in modules:
            of_module = module.rpartition(".")[2].strip("_")
            for statement in self.found[module].values():
                for name in statement.makes:
                    end = of_module.upper() if name.isupper() else of_module
                    unique = f"{name}_{end}" if name in taken else name
                    final.setdefault((module, name), unique)
            taken |= {new for (where, _), new in final.items() if where == module}
        for module in modules:
            names = self._renamed(module, final)
            for _, statement in sorted(self.found[module].items()):
                yield _with_names(statement.text, names)

    def _renamed(self, module: str, final: dict[Name, str]) -> dict[str, str]:
        """Return other names of what a module makes and imports, where they differ."""
        here = {name: new for (where, name), new in final.items() if where == module}
        for bound, (_, own) in _module(module).imports.items():
            if own in final:
                here[bound] = final[own]
        return {name: new for name, new in here.items() if name != new}

    def _ordered(self) -> list[str]:
        """Return the modules, each after those that it imports."""
        ordered: list[str] = []

        def visit(module: str) -> None:
            for _, own in _module(module).imports.values():
                if own is not None and own[0] in self.found and own[0] not in ordered:
                    visit(own[0])
            if module not in ordered:
                ordered.append(module)

        for module in sorted(self.found):
            visit(module)
        return ordered


def _with_names(text: str, names: dict[str, str]) -> str:
    """Return the text of a statement with other names; attributes stay."""
    for name, new in names.items():
        text = re.sub(rf"(?<![.\w]){name}(?!\w)", new, text)
    return text


@cache
def _module(name: str) -> _Module:
    """Return what the names of a module of sknevo's stand for."""
    text = inspect.getsource(import_module(name))
    statements: dict[str, list[_Statement]] = {}
    imports: dict[str, tuple[str, Name | None]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= _imported(node)
            continue
        makes = _made(node)
        reads = _read(node) - makes
        statement = _Statement(
            node.lineno, _text(node, text), frozenset(reads), frozenset(makes)
        )
        for made in makes:
            statements.setdefault(made, []).append(statement)
    return _Module(statements, imports)


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, Name | None]]:
    found = {}
    for alias in node.names:
        renamed = f" as {alias.asname}" if alias.asname else ""
        bound = alias.asname or alias.name
        if isinstance(node, ast.Import):
            found[bound.partition(".")[0]] = f"import {alias.name}{renamed}", None
            continue
        own = node.module.partition(".")[0] == OWN
        statement = f"from {node.module} import {alias.name}{renamed}"
        found[bound] = statement, (node.module, alias.name) if own else None
    return found


def _made(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module makes."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return {
        one.id
        for target in targets
        if target is not None
        for one in ast.walk(target)
        if isinstance(one, ast.Name)
    }


def _text(node: ast.stmt, text: str) -> str:
    """Return the text of a statement, with first lines of docstrings and no types."""
    lines = text.encode().splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]

    def place(line: int, column: int) -> int:
        return starts[line - 1] + column

    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    edits = sorted(_edits(node, text.encode(), place), reverse=True)
    begin, end = place(first, 0), place(node.end_lineno, node.end_col_offset)
    cut = text.encode()
    for since, until, new in edits:
        cut = cut[:since] + new + cut[until:]
        end += len(new) - (until - since)
    # Without types, the parameters of a function may fit into its first line.
    return _SIGNATURE.sub(r"\1(\2):", cut[begin:end].decode().rstrip())


def _edits(
    node: ast.stmt, text: bytes, place: Callable[[int, int], int]
) -> set[tuple[int, int, bytes]]:
    """Return what is to be replaced: from where, to where, and by what."""
    edits = set()
    for one in ast.walk(node):
        if isinstance(one, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(one):
            said = one.body[0]
            line = ast.get_docstring(one).partition("\n")[0]
            since = place(said.lineno, said.col_offset)
            until = place(said.end_lineno, said.end_col_offset)
            edits.add((since, until, f'"""{line}"""'.encode()))
    # A default is written without spaces once its type is gone.
    defaulted = {a.annotation for a in ast.walk(node) if isinstance(a, ast.arg)}
    for kind in _types(node):
        # What comes before a type belongs to it: a colon or an arrow, with a space.
        since = place(kind.lineno, kind.col_offset)
        colon, arrow = text.rindex(b":", 0, since), text.rfind(b" ->", 0, since)
        until = place(kind.end_lineno, kind.end_col_offset)
        is_default = kind in defaulted and text[until : until + 3] == b" = "
        until, new = (until + 3, b"=") if is_default else (until, b"")
        edits.add((max(colon, arrow), until, new))
    return edits


def _types(node: ast.AST, in_class: bool = False) -> Iterator[ast.expr]:
    """Yield the types that say something to readers alone: no fields of dataclasses."""
    match node:
        case ast.arg(annotation=ast.expr() as kind):
            yield kind
        case ast.FunctionDef(returns=ast.expr() as kind):
            yield kind
        case ast.AnnAssign(value=ast.expr(), annotation=kind) if not in_class:
            yield kind
    for inside in ast.iter_child_nodes(node):
        yield from _types(inside, isinstance(node, ast.ClassDef))


def _read(node: ast.AST) -> set[str]:
    """Return the names that a statement reads when it runs."""
    types = {id(n) for kind in _types(node) for n in ast.walk(kind)}
    names = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {name.id for name in names if id(name) not in types}
