"""(8) A contextual bandit: Thompson sampling (Thompson 1933; Agrawal & Goyal 2013) over bundles and discounts.

Arms are pairs at discounts. The margin of an arm for a customer is linear in a few features of the two (chance of
both, of either, price, margin, discount and their products), with a Gaussian posterior. It plays rounds in a world
fitted on the log (`response.py`), sees the margin of the arm it played only, and plans with the posterior mean
after the last round.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from policies.interface import MarketLog, Ranking, all_pairs, best_pairs, spread
from policies.response import FittedWorld

DISCOUNTS = (0.05, 0.1, 0.2, 0.3)
ROUNDS, BATCH, RIDGE, ARMS = 120, 200, 1.0, 120


class ThompsonBandit:
    """Linear Thompson sampling."""

    name = "Thompson bandit"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        pairs, values = _learn(log)
        best = np.maximum(values, 0.0).sum(axis=0).argmax(axis=1)
        mine = np.take_along_axis(values, best[None, :, None], 2)[:, :, 0]
        chosen = np.argsort(-np.maximum(mine, 0.0).sum(axis=0), kind="stable")[:30]
        scores = np.where(mine[:, chosen] > 0, mine[:, chosen], -np.inf)
        return spread(log, pairs[chosen], scores, discount=np.array(DISCOUNTS)[best[chosen]])

    def rank(self, log: MarketLog) -> Ranking:
        pairs, values = _learn(log)
        mine = values.max(axis=2)
        chosen = np.argsort(-mine.sum(axis=0), kind="stable")[:30]
        return Ranking(log.rates(), pairs[chosen], mine[:, chosen])


def _learn(log: MarketLog) -> tuple[np.ndarray, np.ndarray]:
    """The arms' pairs, and (U, P, D) posterior mean margins."""
    rng, world = np.random.default_rng(log.seed), FittedWorld.fit(log)
    everything = all_pairs(log)
    rates, counts = log.rates(), log.pair_counts()
    pairs = best_pairs(everything, counts[everything[:, 0], everything[:, 1]], ARMS)
    offs, size = np.array(DISCOUNTS), len(_features(log, world, rates, np.zeros(1, int), pairs[:1], np.array([0.1]))[0])
    precision, moment = RIDGE * np.eye(size), np.zeros(size)
    for _ in range(ROUNDS):
        weight = rng.multivariate_normal(np.linalg.solve(precision, moment), 0.05 * np.linalg.inv(precision))
        user, tries = rng.integers(0, len(rates), BATCH), 40
        arm, off = rng.integers(0, len(pairs), (BATCH, tries)), rng.integers(0, len(offs), (BATCH, tries))
        who = np.repeat(user, tries)
        shown = _features(log, world, rates, who, pairs[arm.ravel()], offs[off.ravel()])
        pick = (shown @ weight).reshape(BATCH, tries).argmax(axis=1)
        rows = np.arange(BATCH) * tries + pick
        first, second = pairs[arm.ravel()[rows]].T
        reward = _play(world, rng, user, first, second, offs[off.ravel()[rows]])
        played = shown[rows]
        precision += played.T @ played
        moment += played.T @ reward
    mean = np.linalg.solve(precision, moment)
    users = np.arange(len(rates))
    values = np.empty((len(users), len(pairs), len(offs)))
    for number, pair in enumerate(pairs):
        for place, share in enumerate(offs):
            rows = _features(log, world, rates, users, np.tile(pair, (len(users), 1)), np.full(len(users), share))
            values[:, number, place] = rows @ mean
    return pairs, values


def _features(
    log: MarketLog, world: FittedWorld, rates: np.ndarray, user: np.ndarray, pair: np.ndarray, off: np.ndarray
) -> np.ndarray:
    """(n, 8)."""
    x, y = rates[user, pair[:, 0]], rates[user, pair[:, 1]]
    price = world.price[pair].sum(axis=1)
    both, either = x * y / log.visits()[user], x + y
    return np.stack(
        [
            np.ones(len(user)),
            10 * both,
            either,
            off,
            10 * both * off * price,
            10 * both * price,
            either * off,
            price * off,
        ],
        axis=1,
    )


def _play(
    world: FittedWorld,
    rng: np.random.Generator,
    user: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    off: np.ndarray,
) -> np.ndarray:
    redemption, both, _, _ = world.offer(user, first, second, off)
    uniform, margin = rng.random(len(user)), world.price - world.cost
    given = off * (world.price[first] + world.price[second])
    lack = (1 - world.chance[user, first]) * margin[first] + (1 - world.chance[user, second]) * margin[second]
    return np.where(uniform < redemption, np.where(uniform < both, 0.0, lack) - given, 0.0)
