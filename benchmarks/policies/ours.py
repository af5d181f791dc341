"""(10) bundleopt: the quick model and the default plan, through the front door."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd

from bundleopt.session import open_session
from bundleopt.stages.model import ensure_model
from bundleopt.stages.week import plan_week
from bundleopt.verbs.initialise import initialise
from bundleopt.verbs.solve import solve
from bundleopt_models.forecast import DemandForecast
from policies.interface import SLOTS, MarketLog, Ranking, all_pairs, best_pairs

TIME_LIMIT = 10.0


class BundleOpt:
    """Workspace, training, solve."""

    name = "bundleopt"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        home = log.folder.parent / f"{log.folder.name}-plans"
        shutil.rmtree(home, ignore_errors=True)
        initialise(home, data=str(log.folder))
        found = solve(home, budget=log.budget, slots=SLOTS, time_limit=TIME_LIMIT)
        self.expected = found.document
        return found.offers

    def rank(self, log: MarketLog) -> Ranking | None:  # noqa: ARG002 - see `ranking_of`
        return None


def ranking_of(forecast: DemandForecast, log: MarketLog) -> Ranking:
    """Items by chance, pairs by the chance of both in the joint law of the week, given as the product and gamma."""
    chance, pairs = forecast.probability.astype(np.float64), all_pairs(log)
    gamma = forecast.relations.log_odds(pairs[:, 0], pairs[:, 1])
    both = chance[:, pairs[:, 0]] * chance[:, pairs[:, 1]] / forecast.visit_probability[:, None] * np.exp(gamma)
    chosen = np.argsort(-both.sum(axis=0), kind="stable")[:30]
    return Ranking(chance, pairs[chosen], both[:, chosen])


def forecast_of(home: str) -> DemandForecast:
    """The forecast that a workspace plans with."""
    session = open_session(home)
    return plan_week(session, ensure_model(session)).forecast


__all__ = ["BundleOpt", "best_pairs", "forecast_of", "ranking_of"]
