"""Named parts of the network that can be left out, to see what each of them is worth.

Leaving a part out sets its weights to zero and keeps them there: a weight that is 0 and has no gradient stays 0 under
weight decay, too. So a model without a block is trained, saved, loaded and scored as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from bundleopt_data.errors import UsageError
from bundleopt_models.features import GROUP_FEATURES, PAIR_FEATURES, PROMO_FEATURES
from bundleopt_models.network import STYLE_RANK, DemandNetwork
from bundleopt_models.repeats import REPEAT_FEATURES
from bundleopt_models.week_tables import CUSTOMER_FEATURES, ITEM_FEATURES

_DECAYED = frozenset(name for name in PAIR_FEATURES if name.startswith("log_decayed_"))
_RHYTHM = frozenset(
    {"log_weeks_since", "log_visits_since", "log_gap_ratio", "log_gap", "log_gap_1", "log_gap_2", "least_gap",
     "since_against_gap"}
) | {name for name in PAIR_FEATURES if name.startswith("lag_")}  # fmt: skip
_PAID = frozenset({"price_paid", "last_price_paid", "deal_share"})
_PROMOTED = frozenset(
    {"last_mailer", "last_display", "mailer_share", "display_share", "log_mailer_visits", "odds_mailer",
     "odds_display", "odds_other_mailer", "now_mailer", "now_display"}
)  # fmt: skip
_LINES = frozenset(name for name in CUSTOMER_FEATURES if name.startswith("lines_") and name.endswith("_ago"))

_PROMOTIONS = frozenset({"display", "mailer", "store_display", "store_mailer"})
_STYLE = tuple(f"style_{place}" for place in range(STYLE_RANK))

BLOCKS: dict[str, dict[str, frozenset[str]]] = {
    "decays": dict.fromkeys(("pair", "category", "family", "brand"), _DECAYED),
    "recency": dict.fromkeys(("pair", "category", "family", "brand"), _RHYTHM),
    "repeats": {"pair": frozenset(REPEAT_FEATURES)},
    "prices-paid": {"pair": _PAID},
    "promotion-memory": {"pair": _PROMOTED},
    "twins": dict.fromkeys(("category", "family", "brand"), frozenset(GROUP_FEATURES)),
    "basket-sizes": {"customers": _LINES | {"lines_per_week"}},
    "promotions": {"promo": _PROMOTIONS},
    "own-store": {"promo": frozenset({"store_display", "store_mailer", "store_lift"})},
    "own-vectors": {"item_vector": frozenset(), "customer_vector": frozenset()},
    "pooled-history": {"history_vector": frozenset(), "history_category": frozenset()},
    "text": {"text_vector": frozenset()},
}
"""Block -> what it hides: columns of inputs by name, or whole tables of vectors."""

Place = tuple[Tensor, int, list[int]]
"""Weights, the axis that is hidden along, and the hidden indices of it."""


def leave_out(network: DemandNetwork, block: str) -> None:
    """Leave a block out of a fresh network, for good; an empty name leaves out nothing.

    Raises:
        UsageError: there is no such block.
    """
    if block and block not in BLOCKS:
        raise UsageError(f"{block!r} is no block of the network; there are {', '.join(BLOCKS)}")
    for weights, axis, hidden in _places(network, BLOCKS.get(block, {})):
        with torch.no_grad():
            weights.index_fill_(axis, torch.tensor(hidden, device=weights.device), 0.0)
        weights.register_hook(_silence(axis, hidden))  # type: ignore[no-untyped-call]


def _silence(axis: int, hidden: list[int]) -> Callable[[Tensor], Tensor]:
    """A gradient hook that keeps weights where they are at `hidden` indices of an axis."""

    def hook(gradient: Tensor) -> Tensor:
        return gradient.index_fill(axis, torch.tensor(hidden, device=gradient.device), 0.0)

    return hook


def _places(network: DemandNetwork, parts: dict[str, frozenset[str]]) -> Iterator[Place]:
    """Every weight that reads one of the hidden columns, and every hidden table."""
    for layer, columns in _first_layers(network):
        hidden = [place for place, (kind, name) in enumerate(columns) if name in parts.get(kind, ())]
        if hidden:
            yield layer.weight, 1, hidden
    promoted = [place for place, name in enumerate(PROMO_FEATURES) if name in parts.get("promo", ())]
    if promoted:
        yield network.promo_level.weight, 1, promoted
        yield network.promo_effect.weight, 1, promoted
        yield network.promo_customer.weight, 0, promoted
        yield network.promo_customer.bias, 0, promoted
    for level in ("category", "family", "brand"):
        if len(parts.get(level, ())) == len(GROUP_FEATURES):
            last = cast("nn.Linear", getattr(network, f"{level}_net")[-1])
            yield last.weight, 0, list(range(len(last.weight)))
            yield last.bias, 0, list(range(len(last.bias)))
    for name in parts:
        table = getattr(network, name, None)
        if isinstance(table, nn.Embedding):
            yield table.weight, 0, list(range(len(table.weight)))


def _first_layers(network: DemandNetwork) -> Iterator[tuple[nn.Linear, list[tuple[str, str]]]]:
    """Layers that read inputs, with (kind of input, name) of every column, in the order the network joins them."""

    def columns(**kinds: tuple[str, ...]) -> list[tuple[str, str]]:
        return [(kind, name) for kind, names in kinds.items() for name in names]

    def first(net: nn.Sequential) -> nn.Linear:
        return cast("nn.Linear", net[0])

    customers, items, group = CUSTOMER_FEATURES, ITEM_FEATURES, GROUP_FEATURES
    yield first(network.habit_net.layers), columns(
        pair=PAIR_FEATURES, category=group, family=group, brand=group, promo=PROMO_FEATURES,
        customers=customers, items=items, style=_STYLE,
    )  # fmt: skip
    yield first(network.category_net), columns(category=group, customers=customers, style=_STYLE)
    yield first(network.family_net), columns(family=group, customers=customers)
    yield first(network.brand_net), columns(brand=group, customers=customers)
    yield first(network.customer_net), columns(customers=customers)
    yield first(network.item_net), columns(items=items, style=_STYLE)
    yield network.item_level, columns(items=items)
    yield network.promo_customer, columns(customers=customers)
