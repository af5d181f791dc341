"""Hashed character n-grams of item texts: works for any language and for items that were never seen."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BUCKETS = 4096
SIZES = (3, 4, 5)
LONGEST_TEXT = 120
"""Characters of a text that are read: descriptions are cut, names are not."""


def hashed_ngrams(text: str) -> npt.NDArray[np.int64]:
    """Distinct buckets of the text's character n-grams, words bounded by blanks; ascending."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())[:LONGEST_TEXT]
    padded = f" {plain} "
    grams = {padded[at : at + size] for size in SIZES for at in range(len(padded) - size + 1)}
    return np.array(sorted({zlib.crc32(gram.encode()) % BUCKETS for gram in grams}), dtype=np.int64)


def ngram_bags(texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Compressed rows of the (I, BUCKETS) matrix: row starts (I + 1,), columns, weights of unit length a row."""
    rows = [hashed_ngrams(str(text)) for text in texts]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    columns = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    weights = np.concatenate([np.full(len(row), max(len(row), 1) ** -0.5) for row in rows]) if rows else np.zeros(0)
    return starts, columns.astype(np.int64), weights.astype(np.float32)
