"""(5) Two towers with a fully connected scorer: a customer and a bundle, whose embedding is the sum of its items'."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from policies.interface import MarketLog, Ranking, all_pairs, spread

WIDTH, HIDDEN, STEPS, BATCH, NEGATIVES, RATE = 16, 32, 300, 256, 4, 0.01


class Towers(nn.Module):
    """Scores customer x bundle; items alone are bundles of one."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(users, WIDTH), nn.Embedding(items + 1, WIDTH, padding_idx=items)
        self.history = nn.Linear(items, WIDTH)
        self.scorer = nn.Sequential(nn.Linear(3 * WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))

    def forward(self, user: torch.Tensor, rates: torch.Tensor, bundle: torch.Tensor) -> torch.Tensor:
        """(n,) logits of customers (n,) with histories (n, I) for bundles (n, K)."""
        tower = self.user(user) + self.history(rates)
        held = self.item(bundle).sum(dim=1)
        return self.scorer(torch.cat([tower, held, tower * held], dim=1))[:, 0]


class TwoTower:
    """Positives are pairs bought in one week, negatives the same customer with pairs at random."""

    name = "two towers"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        ranking = self.rank(log)
        return spread(log, ranking.pairs, ranking.bundles)

    def rank(self, log: MarketLog) -> Ranking:
        model, rates = _train(log)
        pairs = all_pairs(log)
        with torch.no_grad():
            bundles = _score(model, rates, pairs)
            single = np.stack([np.arange(log.shape[1]), np.full(log.shape[1], log.shape[1])], axis=1)
            items = _score(model, rates, single)
        chosen = np.argsort(-np.sort(bundles, axis=0)[-max(1, len(bundles) // 10) :].mean(axis=0), kind="stable")[:30]
        return Ranking(items, pairs[chosen], bundles[:, chosen])


def _score(model: Towers, rates: torch.Tensor, bundles: np.ndarray) -> np.ndarray:
    """(U, n) logits."""
    users = torch.arange(len(rates))
    parts = [model(users, rates, bundle[None, :].expand(len(users), -1)) for bundle in torch.as_tensor(bundles)]
    return torch.stack(parts, dim=1).double().numpy()


def _train(log: MarketLog) -> tuple[Towers, torch.Tensor]:
    torch.manual_seed(log.seed)
    rng = np.random.default_rng(log.seed)
    users, items = log.shape
    model = Towers(users, items)
    rates = torch.as_tensor(log.rates(), dtype=torch.float32)
    weeks, customers = np.nonzero(log.bought.sum(axis=2) >= 1)
    baskets = [np.flatnonzero(log.bought[w, u]) for w, u in zip(weeks, customers, strict=True)]
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=1e-5)
    for _ in range(STEPS):
        chosen = rng.integers(0, len(baskets), BATCH)
        taken = [rng.choice(baskets[b], min(2, len(baskets[b])), replace=False) for b in chosen]
        held = np.array([[*basket, *[items] * (2 - len(basket))] for basket in taken])
        wrong = rng.integers(0, items, (NEGATIVES * BATCH, 2))
        wrong[rng.random(len(wrong)) < np.mean(held[:, 1] == items), 1] = items
        user = torch.as_tensor(customers[chosen])
        everybody = torch.cat([user, user.repeat(NEGATIVES)])
        bundle = torch.as_tensor(np.concatenate([held, wrong]))
        target = torch.cat([torch.ones(BATCH), torch.zeros(NEGATIVES * BATCH)])
        loss = nn.functional.binary_cross_entropy_with_logits(model(everybody, rates[everybody], bundle), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval(), rates
