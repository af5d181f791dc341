"""Who may be shown what: customers who were contacted often enough, and items for which a customer has a coupon."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.config import SolveConfig
    from bundleopt.session import Session
    from bundleopt.stages.week import PlannedWeek
    from bundleopt_models.offer_values import OptionTable

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def _no_codes() -> Codes:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Eligibility:
    """What must not be offered.

    Attributes:
        resting: codes of customers who are shown nothing.
        customer, item: aligned codes: this customer is offered no bundle with this item.
        barred: codes of items that are in nobody's offers.
        rest_sentence: why customers rest, in words.
    """

    resting: Codes = field(default_factory=_no_codes)
    customer: Codes = field(default_factory=_no_codes)
    item: Codes = field(default_factory=_no_codes)
    barred: Codes = field(default_factory=_no_codes)
    rest_sentence: str = ""

    @property
    def forbids(self) -> bool:
        """Whether anything is forbidden."""
        return bool(len(self.resting) or len(self.customer) or len(self.barred))

    def masked(self, objective: npt.NDArray[np.float32], table: OptionTable) -> npt.NDArray[np.float32]:
        """Return the (U, O) objective with every forbidden offer at a loss that no plan would choose: its list value.

        The engine's bound stays valid, since the plans that it leaves out are those that are not allowed.
        """
        if not self.forbids:
            return objective
        loss = -table.list_value_cents.astype(np.float32) / 100.0
        masked = objective.copy()
        masked[self.resting] = loss
        everywhere = np.isin(table.items, self.barred).any(1)
        masked[:, everywhere] = loss[everywhere]
        for item in np.unique(self.item):
            holders = self.customer[self.item == item]
            holding = np.flatnonzero((table.items == item).any(1))
            masked[np.ix_(holders, holding)] = loss[holding]
        return masked

    def of_customers(self, who: Codes) -> Eligibility:
        """The same for the customers `who` (ascending codes), numbered in that order."""
        resting, held = np.isin(who, self.resting), np.isin(self.customer, who)
        return replace(
            self,
            resting=np.flatnonzero(resting),
            customer=np.searchsorted(who, self.customer[held]),
            item=self.item[held],
        )

    def sentences(self) -> list[str]:
        """Say who is left out, and why."""
        found = [f"{len(self.resting):,} {self.rest_sentence}"] if len(self.resting) else []
        if len(self.customer):
            people = len(np.unique(self.customer))
            found.append(
                f"{people:,} customers have a coupon for an item in the week; they are offered no bundle with it."
            )
        if len(self.barred):
            found.append(f"{len(self.barred):,} items have a coupon for everybody in the week; no bundle holds them.")
        return found

    def frame(self, customer_ids: npt.NDArray[np.object_], item_ids: npt.NDArray[np.object_]) -> pd.DataFrame | None:
        """Return the forbidden pairs for the checker, "" for all items or all customers; None where there is none."""
        import pandas as pd

        if not self.forbids:
            return None
        nobody, nothing = (np.full(len(codes), "", dtype=object) for codes in (self.barred, self.resting))
        people = np.concatenate([customer_ids[self.resting], customer_ids[self.customer], nobody])
        items = np.concatenate([nothing, item_ids[self.item], item_ids[self.barred]])
        return pd.DataFrame({"customer_id": people.astype(str), "item_id": items.astype(str)})


def read_eligibility(session: Session, week: PlannedWeek) -> Eligibility:
    """Read the offers log and the coupons as far as the settings and the data ask for it."""
    settings = session.config.solve
    people = {str(one): code for code, one in enumerate(week.forecast.customer_ids)}
    resting = _resting(session, week, people, settings)
    customer, item, barred = _coupons(session, week, people)
    sentence = (
        f"customers were contacted in {settings.max_contacts} or more of the {settings.contact_weeks} weeks before; "
        "they are shown nothing."
    )
    return Eligibility(resting, customer, item, barred, sentence)


def _resting(session: Session, week: PlannedWeek, people: dict[str, int], settings: SolveConfig) -> Codes:
    if settings.max_contacts is None or "offers_log" not in session.dataset.tables:
        return _no_codes()
    monday = week.campaign.week
    query = """
        SELECT customer_id FROM offers_log WHERE shown_at >= $1::DATE AND shown_at < $2::DATE
        GROUP BY customer_id HAVING count(DISTINCT date_trunc('week', shown_at)) >= $3
    """
    first = monday - timedelta(weeks=settings.contact_weeks)
    with session.dataset.connect() as connection:
        rows = connection.execute(query, [first, monday, settings.max_contacts]).fetchall()
    return np.array(sorted(people[row[0]] for row in rows if row[0] in people), dtype=np.int64)


def _coupons(session: Session, week: PlannedWeek, people: dict[str, int]) -> tuple[Codes, Codes, Codes]:
    """Customers and items of the coupons that run in the week, and the items whose coupon is everybody's."""
    if "held_coupons" not in session.dataset.tables:
        return _no_codes(), _no_codes(), _no_codes()
    items = {str(one): code for code, one in enumerate(week.campaign.item_ids)}
    with session.dataset.connect() as connection:
        rows = connection.execute(_coupon_query(session), [week.campaign.week] * 2).fetchall()
    known = [(customer, items[item]) for customer, item in rows if item in items]
    pairs = sorted({(people[customer], item) for customer, item in known if customer in people})
    coded = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    barred = sorted({item for customer, item in known if customer is None})
    return coded[:, 0], coded[:, 1], np.array(barred, dtype=np.int64)


def _coupon_query(session: Session) -> str:
    """Coupons of the week; a column that is not there limits nothing."""

    def column(name: str) -> str:
        return name if session.dataset.has_column("held_coupons", name) else "NULL"

    first, last = column("valid_from"), column("valid_until")
    return f"""
        SELECT DISTINCT {column("customer_id")}, item_id FROM held_coupons
        WHERE coalesce({first}, '-infinity'::TIMESTAMP) < $1::DATE + INTERVAL 7 DAY
        AND coalesce({last}, 'infinity'::TIMESTAMP) >= $2::DATE
    """  # noqa: S608 - names of the contract
