"""Planning again as a published run was planned, with some settings changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bundleopt.config import SolveConfig
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.session import Session
    from bundleopt.verbs.solve import SolveResult

_SECTION = "solve."
# Changes of these are added to what the run was asked for; changes of all others take its place.
ADDED = frozenset({"include", "exclude", "lock"})


def as_planned(session: Session, run: SolveResult, changes: Mapping[str, Any] | None = None) -> Session:
    """Return the session with the `[solve]` settings and the week of a run, and `changes` on top.

    Raises:
        UsageError: a change is no `[solve]` key or has a wrong value, or the run was made with other settings than
            this version knows.
    """
    recorded = run.document["config"]
    known = SolveConfig.model_fields
    settings = {name: recorded[_SECTION + name] for name in known if _SECTION + name in recorded}
    settings["week"] = run.document["week"]
    for name, value in (changes or {}).items():
        if name not in known:
            raise UsageError(f"{name!r} is no key of [solve]; there are {', '.join(known)}")
        settings[name] = [*settings.get(name, ()), *value] if name in ADDED else value
    try:
        solve = SolveConfig.model_validate(settings)
    except ValueError as error:
        raise UsageError(f"{run.folder.name} cannot be planned again: {error}") from error
    resolved = session.resolved
    sources = resolved.sources | {("solve", name): f"run {run.folder.name}" for name in settings}
    sources |= {("solve", name): f"--{name.replace('_', '-')}" for name in changes or {}}
    config = resolved.config.model_copy(update={"solve": solve})
    return replace(session, resolved=replace(resolved, config=config, sources=sources))


def changed_inputs(session_inputs: Mapping[str, str], run: SolveResult) -> list[str]:
    """Return the names of the run's inputs, data and model alike, that are not today's."""
    recorded = run.document["inputs"]
    return sorted(name for name, digest in session_inputs.items() if recorded.get(name) != digest)
