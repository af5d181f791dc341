"""What the parts of bench_model.py found, as Markdown tables on the screen and in BENCHMARKS.md."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tables import markdown_table, write_block

PAGE = Path(__file__).parents[1] / "BENCHMARKS.md"
OURS = "bundleopt"
DASH = "\u2013"

# (name in the JSON, label, format, gate)
METRICS = (
    ("log_loss", "log loss", "{:.6f}", "<= 0.007360"),
    ("rig", "relative information gain", "{:.4f}", ""),
    ("pr_auc", "PR-AUC", "{:.4f}", ">= 0.127"),
    ("roc_auc", "ROC-AUC", "{:.4f}", ">= 0.905"),
    ("width_error", "calibration error, 15 equal widths", "{:.5f}", ""),
    ("mass_error", "calibration error, 15 equal weights", "{:.5f}", ""),
    ("calibration_error", "relative calibration error", "{:.3f}", "<= 0.04"),
    ("predicted_over_observed", "predicted / observed", "{:.3f}", "0.97-1.03"),
    ("repeat_loss", "log loss, pairs with history", "{:.5f}", ""),
    ("never_loss", "log loss, pairs without", "{:.5f}", ""),
    ("recall", "recall@10", "{:.4f}", ">= 0.220"),
    ("ndcg", "NDCG@10", "{:.4f}", ">= 0.322"),
    ("hit_rate", "hit rate@10 (PHR)", "{:.3f}", ">= 0.775"),
    ("repeat_recall", "recall@10 of repeats", "{:.4f}", ""),
    ("new_item_recall", "recall@10 of never-bought", "{:.4f}", ">= 0.042"),
    ("difference", "log loss against {reference}", "{:+.2%}", ""),
    ("error", "its standard error", "{:.2%}", ""),
    ("z", "z", "{:+.1f}", "< -5"),
    ("fit_seconds", "seconds to fit", "{:.0f}", "<= 300"),
    ("rows_per_second", "rows learned a second", "{:,.0f}", ""),
    ("score_seconds", "seconds to score", "{:.0f}", ""),
    ("peak_mib", "peak memory, MiB", "{:,.0f}", ""),
)
HALF_GATES = {"log_loss": "<= 0.007470"}


def report(folder: Path, *, write: bool) -> None:
    """Print every table that the folder has results for, then write them where asked."""
    found = list(blocks(folder))
    for name, block in found:
        print(f"\n[{name}]\n{block}")
    for name, block in found if write else []:
        write_block(PAGE, name, block)


def blocks(folder: Path) -> Iterator[tuple[str, str]]:
    """(marker name, block) of every result in the folder."""
    makers: dict[str, tuple[tuple[str, Callable[[dict[str, Any]], str]], ...]] = {
        "main": (
            ("model", peers_block),
            ("model-reliability", reliability_block),
            ("model-units", units_block),
            ("model-response", response_block),
        ),
        "half": (("model-half", half_block),),
        "origins": (("model-origins", origins_block),),
        "picks": (("model-picks", picks_block),),
        "coupons": (("model-coupons", coupons_block),),
        "choice": (("model-choice-library", choice_block),),
    }
    for part, tables in makers.items():
        path = folder / f"{part}.json"
        if path.is_file():
            result = json.loads(path.read_text(encoding="utf-8"))
            if part == "origins":
                result["main"] = _read(folder / "main.json")
            for name, make in tables:
                yield name, "\n\n".join(filter(None, [result.get("scope", ""), make(result)]))


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _value(value: Any, form: str) -> str:
    known = value is not None and not (isinstance(value, float) and math.isnan(value))
    return form.format(value) if known else DASH


def metric_table(result: dict[str, Any], gates: dict[str, str]) -> str:
    """Metrics down, models across, gates last."""
    rows = result["rows"]
    head = ["metric", *(f"**{row['model']}**" if row["model"] == OURS else row["model"] for row in rows), "gate"]
    lines = [
        [label.format(reference=result["reference"]), *(_value(row[name], form) for row in rows), gates.get(name, "")]
        for name, label, form, _ in METRICS
    ]
    missing = [f"{row['model']}: {row['note']}" for row in rows if row["note"]]
    return "\n\n".join([markdown_table(head, lines), *missing])


def peers_block(result: dict[str, Any]) -> str:
    gates = {name: gate for name, _, _, gate in METRICS}
    note = (
        f"{result['cells'] / 1e6:.1f} M cells, base rate {result['base_rate']:.4%}, {result['threads']} thread(s); "
        f"features that several peers share took {result['feature_seconds']:.0f} s of scoring. {_cost(result)}"
    )
    return f"{metric_table(result, gates)}\n\n{note}"


def half_block(result: dict[str, Any]) -> str:
    cut = next(rows for name, rows in result["reliability"].items() if name.startswith("price cut"))
    table = group_table("cut of the week's price", cut)
    return f"{metric_table(result, HALF_GATES)}\n\n{table}\n\n{result['cells'] / 1e6:.1f} M cells. {_cost(result)}"


def group_table(head: str, rows: list[dict[str, Any]]) -> str:
    lines = [
        (
            row["group"],
            *(f"{row[name]:,.0f}" for name in ("predicted", "observed")),
            _value(row["ratio"], "{:.3f}"),
            _value(row["error"], "{:.3f}"),
        )
        for row in rows
    ]
    return markdown_table((head, "predicted", "bought", "ratio", "standard error"), lines)


def reliability_block(result: dict[str, Any]) -> str:
    return "\n\n".join(group_table(name, rows) for name, rows in result["reliability"].items())


def units_block(result: dict[str, Any]) -> str:
    units = result["units"]
    errors = markdown_table(
        ("weekly units per item", "predicted / sold", "mean error", "error / sold", "deviance", "items better"),
        [
            (
                error["forecast"],
                f"{error['predicted_over_sold']:.3f}",
                f"{error['absolute_error']:.3f}",
                f"{error['weighted_error']:.1%}",
                f"{error['deviance']:.3f}",
                f"{error['items_better']:.1%}",
            )
            for error in units["errors"]
        ],
    )
    weeks = markdown_table(
        ("week", "forecast", "sold", "mean of 4 weeks"),
        [
            (week, *(f"{units[name][place]:,.0f}" for name in ("predicted", "sold", "average")))
            for place, week in enumerate(units["weeks"])
        ],
    )
    note = f"Exponential weight {units['weight']:g}, chosen on the tuning weeks; items better: than the 4-week mean."
    return f"{errors}\n\n{weeks}\n\n{note}"


def response_block(result: dict[str, Any]) -> str:
    """Departments, and the categories that sell most."""
    response = result["price_response"]
    tables = [_responses("department", response["departments"], response["price_ratios"])]
    if response.get("categories"):
        tables.append(_responses("category", response["categories"], response["price_ratios"]))
    return "\n\n".join(tables)


def _responses(name: str, found: list[dict[str, Any]], ratios: list[float]) -> str:
    rows = [
        (
            row["department"],
            row["items"],
            f"{row['elasticity']:.2f}",
            f"{row['low']:.2f} to {row['high']:.2f}",
            f"{row['buyers'][ratios.index(0.8)]:.2f}",
            _value(row["log_log"], "{:.2f}"),
            _value(row["log_log_promotions"], "{:.2f}"),
            row["regressed"],
        )
        for row in found
    ]
    head = (
        name, "items", "elasticity", "middle half of items", "buyers at 20 % off", "log-log",
        "log-log, display and mailer", "items regressed",
    )  # fmt: skip
    return markdown_table(head, rows)


def origins_block(result: dict[str, Any]) -> str:
    """Three origins, and the main table's test as the fourth where it was run."""
    rows = [
        (f"weeks to {row['fit_weeks']}", row["weeks"][0], *_sums(row), f"{row['error']:+.1%}", f"{row['log_loss']:.6f}")
        for row in result["origins"]
    ]
    errors = [row["error"] for row in result["origins"]]
    if result.get("main") is not None:
        ours = next(row for row in result["main"]["rows"] if row["model"] == OURS)
        errors.append(ours["predicted_over_observed"] - 1)
        bought = result["main"]["cells"] * result["main"]["base_rate"]
        sums = f"{bought * ours['predicted_over_observed']:,.0f}", f"{bought:,.0f}"
        first = result["main"]["units"]["weeks"][0]
        rows.append(("the main table", first, *sums, f"{errors[-1]:+.1%}", f"{ours['log_loss']:.6f}"))
    table = markdown_table(("fitted", "tested from", "predicted", "bought", "error", "log loss"), rows)
    mean = sum(abs(error) for error in errors) / len(errors)
    largest = max(abs(error) for error in errors)
    note = f"Mean absolute error over {len(errors)} origins {mean:.1%}, largest {largest:.1%}; gates 3 % and 6 %."
    return f"{table}\n\n{note} {_cost(result)}"


