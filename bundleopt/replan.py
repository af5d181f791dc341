"""Planning again as a published run was planned, with some settings changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

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
    settings = {name: recorded[_SECTION + name] for name in SolveConfig.model_fields if _SECTION + name in recorded}
    settings["week"] = run.document["week"]
    merged = {
        name: [*settings.get(name, ()), *value] if name in ADDED else value for name, value in (changes or {}).items()
    }
    planned = _with(session, settings, source=f"run {run.folder.name}")
    return with_settings(planned, merged) if merged else planned


def with_settings(session: Session, changes: Mapping[str, Any]) -> Session:
    """Return the session with some `[solve]` settings changed, as flags would.

    Raises:
        UsageError: a change is no `[solve]` key, or has a wrong value; the message names it.
    """
    current = session.config.solve.model_dump(mode="json")
    unknown = [name for name in changes if name not in current]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no key of [solve]; there are {', '.join(current)}")
    changed = _with(session, current | dict(changes), source="")
    sources = session.resolved.sources | {("solve", name): f"--{name.replace('_', '-')}" for name in changes}
    return replace(changed, resolved=replace(changed.resolved, sources=sources))


def _with(session: Session, settings: Mapping[str, Any], *, source: str) -> Session:
    try:
        solve = SolveConfig.model_validate(dict(settings))
    except ValidationError as error:
        one = error.errors()[0]
        place = "-".join(str(part) for part in one["loc"][:1]).replace("_", "-")
        message = str(one["msg"]).removeprefix("Value error, ")
        raise UsageError(f"--{place}: {message}" if place else message) from error
    resolved = session.resolved
    sources = resolved.sources | {("solve", name): source for name in settings if source}
    config = resolved.config.model_copy(update={"solve": solve})
    return replace(session, resolved=replace(resolved, config=config, sources=sources))


def changed_inputs(session_inputs: Mapping[str, str], run: SolveResult) -> list[str]:
    """Return the names of the run's inputs, data and model alike, that are not today's."""
    recorded = run.document["inputs"]
    return sorted(name for name, digest in session_inputs.items() if recorded.get(name) != digest)
