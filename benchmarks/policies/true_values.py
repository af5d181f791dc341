"""What showing a pair at a price to a customer truly brings in a simulated market: closed forms of both mechanisms.

Given a visit, with n the price sensitivities of both items times the log discount:

* equation: M = e^n on the baskets that hold the pair. g = (M - 1) P / (1 + (M - 1) P) of the others take it, and the
  groups of both items are drawn anew given the pair: value = g (E[spend | pair] - E[spend]) - discount x redemptions.
* agent: each item's category is looked at with the chance of its urgency. There, with A = 1 + the sum of e^V over the
  other items, the gain of item i over what is done otherwise is logistic around V_i - log A; who has it already needs
  no gain. The pair is taken where both categories are looked at and the two gains (each at most 0) and n add up to
  more than 0. What goes back is the other item of the category, where one was taken: (A - 1) / A, whatever the gain.
  Two items of one category: see `_one_shelf`.

Left out, and small in these markets: budgets of shoppers, planted partners that change an agent's order of choices,
stock, and what several offers to one shopper do to each other. The play-out has all of them.

Letters: `U` customers, `I` items, `P` pairs, `D` discounts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_data.simulator import equation_law as law
from bundleopt_data.simulator.agent_trip import SECOND
from bundleopt_data.simulator.agents import AgentTruth
from bundleopt_data.simulator.equation import EquationTruth
from bundleopt_data.simulator.market import Market
from bundleopt_data.simulator.truth import chance, mean_units

NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True)
class TrueValues:
    """(U, P, D) expected revenue, margin and redemptions of an offer against no offer; money in currency units."""

    revenue: np.ndarray
    margin: np.ndarray
    redemption: np.ndarray


def true_values(market: Market, pairs: np.ndarray, price_cents: np.ndarray) -> TrueValues:
    """Values of (P, 2) pairs at (P, D) prices in cents, for everybody."""
    truth, rows = market.truth, zip(pairs.tolist(), price_cents, strict=True)
    if isinstance(truth, EquationTruth):
        states = truth.chances(market.shelf.week(market.knobs.weeks), slice(0, len(truth.visit)))
        parts = [_equation(market, (truth, states), pair, prices) for pair, prices in rows]
    else:
        assert isinstance(truth, AgentTruth)  # noqa: S101 - there are two mechanisms
        parts = [_agents(market, truth, pair, prices) for pair, prices in rows]
    return TrueValues(*(np.stack([part[place] for part in parts], axis=1) for place in range(3)))


def _money(market: Market) -> np.ndarray:
    """(2, I) price and margin of a unit."""
    price = market.price_cents / 100.0
    return np.stack([price, price - market.catalogue.unit_cost_cents / 100.0])


def _discounts(market: Market, pair: list[int], prices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(D,) money off and -log of the price ratio."""
    shelf = float(market.price_cents[pair].sum())
    return (shelf - prices) / 100.0, -np.log(prices / shelf)


