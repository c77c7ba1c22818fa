"""How the site is built: `sphinx-build -W doc FOLDER` at the root of the project."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "doc" / "extensions")]

import sknevo  # noqa: E402

project = "sknevo"
author = "the sknevo developers"
copyright = "the sknevo developers"
version = release = sknevo.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "outside",
    "reference",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["extensions", "examples/*.ipynb", "**/README.*"]

# Pages in Markdown ---------------------------------------------------------------

myst_heading_anchors = 3  # as on GitHub
suppress_warnings = ["myst.header"]  # a page that is included begins with a section

# The reference -------------------------------------------------------------------

# What stands between single backticks is a name; a name that is not ours is code.
default_role = "py:obj"
autodoc_typehints = "none"  # numpydoc shows the types of docstrings
autosummary_generate = False  # extensions/reference.py writes the pages
numpydoc_show_class_members = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

# The gallery ---------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"/\w+\.py$",  # all of them run
    "within_subsection_order": "FileNameSortKey",
    "reset_argv": "gallery.arguments",
    "image_scrapers": ("gallery.written_pictures",),
    "backreferences_dir": "reference/backreferences",
    "doc_module": ("sknevo",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
}

# The looks -----------------------------------------------------------------------

html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme = "pydata_sphinx_theme"
html_title = f"sknevo {release}"
html_theme_options = {
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
}
# Pages without others below them need no list of these.
html_sidebars = {path.stem: [] for path in (ROOT / "doc").glob("*.md")}
html_copy_source = False
html_show_sourcelink = False
