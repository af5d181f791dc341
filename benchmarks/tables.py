"""Tables that benchmarks write into a Markdown file, each between its own two markers.

    <!-- table: model -->
    ...                       replaced whole by `write_block(path, "model", block)`
    <!-- end of table: model -->

What stands outside the markers is the author's and is never touched. Scripts in this folder import it by name:
`from tables import markdown_table, write_block`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bundleopt_data import atomic

_NAME = re.compile(r"[a-z0-9-]+")


class MarkerError(ValueError):
    """A file does not hold exactly one pair of markers of a name."""

    def __init__(self, name: str, found: str) -> None:
        self.name = name
        super().__init__(f"table {name!r}: {found}; the file needs these two lines once: {markers(name)}")


def markers(name: str) -> tuple[str, str]:
    """The lines before and after a block; names are small letters, digits and hyphens."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"a table's name is small letters, digits and hyphens, not {name!r}")
    return f"<!-- table: {name} -->", f"<!-- end of table: {name} -->"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, texts: int = 1) -> str:
    """A Markdown table; the first `texts` columns are left-aligned, the rest right-aligned numbers.

    Bars in cells are escaped and line breaks become spaces, so that a cell cannot break the table.
    """
    if any(len(row) != len(head) for row in rows):
        raise ValueError("every row needs as many cells as the head")
    rule = ["---" if place < texts else "---:" for place in range(len(head))]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in (head, rule, *rows))


def _cell(value: object) -> str:
    return re.sub(r"\s+", " ", str(value)).strip().replace("|", "\\|")


def with_block(text: str, name: str, block: str) -> str:
    """The text with what stands between the markers of `name` replaced by `block`.

    Raises:
        MarkerError: the markers are missing, doubled or in the wrong order.
    """
    start, end = markers(name)
    if start in block or end in block:
        raise ValueError("a block holds no markers of its own")
    counts = text.count(start), text.count(end)
    if counts != (1, 1):
        raise MarkerError(name, f"found {counts[0]} first and {counts[1]} last markers")
    before, rest = text.split(start)
    if end not in rest:
        raise MarkerError(name, "the last marker stands before the first")
    after = rest.split(end)[1]
    return f"{before}{start}\n\n{block.strip()}\n\n{end}{after}"


def block_of(text: str, name: str) -> str:
    """What stands between the markers of `name`, without the blank lines around it."""
    start, end = markers(name)
    if text.count(start) != 1 or end not in text.split(start)[1]:
        raise MarkerError(name, "not found")
    return text.split(start)[1].split(end, maxsplit=1)[0].strip()


def write_block(path: Path, name: str, block: str) -> None:
    """Replace a block of a file, whole or not at all; writing the same block again changes no byte."""
    atomic.write_text(path, with_block(path.read_text(encoding="utf-8"), name, block))
