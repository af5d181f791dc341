"""The demand model as the rest of the product sees it: train, load, score a week, forecast a campaign.

model = train_model(panel, TrainSettings(), folder=Path("models/full"))
forecast = model.forecast(panel, campaign)
"""

from __future__ import annotations

import weakref
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import UsageError
from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress, silent
from bundleopt_models import checkpoint
from bundleopt_models.calibration import CalibrationMap
from bundleopt_models.corpus import Scaler, Vocabulary, week_context
from bundleopt_models.features import FeatureBuilder, Planned
from bundleopt_models.forecast import DemandForecast, PairRelations, PullForward
from bundleopt_models.fullness import Fullness
from bundleopt_models.network import Catalogue, DemandNetwork, NetworkSizes
from bundleopt_models.scoring import WeekInputs, WeekScorer, WeekScores
from bundleopt_models.settings import TrainSettings
from bundleopt_models.uncertainty import ParameterDraws, Uncertainty, draw_parameters
from bundleopt_models.visit import VisitNetwork, log_visits
from bundleopt_models.week_tables import WeekTables, build_week_tables, log_position

Floats = npt.NDArray[np.float32]
LARGEST_PROBABILITY = 1 - 1e-6


@dataclass(frozen=True)
class ItemFacts:
    """What is learned per item besides the network, aligned with the vocabulary's items.

    Attributes:
        units: (I,) kappa, expected units given bought. pull_forward: (I,) share borrowed from later weeks, NaN where
            it is not identified.
        relations: pairs, as codes of the vocabulary's items. uncertainty: of all of it; None where not measured.
        need: (I,) chance that a need of the item's category ends in a purchase, see `category_need`; None: not asked.
    """

    units: Floats
    pull_forward: Floats
    relations: PairRelations
    uncertainty: Uncertainty | None = None
    need: Floats | None = None


@dataclass(frozen=True)
class PanelView:
    """A panel made ready for the model: history, tables and codes. Built once a panel."""

    panel: Panel
    builder: FeatureBuilder
    catalogue: Catalogue
    customer_code: npt.NDArray[np.int64]


