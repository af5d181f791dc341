"""Tables in the terminal; texts of the data are shown as they are, never as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bundleopt.cli.failures import printable

if TYPE_CHECKING:
    from rich.table import Table

NUMBER = "#"


def plain_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> Table:
    """Return a table with light rules; a heading that begins with `#` makes its column right-aligned.

    Cells are escaped: `[red]` in a name is shown as `[red]`, control characters as their codes.
    """
    from rich import box, table
    from rich.markup import escape

    made = table.Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=False)
    for name in head:
        is_number = name.startswith(NUMBER)
        made.add_column(
            name.removeprefix(NUMBER), justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    for row in rows:
        made.add_row(*(escape(printable(cell)) for cell in row))
    return made
