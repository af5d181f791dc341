"""The findings of `check`, kept beside the prepared data: the same data has the same findings."""

from __future__ import annotations

import json
from typing import Any

from bundleopt.session import Session
from bundleopt_data import atomic
from bundleopt_data.errors import DataProblem, DataRefusedError


def cached_findings(session: Session) -> list[dict[str, Any]]:
    """Return every finding as level and sentence, computed once for each prepared data set."""
    data = session.dataset
    path = session.workspace.cache / f"findings-{data.folder.name}.json"
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        found = [{"level": one.level.value, "sentence": one.sentence} for one in data.check().findings]
        atomic.write_text(path, json.dumps(found, ensure_ascii=False))
        return found


def refuse_failed(session: Session) -> None:
    """Refuse data on which no plan can rest.

    Raises:
        DataRefusedError: a finding is FAIL.
    """
    failed = [finding["sentence"] for finding in cached_findings(session) if finding["level"] == "FAIL"]
    if failed:
        raise DataRefusedError([DataProblem("data", "", sentence, 1) for sentence in failed])
