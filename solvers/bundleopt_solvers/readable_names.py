"""Names that every reader of MPS and LP files accepts: no blanks, no operators, unique, not too long."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 100
FORBIDDEN = re.compile(r"[^A-Za-z0-9_.]")


def readable_names(names: Iterable[str]) -> tuple[str, ...]:
    """Make `names` fit for files: other characters become `_`, a letter stands first, twins get a number.

    LP files read `e5` or `3x` as numbers, so a name that begins with a digit, a dot or an e gets `n_` in front.
    """
    used: set[str] = set()
    made = []
    for name in names:
        clean = FORBIDDEN.sub("_", name) or "n_"
        clean = f"n_{clean}" if clean[0] in "0123456789.eE" else clean
        clean = clean[:LONGEST]
        unique, count = clean, 1
        while unique in used:
            count += 1
            unique = f"{clean}_{count}"
        used.add(unique)
        made.append(unique)
    return tuple(made)
