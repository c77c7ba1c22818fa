"""The reference: a page for each public name, written from the public surface."""

import inspect
from collections import defaultdict
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from public_names import public_names

FOLDER = "reference"
COMPUTED = (property, cached_property)
# What is said above the names of each package of sknevo, in this order. Names of other
# packages follow under the name of theirs.
TITLES = {
    "estimators": "Estimators",
    "genomes": "Search spaces",
    "genes": "Genes",
    "evolution": "Strategies",
    "displays": "Pictures",
    "metrics": "Metrics",
    "datasets": "Data sets",
    "image_stream": "Images on disk",
    "callbacks": "Loggers",
    "records": "Records",
    "pretrained": "Pretrained networks",
    "builders": "Files of networks",
    "evaluation": "Journals",
}


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before Sphinx looks for what there is to read."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / FOLDER))
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}


def write(folder: Path) -> None:
    """Write what has changed, and remove what is no longer public."""
    folder.mkdir(exist_ok=True)
    texts = {f"{name}.rst": text for name, text in pages().items()}
    for file in folder.glob("*.rst"):
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the text of each page by its name, that of the index included."""
    names = public_names()
    return {"index": index(names)} | {path: page(path, names[path]) for path in names}


def index(names: dict[str, object]) -> str:
    """Return the page that lists all names."""
    groups: dict[str, list[str]] = defaultdict(list)
    for path, value in names.items():
        groups[package(path, value)].append(path)
    order = [*TITLES, *sorted(groups.keys() - TITLES.keys())]
    text = heading("Reference", "=")
    for group in (group for group in order if group in groups):
        paths = sorted(groups[group], key=lambda path: (path.count("."), path))
        text += heading(TITLES.get(group, group), "-")
        text += directive("autosummary", "", ":nosignatures:", *paths)
        caption = f":caption: {TITLES.get(group, group)}"
        text += directive("toctree", "", ":hidden:", caption, *paths)
    return text


def package(path: str, value: object) -> str:
    """Return the package of sknevo that a name belongs to."""
    where = path if path.count(".") > 1 else str(getattr(value, "__module__", path))
    return where.split(".")[1]


def page(path: str, value: object) -> str:
    """Return the page of one name."""
    module, _, name = path.rpartition(".")
    text = heading(title(path), "=") + directive("currentmodule", module)
    if not inspect.isclass(value):
        kind = "autofunction" if inspect.isroutine(value) else "autodata"
        return text + directive(kind, name) + examples(path)
    kind = "autoexception" if issubclass(value, Exception) else "autoclass"
    text += directive(kind, name)
    ours, theirs = members(value)
    for member in ours:
        computed = isinstance(inspect.getattr_static(value, member), COMPUTED)
        kind = "autoproperty" if computed else "automethod"
        text += directive(kind, f"{name}.{member}")
    if theirs:
        listed = ", ".join(f"``{member}``" for member in theirs)
        text += f"As in all estimators of scikit-learn: {listed}.\n\n"
    return text + examples(path)


def title(path: str) -> str:
    """Return the name, after that of its module where several have the name."""
    *_, package, module, name = ["", *path.split(".")]
    return f"{module}.{name}" if package == "genomes" and module != name else name


def members(cls: type) -> tuple[list[str], list[str]]:
    """Return the public methods and properties of sknevo, and of scikit-learn."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in dir(cls):
        value = inspect.getattr_static(cls, name)
        for wrapped in ("fget", "func", "__func__"):
            value = getattr(value, wrapped, value)
        home = str(getattr(value, "__module__", "")).split(".")[0]
        if inspect.isroutine(value) and not name.startswith("_"):
            found[home].append(name)
    return found["sknevo"], found["sklearn"]


def examples(path: str) -> str:
    """Return the examples of the gallery that use a name."""
    return directive("minigallery", path)


def signature(app: Any, what: str, name: str, obj: Any, *_: Any) -> Any:
    """Return the parameters of a class as Python has them, not those of `__new__`."""
    if what == "class":
        plain = inspect.signature(obj)
        shown = [one.replace(annotation=one.empty) for one in plain.parameters.values()]
        return str(plain.replace(parameters=shown, return_annotation=plain.empty)), None
    return None


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Return a link to a public name that is given without its module."""
    paths = paths_by_name().get(node.get("reftarget"), [])
    if node.get("reftype") != "obj" or len(paths) != 1:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(
        env, node["refdoc"], app.builder, "obj", paths[0], node, content
    )


@cache
def paths_by_name() -> dict[str, list[str]]:
    """Return the paths of each name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in public_names():
        found[path.rpartition(".")[2]].append(path)
    return dict(found)


def heading(title: str, line: str) -> str:
    """Return a title of reStructuredText."""
    return f"{title}\n{line * len(title)}\n\n"


def directive(name: str, argument: str, *lines: str) -> str:
    """Return a directive; options end where a line begins with no colon."""
    options = [line for line in lines if line.startswith(":")]
    content = [line for line in lines if not line.startswith(":")]
    body = [*options, "", *content] if content else options
    indented = "".join(f"   {line}".rstrip() + "\n" for line in body)
    return f".. {name}:: {argument}".rstrip() + f"\n{indented}\n"
