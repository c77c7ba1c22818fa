"""What is said of a running fit at one moment, and where it is shown."""

import html
import math
import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from sknevo.extras import is_installed

LEFT = 'style="text-align:left;vertical-align:top"'


@dataclass(frozen=True)
class Sheet:
    """What the table says at one moment.

    Parameters
    ----------
    title : str
        What is going on, and the time.
    share : float
        The part of the time, or of the generations, that is over, from 0 to 1; NaN if
        there is no limit.
    facts : dict of str to str
        Texts by what they are about.
    models : sequence of tuple of str
        Kinds of models, the best first: name, number evaluated, best score, seconds.
    """

    title: str
    share: float
    facts: Mapping[str, str]
    models: Sequence[tuple[str, str, str, str]]

    COLUMNS: ClassVar = ("model", "evaluated", "best score", "seconds")

    def text(self) -> str:
        """Return it as plain text."""
        rows = [f"{name}: {text}" for name, text in self.facts.items()]
        models = [", ".join(row) for row in [self.COLUMNS, *self.models]]
        return "\n".join([self.title, *rows, *(models if self.models else [])])

    def html(self) -> str:
        """Return it as HTML, which takes its colours from the page."""
        rows = [
            _cell("th", name) + _cell("td", text, "colspan=3")
            for name, text in self.facts.items()
        ]
        if self.models:
            rows.append("".join(_cell("th", name) for name in self.COLUMNS))
            rows += ["".join(_cell("td", text) for text in row) for row in self.models]
        caption = f"<strong>{html.escape(self.title)}</strong>"
        if not math.isnan(self.share):
            caption += f'<br><progress value="{self.share:.3f}" max="1"></progress>'
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><caption {LEFT}>{caption}</caption>{body}</table>"


def _cell(tag: str, text: str, more: str = "") -> str:
    return f"<{tag} {LEFT} {more}>{html.escape(text)}</{tag}>"


class Screen(Protocol):
    """Shows a sheet in the place of the one before."""

    def show(self, sheet: Sheet) -> None:
        """Show a sheet."""

    def close(self) -> None:
        """Leave the last sheet where it is."""


class Terminal:
    """A table of rich at the end of what a terminal shows; prints appear above it."""

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            console=console or Console(),
            auto_refresh=False,
            # Errors that go to a file go on going there.
            redirect_stderr=sys.stderr.isatty(),
        )

    def show(self, sheet: Sheet) -> None:
        self._live.start()  # if it has not been started
        self._live.update(_panel(sheet), refresh=True)

    def close(self) -> None:
        self._live.stop()


def _panel(sheet: Sheet) -> Any:
    from rich.box import ROUNDED, SIMPLE_HEAD
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    for name, text in sheet.facts.items():
        facts.add_row(Text(name, style="bold"), Text(text))
    parts: list[Any] = [facts]
    if not math.isnan(sheet.share):
        bar = Table.grid(expand=True)  # which ends the line, as a bar alone does not
        bar.add_row(ProgressBar(total=1.0, completed=sheet.share))
        parts.insert(0, bar)
    if sheet.models:
        models = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in sheet.COLUMNS:
            models.add_column(column, justify="left" if column == "model" else "right")
        for row in sheet.models:
            models.add_row(*map(Text, row))
        parts.append(models)
    return Panel(
        Group(*parts), title=Text(sheet.title), title_align="left", box=ROUNDED
    )


class Notebook:
    """A table of HTML in the output of a cell; it needs no widgets."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, sheet: Sheet) -> None:
        from IPython.display import display

        data = {"text/plain": sheet.text(), "text/html": sheet.html()}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def close(self) -> None:
        """Leave the last sheet where it is."""


def open_screen() -> Screen | None:
    """Return where a table can be kept up to date, None if lines are printed instead.

    Of several fits at a time, in threads or worker processes, none has the screen.
    """
    is_alone = threading.current_thread() is threading.main_thread()
    if not is_alone or multiprocessing.parent_process() is not None:
        return None
    if _in_notebook():
        return Notebook()
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Terminal() if is_terminal and is_installed("rich") else None


def _in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    # What has not been imported yet runs no notebook.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None
