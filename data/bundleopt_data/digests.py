"""SHA-256 of files: what a plan says it was made from, and how a changed or corrupt artefact is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as lower-case hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_parts(parts: Iterable[str]) -> str:
    """Return one SHA-256 of several texts; each is framed by its length, so no two lists of texts collide."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8")
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()