@dataclass
class DemandModel:
    """A trained model. It reads any panel: unknown customers and items are scored from what they share with known ones.

    Attributes:
        settings: of the training. network, visits: the learned parts. scaler, vocabulary, calibration, facts: what
            goes with them. record: of the run (losses, seconds, threads, rows per second).
    """

    settings: TrainSettings
    network: DemandNetwork
    visits: VisitNetwork
    scaler: Scaler
    vocabulary: Vocabulary
    calibration: CalibrationMap
    facts: ItemFacts
    record: dict[str, Any] = field(default_factory=dict)
    _view: tuple[weakref.ref[Panel], PanelView] | None = field(default=None, repr=False)

    def view(self, panel: Panel) -> PanelView:
        """The panel made ready; kept for the last panel asked for."""
        if self._view is None or self._view[0]() is not panel:
            self._view = (weakref.ref(panel), build_view(panel, self.vocabulary))
        return self._view[1]

    def keep_view(self, view: PanelView) -> None:
        """Remember a view that was built elsewhere with the same vocabulary."""
        self._view = (weakref.ref(view.panel), view)

    def log_visit(self, view: PanelView, week: int) -> Tensor:
        """(U,) log P(visit) in a week from what was known before it."""
        return log_visits(self.visits, view.panel, view.builder.tables, self.scaler, week)

    def weekly_grid(
        self,
        panel: Panel,
        week_index: int,
        *,
        log_price: Floats | None = None,
        display: Floats | None = None,
        mailer: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Score all customers and items of one week, with history up to the week before.

        Args:
            panel: any panel.
            week_index: its week, or `panel.n_weeks` and later for what comes after it.
            log_price: (I,) log shelf prices; None: the week's own where it has one, else the last seen.
            display: (I,) share of stores; None: the week's own where it has one, else none.
            mailer: (I,) likewise.

        Returns:
            (U, I) float32 probabilities in (0, 1) and (U,) chances of a visit; no probability is above its visit.
        """
        view = self.view(panel)
        planned = plan_for(panel, week_index, log_price, (display, mailer))
        inputs = self.week_inputs(view, week_index, planned)
        scores = WeekScorer(self.network, self.calibration, inputs).score()
        visit = _inside(np.exp(inputs.log_visit.numpy()))
        return _inside(self._levelled(view, inputs, scores.probability, visit)), visit

    def _levelled(self, view: PanelView, inputs: WeekInputs, probability: Floats, visit: Floats) -> Floats:
        """Raise the chances of new items, in place, by what habits nobody could show yet usually add."""
        shift = self.habit_shift(view, inputs)
        if shift is not None:
            items, ratio = shift
            given = probability[:, items] / visit[:, None]
            probability[:, items] *= ratio / (1.0 + np.minimum(given, 1.0) * (ratio - 1.0))
        return probability

    def given_visit(self, panel: Panel, week_index: int, customers: range) -> Floats:
        """(len(customers), I) chances given a visit of a few customers, at the week's own prices or the last seen."""
        view = self.view(panel)
        inputs = self.week_inputs(view, week_index, plan_for(panel, week_index, None, (None, None)))
        return WeekScorer(self.network, self.calibration, inputs).given_visit(customers.start, customers.stop)

    def week_and_quiet_week(self, panel: Panel, week_index: int) -> tuple[Floats, Floats, Floats]:
        """(U, I) chances of a week as it was, (U, I) without its promotions, (U,) of a visit; see `category_need`.

        Without promotions means every price at its reference, no display and no mailer.
        """
        chance, visit = self.weekly_grid(panel, week_index)
        reference = self.view(panel).builder.tables.reference[min(week_index, panel.n_weeks)]
        none = np.zeros(panel.n_items, np.float32)
        quiet, _ = self.weekly_grid(panel, week_index, log_price=reference, display=none, mailer=none)
        return chance, quiet, visit

    def habit_shift(self, view: PanelView, inputs: WeekInputs) -> tuple[npt.NDArray[np.bool_], np.float32] | None:
        """Which items (I,) have no past, and by what their odds given a visit rise; None where all have one.

        Customers without one are no such case: what people buy on a first visit is in the log, and it is little.
        """
        items = self._introduced(view)
        if items is None or not items.any():
            return None
        ratio = WeekScorer(self.network, self.calibration, inputs).habit_ratio()
        return items, np.float32(ratio)

    def week_inputs(self, view: PanelView, week_index: int, planned: Planned) -> WeekInputs:
        """Everything that the scores of a week depend on; moves the view's builder to the week."""
        week_index = max(week_index, 0)
        view.builder.move_to(week_index)
        row = min(week_index, view.panel.n_weeks)
        return WeekInputs(
            builder=view.builder,
            context=week_context(view.builder, self.scaler, introduced=self._introduced(view)),
            catalogue=view.catalogue,
            customer_code=view.customer_code,
            planned=planned,
            position=log_position(planned.log_price, view.builder.tables.reference[row]),
            log_visit=self.log_visit(view, week_index),
        )

    def _introduced(self, view: PanelView) -> npt.NDArray[np.bool_] | None:
        """(I,) items that the model never saw and nobody has bought before the builder's week; None where none are."""
        unknown = view.catalogue.item.numpy() == 0
        if not unknown.any():
            return None
        state = view.builder.history.item
        bought = np.bincount(state.level.group, state.count, view.panel.n_items)
        introduced: npt.NDArray[np.bool_] = unknown & (bought == 0)
        return introduced

    def forecast(self, panel: Panel, campaign: CampaignWeek) -> DemandForecast:
        """Forecast a campaign week at its planned prices and promotions.

        `panel.item_ids` and the campaign's items are the same, in the same order.
        """
        view, week = self.view(panel), panel.week_index(campaign.week)
        shelf = np.log(np.maximum(campaign.shelf_price_cents, 1) / 100.0).astype(np.float32)
        planned = plan_for(panel, week, shelf, (campaign.display, campaign.mailer))
        inputs = self.week_inputs(view, week, planned)
        scores: WeekScores = WeekScorer(self.network, self.calibration, inputs).score(with_slope=True)
        assert scores.slope is not None  # noqa: S101 - asked for one line above
        visit = _inside(np.exp(inputs.log_visit.numpy()))
        with torch.no_grad():
            knots, heights = self.network.price.map.knots.numpy(), self.network.price.map.heights().numpy()
        return DemandForecast(
            week=campaign.week,
            customer_ids=panel.customer_ids,
            item_ids=panel.item_ids,
            probability=_inside(self._levelled(view, inputs, scores.probability, visit)),
            visit_probability=visit,
            slope=scores.slope,
            units=self._units(panel, inputs.position),
            log_position=inputs.position,
            knots=knots.copy(),
            heights=heights.copy(),
            relations=self._relations(panel),
            pull_forward=PullForward(self._pull_forward(panel), self.settings.assumed_pull_forward),
            category=panel.items.category.astype(np.int32),
            uncertainty=self.uncertainty(panel),
            state=self.states(inputs),
            need=None if self.facts.need is None else _aligned(self.facts.need, self._codes(panel), 0.0),
        )

    def states(self, inputs: WeekInputs) -> Floats:
        """(U, R) learned states of customers, turned so that distances are those of log odds over the items.

        Two customers with states s and t differ by |s - t| in the root mean square of their affinities theta . alpha,
        up to what all items share: s = theta L with L L' the covariance of the item vectors.
        """
        with torch.no_grad():
            code = torch.from_numpy(inputs.customer_code)
            theta = self.network.customer_vectors(inputs.catalogue, inputs.context, code).double()
            alpha = self.network.item_vectors(inputs.catalogue).double()
            centred = alpha - alpha.mean(0)
            size, turn = torch.linalg.eigh(centred.T @ centred / max(len(alpha), 1))
            state: Floats = (theta @ (turn * size.clamp_min(0).sqrt())).float().numpy()
        return state

    def draws(self, panel: Panel, n_draws: int, seed: int = 0) -> ParameterDraws:
        """Draw parameters for the items of a panel.

        Raises:
            UsageError: the model's uncertainty was never measured.
        """
        uncertainty = self.uncertainty(panel)
        if uncertainty is None:
            raise UsageError("this model was trained without measuring its uncertainty; train it again")
        return draw_parameters(uncertainty, panel.items.category, self._relations(panel), n_draws, (seed,))

    def uncertainty(self, panel: Panel) -> Uncertainty | None:
        """How far forecasts for the panel's items may be off; items the model never saw are the least certain."""
        known = self.facts.uncertainty
        return None if known is None else known.aligned(self._codes(panel))

    def mean_slopes(self, panel: Panel, week_index: int) -> Floats:
        """(I,) price slopes that an item's sales respond with in a week; see `WeekScorer.mean_slope`."""
        view = self.view(panel)
        inputs = self.week_inputs(view, week_index, plan_for(panel, week_index, None, (None, None)))
        return WeekScorer(self.network, self.calibration, inputs).mean_slope()

    def _codes(self, panel: Panel) -> npt.NDArray[np.int64]:
        return self.view(panel).catalogue.item.numpy() - 1

    def _units(self, panel: Panel, position: Floats) -> Floats:
        """Expected units given bought at log relative prices (I,); more are taken home where the price is low."""
        overall = float(np.mean(self.facts.units)) if len(self.facts.units) else 1.0
        usual = _aligned(self.facts.units, self._codes(panel), overall)
        item = self.view(panel).catalogue.item
        factor: Floats = self.network.price.units_factor(item, torch.from_numpy(position)).numpy()
        return np.asarray(np.maximum(usual * factor, 1.0), dtype=np.float32)

    def _pull_forward(self, panel: Panel) -> Floats:
        return _aligned(self.facts.pull_forward, self._codes(panel), float("nan"))

    def _relations(self, panel: Panel) -> PairRelations:
        """The learned pairs in the panel's own item codes."""
        codes, known = self._codes(panel), self.facts.relations
        place = np.full(len(self.vocabulary.items) + 1, -1, np.int64)
        place[codes] = np.arange(len(codes))
        place[-1] = -1
        first, second = place[known.first.astype(np.int64)], place[known.second.astype(np.int64)]
        both = (first >= 0) & (second >= 0)
        low, high = np.minimum(first, second)[both], np.maximum(first, second)[both]
        order = np.lexsort((high, low))
        return PairRelations(
            low[order].astype(np.int32),
            high[order].astype(np.int32),
            known.gamma[both][order],
            known.standard_error[both][order],
            known.background,
            known.is_known()[both][order],
            known.fullness,
        )

    def save(self, folder: Path) -> None:
        """Write the model below `folder`.

        Raises:
            StorageError: the folder cannot be written.
        """
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"visits.{name}": value for name, value in self.visits.state_dict().items()}
        tensors |= {f"scaler.{name}": torch.from_numpy(value) for name, value in vars(self.scaler).items()}
        relations = self.facts.relations
        facts = {"units": self.facts.units, "pull_forward": self.facts.pull_forward, "first": relations.first,
                 "second": relations.second, "gamma": relations.gamma, "error": relations.standard_error,
                 "significant": relations.is_known()}  # fmt: skip
        if self.facts.need is not None:
            facts["need"] = self.facts.need
        tensors |= {f"facts.{name}": torch.from_numpy(np.ascontiguousarray(value)) for name, value in facts.items()}
        measured = self.facts.uncertainty
        if measured is not None:
            tensors |= {f"uncertainty.{name}": torch.from_numpy(value) for name, value in measured.arrays().items()}
        record = {
            "settings": self.settings.as_record(),
            "sizes": self.network.sizes.as_record(),
            "vocabulary": {name: list(value) for name, value in vars(self.vocabulary).items()},
            "calibration": {"intercept": self.calibration.intercept, "slope": self.calibration.slope},
            "background": relations.background,
            "fullness": None if relations.fullness is None else asdict(relations.fullness),
            "uncertainty": measured.numbers() if measured is not None else None,
            "run": self.record,
        }
        checkpoint.write(folder / CHECKPOINT, tensors, record)


