"""What every part of the network is worth: it is trained without each part, and judged on the tuning weeks.

    python benchmarks/bench_ablation.py                              all parts, about 70 processor minutes
    python benchmarks/bench_ablation.py --blocks text,twins          some of them
    python benchmarks/bench_ablation.py --households 800 --items 2000      a smaller market, about 15 processor minutes
    python benchmarks/bench_ablation.py --write                      puts the table into BENCHMARKS.md

Weights come from the weeks before the tuning weeks, which choose the pass that is kept and the calibration, for every
variant alike; the test weeks are not looked at. The whole network is trained with two seeds: differences that are not
larger than theirs are noise, and so are those within two standard errors (paired bootstrap over customers). Each
variant is kept as JSON (`--out`), so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from panel_subset import scope, subset
from tables import markdown_table, write_block

from bundleopt.session import open_session
from bundleopt.stages.model import train_settings
from bundleopt.verbs.evaluate import log_span
from bundleopt_data.panel import Panel
from bundleopt_models.blocks import BLOCKS
from bundleopt_models.bootstrap import paired_difference
from bundleopt_models.metrics import list_scores, probability_metrics
from bundleopt_models.model import DemandModel, train_model
from bundleopt_models.protocol import protocol_dates, protocol_weeks, week_cells
from bundleopt_models.settings import PriceSource, TrainSettings

PAGE = Path(__file__).parents[1] / "BENCHMARKS.md"
WHOLE, SECOND = "whole", "whole, second seed"
CLEAR = 2.0
"""Standard errors by which log loss must rise without a part for the part to stay."""

COLUMNS = (
    ("log_loss", "log loss", "{:.6f}"),
    ("change", "change", "{:+.2%}"),
    ("error", "standard error", "{:.2%}"),
    ("pr_auc", "PR-AUC", "{:.4f}"),
    ("roc_auc", "ROC-AUC", "{:.4f}"),
    ("recall", "recall@10", "{:.4f}"),
    ("ndcg", "NDCG@10", "{:.4f}"),
    ("new_item_recall", "recall@10 of never-bought", "{:.4f}"),
    ("calibration_error", "relative calibration error", "{:.3f}"),
    ("processor_seconds", "processor seconds", "{:.0f}"),
)


@dataclass(frozen=True)
class Variant:
    """One training: its name in the table, the block it does without, its seed."""

    name: str
    without: str = ""
    seed: int = 0

    @property
    def file(self) -> str:
        """Name of its JSON."""
        return f"{self.without or 'whole'}-{self.seed}.json"


def variants(blocks: Sequence[str]) -> list[Variant]:
    """The whole network twice, then without each block."""
    return [Variant(WHOLE), Variant(SECOND, seed=1), *(Variant(f"without {name}", name) for name in blocks)]


def judge(model: DemandModel, panel: Panel, weeks: Sequence[int]) -> dict[str, Any]:
    """Metrics of the protocol on some weeks, at last week's prices, and the log loss of every customer."""
    view, cells, scores, lists = model.view(panel), [], [], []
    for week in weeks:
        found = week_cells(view.builder, week)
        grid, _ = model.weekly_grid(panel, week, log_price=panel.prices.log_price[week - 1])
        cells.append(found)
        scores.append(grid[found.customer, found.item].astype(np.float64))
        score = grid[found.buyers].astype(np.float64)
        lists.append(list_scores(score, found.list_bought, found.list_known, found.candidate))
    bought, weight = (np.concatenate([getattr(one, name) for one in cells]) for name in ("bought", "weight"))
    q = np.concatenate(scores)
    metrics: dict[str, Any] = asdict(probability_metrics(q, bought, weight))
    loss = -weight * np.where(bought, np.log(q), np.log1p(-q))
    metrics["losses"] = np.bincount(np.concatenate([one.customer for one in cells]), loss, panel.n_customers).tolist()
    for name in ("recall", "ndcg", "hit_rate", "new_item_recall"):
        metrics[name] = float(np.nanmean(np.concatenate([getattr(one, name) for one in lists])))
    return metrics


def run(panel: Panel, settings: TrainSettings, folder: Path) -> dict[str, Any]:
    """Train and judge one variant."""
    weeks = protocol_weeks(panel.n_weeks)
    until = panel.weeks[weeks.test[0]].astype("datetime64[D]").astype(object)
    settings = replace(settings, fit_until=until, price=PriceSource.LAST_WEEK, validation_weeks=len(weeks.validation))
    began, used = time.perf_counter(), time.process_time()
    model = train_model(panel, settings, folder=folder, relate=False)
    cost = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used}
    record = {"rows_per_second": model.record["rows_per_second"], "settings": settings.as_record()}
    return judge(model, panel, weeks.validation) | cost | record


def table(results: dict[str, dict[str, Any]]) -> str:
    """One line a variant; changes are those of log loss against the whole network of the first seed."""
    whole = np.array(results[WHOLE]["losses"])
    rows, idle = [], []
    for name, found in results.items():
        change = paired_difference(np.array(found["losses"]), whole)
        if name not in (WHOLE, SECOND) and not change.difference > CLEAR * change.error:
            idle.append(name.removeprefix("without "))
        values = found | {"change": change.difference, "error": change.error}
        rows.append([name, *(form.format(values[key]) for key, _, form in COLUMNS)])
    note = f"Parts that no clear loss speaks for here: {', '.join(idle)}." if idle else "Every part is worth its place."
    return markdown_table(["network", *(label for _, label, _ in COLUMNS)], rows) + f"\n\n{note}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", default=",".join(BLOCKS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--fast", action="store_true", help="the quick training")
    parser.add_argument("--households", type=int)
    parser.add_argument("--items", type=int)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "bundleopt-bench-ablation")
    parser.add_argument("--write", action="store_true", help="the table into BENCHMARKS.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    session = open_session(None)
    settings = replace(train_settings(session, fast=asked.fast), threads=asked.threads)
    first, _ = protocol_dates(*log_span(session))
    panel = session.dataset.panel(fit_until=first, max_items=session.config.model.max_items)
    panel = subset(panel, asked.households, asked.items)
    asked.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    for variant in variants([name for name in asked.blocks.split(",") if name]):
        kept = asked.out / variant.file
        if not kept.is_file():
            chosen = replace(settings, without=variant.without, seed=variant.seed)
            kept.write_text(json.dumps(run(panel, chosen, asked.out / "model"), indent=1, default=float) + "\n")
        results[variant.name] = json.loads(kept.read_text())
        print(table(results), flush=True)
    if asked.write:
        told = scope(panel, asked.households, asked.items, fast=asked.fast)
        write_block(PAGE, "ablation", "\n\n".join(filter(None, [told, table(results)])))


if __name__ == "__main__":
    main()
