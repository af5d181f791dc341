"""Panels on disk: one uncompressed `.npz` without pickle, beside the tables it was built from.

The prepared folder is keyed by inputs and code, so a panel in it can only be stale if it is damaged; the archive's
checksums notice that, and the panel is built anew.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_data.atomic import writing
from bundleopt_data.dataset import Dataset
from bundleopt_data.panel import ItemAttributes, Panel, WeeklyPrices, WeeklyPromotions
from bundleopt_data.progress import Progress

_PARTS: dict[str, type] = {"items": ItemAttributes, "prices": WeeklyPrices, "promotions": WeeklyPromotions}
_PACKED = frozenset({"promotions.store_display", "promotions.store_mailer"})

_TEXT, _BITS = ":text", ":bits"

Arrays = dict[str, npt.NDArray[Any]]


def load_or_build(dataset: Dataset, *, fit_until: date, max_items: int, progress: Progress) -> Panel:
    """Return the panel from the cache, or build it and put it there."""
    path = dataset.folder / "panels" / f"{fit_until.isoformat()}-{max_items}.npz"
    panel = read_panel(path)
    if panel is None:
        from bundleopt_data import panel_builder

        panel = panel_builder.build(dataset, fit_until=fit_until, max_items=max_items, progress=progress)
        progress("storing the panel", 0.95)
        write_panel(panel, path)
    return panel


def write_panel(panel: Panel, path: Path) -> None:
    """Write a panel whole, or not at all."""
    arrays = dict(_stored(name, array) for name, array in _flatten(panel, "").items())
    with writing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def read_panel(path: Path) -> Panel | None:
    """Read a panel; None where there is none or its checksums do not hold."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        n_items = stored["prices.log_price"].shape[-1]
        arrays = dict(_restored(name, array, n_items) for name, array in stored.items())
        parts = {part: kind(**_fields_of(arrays, part)) for part, kind in _PARTS.items()}
        return Panel(**_fields_of(arrays, ""), **parts)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def _flatten(value: object, prefix: str) -> Arrays:
    arrays: Arrays = {}
    for name, inner in vars(value).items():
        if name in _PARTS:
            arrays |= _flatten(inner, f"{name}.")
        else:
            arrays[prefix + name] = np.asarray(inner)
    return arrays


def _stored(name: str, array: npt.NDArray[Any]) -> tuple[str, npt.NDArray[Any]]:
    """Texts become JSON bytes (no pickle, no fixed width), flags one bit each; the name says so."""
    if array.dtype == object:
        return name + _TEXT, np.frombuffer(json.dumps(array.tolist()).encode("ascii"), dtype=np.uint8)
    if name in _PACKED:
        return name + _BITS, np.packbits(array, axis=-1)
    return name, array


def _restored(name: str, array: npt.NDArray[Any], n_items: int) -> tuple[str, Any]:
    if name.endswith(_TEXT):
        return name.removesuffix(_TEXT), np.array(json.loads(array.tobytes()), dtype=object)
    if name.endswith(_BITS):
        return name.removesuffix(_BITS), np.unpackbits(array, axis=-1, count=n_items)
    return name, array.item() if array.ndim == 0 else array


def _fields_of(arrays: dict[str, Any], part: str) -> dict[str, Any]:
    """Fields of one part, or of the panel itself for ""."""
    return {name.rpartition(".")[2]: array for name, array in arrays.items() if name.rpartition(".")[0] == part}
