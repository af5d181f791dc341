"""Draws the control group: customers who are shown nothing, so that what the campaign does can be told from chance.

Customers fall into strata by how often they come and by what they are expected to spend. From each a share is taken,
rounded at random so that the whole adds up: walking through the strata with one random start, stratum s gets
floor(S_s + start) - floor(S_(s-1) + start), S_s the running sum of share x customers. So every customer is held out
with exactly the asked chance. Inside a stratum those with the smallest number go, a hash of seed and customer id: who
is held out in one week is so in the next one too, as far as the strata stay the same, and weeks can be pooled.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

ACTIVITY_STRATA, VALUE_STRATA = 4, 3


@dataclass(frozen=True)
class Holdout:
    """A drawn control group. U customers.

    Attributes:
        held: (U,) shown nothing. stratum: (U,) codes. share: the chance of each customer to be held out.
    """

    held: Flags
    stratum: Codes
    share: float

    @property
    def shown_chance(self) -> float:
        """Chance of a customer to be in the part that may be shown offers."""
        return 1.0 - self.share


def draw_holdout(
    customer_ids: npt.NDArray[np.object_], activity: Values, value: Values, share: float, seed: int
) -> Holdout:
    """Draw the control group.

    Args:
        customer_ids: (U,) texts.
        activity: (U,) chance of a visit in the week.
        value: (U,) expected spend of the week, money.
        share: to hold out, in (0, 1).
        seed: of the draw; the same seed holds out the same customers.
    """
    stratum = strata(activity, value)
    number = hash_numbers(customer_ids, seed)
    start = float(hash_numbers(np.array([""], dtype=object), seed)[0])
    sizes = np.bincount(stratum, minlength=int(stratum.max(initial=-1)) + 1)
    ends = np.floor(np.cumsum(sizes) * share + start).astype(np.int64)
    quota = np.diff(ends, prepend=int(np.floor(start)))
    held = np.zeros(len(customer_ids), dtype=bool)
    for code, count in enumerate(quota.tolist()):
        members = np.flatnonzero(stratum == code)
        held[members[np.argsort(number[members], kind="stable")[:count]]] = True
    return Holdout(held, stratum, share)


def strata(activity: Values, value: Values) -> Codes:
    """(U,) codes: quarters by activity, in each thirds by value; ties go by place, so that sizes are even."""
    quarter = _ranked(activity, ACTIVITY_STRATA)
    code = np.zeros(len(activity), dtype=np.int64)
    for part in range(ACTIVITY_STRATA):
        members = np.flatnonzero(quarter == part)
        code[members] = part * VALUE_STRATA + _ranked(value[members], VALUE_STRATA)
    return code


def hash_numbers(texts: npt.NDArray[np.object_], seed: int) -> Values:
    """(U,) numbers in [0, 1) that depend on the seed and the text alone."""
    digests = (hashlib.sha256(f"{seed}:{text}".encode()).digest() for text in texts)
    return np.array([int.from_bytes(one[:6], "big") / 2**48 for one in digests], dtype=np.float64)


def _ranked(values: Values, parts: int) -> Codes:
    """(n,) number of the part of the sorted values, parts as even as can be."""
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return np.asarray(rank * parts // max(len(values), 1), dtype=np.int64)
