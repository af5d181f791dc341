"""From a panel to a model: the stages of training, in order."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress
from bundleopt_models.attempts import Attempts
from bundleopt_models.blocks import leave_out
from bundleopt_models.calibration import CalibrationMap, fit_calibration
from bundleopt_models.category_need import fit_category_need
from bundleopt_models.corpus import CorpusBuilder, Scaler, Vocabulary, WeekRows
from bundleopt_models.device import resolve_device
from bundleopt_models.habit_start import start_habit
from bundleopt_models.likelihood import log_purchase
from bundleopt_models.memory_plan import plan_memory
from bundleopt_models.model import DemandModel, ItemFacts, PanelView, build_view
from bundleopt_models.network import POPULARITY, DemandNetwork, NetworkSizes
from bundleopt_models.price_step import correct_prices
from bundleopt_models.pull_forward import fit_pull_forward
from bundleopt_models.relations import RelationSettings, fit_relations, no_relations
from bundleopt_models.settings import TrainSettings
from bundleopt_models.training import TrainingData, TrainingResult, hash_seed, week_logits
from bundleopt_models.training_quality import Quality, measure_quality, personal_frequencies
from bundleopt_models.uncertainty_weeks import measure_uncertainty
from bundleopt_models.visit import VisitNetwork, fit_visits, log_visits
from bundleopt_models.week_store import StoredWeek, WeekStore

Floats = npt.NDArray[np.float32]

UNITS_PRIOR = 20.0
"""Purchases worth of prior (the mean of all items) in the units per purchase of an item."""

RELATION_WEEKS, RELATION_WEEKS_FAST = 26, 10
"""Latest weeks whose co-purchases are counted: what five minutes, or two, leave time for."""

MOST_UNITS = 30.0
"""Units of one purchase are cut here: a typing error or a wholesale purchase is no habit."""


@dataclass(frozen=True)
class WeekSplit:
    """Which weeks of the panel are for what; indices, all before `fit_until`."""

    fit: tuple[int, ...]
    validation: tuple[int, ...]


def split_weeks(panel: Panel, settings: TrainSettings) -> WeekSplit:
    """Warm-up, fitting and validation weeks; short panels keep at least half of their weeks for fitting."""
    end = panel.n_weeks
    if settings.fit_until is not None:
        end = min(max(panel.week_index(settings.fit_until), 0), panel.n_weeks)
    validation = min(settings.validation_weeks, max(end // 4, 0))
    first = min(settings.warmup_weeks, max((end - validation) // 2, 0))
    return WeekSplit(tuple(range(first, end - validation)), tuple(range(end - validation, end)))


def fit(
    panel: Panel, settings: TrainSettings, folder: Path, progress: Progress, *, resume: bool, relate: bool = True
) -> DemandModel:
    """Fit all parts; see `model.train_model`."""
    began = time.monotonic()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    weeks = split_weeks(panel, settings)
    vocabulary = Vocabulary.of(panel)
    view = build_view(panel, vocabulary)
    scaler = Scaler.fit(view.builder.tables, weeks.fit or (0,))
    visits = _fit_visits(view, scaler, weeks, settings)
    plan = plan_memory(panel, len(weeks.fit) + len(weeks.validation), settings)
    progress(plan.sentence(), 0.01)
    store = WeekStore(folder, resolve_device(settings.device)) if plan.on_disk else None
    data = _collect(view, (scaler, vocabulary, visits), (weeks, store), settings, progress)

    def start(rows: TrainingData) -> DemandNetwork:
        network = _new_network(panel, vocabulary, settings)
        network.start_at(base_log_odds(panel, weeks), float(scaler.item_deviation[POPULARITY]))
        start_habit(network, rows)
        leave_out(network, settings.without)
        return network

    attempts = Attempts(start, data, settings, folder)
    best = attempts.run(_part(progress, 0.15, 0.9), resume=resume)
    network = best.trainer.network
    progress("calibrating", 0.9)
    scored = [week_logits(network, data, week) for week in data.validation]
    calibration = _calibrate(scored, data)
    quality = _quality(scored, calibration, data)
    model = DemandModel(settings, network, visits, scaler, vocabulary, calibration, _facts(panel, weeks))
    model.keep_view(view)
    # The rows are many times what is still to come needs.
    del data, scored
    attempts.release()
    if store is not None:
        store.close()
    correct_prices(model, panel, (*weeks.fit, *weeks.validation))
    if relate:
        model.facts = _related_facts(model, panel, weeks, progress)
    model.record = _run_record(best.result, weeks, time.monotonic() - began) | {"embedding_shrinkage": best.shrinkage}
    model.record |= quality.as_record() if quality is not None else {}
    attempts.forget_states()
    progress("model trained", 1.0)
    return model


def _part(progress: Progress, start: float, stop: float) -> Progress:
    return lambda stage, share: progress(stage, start + (stop - start) * share)


def _new_network(panel: Panel, vocabulary: Vocabulary, settings: TrainSettings) -> DemandNetwork:
    sizes = NetworkSizes(
        n_customers=panel.n_customers,
        n_items=panel.n_items,
        n_categories=len(vocabulary.categories),
        n_brands=len(vocabulary.brands),
        width=settings.width,
        rank=settings.rank,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hash_seed(settings.seed, 0, 0))
        return DemandNetwork(sizes)


def base_log_odds(panel: Panel, weeks: WeekSplit) -> float:
    """Log odds that a visitor buys an item, over all fitting weeks; half a purchase of prior."""
    chosen = np.array(weeks.fit or weeks.validation, dtype=np.int64)
    bought = np.isin(panel.purchase_week, chosen).sum() + 0.5
    cells = float((panel.trips[chosen] > 0).sum()) * panel.n_items + panel.n_items + 1.0
    rate = min(max(bought / cells, 1e-7), 1 - 1e-3)
    return float(np.log(rate / (1 - rate)))


def _fit_visits(view: PanelView, scaler: Scaler, weeks: WeekSplit, settings: TrainSettings) -> VisitNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hash_seed(settings.seed, 0, 1))
        network = VisitNetwork()
    tables, features, came = view.builder.tables, [], []
    for week in weeks.fit or weeks.validation:
        known = tables.visits_before[week] > 0
        features.append(scaler.customers(tables.customer[week][known]))
        came.append(view.panel.trips[week][known] > 0)
    trips = view.panel.trips[list(weeks.fit or weeks.validation)] > 0
    network.start_at((float(trips.sum()) + 0.5) / (trips.size + 1.0))
    if came and sum(len(part) for part in came):
        fit_visits(network, np.concatenate(features), np.concatenate(came), settings.seed)
    return network.eval()


def _collect(
    view: PanelView,
    parts: tuple[Scaler, Vocabulary, VisitNetwork],
    scope: tuple[WeekSplit, WeekStore | None],
    settings: TrainSettings,
    progress: Progress,
) -> TrainingData:
    """Sample all weeks, in order, and put visit chances beside them; into the store where there is one."""
    scaler, vocabulary, visits = parts
    weeks, store = scope
    corpus = CorpusBuilder(view.builder, scaler, vocabulary, settings)
    chosen = (*weeks.fit, *weeks.validation)
    sampled: dict[int, WeekRows | StoredWeek] = {}
    log_visit: dict[int, Tensor] = {}
    frequency: list[Tensor] = []
    for done, week in enumerate(chosen):
        progress("reading history", 0.02 + 0.13 * done / len(chosen))
        drawn = corpus.week(week)
        sampled[week] = drawn if store is None else store.put(drawn)
        log_visit[week] = log_visits(visits, view.panel, view.builder.tables, scaler, week)
        if week in weeks.validation:
            rows = drawn.rows
            rates = personal_frequencies(view.builder, rows.customer.numpy(), rows.item.numpy())
            frequency.append(torch.from_numpy(rates))
    return TrainingData(
        fit=[sampled[week] for week in weeks.fit],
        validation=[sampled[week] for week in weeks.validation],
        log_visit=log_visit,
        catalogue=view.catalogue,
        customer_code=torch.from_numpy(view.customer_code),
        frequency=frequency,
    )


def stratum_of(week: WeekRows | StoredWeek) -> Tensor:
    """(n,) codes of `calibration.STRATA`."""
    in_category = (week.rows.category[:, 0] > 0).long()
    return torch.where(week.rows.has_history > 0, 2, in_category)


def _calibrate(scored: Sequence[Tensor], data: TrainingData) -> CalibrationMap:
    """Fit the map on raw log odds `scored`, one tensor a validation week."""
    if not data.validation:
        return CalibrationMap.identity()
    log_visit = [data.log_visit[week.week][week.rows.customer] for week in data.validation]
    return fit_calibration(
        torch.cat(list(scored)),
        torch.cat([stratum_of(week) for week in data.validation]),
        torch.cat(log_visit),
        torch.cat([week.offset for week in data.validation]),
        torch.cat([week.bought for week in data.validation]),
    )


def _quality(scored: Sequence[Tensor], calibration: CalibrationMap, data: TrainingData) -> Quality | None:
    """The calibrated model on the validation rows; None without them."""
    if not data.validation:
        return None
    found = []
    for z, week in zip(scored, data.validation, strict=True):
        log_visit = data.log_visit[week.week][week.rows.customer]
        found.append(torch.exp(log_purchase(calibration.apply(z, stratum_of(week)), log_visit)))
    return measure_quality(
        torch.cat(found).double().numpy(),
        torch.cat([rates.cpu() for rates in data.frequency], dim=1).numpy(),
        torch.cat([week.bought for week in data.validation]).numpy(),
        torch.cat([week.offset for week in data.validation]).numpy(),
    )


def units_given_bought(panel: Panel, weeks: WeekSplit) -> Floats:
    """(I,) kappa >= 1: mean units of a purchase, shrunk towards the mean of all items by UNITS_PRIOR purchases."""
    last = max((*weeks.fit, *weeks.validation), default=-1)
    seen = panel.purchase_week <= last
    units = np.clip(panel.purchase_units[seen], 1.0, MOST_UNITS).astype(np.float64)
    item = panel.purchase_item[seen]
    overall = float(units.mean()) if len(units) else 1.0
    total = np.bincount(item, units, minlength=panel.n_items)
    count = np.bincount(item, minlength=panel.n_items)
    return np.asarray((total + UNITS_PRIOR * overall) / (count + UNITS_PRIOR), dtype=np.float32)


def _facts(panel: Panel, weeks: WeekSplit) -> ItemFacts:
    unknown = np.full(panel.n_items, np.nan, np.float32)
    return ItemFacts(units_given_bought(panel, weeks), unknown, no_relations())


def _related_facts(model: DemandModel, panel: Panel, weeks: WeekSplit, progress: Progress) -> ItemFacts:
    """Complementarity and competition beside the model's own probabilities, and what promotions borrow from later."""
    fast = model.settings.fast
    chosen = (*weeks.fit, *weeks.validation)[-(RELATION_WEEKS_FAST if fast else RELATION_WEEKS) :]

    expected: dict[int, npt.NDArray[np.float64]] = {}

    def grid(week: int) -> tuple[Floats, Floats]:
        progress("relating items", 0.92 + 0.07 * chosen.index(week) / len(chosen))
        scored = model.weekly_grid(panel, week)
        expected[week] = scored[0].sum(axis=0, dtype=np.float64)
        return scored

    settings = RelationSettings.fast() if fast else RelationSettings()
    relations = fit_relations(panel, chosen, grid, settings) if chosen else no_relations()
    seen = range(max((*weeks.fit, *weeks.validation), default=-1) + 1)
    share = fit_pull_forward(panel, seen) if seen else model.facts.pull_forward
    uncertainty = measure_uncertainty(model, panel, expected, fitted=weeks.fit, held_out=weeks.validation)
    need = fit_category_need(
        panel, (*weeks.fit, *weeks.validation), lambda week: model.week_and_quiet_week(panel, week)
    )
    pull_forward = share.astype(np.float32)
    return replace(model.facts, relations=relations, pull_forward=pull_forward, uncertainty=uncertainty, need=need)


def _run_record(result: TrainingResult, weeks: WeekSplit, seconds: float) -> dict[str, object]:
    return {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "train_loss": list(result.train_loss),
        "validation_loss": list(result.validation_loss),
        "rows": result.rows,
        "rows_per_second": round(result.rows_per_second),
        "arithmetic": result.arithmetic,
        "fit_weeks": [weeks.fit[0], weeks.fit[-1]] if weeks.fit else [],
        "validation_weeks": list(weeks.validation),
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
