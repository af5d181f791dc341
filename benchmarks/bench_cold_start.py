"""Items and customers that the model has never seen, on Complete Journey: a tenth of both is held out entirely.

python benchmarks/bench_cold_start.py                 the quick training, about five processor minutes
python benchmarks/bench_cold_start.py --full          the full training
python benchmarks/bench_cold_start.py --write         puts the table into BENCHMARKS.md, between its markers
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from panel_subset import scope, subset
from tables import markdown_table, write_block

from bundleopt.session import open_session
from bundleopt.stages.model import train_settings
from bundleopt.verbs.evaluate import log_span
from bundleopt_models.cold_start import ColdStartRow, hold_out, measure_cold_start
from bundleopt_models.model import train_model
from bundleopt_models.protocol import protocol_dates, protocol_weeks

BENCHMARKS = Path(__file__).parent.parent / "BENCHMARKS.md"
HEAD = (
    "never seen", "ranking", "ROC-AUC", "PR-AUC", "log loss", "predicted / observed", "standard error", "recall@10",
    "NDCG@10", "purchases",
)  # fmt: skip


def table(rows: tuple[ColdStartRow, ...]) -> str:
    """The measured rows as Markdown."""
    lines = []
    for row in rows:
        quality, lists = row.probability, row.ranking
        figures = (quality.roc_auc, quality.pr_auc, quality.log_loss, quality.predicted_over_observed, row.error)
        lines.append(
            (
                row.stranger,
                row.model,
                *(f"{figure:.4f}" for figure in figures),
                f"{lists.recall:.4f}",
                f"{lists.ndcg:.4f}",
                f"{row.purchases:,}",
            )
        )
    return markdown_table(HEAD, lines, texts=2)


def main() -> None:
    """Hold out, train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the full training")
    parser.add_argument("--households", type=int, help="a small trial")
    parser.add_argument("--items", type=int, help="a small trial")
    parser.add_argument("--tuning", action="store_true", help="score the tuning weeks, and fit before them")
    parser.add_argument("--write", action="store_true", help="into BENCHMARKS.md")
    asked = parser.parse_args()
    session = open_session(None)
    first, n_weeks = log_span(session)
    tuning, test = protocol_dates(first, n_weeks)
    panel = subset(session.dataset.panel(fit_until=tuning), asked.households, asked.items)
    held = hold_out(panel)
    weeks = protocol_weeks(n_weeks)
    settings = replace(train_settings(session, fast=not asked.full), fit_until=tuning if asked.tuning else test)
    with tempfile.TemporaryDirectory() as folder:
        model = train_model(held.rest, settings, folder=Path(folder), relate=False)
    told = scope(panel, asked.households, asked.items, fast=not asked.full)
    rows = measure_cold_start(model, held, weeks.validation if asked.tuning else weeks.test)
    block = "\n\n".join(filter(None, [told, table(rows)]))
    print(block)
    print(f"{model.record['seconds']} s of training, {torch.get_num_threads()} threads")
    if asked.write:
        write_block(BENCHMARKS, "cold-start", block)


if __name__ == "__main__":
    main()
