"""Makes markets with known truth, and plays campaigns in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt_data.simulator.knobs import MarketKnobs
    from bundleopt_data.simulator.market import Market
    from bundleopt_data.simulator.play import PlayedCampaign


@dataclass(frozen=True)
class SimulateResult:
    """A simulated market.

    Attributes:
        folder: with the data contract's tables. facts: what is in it, for people.
    """

    folder: Path
    facts: dict[str, Any]


@dataclass(frozen=True)
class PlayResult:
    """A campaign played in a simulated market.

    Attributes:
        market: its folder. played: all draws of the week. shown: (label, mean with, mean without) of what people ask.
    """

    market: Path
    played: PlayedCampaign

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Figure, with the campaign, without it, difference and its standard error; as texts."""
        figures = self.played.document()["figures"]
        rows = []
        for label, name in (("revenue", "revenue"), ("margin", "margin"), ("units", "units")):
            rows.append((label, *self._three(figures, name)))
        rows += [
            ("stock-outs, items", *self._three(figures, "stock_outs")),
            ("lost units", *self._three(figures, "lost_units")),
            ("promo spend", _figure(figures["promo_spend"]["mean"]), "", ""),
            ("redemptions", _figure(figures["redemptions"]["mean"]), "", ""),
        ]
        return rows

    def _three(self, figures: dict[str, dict[str, float]], name: str) -> tuple[str, str, str]:
        difference = self.played.draws_of(name) - self.played.draws_of(f"plain_{name}")
        error = difference.std(ddof=1) / len(difference) ** 0.5 if len(difference) > 1 else 0.0
        return (
            _figure(figures[name]["mean"]),
            _figure(figures[f"plain_{name}"]["mean"]),
            f"{difference.mean():+,.2f} (se {error:,.2f})",
        )

    def document(self) -> dict[str, Any]:
        """Return every figure with its standard error as JSON."""
        return {"market": str(self.market)} | self.played.document()


def _figure(value: float) -> str:
    return f"{value:,.2f}"


def simulate(
    folder: Path | str, *, kind: str = "equation", knobs: MarketKnobs | None = None, seed: int = 0
) -> SimulateResult:
    """Make a market with known truth: its tables in `folder`, the truth hidden beside them.

    Args:
        folder: new, empty, or an older simulated market, which is replaced.
        kind: "equation" or "agent".
        knobs: sizes and strengths; None for the defaults.
        seed: of every random draw.

    Raises:
        UsageError: a value is wrong, or the folder holds something else.
        StorageError: the folder cannot be written.
    """
    from bundleopt_data.simulator.knobs import MarketKind
    from bundleopt_data.simulator.market import simulate_market

    if kind not in set(MarketKind):
        raise UsageError(f"--kind {kind!r} is none of {', '.join(MarketKind)}")
    market = simulate_market(kind, knobs, seed)
    target = Path(folder).expanduser().resolve()
    market.write(target)
    assert market.log is not None  # noqa: S101 - just simulated
    facts = {
        "kind": market.kind.value,
        "customers": market.knobs.customers,
        "items": market.knobs.items,
        "weeks": market.knobs.weeks,
        "promotions": "confounded with demand and display" if market.knobs.confounded else "at random times",
        "seed": seed,
        "lines": len(market.log.week),
        "campaign week": market.week.isoformat(),
    }
    return SimulateResult(target, facts)


def play(
    offers: Path | str, market: Path | str, *, draws: int | None = None, results: Path | str | None = None
) -> PlayResult:
    """Play a campaign in the week after a simulated market's log, beside the same week without it.

    Args:
        offers: the `offers.parquet` of a run, or its folder.
        market: folder that `simulate` made.
        draws: how often the week is drawn; None for 50.
        results: folder that gets what the shop's own systems would say of the first draw, for `feedback`.

    Raises:
        UsageError: a file is missing, or the offers are not of this market.
    """
    from bundleopt_data.simulator.market import PLAY_DRAWS, open_market

    if draws is not None and draws < 1:
        raise UsageError(f"--draws must be at least 1, not {draws}")
    path, folder = Path(offers).expanduser(), Path(market).expanduser()
    if path.is_dir():
        path = path / "offers.parquet"
    opened = open_market(folder)
    if results is not None:
        _write_results(opened, path, Path(results).expanduser())
    return PlayResult(folder, opened.play(path, draws=draws or PLAY_DRAWS))


def _write_results(market: Market, offers: Path, folder: Path) -> None:
    """Write log, sales and stock of one draw of the week; the log carries the propensities of the plan."""
    import numpy as np
    import pandas as pd

    from bundleopt_data.simulator.offers import read_offers
    from bundleopt_data.simulator.results import Till, results_tables, write_results

    if folder.exists() and not (folder / "offers_log.parquet").is_file():
        raise UsageError(f"--results {folder} holds something else; give a new folder")
    shown = read_offers(offers, market.customer_ids, market.catalogue.item_ids)
    table = pd.read_parquet(offers) if offers.suffix == ".parquet" else pd.read_csv(offers)
    chance = table.loc[~table["holdout"].astype(bool), "propensity"] if "holdout" in table.columns else None
    propensity = np.ones(len(shown)) if chance is None else chance.to_numpy(dtype=np.float64)
    till = Till(market.week, market.customer_ids, market.catalogue.item_ids, market.price_cents)
    name = offers.resolve().parent.name
    write_results(results_tables(market.sell(shown, 0), shown, till, campaign_id=name, propensity=propensity), folder)