def _sums(row: dict[str, Any]) -> tuple[str, str]:
    return f"{sum(row['predicted']):,.0f}", f"{sum(row['observed']):,.0f}"


def picks_block(result: dict[str, Any]) -> str:
    rows = [
        (row["week"], f"{row['pairs']:,}", f"{row['predicted']:.1f}", f"{row['observed']:.0f}")
        for row in result["weeks"]
    ]
    table = markdown_table(("planned week", "offered pairs", "predicted purchases", "bought"), rows)
    note = (
        f"Predicted over bought {result['predicted_over_observed']:.3f} (standard error {result['error']:.3f}); "
        f"gate 0.97-1.03."
    )
    return f"{table}\n\n{note} {_cost(result)}"


def coupons_block(result: dict[str, Any]) -> str:
    rows = [
        (row["level"], row["number"], row["redeemers"], *(f"{row[name]:.3f}" for name in result["rankings"]))
        for row in result["summary"]
    ]
    return markdown_table(("level", "number", "redeemers", *result["rankings"]), rows)


def choice_block(result: dict[str, Any]) -> str:
    note = (
        f"{result['households']:,} households x {result['items']:,} items, {result['cells'] / 1e6:.2f} M cells, "
        f"the same for all. {result['about']}"
    )
    return f"{metric_table(result, {})}\n\n{note}"


def _cost(result: dict[str, Any]) -> str:
    cost = result.get("cost")
    return f"{cost['processor_seconds'] / 60:.1f} processor minutes." if cost else ""
