"""The rules of the menu as counts over options: caps and floors by attribute, items asked for, churn, locks, parity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt.config import SolveConfig
from bundleopt.rule_texts import ATTRIBUTE_SEPARATOR
from bundleopt.stages.item_choice import ItemChoice
from bundleopt.stages.multi_buy import bundle_of
from bundleopt.stages.rule_inputs import MISSING, RuleInputs, Texts
from bundleopt_data.errors import UsageError
from bundleopt_solvers.problem import MenuCount, Options, Parity

Flags = npt.NDArray[np.bool_]


def menu_counts(
    options: Options, choice: ItemChoice, inputs: RuleInputs, settings: SolveConfig
) -> tuple[MenuCount, ...]:
    """Collect all counts.

    Raises:
        UsageError: no modelled item has a value that a cap or a floor names.
    """
    found = [MenuCount("include", _with_item(options, item), least=1, label=str(options.item_ids[item]))
             for item in choice.must_items]  # fmt: skip
    for key, count in settings.caps.items():
        found += [
            MenuCount(f"cap:{key}", member, most=count, label=label) for label, member in _groups(options, inputs, key)
        ]
    for key, count in settings.floors.items():
        found += [
            MenuCount(f"floor:{key}", member, least=count, label=label)
            for label, member in _groups(options, inputs, key)
        ]
    changes = inputs.changes_allowed(settings)
    if changes is not None:
        held = np.zeros(len(options.bundle), dtype=bool)
        held[_options_of(options, inputs.base)] = True
        found.append(MenuCount("max_churn", ~held, most=changes, label="new or changed"))
        found.append(MenuCount("max_churn", held, least=max(inputs.base_size - changes, 0), label="kept"))
    return tuple(found)


def locked_options(options: Options, inputs: RuleInputs) -> tuple[int, ...]:
    """Options of the locked bundles at their prices."""
    return tuple(_options_of(options, inputs.locked))


def parities(inputs: RuleInputs, settings: SolveConfig) -> tuple[Parity, ...]:
    """Groups of customers to treat alike; customers without a value are in no group, but count among all."""
    found = []
    for name, tolerance in settings.fairness.items():
        values = inputs.customers[name]
        labels = sorted({str(value) for value in values if value != MISSING})
        place = {label: code for code, label in enumerate(labels)}
        group = np.array([place.get(str(value), -1) for value in values], dtype=np.int32)
        found.append(Parity(name, tuple(labels), group, tolerance))
    return tuple(found)


def _with_item(options: Options, item: int) -> Flags:
    return np.asarray((options.items == item).any(axis=1))


def _groups(options: Options, inputs: RuleInputs, key: str) -> list[tuple[str, Flags]]:
    """Label and options of one value of an attribute, or of each value where none is named."""
    name, mark, wanted = key.partition(ATTRIBUTE_SEPARATOR)
    values = inputs.items[name]
    if mark:
        if wanted not in set(values):
            raise UsageError(f"{key!r}: no modelled item has the {name} {wanted!r}")
        return [("", _any_item(options, values, wanted))]
    held = np.unique(options.items[options.items >= 0])
    known = sorted({str(values[item]) for item in held} - {MISSING})
    return [(value, _any_item(options, values, value)) for value in known]


def _any_item(options: Options, values: Texts, wanted: str) -> Flags:
    inside = np.asarray(values == wanted, dtype=bool)
    return np.asarray(((options.items >= 0) & inside[options.items]).any(axis=1))


def _options_of(options: Options, bundles: dict[tuple[int, ...], int]) -> list[int]:
    """Options that are these bundles at these prices."""
    sold = zip(options.items.tolist(), options.quantities.tolist(), strict=True)
    rows = [bundle_of(row, count) for row, count in sold]
    prices = options.price_cents.tolist()
    return [o for o, row in enumerate(rows) if bundles.get(row) == prices[o]]
