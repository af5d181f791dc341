"""How far a forecast may be off: spreads of its parameters, shocks of a week, and draws from both.

A draw of the parameters moves the log odds (given a visit) of an item by its own, its category's and a common level,
multiplies its price slopes, which stay positive, and moves every log odds ratio by its standard error:

    logit P(i | visit) + a_0 + a_category + a_i,     slope_ui * exp(s_0 + s_category + s_i),     gamma_ij + error * e_ij

all normal, each centred so that its mean effect is none. Shocks belong to the outcome of one week, not to the
parameters: one that all items share, and one of every item beyond what counting purchases explains.
Letters: `N` draws, `I` items, `P` related pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bundleopt_models.forecast import PairRelations

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.integer]

LARGEST_SLOPE_FACTOR = 3.0
"""A price slope is drawn within this factor of its estimate, either way."""


@dataclass(frozen=True)
class Uncertainty:
    """Standard deviations, aligned with a forecast's items; of logs, so 0.1 is about 10 %.

    Attributes:
        level, category_level: (I,) of the item's own log odds, and of what it shares with its category.
        slope, category_slope: (I,) of the log price slope, likewise.
        item_week: (I,) of an item's demand from week to week, beyond the counting of purchases.
        units_square: (I,) mean square of the units of one purchase.
        common_level, common_slope: of what all items share.
        week: of one week's demand for everything, beyond what was forecast.
    """

    level: Floats
    category_level: Floats
    slope: Floats
    category_slope: Floats
    item_week: Floats
    units_square: Floats
    common_level: float
    common_slope: float
    week: float

    def total_level(self) -> npt.NDArray[np.float64]:
        """(I,) standard deviation of an item's level, all three parts."""
        squares = self.level.astype(np.float64) ** 2 + self.category_level.astype(np.float64) ** 2
        return np.sqrt(squares + self.common_level**2)

    def arrays(self) -> dict[str, Floats]:
        """The spreads that are one number an item, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def numbers(self) -> dict[str, float]:
        """The spreads that are one number for all items, by name."""
        return {name: float(value) for name, value in vars(self).items() if not isinstance(value, np.ndarray)}

    @classmethod
    def of(cls, arrays: Mapping[str, Any], numbers: Mapping[str, Any]) -> Uncertainty:
        """Put together what `arrays` and `numbers` took apart."""
        return cls(**arrays, **numbers)

    def aligned(self, codes: Codes) -> Uncertainty:
        """The spreads of other items: `codes` are places in this one's, -1 for an item that has the widest of all."""

        def of(values: Floats) -> Floats:
            widest = values.max(initial=0.0)
            return np.append(values, widest).astype(np.float32)[np.where(codes >= 0, codes, len(values))]

        return self.of({name: of(values) for name, values in self.arrays().items()}, self.numbers())


@dataclass(frozen=True)
class ParameterDraw:
    """One draw: (I,) shift of log odds given a visit, (I,) factor of price slopes, (P,) shift of gammas."""

    level: npt.NDArray[np.float64]
    slope: npt.NDArray[np.float64]
    gamma: npt.NDArray[np.float64]


@dataclass(frozen=True)
class ParameterDraws:
    """N draws of the parameters; the same seed gives the same draws, and the first n of N are those of `n` draws.

    Attributes:
        level, slope: (N, I). gamma: (N, P). See ParameterDraw.
    """

    level: Floats
    slope: Floats
    gamma: Floats

    def __len__(self) -> int:
        """N."""
        return len(self.level)

    def one(self, number: int) -> ParameterDraw:
        """Draw `number`, from 0."""
        return ParameterDraw(*(part[number].astype(np.float64) for part in (self.level, self.slope, self.gamma)))


def draw_parameters(
    uncertainty: Uncertainty, category: Codes, relations: PairRelations, n_draws: int, seed: tuple[int, ...]
) -> ParameterDraws:
    """Draw parameters.

    Args:
        uncertainty: of the forecast.
        category: (I,) category codes of the items.
        relations: the pairs whose gammas are drawn.
        n_draws: N.
        seed: any numbers; draw n depends on them and on n alone.
    """
    draws = [_draw(uncertainty, category, relations, np.random.default_rng([*seed, n])) for n in range(n_draws)]
    items, pairs = len(category), len(relations.first)
    return ParameterDraws(
        level=_stacked([draw.level for draw in draws], items),
        slope=_stacked([draw.slope for draw in draws], items),
        gamma=_stacked([draw.gamma for draw in draws], pairs),
    )


def _stacked(parts: list[npt.NDArray[np.float64]], width: int) -> Floats:
    return np.array(parts, dtype=np.float32).reshape(len(parts), width)


def _draw(
    uncertainty: Uncertainty, category: Codes, relations: PairRelations, random: np.random.Generator
) -> ParameterDraw:
    level = _three_parts(
        uncertainty.level, uncertainty.category_level, uncertainty.common_level, category=category, random=random
    )
    slope = _three_parts(
        uncertainty.slope, uncertainty.category_slope, uncertainty.common_slope, category=category, random=random
    )
    widest = np.log(LARGEST_SLOPE_FACTOR)
    gamma = relations.standard_error * random.standard_normal(len(relations.first))
    return ParameterDraw(level, np.exp(np.clip(slope, -widest, widest)), gamma)


def _three_parts(
    own: Floats, shared: Floats, common: float, *, category: Codes, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(I,) normal values with the given spreads, less half their variance, so that the mean of exp is 1."""
    everyone = random.standard_normal()
    by_category = random.standard_normal(int(category.max(initial=-1)) + 1)[category]
    value = own * random.standard_normal(len(own)) + shared * by_category + common * everyone
    variance = own.astype(np.float64) ** 2 + shared.astype(np.float64) ** 2 + common**2
    return np.asarray(value - variance / 2, dtype=np.float64)


def log_shocks(
    deviation: npt.ArrayLike, random: np.random.Generator, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Log factors whose exp has mean 1; `deviation` broadcasts against `shape`."""
    spread = np.asarray(deviation, dtype=np.float64)
    return np.asarray(spread * random.standard_normal(shape) - spread**2 / 2, dtype=np.float64)


def drawn_relations(relations: PairRelations, draw: ParameterDraw) -> PairRelations:
    """The relations with the gammas of a draw."""
    return replace(relations, gamma=(relations.gamma + draw.gamma).astype(np.float32))
