"""(7) REINFORCE (Williams 1992): a policy over items in the state of a customer, rewarded with realised margin.

The state is the customer's own purchase rates. The policy draws a first item, then a second given the first, then a
discount; the reward is the margin that one simulated week in a world fitted on the log (`response.py`) brings,
redeemed or not, less the mean reward so far. The offers are the most likely pairs of the trained policy.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from policies.interface import MarketLog, Ranking, all_pairs, spread
from policies.response import FittedWorld

HIDDEN, STEPS, BATCH, RATE, ENTROPY = 32, 400, 512, 0.01, 0.02
DISCOUNTS = (0.05, 0.1, 0.2, 0.3)


class PolicyNetwork(nn.Module):
    """Log chances of items, partners and discounts."""

    def __init__(self, items: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(items, HIDDEN), nn.Tanh())
        self.first, self.second = nn.Linear(HIDDEN, items), nn.Linear(HIDDEN, items)
        self.partner = nn.Embedding(items, items)
        self.off = nn.Linear(HIDDEN, len(DISCOUNTS))
        nn.init.zeros_(self.partner.weight)

    def forward(self, state: torch.Tensor, first: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log chances (n, I) of the first item, (n, I) of the second given the first, (n, D) of the discount."""
        hidden = self.body(state)
        mask = nn.functional.one_hot(first, self.first.out_features) * -1e9
        return (
            torch.log_softmax(self.first(hidden), 1),
            torch.log_softmax(self.second(hidden) + self.partner(first) + mask, 1),
            torch.log_softmax(self.off(hidden), 1),
        )


class Reinforce:
    """The trained policy's most likely pairs."""

    name = "REINFORCE"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        network, state = _train(log)
        ranking, off = _ranking(log, network, state)
        return spread(log, ranking.pairs, ranking.bundles, discount=off)

    def rank(self, log: MarketLog) -> Ranking:
        return _ranking(log, *_train(log))[0]


def _train(log: MarketLog) -> tuple[PolicyNetwork, torch.Tensor]:
    torch.manual_seed(log.seed)
    rng = np.random.default_rng(log.seed)
    world = FittedWorld.fit(log)
    rates = torch.as_tensor(np.log(log.rates()), dtype=torch.float32)
    state = (rates - rates.mean(0)) / rates.std(0).clamp_min(1e-6)
    network = PolicyNetwork(log.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    mean, scale = 0.0, 1.0
    for step in range(STEPS):
        user = torch.as_tensor(rng.integers(0, len(state), BATCH))
        with torch.no_grad():
            first = torch.distributions.Categorical(logits=network(state[user], user * 0)[0]).sample()
            _, later, offs = network(state[user], first)
            second = torch.distributions.Categorical(logits=later).sample()
            off = torch.distributions.Categorical(logits=offs).sample()
        reward = _reward(world, rng, user.numpy(), first.numpy(), second.numpy(), np.array(DISCOUNTS)[off.numpy()])
        mean = reward.mean() if step == 0 else 0.95 * mean + 0.05 * reward.mean()
        scale = max(float(reward.std()), 1e-3) if step == 0 else 0.95 * scale + 0.05 * max(float(reward.std()), 1e-3)
        logs = network(state[user], first)
        chosen = sum(part.gather(1, code[:, None])[:, 0] for part, code in zip(logs, (first, second, off), strict=True))
        spread_out = -sum((part.exp() * part.clamp_min(-30)).sum(1) for part in logs).mean()
        gain = torch.as_tensor((reward - mean) / scale, dtype=torch.float32)
        loss = -(gain * chosen).mean() - ENTROPY * spread_out
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval(), state


def _reward(
    world: FittedWorld,
    rng: np.random.Generator,
    user: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    off: np.ndarray,
) -> np.ndarray:
    """Margin realised in one simulated week, against the week without the offer."""
    redemption, both, _, _ = world.offer(user, first, second, off)
    uniform, margin = rng.random(len(user)), world.price - world.cost
    given = off * (world.price[first] + world.price[second])
    redeemed, anyway = uniform < redemption, uniform < both
    has_first = rng.random(len(user)) < world.chance[user, first]
    has_second = (rng.random(len(user)) < world.chance[user, second]) & ~has_first
    new = np.where(has_first, 0.0, margin[first]) + np.where(has_second, 0.0, margin[second])
    return np.where(redeemed, np.where(anyway, 0.0, new) - given, 0.0)


def _ranking(log: MarketLog, network: PolicyNetwork, state: torch.Tensor) -> tuple[Ranking, np.ndarray]:
    pairs, users = all_pairs(log), torch.arange(len(state))
    with torch.no_grad():
        begin = network(state, users * 0)
        later = torch.stack([network(state, torch.full_like(users, item))[1] for item in range(log.shape[1])], dim=1)
        scores = begin[0][:, pairs[:, 0]] + later[:, pairs[:, 0], pairs[:, 1]]
        scores = torch.logaddexp(scores, begin[0][:, pairs[:, 1]] + later[:, pairs[:, 1], pairs[:, 0]])
        total = scores.double().exp().sum(0).numpy()
        chosen = np.argsort(-total, kind="stable")[:30]
        usual = np.full(len(chosen), DISCOUNTS[int(begin[2].exp().mean(0).argmax())])
    return Ranking(begin[0].double().numpy(), pairs[chosen], scores[:, chosen].double().numpy()), usual
