"""Names that a retailer's catalogue should never hold, and that some day it does: one corpus for every output."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

# Control characters are refused at the door (fault 13); these are plain text, and must stay nothing else.
HOSTILE_NAMES = (
    "=cmd|'/C calc'!A0",
    "+1+cmd",
    "-2+3",
    "@SUM(A1:A9)",
    "＝1+1",
    "<script>window.__x = 1</script>",
    "</script><script>window.__x = 1</script>",
    "</title></style><img src=x onerror=window.__x=1>",
    "javascript:window.__x=1",
    "[red]bold[/red] [link=file:///etc/passwd]x[/link]",
    "{{ 7 * 7 }} {% raw %} ${7*7} %n %s",
    '" onmouseover="window.__x=1',
)


def write_hostile_market(market: Path, folder: Path) -> Path:
    """Copy the small market into `folder`, its twelve items under the twelve names."""
    data = Path(shutil.copytree(market, folder))
    with (data / "items.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    for row, name in zip(rows[1:], HOSTILE_NAMES, strict=True):
        row[1] = name
    with (data / "items.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return data
