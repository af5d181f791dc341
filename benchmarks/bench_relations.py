"""Complements, substitutes and the joint law on Complete Journey: what is found, and what of it holds on later weeks.

    python benchmarks/bench_relations.py                 trains the quick network to the test weeks, about 6 minutes
    python benchmarks/bench_relations.py --model DIR     with a network that is there
    python benchmarks/bench_relations.py --write         puts the table into BENCHMARKS.md

Relations are fitted on the `--weeks` weeks before the last `--held` ones (default: the test weeks), which say whether
they hold. Pairs are tested that are expected often enough there, a choice that does not look at the outcome.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tables import markdown_table, write_block

from bundleopt.session import Session, open_session
from bundleopt.stages.model import train_settings
from bundleopt.verbs.evaluate import log_span
from bundleopt_data.panel import Panel
from bundleopt_models.model import DemandModel, load_model, train_model
from bundleopt_models.protocol import protocol_dates
from bundleopt_models.relation_gate import CopurchaseGate, HeldRelations, measure_copurchases, measure_holding
from bundleopt_models.relations import RelationSettings, fit_relations

PAGE = Path(__file__).parents[1] / "BENCHMARKS.md"
LEAST_TOLD = (0.5, 1.0, 2.0)
SUREST = 900


def holding_table(held: HeldRelations) -> str:
    """Found, testable and held pairs, complements and substitutes."""
    rows = []
    for name, kind in (("complements", held.is_complement), ("substitutes", ~held.is_complement)):
        order = np.argsort(-held.surprise, kind="stable")
        chosen = [(f"expected {least:g} times there", kind & (held.told >= least)) for least in LEAST_TOLD]
        testable = order[(kind & (held.told >= LEAST_TOLD[0]))[order]]
        chosen.append((f"the {SUREST} surest of the first", testable[:SUREST]))
        for label, pairs in chosen:
            count = len(held.told[pairs])
            figures = (held.share_held(pairs), held.share_by_chance(pairs)) if count else (np.nan, np.nan)
            rows.append((name, int(kind.sum()), label, count, *(f"{figure:.1%}" for figure in figures)))
    head = ("relation", "found", "of these", "pairs", "hold", "would if counts were the truth")
    return markdown_table(head, rows, texts=1)


def gate_table(gate: CopurchaseGate) -> str:
    """Deciles of the visit rate across."""
    joint = gate.ratio / gate.marginal_ratio**2
    rows = [
        ("predicted / observed co-purchases", gate.ratio),
        ("standard error", gate.standard_error),
        ("single purchases", gate.marginal_ratio),
        ("the joint law's part: first / third squared", joint),
    ]
    inside = int((np.abs(gate.ratio - 1.0) <= 0.1).sum()), int((np.abs(joint - 1.0) <= 0.1).sum())
    table = markdown_table(
        ("visit rate", *(f"{rate:.2f}" for rate in gate.visit_rate)),
        [(name, *(f"{value:.2f}" for value in values)) for name, values in rows],
    )
    total = gate.predicted.sum() / gate.observed.sum()
    return (
        f"{table}\n\nAll: {total:.3f}. Within 10 %: {inside[0]} of {len(joint)}; of the joint law's part {inside[1]}."
    )


def measure(panel: Panel, model: DemandModel, fit: range, held: range, *, fast: bool) -> str:
    """Fit on some weeks, test on others; returns the tables."""
    kept: dict[int, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = {}

    def grid(week: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        scored = kept.get(week) or model.weekly_grid(panel, week)
        if week in held:
            kept[week] = scored
        return scored

    relations = fit_relations(panel, fit, grid, RelationSettings.fast() if fast else RelationSettings())
    known = relations.known()
    category = panel.items.category
    across = (category[known.first] != category[known.second]) & (known.gamma > relations.background)
    law = relations.fullness
    about = (
        f"{len(fit)} weeks fitted, {len(held)} held out. Log odds ratio of all pairs {relations.background:.2f}"
        + (f", 1 + {law.spread:.2f} (n b)^-{law.power:.2f} by customer" if law is not None else "")
        + f"; {int(across.sum())} complements across categories."
    )
    gate = measure_copurchases(panel, held, grid, relations)
    return "\n\n".join([about, holding_table(measure_holding(panel, held, grid, relations)), gate_table(gate)])


def network(session: Session, panel: Panel, folder: Path | None, *, fast: bool) -> DemandModel:
    """The network of `folder`, or one trained on the weeks before the test."""
    if folder is not None:
        return load_model(folder)
    test = protocol_dates(*log_span(session))[1]
    with tempfile.TemporaryDirectory() as place:
        settings = replace(train_settings(session, fast=fast), fit_until=test)
        return train_model(panel, settings, folder=Path(place), relate=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a trained network")
    parser.add_argument("--full", action="store_true", help="the full training, and every pair the full relations take")
    parser.add_argument("--weeks", type=int, default=24, help="weeks that gamma is fitted on")
    parser.add_argument("--held", type=int, default=5, help="last weeks of the log, held out")
    parser.add_argument("--write", action="store_true", help="into BENCHMARKS.md")
    asked = parser.parse_args()
    began = time.process_time()
    session = open_session(None)
    tuning = protocol_dates(*log_span(session))[0]
    panel = session.dataset.panel(fit_until=tuning, max_items=session.config.model.max_items)
    model = network(session, panel, asked.model, fast=not asked.full)
    first = panel.n_weeks - asked.held
    block = measure(panel, model, range(first - asked.weeks, first), range(first, panel.n_weeks), fast=not asked.full)
    block += f" {(time.process_time() - began) / 60:.1f} processor minutes, {torch.get_num_threads()} thread(s)."
    print(block)
    if asked.write:
        write_block(PAGE, "relations", block)


if __name__ == "__main__":
    main()
