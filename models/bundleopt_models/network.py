"""The purchase network: log odds that a customer buys an item in a week, given a visit.

    z = [bought before] habit(u, i, t) + [else] interest(u, i, t) - slope_ui m(x)
    interest = item(t) + customer(t) + theta_u(t) . alpha_i + groups(u, t) + promo
    q = P(visit) sigmoid(z) <= P(visit)

theta pools the item vectors of the customer's own history, so that new customers have one; alpha is the sum of an item,
a category, a brand and a text vector, so that new items have one. `interest` is separable: a whole week's customers x
items are a few matrix products, and only pairs with history run through the wide network of `habit.py`.
Letters: n rows, `U` customers, `I` items, `R` rank.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, fields
from typing import cast

import torch
from torch import Tensor, nn

from bundleopt_models.features import GROUP_FEATURES, PROMO_FEATURES
from bundleopt_models.habit import HabitNetwork
from bundleopt_models.modules import output
from bundleopt_models.price import PriceResponse
from bundleopt_models.sparse import sparse_product
from bundleopt_models.text import BUCKETS
from bundleopt_models.week_tables import CUSTOMER_FEATURES, ITEM_FEATURES

ITEM_DROPOUT = 0.2
"""Chance that an item's own vector is hidden in training, so that category, brand and text learn to stand in."""

BLOCK_RANK = 8
"""Length of the vectors by which a customer's state in a category tells its items apart."""

STYLE_RANK = 8
"""Length of the item style that the habit network sees."""

N_GROUP, N_PROMO = len(GROUP_FEATURES), len(PROMO_FEATURES)
N_CUSTOMER, N_ITEM = len(CUSTOMER_FEATURES), len(ITEM_FEATURES)
POPULARITY = ITEM_FEATURES.index("popularity_13")
DEAL_SHARE = CUSTOMER_FEATURES.index("deal_share")


@dataclass(frozen=True)
class NetworkSizes:
    """Sizes that shape the weights."""

    n_customers: int
    n_items: int
    n_categories: int
    n_brands: int
    width: int
    rank: int

    def as_record(self) -> dict[str, int]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Catalogue:
    """Codes of the items of a panel in the model's own tables; row 0 of every table means unknown.

    Attributes:
        item, category, brand: (I,) int64 codes. text: (I, BUCKETS) sparse CSR bags.
        text_columns: (BUCKETS, I) the transpose of `text`, for training.
    """

    item: Tensor
    category: Tensor
    brand: Tensor
    text: Tensor
    text_columns: Tensor | None = None


@dataclass(frozen=True)
class Rows:
    """n rows of one week, as tensors.

    Attributes:
        customer, item: (n,) positions in the week's tables. customer_code: (n,) code in the model's tables.
        pair, category, family, brand, promo: (n, .) features. position: (n,) log relative price x.
        has_history: (n,) 0 or 1.
    """

    customer: Tensor
    item: Tensor
    customer_code: Tensor
    pair: Tensor
    category: Tensor
    family: Tensor
    brand: Tensor
    promo: Tensor
    position: Tensor
    has_history: Tensor

    def at(self, index: Tensor) -> Rows:
        """The rows at `index`."""
        return Rows(**{field.name: getattr(self, field.name)[index] for field in fields(Rows)})


@dataclass(frozen=True)
class WeekContext:
    """Tables of one week, standardised: customers (U, N_CUSTOMER), items (I, N_ITEM), history (U, I) sparse CSR.

    `history_columns` (I, U) is the transpose of `history`, for training.
    """

    customers: Tensor
    items: Tensor
    history: Tensor
    history_columns: Tensor | None = None


def habit_numbers(rows: Rows, customers: Tensor, items: Tensor) -> Tensor:
    """(n, F) all that the habit network sees of rows; `customers`, `items` are their rows of the week's tables."""
    return torch.cat([rows.pair, rows.category, rows.family, rows.brand, rows.promo, customers, items], dim=1)


def _mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for place, (inner, outer) in enumerate(itertools.pairwise(widths)):
        layers.append(nn.Linear(inner, outer))
        if place < len(widths) - 2:
            layers.append(nn.SiLU())
    return nn.Sequential(*layers)


