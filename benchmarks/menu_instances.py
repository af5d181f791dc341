"""The menu instances of the solver's figures as campaign problems: one customer for each segment.

`reference_menu` draws the published synthetic instance: segments x bundles x price points with lognormal costs, tastes
in eight dimensions, stock for a twentieth of what all bundles could sell, and a budget of a hundredth of their spend.
The order of the draws is part of its definition, so that everyone measures the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem, Options, Rules
from bundleopt_solvers.segment_totals import segment_sums

Reals = npt.NDArray[np.float64]
POPULATION = 100_000


@dataclass(frozen=True)
class MenuShape:
    """How large an instance is, and its seed."""

    bundles: int = 2000
    segments: int = 20
    points: int = 6
    items: int = 500
    max_bundles: int = 30
    slots: int = 5
    seed: int = 0


def reference_menu(shape: MenuShape) -> CampaignProblem:
    """Draw the instance; prices are rounded to the cent, everything else is as drawn."""
    rng = np.random.default_rng(shape.seed)
    cost = rng.lognormal(1.5, 0.6, shape.items)
    price = cost * (1.25 + rng.beta(2, 4, shape.items))
    contains = np.zeros((shape.bundles, shape.items))
    for bundle, size in enumerate(rng.integers(2, 5, shape.bundles)):
        contains[bundle, rng.choice(shape.items, size, replace=False)] = 1
    discount = np.linspace(0, 0.3, shape.points + 1)[1:]
    redemption, value = _demand(rng, shape, contains, (contains @ price, discount))
    stock = 0.05 * np.einsum("bi,sbd->i", contains, redemption) / shape.points + 50
    spend = redemption * ((contains @ price)[:, None] * discount)
    rules = Rules(
        budget=0.01 * float(spend.mean(-1).sum()),
        min_margin=0.15,
        max_bundles=shape.max_bundles,
        slots=shape.slots,
        stock_slack=stock,
        no_arbitrage=False,
    )
    return _problem(shape, (contains, contains @ price, contains @ cost, discount), (redemption, value), rules)


def _demand(
    rng: np.random.Generator, shape: MenuShape, contains: Reals, prices: tuple[Reals, Reals]
) -> tuple[Reals, Reals]:
    """(S, B, D) redemptions and incremental revenue of showing an option to a whole segment."""
    list_value, discount = prices
    population = rng.dirichlet(np.ones(shape.segments)) * POPULATION
    taste = rng.normal(0, 1, (shape.segments, 8)) @ rng.normal(0, 0.6, (shape.items, 8)).T
    utility = (taste @ contains.T) / contains.sum(1) + rng.normal(-3, 0.5, shape.bundles)
    sensitivity = rng.lognormal(1.6, 0.3, shape.segments)[:, None, None]
    take = 1 / (1 + np.exp(-(utility[:, :, None] + sensitivity * discount)))
    anyway = 0.6 / (1 + np.exp(-(utility - 0.4)))[:, :, None]
    redemption = population[:, None, None] * take
    lost = population[:, None, None] * anyway * list_value[None, :, None]
    return redemption, redemption * (list_value[:, None] * (1 - discount)) - lost


def _problem(
    shape: MenuShape, table: tuple[Reals, Reals, Reals, Reals], demand: tuple[Reals, Reals], rules: Rules
) -> CampaignProblem:
    contains, list_value, cost, discount = table
    redemption, value = (part.reshape(shape.segments, -1).astype(np.float32) for part in demand)
    count = shape.bundles * shape.points
    items = np.full((shape.bundles, 4), -1, np.int32)
    for bundle, row in enumerate(contains):
        inside = np.flatnonzero(row)
        items[bundle, : len(inside)] = inside
    items = np.repeat(items, shape.points, axis=0)
    full = np.repeat(list_value, shape.points)
    off = np.tile(discount, shape.bundles)
    options = Options(
        bundle_ids=np.array([f"bundle{n}" for n in range(shape.bundles)], object),
        item_ids=np.array([f"item{n}" for n in range(shape.items)], object),
        items=items,
        bundle=np.repeat(np.arange(shape.bundles, dtype=np.int32), shape.points),
        price_cents=np.round(full * (1 - off) * 100).astype(np.int64),
        list_value_cents=np.round(full * 100).astype(np.int64),
        unit_spend=full * off,
        unit_margin=full * (1 - off) - np.repeat(cost, shape.points),
    )
    return CampaignProblem(
        customer_ids=np.array([f"segment{n}" for n in range(shape.segments)], object),
        options=options,
        value=value,
        redemption=redemption,
        incremental_margin=np.zeros((shape.segments, count), np.float32),
        units=redemption[:, :, None] * (items >= 0)[None].astype(np.float32),
        segment=np.arange(shape.segments, dtype=np.int32),
        rules=rules,
    )


def sample_menu(bundles: int, *, budget: str = "2000") -> CampaignProblem:
    """The campaign on the sample data with `bundles` candidates, its customers added up to segments."""
    from bundleopt import pipeline
    from bundleopt.session import open_session
    from bundleopt.stages.stopwatch import Stopwatch

    flags = {"budget": budget, "candidates": bundles}
    session = open_session(None, flags=flags, progress=lambda _stage, _share: None)
    return by_segment(pipeline.prepare(session, Stopwatch()).built.problem)


def by_segment(problem: CampaignProblem) -> CampaignProblem:
    """The same campaign with one customer for each segment, who is worth the sum of its members.

    The segment model is the same up to the rounding of float32; rules that count customers are left out.
    """
    segment = problem.segment
    members = np.bincount(segment)
    contact = problem.rules.contact_cost * members[:, None]
    return replace(
        problem,
        customer_ids=np.array([f"segment{n}" for n in range(len(members))], object),
        value=(segment_sums(problem.value, segment) - contact).astype(np.float32),
        segment=np.arange(len(members), dtype=np.int32),
        rules=replace(problem.rules, contact_cost=0.0, parity=(), min_exposure=None, max_exposure=None),
        redemption=segment_sums(problem.redemption, segment).astype(np.float32),
        incremental_margin=segment_sums(problem.incremental_margin, segment).astype(np.float32),
        units=segment_sums(problem.units, segment).astype(np.float32),
    )
