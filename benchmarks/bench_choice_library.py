"""A choice-modelling library's own basket model beside ours, on a part of Complete Journey that it can take.

    python3.11 -m venv /path/to/choice && /path/to/choice/bin/pip install choice-learn tensorflow-cpu
    python benchmarks/bench_choice_library.py --python /path/to/choice/bin/python [--write]

choice-learn's AleaCarta reads prices and availability of every item for every purchase, so it is given a part: some
households, the items they buy most. All models of the table see the same part, the same rows and the same prices. Its
utilities become probabilities through a rising map fitted on the tuning weeks, as TIFU-KNN's scores do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import model_tables
import numpy as np
import torch
from panel_subset import subset

from bundleopt.session import open_session
from bundleopt.stages.model import train_settings
from bundleopt.verbs.evaluate import log_span
from bundleopt_data.panel import Panel
from bundleopt_models.evaluation import evaluate
from bundleopt_models.peers.cells import Cells, Floats, PeerWeeks, inside
from bundleopt_models.peers.neighbours import rising_map
from bundleopt_models.peers.roster import all_peers
from bundleopt_models.protocol import protocol_dates, week_cells
from bundleopt_models.week_tables import eligible

WORKER = Path(__file__).with_name("choice_library_worker.py")
HOUSEHOLDS, ITEMS = 400, 250


class ChoiceLibrary:
    """choice-learn's AleaCarta, fitted in its own environment."""

    name = "choice-learn AleaCarta"

    def __init__(self, python: Path, threads: int, settings: int) -> None:
        """`python`: of the environment that has the library. `settings`: how many points of the grid are tried."""
        self._python, self._threads, self._settings = python, threads, settings
        self.about: dict[str, object] = {}
        self.rows = 0

    def fit(self, weeks: PeerWeeks) -> None:
        """Write the purchases of the fitting weeks, let the library work, read its utilities back."""
        panel = weeks.builder.panel
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "baskets.npz", Path(folder) / "utilities.npz"
            np.savez(source, **_arrays(panel, weeks))
            command = [self._python, WORKER, source, target, str(self._threads), str(self._settings)]
            subprocess.run([str(part) for part in command], check=True)
            with np.load(target) as stored:
                self.about = json.loads(str(stored["about"]))
                self._utility = dict(zip(stored["weeks"].tolist(), stored["utility"], strict=True))
        self.rows = int(str(self.about["rows"]))
        samples = [week_cells(weeks.builder, week) for week in weeks.validation]
        score = np.concatenate([self._score(s.week, s.customer, s.item) for s in samples])
        bought = np.concatenate([s.bought for s in samples]).astype(np.float64)
        self._knots, self._shares = rising_map(score, bought, np.concatenate([s.weight for s in samples]))

    def _score(self, week: int, customer: np.ndarray, item: np.ndarray) -> np.ndarray:
        # Only the order counts; the exponential keeps it and is positive, as the map wants.
        return np.exp(np.clip(self._utility[week][customer, item].astype(np.float64), -30, 30))

    def score(self, cells: Cells) -> Floats:
        """Utilities through the map."""
        score = self._score(cells.week, cells.customer, cells.item)
        return inside(np.interp(score, self._knots, self._shares) + 1e-9 * np.log1p(score))


def _arrays(panel: Panel, weeks: PeerWeeks) -> dict[str, np.ndarray]:
    chosen = (panel.purchase_week >= weeks.fit[0]) & (panel.purchase_week <= weeks.fit[-1])
    active = np.flatnonzero(eligible(panel, weeks.validation[0]))
    arrays = {
        "customer": panel.purchase_customer[chosen],
        "item": panel.purchase_item[chosen],
        "week": panel.purchase_week[chosen],
        "log_price": panel.prices.log_price,
        "n_customers": np.array(panel.n_customers),
        "validation": np.array(list(weeks.validation)),
        "test": np.arange(weeks.validation[-1] + 1, panel.n_weeks),
        "active": active,
    }
    for week in weeks.validation:
        now = panel.purchase_week == week
        bought = np.zeros((panel.n_customers, panel.n_items), bool)
        bought[panel.purchase_customer[now], panel.purchase_item[now]] = True
        arrays[f"bought_{week}"] = bought[active]
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="of the environment with choice-learn")
    parser.add_argument("--households", type=int, default=HOUSEHOLDS)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--settings", type=int, default=3, help="points of the library's grid")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "bundleopt-bench-model")
    parser.add_argument("--write", action="store_true", help="into BENCHMARKS.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    session = open_session(None)
    tuning: date = protocol_dates(*log_span(session))[0]
    panel = session.dataset.panel(
        fit_until=tuning, max_items=session.config.model.max_items, progress=lambda _stage, _share: None
    )
    panel = subset(panel, asked.households, asked.items)
    library = ChoiceLibrary(asked.python, asked.threads, asked.settings)
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(train_settings(session, fast=False), threads=asked.threads)
        table = evaluate(panel, settings, folder=Path(folder), peers=[*all_peers(), library])
    result = {
        "rows": table.as_frame().to_dict("records"), "reference": table.reference, "cells": table.cells,
        "households": panel.n_customers, "items": panel.n_items, "threads": asked.threads,
        "about": f"choice-learn {library.about['version']}, best of {asked.settings} settings by the tuning weeks: "
                 f"{library.about['setting']}; its own peak memory {library.about['peak_mib']:,.0f} MiB.",
    }  # fmt: skip
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "choice.json").write_text(json.dumps(result, indent=1, default=float) + "\n", encoding="utf-8")
    block = model_tables.choice_block(json.loads((asked.out / "choice.json").read_text(encoding="utf-8")))
    print(block)
    if asked.write:
        model_tables.write_block(model_tables.PAGE, "model-choice-library", block)


if __name__ == "__main__":
    main()