CHECKPOINT = "checkpoint"


def _inside(probability: Floats) -> Floats:
    return np.clip(probability, 1e-12, LARGEST_PROBABILITY, out=probability)


def _aligned(values: Floats, codes: npt.NDArray[np.int64], otherwise: float) -> Floats:
    """Values of known items in the panel's order; `otherwise` for items the model never saw."""
    padded = np.append(values, np.float32(otherwise)).astype(np.float32)
    return padded[np.where(codes >= 0, codes, len(values))]


def build_view(panel: Panel, vocabulary: Vocabulary) -> PanelView:
    """Index a panel for the model."""
    tables: WeekTables = build_week_tables(panel)
    return PanelView(
        panel, FeatureBuilder(panel, tables), vocabulary.catalogue(panel), vocabulary.customer_codes(panel)
    )


def plan_for(
    panel: Panel, week: int, log_price: Floats | None, promotions: tuple[Floats | None, Floats | None]
) -> Planned:
    """What is planned for a week: as given, else as the panel knows that week, else last price and no promotion.

    Where the chain-wide share is given, it stands for the customer's own store, too, unless the panel knows the week.
    """
    inside = 0 <= week < panel.n_weeks
    last = min(max(week, 0), panel.n_weeks - 1)
    price = log_price if log_price is not None else panel.prices.log_price[last]
    groups = panel.promotions.store_display.shape[1]
    chain, store = [], []
    own = (
        (panel.promotions.display, panel.promotions.store_display),
        (panel.promotions.mailer, panel.promotions.store_mailer),
    )
    for given, (share, flags) in zip(promotions, own, strict=True):
        known = share[last] if inside else np.zeros(panel.n_items, np.float32)
        chain.append(known if given is None else np.asarray(given, np.float32))
        if given is None and inside:
            store.append(flags[last].astype(np.float32))
        else:
            store.append(np.broadcast_to(chain[-1], (groups, panel.n_items)).astype(np.float32))
    return Planned(price.astype(np.float32), chain[0], chain[1], store[0], store[1])


