"""Results that the same inputs give again, kept below the workspace's `.cache`, under a hash of those inputs.

A cache file is an uncompressed `.npz`: its checksums notice a flipped bit, and it holds no pickled object.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_data import atomic, digests

Arrays = dict[str, npt.NDArray[Any]]

# Recent ones are asked for again; a forecast of the sample takes a hundred megabytes.
FILES_KEPT = 3


class ArrayCache:
    """Arrays by kind and key, in one folder."""

    def __init__(self, folder: Path) -> None:
        """Keep files in `folder`, which exists."""
        self._folder = folder

    def read(self, kind: str, key: str) -> Arrays | None:
        """Return what was kept; None where there is nothing, or it is damaged."""
        path = self._path(kind, key)
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            path.touch()
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return arrays

    def write(self, kind: str, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep arrays, and drop the oldest files of the kind beyond the last few."""
        with atomic.writing(self._path(kind, key)) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **as_plain(arrays))
        for old in self._oldest(kind):
            old.unlink(missing_ok=True)

    def _oldest(self, kind: str) -> list[Path]:
        files = sorted(self._folder.glob(f"{kind}-*.npz"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return files[FILES_KEPT:]

    def _path(self, kind: str, key: str) -> Path:
        return self._folder / f"{kind}-{key[:24]}.npz"


def as_plain(arrays: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    """Turn arrays of text objects into arrays of fixed-width texts, which need no pickling."""
    return {name: array.astype(str) if array.dtype == object else array for name, array in arrays.items()}


def key_of(*parts: object) -> str:
    """Return one hash of texts, numbers and arrays; arrays count by type, shape and bytes."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            plain = part.astype(str) if part.dtype == object else np.ascontiguousarray(part)
            digest.update(f"{plain.dtype}{plain.shape}".encode())
            digest.update(plain.tobytes())
        else:
            digest.update(f"{type(part).__name__}{part!r}".encode())
        digest.update(b"\0")
    return digest.hexdigest()


@functools.cache
def code_digest(package: str) -> str:
    """Return the hash of a room's source files: what is kept never outlives the code that made it."""
    file = importlib.import_module(package).__file__
    root = Path(str(file)).parent
    return digests.sha256_of_parts(
        f"{path.relative_to(root)}={digests.sha256_of_file(path)}" for path in sorted(root.rglob("*.py"))
    )
