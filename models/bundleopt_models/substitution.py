"""Where the demand of a missing item really goes: stock gaps and exits in the log against what the logit says.

An item that sold every week and then not at all for four weeks or more was not there: an experiment that nobody
planned. For its customers, those who bought it in an earlier window, purchases in the category are counted in the
weeks before the gap and in the gap. Who is counted is decided before both windows, so that no purchase selects itself.
The other customers of the category say what the weeks did to everybody (season, holidays); they too buy the item now
and then, and switch as the item's customers do. With b weekly choices of the item's customers before and d during the
gap, B and D of the others, i and I the item's part of b and B, and k the share that other items keep, both fall by the
same trend:

    d = trend (b - i + k i),   D = trend (B - I + k I)       so that       k = (d (B - I) / D - (b - i)) / (i - d I / D)

Sums over gaps of numerator and denominator give one k; a gap where the others buy the item nearly as often as its
customers says nothing and is left out.

The logit with independence of irrelevant alternatives predicts it from the same weeks before, the item's customers
being one segment: r falls from U / (1 + U) to (U - u) / (1 + U - u), with U = r / (1 - r) and u the item's part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel

BEFORE = 8  # weeks looked at before a gap, and before those the weeks that say who the customers are
LEAST_GAP = 4
LEAST_WEEKLY = 3.0  # purchases a week: at three a week, four weeks without any have a chance of e^-12
LEAST_BUYERS = 5
LEAST_CONTRAST = 0.5  # of the item's choices: what is left of them after those of the other customers


@dataclass(frozen=True)
class SubstitutionCheck:
    """What gaps in the log say of the independence assumption.

    Attributes:
        gaps: gaps and exits that could be measured. observed: share of the missing item's sales that other items of
            its category kept, with its standard error (jackknife over gaps). predicted: the logit's share.
    """

    gaps: int
    observed: float
    standard_error: float
    predicted: float

    def sentence(self) -> str:
        """One line for people."""
        if self.gaps < 2:
            return "Substitution could not be checked: fewer than two items vanished from the log for a month."
        noun = "times" if self.gaps != 1 else "time"
        return (
            f"Checked on {self.gaps} {noun} when an item was missing for {LEAST_GAP} weeks or more: other items of its "
            f"category kept {self.observed:.0%} of its sales (standard error {self.standard_error:.0%}); "
            f"the model's independence assumption says {self.predicted:.0%}."
        )


@dataclass(frozen=True)
class _Gap:
    """An item, the first week without sales, and the weeks of the gap that are looked at."""

    item: int
    begin: int
    weeks: int


def check_substitution(panel: Panel, categories: npt.NDArray[np.int64] | None = None) -> SubstitutionCheck:
    """Measure all gaps of items in `categories` (codes; None means all) and compare with the logit."""
    weekly = np.zeros((len(panel.weeks), panel.n_items))
    np.add.at(weekly, (panel.purchase_week, panel.purchase_item), 1.0)
    wanted = np.ones(panel.n_items, np.bool_) if categories is None else np.isin(panel.items.category, categories)
    measured = [found for gap in _gaps(weekly, wanted) if (found := _measure(panel, gap)) is not None]
    if len(measured) < 2:
        return SubstitutionCheck(len(measured), np.nan, np.nan, np.nan)
    kept, missed, foretold = np.array(measured).T
    observed = kept.sum() / missed.sum()
    left_out = (kept.sum() - kept) / (missed.sum() - missed)
    count = len(measured)
    error = float(np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum()))
    return SubstitutionCheck(count, float(observed), error, float((foretold * missed).sum() / missed.sum()))


def _gaps(weekly: npt.NDArray[np.float64], wanted: npt.NDArray[np.bool_]) -> Iterator[_Gap]:
    """Runs of LEAST_GAP or more weeks without a sale after BEFORE weeks of steady sales."""
    weeks = len(weekly)
    for item in np.flatnonzero(wanted).tolist():
        sold = np.append(np.flatnonzero(weekly[:, item]), weeks)
        for last, following in zip(sold[:-1].tolist(), sold[1:].tolist(), strict=True):
            begin, length = last + 1, following - last - 1
            before = weekly[max(0, begin - BEFORE) : begin, item]
            if length >= LEAST_GAP and begin >= 2 * BEFORE and before.mean() >= LEAST_WEEKLY and before.min() > 0:
                yield _Gap(item, begin, min(length, BEFORE))


def _measure(panel: Panel, gap: _Gap) -> tuple[float, float, float] | None:
    """Weekly choices kept and missed, and the share that the logit says are kept; None where the gap says nothing."""
    week, customer = panel.purchase_week, panel.purchase_customer
    in_category = (panel.items.category == panel.items.category[gap.item])[panel.purchase_item]
    is_item = panel.purchase_item == gap.item
    earlier = (week >= gap.begin - 2 * BEFORE) & (week < gap.begin - BEFORE)
    is_buyer = np.zeros(panel.n_customers, np.bool_)
    is_buyer[customer[earlier & is_item]] = True
    of_buyer = is_buyer[customer]
    before = in_category & (week >= gap.begin - BEFORE) & (week < gap.begin)
    during = in_category & (week >= gap.begin) & (week < gap.begin + gap.weeks)
    choices, others = (before & of_buyer).sum() / BEFORE, (before & ~of_buyer).sum() / BEFORE
    item, of_others = (before & of_buyer & is_item).sum() / BEFORE, (before & ~of_buyer & is_item).sum() / BEFORE
    now, others_now = (during & of_buyer).sum() / gap.weeks, (during & ~of_buyer).sum() / gap.weeks
    if is_buyer.sum() < LEAST_BUYERS or item <= 0 or others_now <= 0:
        return None
    missed = item - now * of_others / others_now
    if missed < LEAST_CONTRAST * item:
        return None
    kept = now * (others - of_others) / others_now - (choices - item)
    occasions = len(
        np.unique(week[before & of_buyer].astype(np.int64) * panel.n_customers + customer[before & of_buyer])
    )
    return float(kept), float(missed), _logit_share(occasions / BEFORE / is_buyer.sum(), float(item / choices))


def _logit_share(rate: float, part: float) -> float:
    """Share of an item's choices that others keep by the logit.

    Args:
        rate: chance of any choice in a week.
        part: the item's part of the choices.
    """
    total = min(rate, 0.999) / (1 - min(rate, 0.999))
    left = total * (1 - part)
    return 1 - (total / (1 + total) - left / (1 + left)) / (total / (1 + total) * part)
