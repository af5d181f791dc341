"""(4) Logistic matrix factorisation: dot product of embeddings and biases (Johnson 2014), a fixed discount."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from policies.interface import MarketLog, Ranking, all_pairs, best_pairs, spread

RANK, STEPS, RATE, DECAY = 12, 250, 0.05, 1e-4
HELD_OUT = 4


class Factorisation:
    """Weekly purchases of a visitor as a binomial with a low-rank logit; the rank is chosen on the last weeks."""

    name = "matrix factorisation"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        ranking = self.rank(log)
        return spread(log, ranking.pairs, ranking.bundles)

    def rank(self, log: MarketLog) -> Ranking:
        earlier = log.until(len(log.bought) - HELD_OUT)
        recent = log.bought[-HELD_OUT:].sum(axis=0)
        losses = [_loss(fit(earlier, rank), recent, log.came[-HELD_OUT:].sum(axis=0)) for rank in (2, RANK)]
        logits = fit(log, (2, RANK)[int(np.argmin(losses))])
        pairs = all_pairs(log)
        scores = logits[:, pairs[:, 0]] + logits[:, pairs[:, 1]]
        top = np.sort(scores, axis=0)[-max(1, len(scores) // 10) :].mean(axis=0)
        chosen = best_pairs(pairs, top)
        return Ranking(logits, chosen, logits[:, chosen[:, 0]] + logits[:, chosen[:, 1]])


def fit(log: MarketLog, rank: int) -> np.ndarray:
    """(U, I) log odds of a purchase given a visit."""
    generator = torch.Generator().manual_seed(log.seed)
    users, items = log.shape
    count = torch.as_tensor(log.bought.sum(axis=0), dtype=torch.float32)
    trips = torch.as_tensor(log.came.sum(axis=0), dtype=torch.float32)[:, None].clamp_min(1.0)
    parts = [0.1 * torch.randn(users, rank, generator=generator), 0.1 * torch.randn(items, rank, generator=generator)]
    parts += [torch.zeros(users, 1), torch.logit((count.sum(0) / trips.sum()).clamp(1e-4, 0.9))]
    parts = [part.requires_grad_() for part in parts]
    optimiser = torch.optim.Adam(parts, lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        logits = parts[0] @ parts[1].T + parts[2] + parts[3]
        loss = -(
            count * torch.nn.functional.logsigmoid(logits)
            + (trips - count).clamp_min(0) * torch.nn.functional.logsigmoid(-logits)
        ).sum()
        loss = loss / trips.sum() + 0.02 * (parts[0].square().mean() + parts[1].square().mean())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return logits.detach().double().numpy()


def _loss(logits: np.ndarray, count: np.ndarray, trips: np.ndarray) -> float:
    chance = 1 / (1 + np.exp(-logits))
    return float(-(count * np.log(chance) + (trips[:, None] - count) * np.log1p(-chance)).sum())
