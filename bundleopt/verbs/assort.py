"""Chooses which items of a category to list or feature, under substitution, with a proven bound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bundleopt.assortment.preference_file import read_preferences
from bundleopt.assortment.preference_table import PreferenceTable
from bundleopt.assortment.result import AssortResult, assort_result
from bundleopt.assortment.wishes import AssortWishes, build_problem, read_wishes
from bundleopt.session import Progress, open_session
from bundleopt_data import atomic
from bundleopt_data.errors import UsageError, VerificationError

_FILE_ENDINGS = (".csv", ".parquet")


def assort(
    category: str | None = None,
    *,
    preferences: Path | str | None = None,
    out: Path | str | None = None,
    workspace: Path | str | None = None,
    progress: Progress | None = None,
    **wishes: Any,
) -> AssortResult:
    """Choose the items of a category that earn the most together.

    Args:
        category: a category of the workspace's items; the trained network says what customers like.
        preferences: instead, a file of preference weights, see `bundleopt.assortment.preference_file`.
        out: where to write the list, CSV or Parquet; `solve --items` reads it.
        workspace: its folder; None finds it. Not touched where `preferences` are given.
        progress: told (what is being done, share done).
        **wishes: fields of `bundleopt.assortment.wishes.AssortWishes`, and `time_limit`, `gap`, `solver`, `seed`.

    Raises:
        UsageError: a wish cannot be meant. DataRefusedError: the file breaks its contract.
        InfeasiblePlanError: no list keeps the rules; it names the smallest conflict.
        VerificationError: the list failed the independent check; nothing was written.
    """
    wanted = read_wishes(wishes)
    target = _target(out)
    table, substitution = _table(category, preferences, wanted, workspace, progress)
    result = _solved(table, wanted, substitution, progress)
    if target is not None:
        _write(result, target)
        result = replace(result, out=target)
    return result


def _table(
    category: str | None,
    preferences: Path | str | None,
    wishes: AssortWishes,
    workspace: Path | str | None,
    progress: Progress | None,
) -> tuple[PreferenceTable, str]:
    if (category is None) == (preferences is None):
        raise UsageError('choose a category, like --category "YOGURT", or --preferences FILE; one of the two')
    if preferences is not None:
        return read_preferences(Path(preferences)), ""
    from bundleopt.assortment.preference_model import category_preferences

    session = open_session(workspace, progress=progress)
    seed = wishes.settings.seed
    table, check = category_preferences(session, str(category), segments=wishes.segments, seed=seed)
    return table, check.sentence()


def _solved(table: PreferenceTable, wishes: AssortWishes, substitution: str, progress: Progress | None) -> AssortResult:
    from bundleopt_solvers.assortment.checker import check_assortment
    from bundleopt_solvers.assortment.search import solve_assortment

    problem = build_problem(table, wishes)
    plan = solve_assortment(problem, wishes.settings, progress=progress)
    if violations := check_assortment(problem, plan):
        raise VerificationError(violations)
    return assort_result(problem, table, plan, wishes.objective, substitution)


def _target(out: Path | str | None) -> Path | None:
    if out is None:
        return None
    target = Path(out)
    if target.suffix.lower() not in _FILE_ENDINGS:
        raise UsageError(f"{target}: the file must end in .csv or .parquet")
    return target


def _write(result: AssortResult, target: Path) -> None:
    """Write the listed items; texts of a CSV are made harmless for spreadsheets."""
    from bundleopt.rundir.neutral_text import for_csv

    listed = result.items[result.items["listed"]].drop(columns=["listed", "change_if_switched", "sales_if_all_listed"])
    with atomic.writing(target) as temporary:
        if target.suffix.lower() == ".parquet":
            listed.to_parquet(temporary, index=False)
        else:
            safe = listed.assign(**{name: listed[name].map(for_csv) for name in ("item_id", "name", "brand", "tier")})
            safe.to_csv(temporary, index=False, lineterminator="\n")
