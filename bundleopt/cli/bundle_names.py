"""Names of bundles in the room that a terminal has for them."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

# Shorter than this a name says nothing any more.
_SHORTEST = 6
_JOIN = " +"


def fit_names(names: Sequence[str], width: int, *, lines: int = 2) -> str:
    """Return the names of a bundle on at most so many lines, long ones cut with an ellipsis, none more than needed.

    Items that share a name are told as what they are, several kinds of it. Lines break between items.

    >>> fit_names(["Milk, 1 gallon", "Bananas"], 30)
    'Milk, 1 gallon + Bananas'
    >>> fit_names(["Cola", "Cola", "Crisps"], 30)
    '2 kinds of Cola + Crisps'
    >>> fit_names(["Milk, 1 gallon, organic", "Bananas"], 20, lines=1)
    'Milk, 1 g… + Bananas'
    """
    texts = [name if count == 1 else f"{count} kinds of {name}" for name, count in Counter(names).items()]
    longest = max(map(len, texts), default=0)
    for cap in range(min(longest, width - len(_JOIN)), _SHORTEST, -1):
        rows = _rows([_cut(text, cap) for text in texts], width)
        if len(rows) <= lines:
            return "\n".join(rows)
    return "\n".join(_rows([_cut(text, _SHORTEST) for text in texts], width))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip(' ,')}…"


def _rows(texts: Sequence[str], width: int) -> list[str]:
    """Lay the names out in lines of at most `width`, a plus at the end of a line that goes on."""
    glued = [text.replace(" ", "\0") for text in texts]
    sentence = f"{_JOIN.replace(' ', chr(0))} ".join(glued)
    rows = textwrap.wrap(sentence, max(width, 1), break_long_words=False, break_on_hyphens=False)
    return [row.replace("\0", " ") for row in rows]
