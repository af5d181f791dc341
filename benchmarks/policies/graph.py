"""(6) A graph network over co-purchases: LightGCN (He et al. 2020) on items, pairs scored by their embeddings.

Edges are weighted by how often two items were bought in one week beyond what their popularity explains; layers
average over neighbours without weights of their own; the embeddings are trained to tell pairs of real baskets from
pairs at random.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from policies.interface import MarketLog, Ranking, all_pairs, best_pairs, spread

WIDTH, LAYERS, STEPS, BATCH, RATE, DECAY = 24, 2, 400, 1024, 0.02, 1e-4


class GraphNetwork:
    """Pair scores from the graph; a customer's score is that of the pair beside what the customer has bought."""

    name = "graph network"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        ranking = self.rank(log)
        return spread(log, ranking.pairs, ranking.bundles)

    def rank(self, log: MarketLog) -> Ranking:
        vectors, bias = _train(log)
        related = vectors @ vectors.T + bias[:, None] + bias[None, :]
        pairs, rates = all_pairs(log), log.rates()
        chosen = best_pairs(pairs, related[pairs[:, 0], pairs[:, 1]])
        taste = (rates / rates.sum(axis=1, keepdims=True)) @ related  # what the graph says of the customer's basket
        own = np.log(rates)
        items = taste + own
        return Ranking(
            items, chosen, items[:, chosen[:, 0]] + items[:, chosen[:, 1]] + related[chosen[:, 0], chosen[:, 1]]
        )


def _train(log: MarketLog) -> tuple[np.ndarray, np.ndarray]:
    torch.manual_seed(log.seed)
    counts, items = log.pair_counts().astype(np.float64), log.shape[1]
    expected = counts.sum(1)[:, None] * counts.sum(1)[None, :] / max(counts.sum(), 1.0)
    edges = np.where(counts > expected, counts, 0.0)
    degree = np.maximum(edges.sum(axis=1), 1e-9)
    graph = torch.as_tensor(edges / np.sqrt(degree[:, None] * degree[None, :]), dtype=torch.float32)
    first, second = np.nonzero(np.triu(counts, 1))
    chance = counts[first, second] / counts[first, second].sum()
    vectors = (0.1 * torch.randn(items, WIDTH)).requires_grad_()
    bias = torch.zeros(items, requires_grad=True)
    optimiser = torch.optim.Adam([vectors, bias], lr=RATE, weight_decay=DECAY)
    rng = np.random.default_rng(log.seed)
    for _ in range(STEPS):
        smooth = _layers(graph, vectors)
        edge = rng.choice(len(first), BATCH, p=chance)
        one, other = torch.as_tensor(first[edge]), torch.as_tensor(second[edge])
        wrong = torch.as_tensor(rng.integers(0, items, BATCH))
        good = (smooth[one] * smooth[other]).sum(1) + bias[other]
        bad = (smooth[one] * smooth[wrong]).sum(1) + bias[wrong]
        loss = -torch.nn.functional.logsigmoid(good - bad).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return _layers(graph, vectors).double().numpy(), bias.detach().double().numpy()


def _layers(graph: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Mean of the layers' embeddings."""
    total, layer = vectors, vectors
    for _ in range(LAYERS):
        layer = graph @ layer
        total = total + layer
    return total / (LAYERS + 1)
