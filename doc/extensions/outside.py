"""Pages link to files outside of doc/, as on GitHub: the site has pages of some."""

import re
from typing import Any

# A path from doc/, and the page of the site.
PAGES = {
    r"\.\./CHANGELOG\.md": "changelog.md",
    r"\.\./CONTRIBUTING\.md": "contributing.md",
    r"\.\./README\.md": "index.md",
    r"\.\./examples/(\w+)\.py": r"examples/\1.rst",
}


def setup(app: Any) -> dict[str, bool]:
    """Rewrite links while Sphinx reads a page."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True}


def rewrite(app: Any, page: str, source: list[str]) -> None:
    """Make links to files outside of doc/ links to their pages."""
    up = "../" * page.count("/")
    for file, target in PAGES.items():
        source[0] = re.sub(rf"\]\({re.escape(up)}{file}", f"]({up}{target}", source[0])
