"""(9) A purchase-probability model (logistic regression on own history, price and display) with greedy selection."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from policies.interface import MarketLog, Ranking, all_pairs, best_pairs, spread

WARM_UP, STEPS = 8, 300
DISCOUNTS = (0.1, 0.2, 0.3)


class GreedyPurchase:
    """Chances at the offer's price; the pairs and discounts of the largest expected revenue, greedily."""

    name = "purchase model, greedy"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        pairs = all_pairs(log)
        model = PurchaseModel.fit(log)
        revenue = np.stack([self._revenue(log, model, pairs, off) for off in DISCOUNTS])
        best = revenue.sum(axis=1).argmax(axis=0)
        per_customer = np.take_along_axis(revenue, best[None, None, :], 0)[0]
        chosen = np.argsort(-per_customer.sum(axis=0), kind="stable")[:30]
        return spread(log, pairs[chosen], per_customer[:, chosen], discount=np.array(DISCOUNTS)[best[chosen]])

    def _revenue(self, log: MarketLog, model: PurchaseModel, pairs: np.ndarray, off: float) -> np.ndarray:
        chance = model.chances(np.log(1 - off))
        both = chance[:, pairs[:, 0]] * chance[:, pairs[:, 1]] / log.visits()[:, None]
        return both * log.price_cents[pairs].sum(axis=1) * (1 - off) / 100.0

    def rank(self, log: MarketLog) -> Ranking:
        chance, pairs = PurchaseModel.fit(log).chances(0.0), all_pairs(log)
        both = chance[:, pairs[:, 0]] * chance[:, pairs[:, 1]] / log.visits()[:, None]
        chosen = best_pairs(pairs, both.sum(axis=0))
        return Ranking(chance, chosen, chance[:, chosen[:, 0]] * chance[:, chosen[:, 1]])


class PurchaseModel:
    """P(u buys i in a week) by logistic regression; one slope for prices and an own one for each item, shrunk."""

    def __init__(self, weights: np.ndarray, slopes: np.ndarray, now: np.ndarray) -> None:
        self._weights, self.slopes, self._now = weights, slopes, now

    def chances(self, relative: float) -> np.ndarray:
        """(U, I) in the week after the log, every price moved by the log ratio `relative`, nothing on display."""
        logits = self._now @ self._weights - self.slopes * relative
        return 1 / (1 + np.exp(-logits))

    @classmethod
    def fit(cls, log: MarketLog) -> PurchaseModel:
        """Full-batch Adam over all weeks after the warm-up, on a tenth of the cells without a purchase."""
        rng = np.random.default_rng(log.seed)
        rows, labels, items, prices, shown, weights = [], [], [], [], [], []
        for week in range(WARM_UP, len(log.bought)):
            features, bought = _features(log, week), log.bought[week]
            keep = bought | (rng.random(bought.shape) < 0.1)
            who, item = np.nonzero(keep)
            rows.append(features[who, item])
            labels.append(bought[who, item])
            items.append(item)
            prices.append(log.relative[week, item])
            shown.append(log.shown[week, item])
            weights.append(np.where(bought[who, item], 1.0, 10.0))
        x, y = (torch.as_tensor(np.concatenate(part), dtype=torch.float32) for part in (rows, labels))
        price, display, weight = (
            torch.as_tensor(np.concatenate(part), dtype=torch.float32) for part in (prices, shown, weights)
        )
        code = torch.as_tensor(np.concatenate(items))
        main = torch.zeros(x.shape[1], requires_grad=True)
        slope, own = torch.ones(1, requires_grad=True), torch.zeros(log.shape[1], requires_grad=True)
        promo = torch.zeros(1, requires_grad=True)
        optimiser = torch.optim.Adam([main, slope, own, promo], lr=0.05)
        for _ in range(STEPS):
            logits = x @ main - (slope + own[code]) * price + promo * display
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, weight=weight, reduction="sum")
            loss = loss / weight.sum() + 0.002 * own.square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        slopes = np.maximum((slope + own).detach().double().numpy(), 0.0)
        return cls(main.detach().double().numpy(), slopes, _features(log, len(log.bought)))


def _features(log: MarketLog, week: int) -> np.ndarray:
    """(U, I, 6) of what was known before a week."""
    past, came = log.bought[:week].astype(np.float64), log.came[:week]
    pop = (past.sum(axis=(0, 1)) + 1.0) / (came.sum() + 50.0)
    own = (past.sum(axis=0) + 5.0 * pop * came.mean()) / (week + 5.0)
    late = (past[-6:].sum(axis=0) + pop) / 7.0
    last = past[-1]
    visit = (came.sum(axis=0) + 1.0) / (week + 2.0)
    shape = own.shape
    columns = (
        np.ones(shape), np.log(own), np.log(late), last, np.broadcast_to(np.log(pop), shape),
        np.broadcast_to(np.log(visit)[:, None], shape),
    )  # fmt: skip
    return np.stack(columns, axis=2)
