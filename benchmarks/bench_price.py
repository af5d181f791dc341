"""Is the price response causal? Simulated markets with known truth: mechanism x confounded x seed.

    python benchmarks/bench_price.py                  # prints the table; about 40 s of processor time a market
    python benchmarks/bench_price.py --seeds 300 301 --write BENCHMARKS.md

For every item its own price moves by -30, -20, -10, 10, 20, 30 % in the week after the log, everything else as it is.

    relative WMAPE = sum_i,m |truth_i(0) model_i(m) / model_i(0) - truth_i(m)| / sum_i,m truth_i(m)
    WMAPE          = sum_i,m |model_i(m) - truth_i(m)| / sum_i,m truth_i(m)

with expected units of the week; the first is the price response alone, the second holds the forecast's level as well.
Sign: share of items whose expected units fall strictly from move to move. Seeds below 200 were used for tuning.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tables import markdown_table, write_block

from bundleopt_data.panel import Panel
from bundleopt_data.prepare import prepare
from bundleopt_data.simulator.knobs import MarketKind, MarketKnobs
from bundleopt_data.simulator.market import Market, simulate_market
from bundleopt_models.model import DemandModel, train_model
from bundleopt_models.price import MEASURED
from bundleopt_models.settings import TrainSettings

MOVES = np.array([-0.3, -0.2, -0.1, 0.1, 0.2, 0.3])
SIZES = {"customers": 500, "items": 72, "weeks": 60}
SEEDS = (200, 201)


@dataclass(frozen=True)
class Row:
    """One market: errors with and without the price step, sign, relations found."""

    kind: str
    confounded: bool
    seed: int
    relative: float
    network_alone: float
    total: float
    sign: float
    complements: tuple[int, int, int]
    substitutes: tuple[int, int, int]
    seconds: float


def expected_units(model: DemandModel, panel: Panel, market: Market, move: float) -> np.ndarray:
    """(I,) units at the shelf prices times 1 + move. The network's items answer to their own prices alone."""
    shelf = (np.log(market.price_cents / 100.0) + np.log1p(move)).astype(np.float32)
    nothing = np.zeros(panel.n_items, np.float32)
    grid, _ = model.weekly_grid(panel, panel.n_weeks, log_price=shelf, display=nothing, mailer=nothing)
    position = torch.from_numpy((shelf - panel.prices.next_log_reference).astype(np.float32))
    factor = model.network.price.units_factor(model.view(panel).catalogue.item, position).numpy()
    return grid.sum(0, dtype=np.float64) * np.maximum(model.facts.units * factor, 1.0)


def measure(model: DemandModel, panel: Panel, market: Market) -> tuple[float, float, float]:
    """Relative WMAPE, WMAPE, share of items with the right sign everywhere."""
    base, truth = market.expected_units(), market.own_price_units(MOVES)
    moves = np.sort(np.append(MOVES, 0.0))
    told = np.stack([expected_units(model, panel, market, move) for move in moves])
    at = told[np.searchsorted(moves, MOVES)]
    relative = base * at / told[np.searchsorted(moves, 0.0)]
    falls = (np.diff(told, axis=0) < 0).all(axis=0).mean()
    return (
        float(np.abs(relative - truth).sum() / truth.sum()),
        float(np.abs(at - truth).sum() / truth.sum()),
        float(falls),
    )


