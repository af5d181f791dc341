"""What the rules need to know beyond prices and demand: attributes of items and customers, and an earlier plan."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.config import SolveConfig
from bundleopt.experiment.held_out import holdout_of
from bundleopt.experiment.holdout import Holdout
from bundleopt.rule_texts import ATTRIBUTE_SEPARATOR, parse_lock
from bundleopt.stages.eligibility import Eligibility, read_eligibility
from bundleopt.stages.multi_buy import sold_items
from bundleopt.stages.week import PlannedWeek
from bundleopt_data.errors import InfeasiblePlanError, UsageError

if TYPE_CHECKING:
    from bundleopt.run_registry import Run
    from bundleopt.session import Session

Texts = npt.NDArray[np.object_]
Bundle = tuple[int, ...]
MISSING = ""  # an item or a customer without a value of an attribute belongs to no group of it


@dataclass(frozen=True)
class RuleInputs:
    """Attributes by name, and bundles of an earlier plan with their prices in cents.

    Attributes:
        items: attribute -> (I,) texts. customers: attribute -> (U,) texts; "" where there is none.
        base: bundles of the earlier plan as ascending item codes; those with items that are no longer modelled are only
            counted in `base_size`. base_name: of that run.
        locked: bundles that keep their price. eligibility: what must not be offered.
        holdout: the control group that is shown nothing, None where there is none.
    """

    items: dict[str, Texts] = field(default_factory=dict)
    customers: dict[str, Texts] = field(default_factory=dict)
    base: dict[Bundle, int] = field(default_factory=dict)
    base_size: int = 0
    base_name: str = ""
    locked: dict[Bundle, int] = field(default_factory=dict)
    eligibility: Eligibility = field(default_factory=Eligibility)
    holdout: Holdout | None = None

    def of_customers(self, who: npt.NDArray[np.int64]) -> RuleInputs:
        """The same for the customers `who` (ascending codes), numbered in that order."""
        customers = {name: values[who] for name, values in self.customers.items()}
        return replace(self, customers=customers, eligibility=self.eligibility.of_customers(who))

    def changes_allowed(self, settings: SolveConfig) -> int | None:
        """How many bundles may differ from the earlier plan; None without such a rule."""
        churn = settings.max_churn
        return None if churn is None else int(churn) if churn >= 1 else int(churn * self.base_size)


def load_rule_inputs(session: Session, week: PlannedWeek) -> RuleInputs:
    """Read what the settings ask for; nothing is read that no rule needs.

    Raises:
        UsageError: an attribute, a bundle to lock or the earlier run is unknown.
        InfeasiblePlanError: a locked bundle holds an item that is not modelled.
    """
    settings = session.config.solve
    names = {key.partition(ATTRIBUTE_SEPARATOR)[0] for key in (*settings.caps, *settings.floors)}
    items = {name: _item_attribute(session, week, name) for name in sorted(names)}
    customers = {
        name: _column(session, ("customers", "customer_id", name), week.forecast.customer_ids)
        for name in sorted(settings.fairness)
    }
    codes = {str(item): code for code, item in enumerate(week.campaign.item_ids)}
    run = _base_run(session, settings)
    base = _bundles_of(run) if run is not None else {}
    known = {_codes(ids, codes): cents for ids, cents in base.values() if all(one in codes for one in ids)}
    locked = dict(_locked(text, base, codes) for text in settings.lock)
    name = run.name if run is not None else ""
    eligibility = read_eligibility(session, week)
    return RuleInputs(items, customers, known, len(base), name, locked, eligibility, holdout=holdout_of(week, settings))


def _item_attribute(session: Session, week: PlannedWeek, name: str) -> Texts:
    if name in ("category", "brand", "department"):
        return _texts(getattr(week.campaign, name))
    return _column(session, ("items", "item_id", name), week.campaign.item_ids)


def _column(session: Session, place: tuple[str, str, str], ids: Texts) -> Texts:
    """Values of an extra column, aligned with `ids`; `place` is (table, its key, column)."""
    from bundleopt_data import duck

    table, key, name = place
    with session.dataset.connect() as connection:
        known = []
        if table in session.dataset.tables:
            known = [row[0] for row in connection.execute(f"DESCRIBE {duck.identifier(table)}").fetchall()]
        if name not in known or name == key:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known) or 'none'}"
            raise UsageError(f"the table {table} has no attribute {name!r}{hint}")
        query = f"SELECT {duck.identifier(key)}, {duck.identifier(name)} FROM {duck.identifier(table)}"  # noqa: S608
        values = dict(connection.execute(query).fetchall())
    return _texts([values.get(str(one)) for one in ids])


def _texts(values: Iterable[object]) -> Texts:
    return np.array([MISSING if one is None else str(one) for one in values], dtype=np.object_)


def _base_run(session: Session, settings: SolveConfig) -> Run | None:
    """The earlier run: the one that is named, else the latest where a rule needs one."""
    from bundleopt import run_registry

    needs = settings.max_churn is not None or any(parse_lock(text)[1] is None for text in settings.lock)
    if settings.base is None and not needs:
        return None
    approved = run_registry.last_approved(session.workspace) if settings.base is None else None
    return approved or run_registry.find_run(session.workspace, settings.base)


def _bundles_of(run: Run) -> dict[str, tuple[tuple[str, ...], int]]:
    """Bundle id -> item ids, of a multi-buy as often as it is sold, and price in cents."""
    import pandas as pd

    frame = pd.read_parquet(run.folder / "bundles.parquet")
    rows = zip(frame["bundle_id"], sold_items(frame), frame["price"], strict=True)
    return {str(name): (items, round(price * 100)) for name, items, price in rows}


def _codes(ids: tuple[str, ...], codes: dict[str, int]) -> Bundle:
    return tuple(sorted(codes[one] for one in ids))


def _locked(text: str, base: dict[str, tuple[tuple[str, ...], int]], codes: dict[str, int]) -> tuple[Bundle, int]:
    """Items and price of one bundle to lock: by its id or its items in the earlier plan, or with a price of its own."""
    name, price = parse_lock(text)
    found = base.get(name)
    if found is None:
        ids = tuple(sorted(part.strip() for part in name.split("+")))
        found = next((one for one in base.values() if tuple(sorted(one[0])) == ids), None)
        found = (ids, price) if found is None and price is not None else found
    if found is None:
        near = difflib.get_close_matches(name, base, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; give it a price, like A+B@3.99"
        raise UsageError(f"--lock {text}: the earlier plan has no such bundle{hint}")
    ids, cents = found
    unknown = [one for one in ids if one not in codes]
    if unknown:
        raise InfeasiblePlanError([f"lock {text}"], detail=f"{unknown[0]} is not among the modelled items.")
    return _codes(ids, codes), price if price is not None else cents
