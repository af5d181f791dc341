"""The last evaluation of a workspace's model, kept beside its models for the report of every later plan."""

from __future__ import annotations

import json
from typing import Any

from bundleopt.workspace import Workspace
from bundleopt_data import atomic

FILE = "evaluation.json"
FORMAT = 1


def keep(workspace: Workspace, document: dict[str, Any]) -> None:
    """Write the document of an evaluation; it replaces the one before.

    Raises:
        StorageError: it cannot be written.
    """
    text = json.dumps({"format": FORMAT} | document, indent=1) + "\n"
    atomic.write_text(workspace.models / FILE, text)


def read(workspace: Workspace, inputs: dict[str, str]) -> dict[str, Any] | None:
    """Return the last evaluation; None where there is none that can be read, or none on this data.

    Args:
        workspace: whose models were evaluated.
        inputs: sha256 by name, those of the data among them: figures of other data say nothing about this model.
    """
    try:
        document = json.loads((workspace.models / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None
    is_same = all(inputs.get(name) == digest for name, digest in document["inputs"].items())
    return document if is_same else None