def found_relations(model: DemandModel, market: Market) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(planted ones found, planted, percent right of all found) for complements; the same for substitutes.

    Right: both items hang on one planted chain; for shoppers with needs also an item and the category of its partner
    (a partner makes them look at it), and substitutes inside any category (one is chosen).
    """
    known = model.facts.relations.known()
    listed = list(zip(known.first.tolist(), known.second.tolist(), strict=True))
    pairs = set(listed)
    up = {pair for pair, gamma in zip(listed, known.gamma, strict=True) if gamma > known.background}
    planted, category = market.truth.planted, market.catalogue.category
    chains = {i: {i} for i in range(market.knobs.items)}
    for a, b in zip(planted.first.tolist(), planted.second.tolist(), strict=True):
        joined = chains[a] | chains[b]
        for item in joined:
            chains[item] = joined
    effects = zip(planted.first.tolist(), planted.second.tolist(), planted.effect.tolist(), strict=True)
    told = {(a, b): effect for a, b, effect in effects}
    is_agent = market.kind is MarketKind.AGENT

    def is_right(pair: tuple[int, int], *, complement: bool) -> bool:
        a, b = pair
        if is_agent and not complement:
            return bool(category[a] == category[b])
        if pair in told:
            return (told[pair] > 0) == complement
        if b in chains[a]:
            return True
        near = ((a, m) if a < m else (m, a) for m in np.flatnonzero(category == category[b]).tolist())
        far = ((b, m) if b < m else (m, b) for m in np.flatnonzero(category == category[a]).tolist())
        return is_agent and any(told.get(other, 0) > 0 for other in (*near, *far))

    def count(found: set[tuple[int, int]], *, complement: bool) -> tuple[int, int, int]:
        wanted = {pair for pair, effect in told.items() if (effect > 0) == complement}
        hits = len(wanted & found) if wanted else -1
        right = [is_right(pair, complement=complement) for pair in found]
        return hits, len(wanted), round(100 * np.mean(right)) if right else -1

    return count(up, complement=True), count(pairs - up, complement=False)


def run(kind: str, seed: int, *, confounded: bool) -> Row:
    """Simulate, train, measure."""
    began = time.process_time()
    market = simulate_market(kind, MarketKnobs(**SIZES, confounded=confounded), seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        market.write(folder / "market")
        panel = prepare(folder / "market", cache=folder / "cache").panel(fit_until=market.week)
        model = train_model(panel, TrainSettings(threads=1), folder=folder / "model")
    relative, total, sign = measure(model, panel, market)
    complements, substitutes = found_relations(model, market)
    with torch.no_grad():
        for name in MEASURED:
            getattr(model.network.price, name).zero_()
    alone = measure(model, panel, market)[0]
    seconds = time.process_time() - began
    return Row(kind, confounded, seed, relative, alone, total, sign, complements, substitutes, seconds)


def table(rows: list[Row]) -> str:
    """Markdown."""
    head = (
        "mechanism", "promotions", "seed", "relative WMAPE", "network alone", "twin gap", "WMAPE with level", "sign",
        "complements found", "right", "substitutes found", "right", "CPU s",
    )  # fmt: skip
    twins = {(row.kind, row.seed, row.confounded): row.relative for row in rows}
    lines = []
    for row in rows:
        other = twins.get((row.kind, row.seed, not row.confounded))
        gap = f"{row.relative - other:+.3f}" if row.confounded and other is not None else ""
        lines.append(
            (
                row.kind, "confounded" if row.confounded else "random", row.seed, f"{row.relative:.3f}",
                f"{row.network_alone:.3f}", gap, f"{row.total:.3f}", f"{row.sign:.0%}",
                *_found(row.complements), *_found(row.substitutes), f"{row.seconds:.0f}",
            )
        )  # fmt: skip
    return markdown_table(head, lines, texts=2)


def _found(counts: tuple[int, int, int]) -> tuple[str, str]:
    hits, planted, right = counts
    return (f"{hits} of {planted}" if planted else "-"), (f"{right} %" if right >= 0 else "-")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--kinds", nargs="+", default=list(MarketKind), choices=list(MarketKind))
    parser.add_argument("--write", type=Path, help="Markdown file with the markers of the table 'price'")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for seed in arguments.seeds:
        for kind in arguments.kinds:
            for confounded in (True, False):
                rows.append(run(str(kind), seed, confounded=confounded))
                print(rows[-1], flush=True)
    print(table(rows))
    if arguments.write:
        write_block(arguments.write, "price", table(rows))


if __name__ == "__main__":
    main()
