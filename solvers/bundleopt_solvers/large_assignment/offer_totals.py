"""What a set of whole offers is worth and uses of every rule, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.large_assignment.exact_sums import ExactSums
from bundleopt_solvers.large_assignment.offer_rules import Floats64, OfferRules

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class RuleTable:
    """For each channel and option the rules that it counts in, as lists that can be expanded at once."""

    def __init__(self, rules: OfferRules) -> None:
        self.rules = rules
        self.lists = [self._lists(rules.coefficient[:, channel]) for channel in range(rules.coefficient.shape[1])]

    @staticmethod
    def _lists(table: Floats64) -> tuple[Codes, Codes, Floats64]:
        """Starts (O + 1,) into rows and coefficients, grouped by option."""
        option, row = np.nonzero(table.T)
        starts = np.searchsorted(option, np.arange(table.shape[1] + 1))
        return starts, row, table[row, option]

    def expand(self, option: Codes, channels: Floats) -> tuple[Codes, Codes, Floats64]:
        """Uses of single offers: which offer, which rule, how much; each product is rounded once."""
        offers: list[Codes] = []
        rows: list[Codes] = []
        uses: list[Floats64] = []
        for (starts, row, coefficient), amount in zip(self.lists, channels, strict=True):
            count = starts[option + 1] - starts[option]
            offer = np.repeat(np.arange(len(option)), count)
            at = np.arange(len(offer)) - np.repeat(np.cumsum(count) - count, count) + starts[option][offer]
            offers.append(offer)
            rows.append(row[at])
            uses.append(coefficient[at] * amount[offer].astype(np.float64))
        return np.concatenate(offers), np.concatenate(rows), np.concatenate(uses)

    def dense(self, option: Codes, channels: Floats) -> Floats64:
        """(R, n) uses of a few offers."""
        use = np.zeros((len(self.rules.limit), len(option)))
        for channel, amount in enumerate(channels):
            use += self.rules.coefficient[:, channel][:, option] * amount.astype(np.float64)
        return use


class OfferTotals:
    """Exact value and uses of offers, added a block at a time."""

    def __init__(self, table: RuleTable) -> None:
        self.table = table
        self.offers = 0
        self._value = ExactSums(1)
        self._use = ExactSums(len(table.rules.limit))

    def add(self, option: Codes, value: Floats, channels: Floats) -> None:
        """Add offers: (n,) codes, (n,) money, (C, n) amounts."""
        self.offers += len(option)
        self._value.add(value.astype(np.float64), np.zeros(len(option), dtype=np.int64))
        _, row, use = self.table.expand(option, channels)
        self._use.add(use, row)

    def value(self) -> Fraction:
        """Exact value."""
        return self._value.totals()[0]

    def use(self) -> list[Fraction]:
        """(R,) exact uses."""
        return self._use.totals()