def _equation(
    market: Market, known: tuple[EquationTruth, np.ndarray], pair: list[int], prices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth, states = known
    off, log_ratio = _discounts(market, pair, prices)
    mask = truth.masks(np.array([pair]))[0]
    touched = np.flatnonzero(mask)
    unit = np.append(_money(market) * mean_units(truth.extra), np.zeros((2, 1)), axis=1)
    worth = unit[:, truth.groups[touched]] @ law.STATES.T.astype(float)  # (2, touched, S)
    own, held = states[:, touched], law.holds(mask[touched])
    inside = (own * held).sum(axis=2)
    usual = np.einsum("ugs,kgs->ku", own, worth)
    given = np.einsum("ugs,kgs->kug", own * held, worth) / np.maximum(inside, 1e-300)
    both, brought = inside.prod(axis=1), given.sum(axis=2) - usual
    slope = truth.beta_customer * truth.beta_item[pair].sum()
    raised = np.expm1(slope[:, None] * log_ratio[None, :]) * both[:, None]
    gain = raised / (1 + raised)
    visit = chance(truth.visit)[:, None]
    redemption = (gain + both[:, None] * (1 - gain)) * visit
    value = [brought[kind][:, None] * gain * visit - off[None, :] * redemption for kind in range(2)]
    return value[0], value[1], redemption


def _agents(
    market: Market, truth: AgentTruth, pair: list[int], prices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shelf = market.shelf.week(market.knobs.weeks)
    off, log_ratio = _discounts(market, pair, prices)
    urgency = truth.urgency(shelf)
    visit = truth.visit_chance(urgency)
    utility, units = truth.utility(shelf), mean_units(truth.second_unit(shelf.price_cents))
    money = _money(market) * units
    slope = truth.slope()[:, pair].sum(axis=1)
    push = slope[:, None] * log_ratio[None, :]  # (U, D)
    if truth.category[pair[0]] == truth.category[pair[1]]:
        looked = (urgency[:, truth.category[pair[0]]] * visit)[:, None]
        return _one_shelf(truth, (utility, money, looked), pair, (off, push))
    location, back, earned = [], [], []
    for item in pair:
        mates = truth.members[truth.category[item]]
        mates = mates[(mates >= 0) & (mates != item)]
        odds = np.exp(utility[:, mates])
        around = 1.0 + odds.sum(axis=1)
        location.append(utility[:, item] - np.log(around))
        back.append((odds / around[:, None]) @ money[:, mates].T)
        earned.append(money[:, item])
    looked = urgency[:, truth.category[pair[0]]] * urgency[:, truth.category[pair[1]]] * visit
    first, second = _new_chances(location[0], location[1], push), _new_chances(location[1], location[0], push)
    has = chance(location[0])[:, None] * chance(location[1] + push.T).T
    redemption = looked[:, None] * (has + first)
    value = []
    for kind in range(2):
        gained = first * (earned[0][kind] - back[0][:, kind])[:, None]
        gained += second * (earned[1][kind] - back[1][:, kind])[:, None]
        value.append(looked[:, None] * gained - off[None, :] * redemption)
    return value[0], value[1], redemption


def _one_shelf(
    truth: AgentTruth,
    known: tuple[np.ndarray, np.ndarray, np.ndarray],
    pair: list[int],
    offer: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two items of one category: nobody takes both without the offer, and who has one finds a second worth less.

    With p and q the odds of the two against the best of everything else (A), the gains x, y of both against it have
    P(x < s, y < t) = 1 / (1 + p e^-s + q e^-t).
    """
    (utility, money, looked), (off, push) = known, offer
    mates = truth.members[truth.category[pair[0]]]
    mates = mates[(mates >= 0) & ~np.isin(mates, pair)]
    others = np.exp(utility[:, mates])
    around = 1.0 + others.sum(axis=1)
    first, second = (np.exp(utility[:, item])[:, None] for item in pair)
    p, q = first / around[:, None], second / around[:, None]
    both = np.zeros_like(push)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        s = -push * (1 - node) / 2
        edge = [p * np.exp(-s) / (1 + p * np.exp(-s) + q * np.exp(-t)) ** 2 for t in (np.zeros_like(push), -push - s)]
        both += weight * (edge[0] - edge[1])
    both *= push / 2
    rest = others.sum(axis=1)[:, None]
    add_second, add_first = _second_item(first, second, rest, push), _second_item(second, first, rest, push)
    redemption = looked * (both + add_second + add_first)
    back = (others / around[:, None]) @ money[:, mates].T
    value = []
    for kind in range(2):
        gained = both * (money[kind, pair].sum() - back[:, kind])[:, None]
        gained += add_second * money[kind, pair[1]] + add_first * money[kind, pair[0]]
        value.append(looked * gained - off[None, :] * redemption)
    return value[0], value[1], redemption


def _second_item(taken: np.ndarray, other: np.ndarray, rest: np.ndarray, push: np.ndarray) -> np.ndarray:
    """(U, D) chance that `taken` is the best of the category and `other` beats going without by SECOND less the push.

    All arguments are e^V; Gumbel noise, so that every term is a ratio of sums.
    """
    step = np.exp(SECOND - push)

    def best(beaten: np.ndarray) -> np.ndarray:
        return np.asarray(taken / (taken + rest + beaten))

    share = other / (other + step)
    dear = share * best(other + step)
    cheap = share * best(other / step + 1) + best(other + 1) - best(other / step + 1)
    return np.where(push <= SECOND, dear, cheap)


def _new_chances(location: np.ndarray, other: np.ndarray, push: np.ndarray) -> np.ndarray:
    """(U, D) chance that the item is not taken without the offer and the pair is taken with it.

    The integral over the item's gain g in (-push, 0) of its logistic density times P(min(other gain, 0) > -push - g).
    """
    total = np.zeros_like(push)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        gain = -push * (1 - node) / 2
        z = gain - location[:, None]
        density = 1 / (2 + np.exp(z) + np.exp(-z))
        total += weight * density * chance(other[:, None] + push + gain)
    return total * push / 2