def train_model(
    panel: Panel,
    settings: TrainSettings,
    *,
    folder: Path,
    progress: Progress | None = None,
    resume: bool = False,
    relate: bool = True,
) -> DemandModel:
    """Fit the model, write it below `folder` and return it; see `fitting.fit`.

    Args:
        panel: everything known. `settings.fit_until` bounds what fitting and calibration see of it.
        settings: of the run.
        folder: for the model and the states of an unfinished run.
        progress: told (sentence, share of the work).
        resume: go on from the states in `folder`, if there are any.
        relate: also measure complements, substitutes and borrowed sales, which forecasts of purchases do not need.

    Raises:
        ModelArtefactError: the states in `folder` belong to other settings.
        StorageError: the folder cannot be written.
    """
    from bundleopt_models.fitting import fit

    model = fit(panel, settings, folder, progress or silent, resume=resume, relate=relate)
    model.save(folder)
    return model


def _uncertainty(tensors: dict[str, Tensor], record: dict[str, Any]) -> Uncertainty | None:
    """What `save` wrote of it; None in a model of before it was measured."""
    numbers = record.get("uncertainty")
    arrays = {name: value.numpy() for name, value in checkpoint.below(tensors, "uncertainty.").items()}
    return None if numbers is None else Uncertainty.of(arrays, numbers)


def load_model(folder: Path) -> DemandModel:
    """Read a model that `train_model` wrote.

    Raises:
        ModelArtefactError: it is missing, unfinished, of another version, or not what was written.
    """
    tensors, record = checkpoint.read(folder / CHECKPOINT)
    with checkpoint.translating(folder):
        network = DemandNetwork(NetworkSizes(**record["sizes"]))
        network.load_state_dict(checkpoint.below(tensors, "network."))
        visits = VisitNetwork()
        visits.load_state_dict(checkpoint.below(tensors, "visits."))
        facts = {name: value.numpy() for name, value in checkpoint.below(tensors, "facts.").items()}
        relations = PairRelations(
            facts["first"],
            facts["second"],
            facts["gamma"],
            facts["error"],
            float(record["background"]),
            facts["significant"],
            Fullness(**record["fullness"]) if record.get("fullness") else None,
        )
        return DemandModel(
            settings=TrainSettings.from_record(record["settings"]),
            network=network.eval(),
            visits=visits.eval(),
            scaler=Scaler(**{name: value.numpy() for name, value in checkpoint.below(tensors, "scaler.").items()}),
            vocabulary=Vocabulary(**{name: tuple(value) for name, value in record["vocabulary"].items()}),
            calibration=CalibrationMap(
                tuple(record["calibration"]["intercept"]), tuple(record["calibration"]["slope"])
            ),
            facts=ItemFacts(
                facts["units"], facts["pull_forward"], relations, _uncertainty(tensors, record), facts.get("need")
            ),
            record=record["run"],
        )