class DemandNetwork(nn.Module):
    """All learned parts of z; see the module's formula."""

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__()
        self.sizes = sizes
        rank = sizes.rank
        self.item_vector = nn.Embedding(sizes.n_items + 1, rank)
        self.category_vector = nn.Embedding(sizes.n_categories + 1, rank)
        self.brand_vector = nn.Embedding(sizes.n_brands + 1, rank)
        self.text_vector = nn.Embedding(BUCKETS, rank)
        self.history_vector = nn.Embedding(sizes.n_items + 1, rank)
        self.history_category = nn.Embedding(sizes.n_categories + 1, rank)
        self.customer_vector = nn.Embedding(sizes.n_customers + 1, rank)
        self.base = nn.Parameter(torch.zeros(()))
        self.item_bias = nn.Embedding(sizes.n_items + 1, 1)
        self.block_vector = nn.Embedding(sizes.n_items + 1, BLOCK_RANK)
        self.block_category = nn.Embedding(sizes.n_categories + 1, BLOCK_RANK)
        self.style = nn.Embedding(sizes.n_items + 1, STYLE_RANK)
        self.style_category = nn.Embedding(sizes.n_categories + 1, STYLE_RANK)
        self.customer_net = _mlp(N_CUSTOMER, 32, 1)
        self.item_net = _mlp(N_ITEM + STYLE_RANK, 32, 1)
        self.item_level = nn.Linear(N_ITEM, 1)
        self.category_net = _mlp(N_GROUP + N_CUSTOMER + STYLE_RANK, 48, 1 + BLOCK_RANK)
        self.family_net = _mlp(N_GROUP + N_CUSTOMER, 32, 1)
        self.brand_net = _mlp(N_GROUP + N_CUSTOMER, 32, 1)
        self.promo_effect = nn.Embedding(sizes.n_categories + 1, N_PROMO)
        self.promo_level = nn.Linear(N_PROMO, 1, bias=False)
        self.promo_customer = nn.Linear(N_CUSTOMER, N_PROMO)
        self.habit_net = HabitNetwork(sizes.width, STYLE_RANK)
        self.price = PriceResponse(sizes.n_customers, sizes.n_items, sizes.n_categories)
        self._start()

    def _start(self) -> None:
        """Begin with small vectors and silent networks: every score is then the base rate, see `start_at`."""
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.05)
        for table in (self.price.category, self.price.item, self.price.customer_factor, self.promo_effect):
            nn.init.zeros_(table.weight)
        nn.init.normal_(self.price.item_factor.weight, std=0.3)
        nn.init.zeros_(self.item_bias.weight)
        nn.init.zeros_(self.promo_customer.weight)
        nn.init.zeros_(self.promo_customer.bias)
        nets = (self.customer_net, self.item_net, self.category_net, self.family_net, self.brand_net)
        with torch.no_grad():
            for net in nets:
                last = cast("nn.Linear", net[-1])
                last.weight.mul_(0.1)
                last.bias.zero_()
            self.item_level.weight.zero_()
            self.item_level.bias.zero_()
            self.promo_level.weight.zero_()

    def start_at(self, base: float, popularity_deviation: float) -> None:
        """Begin at the base log odds given a visit, and at the items' own recent popularity around it."""
        with torch.no_grad():
            self.base.fill_(base)
            self.item_level.weight[0, POPULARITY] = popularity_deviation

    def embeddings(self) -> list[nn.Parameter]:
        """Tables that are shrunk by `embedding_decay`; price has its own prior."""
        own = [module for name, module in self.named_modules() if isinstance(module, nn.Embedding)
               and not name.startswith("price.")]  # fmt: skip
        return [cast("nn.Parameter", module.weight) for module in own]

    def item_vectors(self, catalogue: Catalogue, keep: Tensor | None = None) -> Tensor:
        """(I, R) affinity vectors; `keep` (I, 1) scales the items' own vectors in training."""
        own = output(self.item_vector, catalogue.item)
        shared = output(self.category_vector, catalogue.category) + output(self.brand_vector, catalogue.brand)
        text = sparse_product(catalogue.text, self.text_vector.weight, catalogue.text_columns)
        return (own if keep is None else own * keep) + shared + text

    def customer_vectors(self, catalogue: Catalogue, context: WeekContext, code: Tensor) -> Tensor:
        """(U, R): pooled vectors of the items bought, plus the customer's own shrunk residual."""
        source = self.history_vector(catalogue.item) + self.history_category(catalogue.category)
        pooled = sparse_product(context.history, source, context.history_columns)
        return pooled + output(self.customer_vector, code)

    def style_of(self, catalogue: Catalogue) -> Tensor:
        """(I, STYLE_RANK) what the small networks know of an item besides its numbers."""
        return output(self.style, catalogue.item) + output(self.style_category, catalogue.category)

    def item_scores(self, catalogue: Catalogue, context: WeekContext) -> Tensor:
        """(I,) level of every item in the week."""
        inputs = torch.cat([context.items, self.style_of(catalogue)], dim=1)
        level = output(self.item_net, inputs) + output(self.item_level, context.items)
        return self.base + (level + output(self.item_bias, catalogue.item)).squeeze(1)

    def block_vectors(self, catalogue: Catalogue) -> Tensor:
        """(I, BLOCK_RANK) what sets an item apart inside its category."""
        return output(self.block_vector, catalogue.item) + output(self.block_category, catalogue.category)

    def category_block(self, group: Tensor, customers: Tensor, style: Tensor) -> Tensor:
        """(n, 1 + BLOCK_RANK) from group, customer and category style; exactly 0 where it never bought from it."""
        return output(self.category_net, torch.cat([group, customers, style], dim=1)) * group[:, :1]

    def group_score(self, net: nn.Sequential, group: Tensor, customers: Tensor) -> Tensor:
        """(n,) score of a group the customer knows; exactly 0 where it never bought from it."""
        return output(net, torch.cat([group, customers], dim=1)).squeeze(1) * group[:, 0]

    def promo_weights(self, customers: Tensor) -> Tensor:
        """(n, N_PROMO) weights of display, mailer and store that come from the customer."""
        return output(self.promo_customer, customers)

    def promo_item(self, category: Tensor) -> Tensor:
        """(n, N_PROMO) weights that come from the item."""
        return output(self.promo_effect, category) + self.promo_level.weight

    def habit(self, rows: Rows, customers: Tensor, items: Tensor, style: Tensor) -> Tensor:
        """(n,) log odds of rows with own history, without price; `customers`, `items`, `style` aligned."""
        return cast("Tensor", self.habit_net(habit_numbers(rows, customers, items), style))

    def slopes(self, rows: Rows, catalogue: Catalogue, customers: Tensor) -> Tensor:
        """(n,) price sensitivities > 0."""
        item, category = catalogue.item[rows.item], catalogue.category[rows.item]
        cross = (self.price.customer_factor(rows.customer_code) * self.price.item_factor(item)).sum(1)
        slope = self.price.slope(
            self.price.item_part(item, category),
            self.price.customer_part(customers[:, DEAL_SHARE]),
            cross,
            rows.has_history,
        )
        return slope * self.price.scale(item)

    def interest(self, rows: Rows, context: WeekContext, catalogue: Catalogue, code: Tensor, keep: Tensor) -> Tensor:
        """(n,) log odds of rows without own history, without price; arguments as for `forward`."""
        customers, category = context.customers[rows.customer], catalogue.category[rows.item]
        affinity = self.item_vectors(catalogue, keep)[rows.item]
        affinity = affinity * self.customer_vectors(catalogue, context, code)[rows.customer]
        block = self.category_block(rows.category, customers, self.style_category(category))
        inner = block[:, 0] + (block[:, 1:] * self.block_vectors(catalogue)[rows.item]).sum(1)
        promo = ((self.promo_item(category) + self.promo_weights(customers)) * rows.promo).sum(1)
        z = self.item_scores(catalogue, context)[rows.item] + output(self.customer_net, customers).squeeze(1)
        z = z + affinity.sum(1) + inner + promo
        z = z + self.group_score(self.family_net, rows.family, customers)
        return z + self.group_score(self.brand_net, rows.brand, customers)

    def forward(self, rows: Rows, context: WeekContext, catalogue: Catalogue, code: Tensor, keep: Tensor) -> Tensor:
        """(n,) log odds given a visit of `rows`; `code` (U,) customer codes, `keep` (I, 1) item dropout."""
        known, new = (rows.has_history > 0).nonzero().squeeze(1), (rows.has_history == 0).nonzero().squeeze(1)
        own, style = rows.at(known), self.style_of(catalogue)
        habit = self.habit(own, context.customers[own.customer], context.items[own.item], style[own.item])
        interest = self.interest(rows.at(new), context, catalogue, code, keep)
        z = habit.new_zeros(len(rows.has_history)).index_add(0, known, habit).index_add(0, new, interest)
        slopes = self.slopes(rows, catalogue, context.customers[rows.customer])
        return z + self.price.shift[catalogue.item[rows.item]] - slopes * output(self.price.map, rows.position)
