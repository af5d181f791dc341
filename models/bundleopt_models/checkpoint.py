"""Model files: safetensors for numbers, JSON for everything else, hashes over both. No pickle.

A folder holds `weights.safetensors` and `model.json`, which records the format, the hash of the feature names and the
SHA-256 of the weights and of itself. safetensors do not notice flipped bits, so hashes are checked at every load.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from bundleopt_data import atomic
from bundleopt_data.errors import ModelArtefactError
from bundleopt_models.features import schema_hash

SCHEMA_VERSION = 1
WEIGHTS, RECORD = "weights.safetensors", "model.json"
RETRAIN = "train it again with: bundleopt train"


def write(folder: Path, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
    """Write a checkpoint folder, whole or not at all.

    Raises:
        StorageError: the folder cannot be written.
    """
    content = safetensors.torch.save({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    body = {
        "schema": SCHEMA_VERSION,
        "features": schema_hash(),
        "tensors_sha256": hashlib.sha256(content).hexdigest(),
        "record": record,
    }
    body["sha256"] = _hash(body)
    with atomic.writing(folder) as temporary:
        temporary.mkdir()
        (temporary / WEIGHTS).write_bytes(content)
        (temporary / RECORD).write_text(json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote.

    Raises:
        ModelArtefactError: a file is missing, of another version, or not what was written.
    """
    try:
        body = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        content = (folder / WEIGHTS).read_bytes()
    except FileNotFoundError as error:
        raise ModelArtefactError(f"{folder} holds no whole model ({error.filename} is missing); {RETRAIN}") from error
    except (OSError, ValueError) as error:
        raise ModelArtefactError(f"{folder / RECORD} cannot be read; {RETRAIN}") from error
    _check(folder, body, content)
    try:
        return safetensors.torch.load(content), body["record"]
    except safetensors.SafetensorError as error:
        raise ModelArtefactError(f"{folder / WEIGHTS} cannot be read; {RETRAIN}") from error


def _check(folder: Path, body: Any, content: bytes) -> None:
    if not isinstance(body, dict) or not {"schema", "features", "tensors_sha256", "record", "sha256"} <= set(body):
        raise ModelArtefactError(f"{folder} is not a model of this program; {RETRAIN}")
    if body["schema"] != SCHEMA_VERSION:
        raise ModelArtefactError(
            f"{folder} has model format {body['schema']!r}, this version reads {SCHEMA_VERSION}; {RETRAIN}"
        )
    if body["features"] != schema_hash():
        raise ModelArtefactError(f"{folder} was trained on other features than this version has; {RETRAIN}")
    is_same = body["tensors_sha256"] == hashlib.sha256(content).hexdigest()
    if not is_same or body["sha256"] != _hash({key: value for key, value in body.items() if key != "sha256"}):
        raise ModelArtefactError(f"{folder} is not what was written: a file was changed or damaged; {RETRAIN}")


def _hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@contextlib.contextmanager
def translating(folder: Path) -> Iterator[None]:
    """Turn the errors of weights that do not fit the network into the product's own."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelArtefactError(f"{folder} does not hold what this version expects; {RETRAIN}") from error
