"""Texts of the data in files that spreadsheet programs open: nothing there may run as a formula."""

from __future__ import annotations

import unicodedata

# What Excel, LibreOffice and Google Sheets take as the start of a formula; the full-width twins count as well.
_STARTERS = frozenset("=+-@\t\r\n|%＝＋－＠")


def for_csv(text: str) -> str:
    """Prefix a text with `'` where a spreadsheet would run it as a formula; the raw text stays in Parquet and JSON."""
    stripped = text.lstrip(" \u00a0\u3000\ufeff\u200b")
    first = stripped[:1]
    is_hostile = bool(first) and (first in _STARTERS or unicodedata.normalize("NFKC", first)[:1] in _STARTERS)
    return "'" + text if is_hostile else text
