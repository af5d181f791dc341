"""The demand model beside its rivals on Complete Journey, by the protocol of the evaluation; writes BENCHMARKS.md.

    python benchmarks/bench_model.py                        all but the choice library, about 25 processor minutes
    python benchmarks/bench_model.py --parts main,half      some of: main, half, origins, picks, coupons
    python benchmarks/bench_model.py --write                puts the tables into BENCHMARKS.md, between their markers
    python benchmarks/bench_model.py --households 300 --items 800     a small trial; its tables say so

Results of each part are kept as JSON (`--out`), so that parts can be run one at a time; `--write` writes what is there.
The choice library runs in an environment of its own: see bench_choice_library.py.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import model_tables
import torch
from coupon_campaigns import RANKINGS, Coupons, describe, summary
from panel_subset import scope, subset
from plan_picks import measure_picks

from bundleopt.session import Session, open_session
from bundleopt.stages.model import train_settings
from bundleopt.verbs.evaluate import log_span
from bundleopt_data.panel import Panel
from bundleopt_models.evaluation import EvaluationTable, evaluate
from bundleopt_models.half_panel import half_panel
from bundleopt_models.model import DemandModel, load_model
from bundleopt_models.origins import OriginLevel, mean_absolute_error, measure_origin
from bundleopt_models.peers.trees import BoostedTrees
from bundleopt_models.protocol import protocol_dates
from bundleopt_models.quality import measure_quality
from bundleopt_models.reliability import all_groups
from bundleopt_models.settings import PriceSource, TrainSettings

ORIGINS = (32, 36, 40)
COUPON_ORIGIN = ORIGINS[0]
PARTS = ("main", "half", "origins", "picks", "coupons")


@dataclass
class Bench:
    """One run: the sample, the settings, and where results and models go."""

    session: Session
    settings: TrainSettings
    out: Path
    households: int | None
    items: int | None

    def panel(self, fit_until: date) -> Panel:
        """The panel with the top items before a day; a part of it in a trial."""
        panel = self.session.dataset.panel(
            fit_until=fit_until, max_items=self.session.config.model.max_items, progress=tell
        )
        return subset(panel, self.households, self.items)

    def main_panel(self) -> Panel:
        """That of the protocol: items counted before the tuning weeks."""
        return self.panel(protocol_dates(*log_span(self.session))[0])

    def scope(self) -> str:
        """What is smaller than the full figure, in a sentence."""
        return scope(self.main_panel(), self.households, self.items, fast=self.settings.fast)

    def keep(self, part: str, result: dict[str, Any]) -> None:
        """Write a part's result."""
        self.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, indent=1, default=float)
        (self.out / f"{part}.json").write_text(text + "\n", encoding="utf-8")

    def model_folder(self, name: str) -> Path:
        """Where a part leaves its model."""
        return self.out / "models" / name


_SAID = [""]


def tell(stage: str, _share: float) -> None:
    """Print a stage once; times left inside a sentence change all the time."""
    head = stage.split(",", maxsplit=1)[0]
    if head != _SAID[0]:
        _SAID[0] = head
        print(f"  {stage}", flush=True)


def run_main(bench: Bench) -> dict[str, Any]:
    """All peers on the full panel, with calibration, units and price response."""
    panel = bench.main_panel()
    table = evaluate(panel, bench.settings, folder=bench.model_folder("main"), progress=tell)
    return measure_quality(panel, table).document()


def run_half(bench: Bench) -> dict[str, Any]:
    """Our model and the trees at the week's own price, paid by the other half of the households."""
    panel = half_panel(bench.main_panel())
    peers = [
        BoostedTrees(monotone=False, price=PriceSource.LAST_WEEK),
        BoostedTrees(monotone=False),
        BoostedTrees(monotone=True),
    ]
    table = evaluate(
        panel,
        bench.settings,
        folder=bench.model_folder("half"),
        peers=peers,
        price=PriceSource.CROSS_FIT,
        progress=tell,
    )
    table = replace(table, reference=peers[2].name)
    return _half_document(panel, table)


def _half_document(panel: Panel, table: EvaluationTable) -> dict[str, Any]:
    tables = table.model.view(panel).builder.tables
    groups = all_groups(table.ours, panel, tables, PriceSource.CROSS_FIT)
    return {
        "rows": table.as_frame().to_dict("records"),
        "reference": table.reference,
        "cells": table.cells,
        "reliability": {name: [asdict(row) for row in rows] for name, rows in groups.items()},
    }


def run_origins(bench: Bench) -> dict[str, Any]:
    """Totals after three earlier origins; the fourth is the test of the main table."""
    first = bench.main_panel().weeks[0]
    levels: list[OriginLevel] = []
    for weeks in ORIGINS:
        print(f"origin: {weeks} weeks", flush=True)
        panel = bench.panel((first + 7 * weeks).astype("datetime64[D]").astype(object))
        level, _ = measure_origin(
            panel, bench.settings, weeks, folder=bench.model_folder(f"origin-{weeks}"), progress=tell
        )
        levels.append(level)
    rows = [asdict(level) | {"error": level.error} for level in levels]
    return {"origins": rows, "mean_absolute_error": mean_absolute_error(levels)}


def run_picks(bench: Bench) -> dict[str, Any]:
    """Calibration on the customer-item pairs that the optimiser would offer in the test weeks."""
    return measure_picks(bench.session, bench.main_panel(), fast=bench.settings.fast, tell=tell)


def run_coupons(bench: Bench) -> dict[str, Any]:
    """Redemptions of the real campaigns that began after the first origin's fitting."""
    first = bench.main_panel().weeks[0]
    panel = bench.panel((first + 7 * COUPON_ORIGIN).astype("datetime64[D]").astype(object))
    model = _need(bench.model_folder(f"origin-{COUPON_ORIGIN}"), "origins")
    table = describe(panel, model, Coupons.read(bench.session.dataset.folder), first_week=COUPON_ORIGIN)
    return {"rows": table.to_dict("records"), "summary": summary(table).to_dict("records"), "rankings": list(RANKINGS)}


def _need(folder: Path, part: str) -> DemandModel:
    if not folder.is_dir():
        raise SystemExit(f"run the part {part!r} first: it trains the model that this part reads")
    return load_model(folder)


RUNNERS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "main": run_main,
    "half": run_half,
    "origins": run_origins,
    "picks": run_picks,
    "coupons": run_coupons,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--fast", action="store_true", help="the quick training")
    parser.add_argument("--households", type=int)
    parser.add_argument("--items", type=int)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "bundleopt-bench-model")
    parser.add_argument("--write", action="store_true", help="tables into BENCHMARKS.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    session = open_session(None, progress=tell)
    settings = replace(train_settings(session, fast=asked.fast), threads=asked.threads)
    bench = Bench(session, settings, asked.out, asked.households, asked.items)
    for part in filter(None, asked.parts.split(",")):
        began, used = time.perf_counter(), time.process_time()
        print(f"{part} ...", flush=True)
        result = RUNNERS[part](bench)
        cost = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used}
        about = {"cost": cost, "threads": asked.threads, "settings": settings.as_record(), "scope": bench.scope()}
        bench.keep(part, result | about)
        print(f"{part}: {cost['seconds']:.0f} s, {cost['processor_seconds']:.0f} s of processor time", flush=True)
    model_tables.report(bench.out, write=asked.write)


if __name__ == "__main__":
    main()
