"""A market as a folder: the contract's tables as Parquet, the truth in `.truth/` as plain arrays and JSON.

The reader of data folders does not look into hidden folders, so the truth stays unseen by whoever learns from the data.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundleopt_data import atomic
from bundleopt_data.errors import UsageError
from bundleopt_data.simulator.agents import AgentTruth
from bundleopt_data.simulator.catalogue import BRANDS, DEPARTMENTS, Catalogue
from bundleopt_data.simulator.equation import EquationTruth
from bundleopt_data.simulator.history import monday_of_week, transactions
from bundleopt_data.simulator.knobs import MarketKind, MarketKnobs
from bundleopt_data.simulator.shelf import ShelfPlan
from bundleopt_data.simulator.truth import Arrays

if TYPE_CHECKING:
    from bundleopt_data.simulator.market import Market

TRUTH = ".truth"
FORMAT = 2
_TEXTS = ("item_ids", "names", "category_names")
_TRUTHS: dict[MarketKind, type[AgentTruth] | type[EquationTruth]] = {
    MarketKind.EQUATION: EquationTruth,
    MarketKind.AGENT: AgentTruth,
}


def write(market: Market, folder: Path) -> None:
    """Write tables and truth, whole or not at all; an older market in the folder is replaced.

    Raises:
        UsageError: the folder holds something else, or the market has no log. StorageError: it cannot be written.
    """
    if (
        folder.exists()
        and not (folder / TRUTH / "market.json").is_file()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        raise UsageError(f"{folder} holds something that is no simulated market; choose another folder")
    with atomic.writing(folder) as temporary:
        (temporary / TRUTH).mkdir(parents=True)
        for name, table in tables(market).items():
            table.to_parquet(temporary / f"{name}.parquet", index=False)
        _write_truth(market, temporary / TRUTH)


def tables(market: Market) -> dict[str, pd.DataFrame]:
    """The contract's tables by name. Prices reach to the campaign week, everything else ends before it."""
    if market.log is None:
        raise UsageError("a market that was opened from its folder has no log to write; simulate it again")
    catalogue, shelf = market.catalogue, market.shelf
    ids, mondays = catalogue.item_ids, [monday_of_week(week) for week in range(market.knobs.weeks + 1)]
    return {
        "transactions": transactions(market.log, shelf, market.customer_ids, ids),
        "items": _items(catalogue, shelf),
        "inventory": pd.DataFrame({"item_id": ids, "on_hand": market.on_hand}),
        "prices": _by_week({"price": shelf.price_cents / 100.0}, ids, mondays),
        "promotions": _promotions(shelf, ids, mondays),
        "customers": pd.DataFrame({"customer_id": market.customer_ids}),
    }


def _items(catalogue: Catalogue, shelf: ShelfPlan) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item_id": catalogue.item_ids,
            "name": catalogue.names,
            "category": catalogue.category_names[catalogue.category],
            "list_price": shelf.regular_cents[-1] / 100.0,
            "unit_cost": catalogue.unit_cost_cents / 100.0,
            "funding": catalogue.funding,
            "brand": np.array(BRANDS, dtype=object)[catalogue.brand],
            "department": np.array(DEPARTMENTS, dtype=object)[catalogue.department],
        }
    )


def _by_week(
    columns: dict[str, npt.NDArray[np.float64]], ids: npt.NDArray[np.object_], mondays: list[date]
) -> pd.DataFrame:
    week, item = (axis.ravel() for axis in np.indices((len(mondays), len(ids))))
    table = pd.DataFrame({"item_id": ids[item], "week": np.array(mondays, dtype=object)[week]})
    for name, values in columns.items():
        table[name] = values.ravel()
    return table


def _promotions(shelf: ShelfPlan, ids: npt.NDArray[np.object_], mondays: list[date]) -> pd.DataFrame:
    """Item-weeks with a lower price, a display or a place in the mailer."""
    flags = {"display": shelf.display, "mailer": shelf.mailer}
    table = _by_week({"price": shelf.price_cents / 100.0}, ids, mondays)
    for name, values in flags.items():
        table[name] = values.ravel()
    lower = (shelf.price_cents < shelf.regular_cents).ravel()
    kept: pd.DataFrame = table[lower | table["display"].to_numpy() | table["mailer"].to_numpy()]
    return kept.reset_index(drop=True)


def _write_truth(market: Market, folder: Path) -> None:
    arrays: Arrays = {"on_hand": market.on_hand}
    arrays |= {f"truth.{name}": value for name, value in market.truth.arrays().items()}
    arrays |= {f"shelf.{name}": value for name, value in vars(market.shelf).items()}
    catalogue = vars(market.catalogue)
    arrays |= {f"catalogue.{name}": value for name, value in catalogue.items() if name not in _TEXTS}
    with (folder / "arrays.npz").open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    record = {
        "format": FORMAT,
        "kind": market.kind.value,
        "seed": market.seed,
        "knobs": market.knobs.as_record(),
        "texts": {name: list(catalogue[name]) for name in _TEXTS},
    }
    (folder / "market.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> Market:
    """Read what `write` wrote, without the log.

    Raises:
        UsageError: there is no market, or one of another version.
    """
    from bundleopt_data.simulator.market import Market

    path = folder / TRUTH / "market.json"
    if not path.is_file():
        raise UsageError(f"{folder} holds no simulated market; make one with: bundleopt simulate {folder}")
    record = json.loads(path.read_text(encoding="utf-8"))
    if record.get("format") != FORMAT:
        raise UsageError(f"{folder} was simulated by another version; make it again with: bundleopt simulate {folder}")
    with np.load(folder / TRUTH / "arrays.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    texts = {name: np.array(values, dtype=object) for name, values in record["texts"].items()}
    kind = MarketKind(record["kind"])
    return Market(
        kind=kind,
        knobs=MarketKnobs.from_record(record["knobs"]),
        seed=record["seed"],
        catalogue=Catalogue(**texts, **_below(arrays, "catalogue.")),
        shelf=ShelfPlan(**_below(arrays, "shelf.")),
        truth=_TRUTHS[kind].from_arrays(_below(arrays, "truth.")),
        on_hand=arrays["on_hand"],
    )


def _below(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
