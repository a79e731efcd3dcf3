"""Tables on a terminal, and as plain wide text where there is none."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

_WIDE = 200


def make_console() -> Console:
    """Standard output; wide when it is a file or a pipe, so that nothing is folded."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)


def make_table(*columns: str) -> Table:
    """An empty table in the house style: no frame, a line under the head."""
    return Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
