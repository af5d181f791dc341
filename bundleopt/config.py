"""The keys of `bundleopt.toml`: every setting of the product, its type, its default and what it means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bundleopt import quantities, rule_texts, shock_texts
from bundleopt.report import formats


def _optional(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    def read(text: object) -> Any:
        return None if text is None or str(text).strip().lower() == "none" else parse(text)

    return read


Money = Annotated[float, BeforeValidator(quantities.parse_money)]
Share = Annotated[float, BeforeValidator(quantities.parse_share)]
Duration = Annotated[float, BeforeValidator(quantities.parse_duration)]
OptionalDuration = Annotated[float | None, BeforeValidator(_optional(quantities.parse_duration))]
OptionalMoney = Annotated[float | None, BeforeValidator(_optional(quantities.parse_money))]
OptionalSignedMoney = Annotated[float | None, BeforeValidator(_optional(quantities.parse_signed_money))]
OptionalShare = Annotated[float | None, BeforeValidator(_optional(quantities.parse_share))]
OptionalText = Annotated[str | None, BeforeValidator(_optional(lambda text: text))]
OptionalPositive = Annotated[
    Annotated[float, Field(gt=0, allow_inf_nan=False)] | None, BeforeValidator(_optional(lambda text: text))
]
OptionalWeek = Annotated[date | None, BeforeValidator(_optional(quantities.parse_week))]
OptionalCount = Annotated[int | None, BeforeValidator(_optional(lambda text: text))]
Sizes = Annotated[tuple[int, int], BeforeValidator(quantities.parse_sizes)]
Counts = Annotated[dict[str, int], BeforeValidator(rule_texts.parse_counts)]
Tolerances = Annotated[dict[str, float], BeforeValidator(rule_texts.parse_tolerances)]
Goal = Annotated[str | None, BeforeValidator(_optional(rule_texts.parse_goal_text))]
Bands = Annotated[dict[str, tuple[float, float]], BeforeValidator(rule_texts.parse_bands)]
Churn = Annotated[float | None, BeforeValidator(_optional(rule_texts.parse_churn))]
Locks = Annotated[tuple[str, ...], BeforeValidator(rule_texts.parse_locks)]
PriceEnding = Annotated[str | None, BeforeValidator(quantities.parse_price_ending)]
NumberFormatName = Annotated[str, BeforeValidator(quantities.parse_number_format)]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


Shocks = Annotated[tuple[str, ...], BeforeValidator(shock_texts.parse_shocks)]


class Objective(StrEnum):
    """What a plan maximises."""

    REVENUE = "revenue"  # expected incremental revenue
    MARGIN = "margin"  # expected incremental margin
    REVENUE_MARGIN = "revenue,margin"  # revenue first, then margin with nearly all of that revenue kept
    MARGIN_REVENUE = "margin,revenue"  # the other way round
    MIX = "mix"  # (1 - mix_margin_weight) x revenue + mix_margin_weight x margin


class Redemption(StrEnum):
    """Who can redeem."""

    TARGETED = "targeted"  # who holds the offer
    PUBLIC = "public"  # everybody: the price stands on the shelf, an offer only draws attention


class Engine(StrEnum):
    """How many customers are planned at once."""

    AUTO = "auto"  # whole, up to `engine_cells`
    WHOLE = "whole"  # menu and offers together, over all customers
    CHUNKS = "chunks"  # the menu on a sample of customers, offers and bound over all of them in chunks


class SameCategory(StrEnum):
    """Whether items of one category may meet in a bundle."""

    ALLOW = "allow"  # no rule
    FORBID = "forbid"  # combinations: every item of another category
    ONLY = "only"  # variety packs: all items of one category


class Section(BaseModel):
    """A table of `bundleopt.toml`: frozen, and a key that is not listed is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Section):
    """Where the data is and how its texts are read; what is not given is detected, and ambiguity is refused."""

    source: str = Field(default="sample", description="folder of CSV or Parquet files, Ta Feng's CSV, or 'sample'")
    timezone: str = Field(default="UTC", description="zone in which naive timestamps are read and weeks begin")
    encoding: OptionalText = Field(default=None, description="encoding of CSV files; none means UTF-8")
    delimiter: OptionalText = Field(
        default=None, description="field separator of CSV files; none means found in the header"
    )
    decimal: OptionalText = Field(default=None, description="decimal mark of CSV files, '.' or ','")
    date_format: OptionalText = Field(
        default=None, description="strptime pattern of times that are not ISO, like %d/%m/%Y"
    )
    max_unknown_share: Share = Field(
        default=0.0, description="share of rows with unknown ids that is dropped, not refused"
    )
    allow_empty: bool = Field(default=False, description="whether optional tables may hold no rows")
    clamp_negative_stock: bool = Field(default=False, description="whether negative stock counts as 0")
    column_map: dict[str, str] = Field(default_factory=dict, description="'transactions.sku' = 'item_id', and so on")
    currency: str = Field(default="", description="name or sign of the currency, for display")
    number_format: NumberFormatName = Field(
        default=formats.DEFAULT_LOCALE, description="how reports write numbers: en_US, de_DE, fr_FR, ..."
    )


class AssumptionsConfig(Section):
    """What the data does not say; every figure that rests on one of these says so."""

    assumed_margin: OptionalShare = Field(
        default=0.3, description="margin share of the net shelf price without unit_cost"
    )
    assumed_margin_by_department: dict[str, Share] = Field(default_factory=dict, description="the same, by department")
    assumed_margin_by_category: dict[str, Share] = Field(default_factory=dict, description="the same, by category")
    weeks_of_cover: OptionalPositive = Field(
        default=None, description="stock in weeks of sales where inventory is missing"
    )
    funding_share: Share = Field(default=0.0, description="supplier's share of a discount where funding is missing")
    tax_rate: Share = Field(default=0.0, description="tax where the items table has no tax_rate")
    prices_include_tax: bool = Field(default=True, description="whether prices include the tax")
    pull_forward: Share = Field(
        default=0.2, description="share of induced sales borrowed from later weeks, if not measured"
    )
    safety_deviations: float = Field(
        default=1.64, ge=0, description="safety stock: 1.64 covers 95 % of weeks, as a normal would"
    )


class ModelConfig(Section):
    """The demand model."""

    max_items: OptionalCount = Field(
        default=None, ge=2, description="items that the model knows; none means the top 5000"
    )
    device: str = Field(default="auto", pattern="^(auto|cpu|cuda|mps)$", description="auto, cpu, cuda or mps")
    seed: int = Field(default=0, ge=0, description="seed of training")


class SolveConfig(Section):
    """One campaign: the objective, the rules and how long to look for a better plan."""

    budget: OptionalMoney = Field(default=None, description="promo spend allowed; none means no limit")
    week: OptionalWeek = Field(
        default=None, description="Monday of the campaign; none means the week after the last line"
    )
    objective: Objective = Field(default=Objective.REVENUE, description="revenue, margin or mix (all incremental)")
    objective_tolerance: Share = Field(default=0.01, description="share of the first of two objectives to give up")
    goal: Goal = Field(default=None, description="like margin>=15000: find the least budget that reaches it")
    risk: OptionalShare = Field(default=None, gt=0, description="share of the draws of demand that count as worst")
    risk_weight: Share = Field(default=0.5, description="weight of the mean of the worst draws in the objective")
    budget_confidence: OptionalShare = Field(
        default=None, gt=0, lt=1, description="chance, over draws and counts, that promo spend stays in the budget"
    )
    mix_margin_weight: Share = Field(default=0.5, description="weight of margin in the objective 'mix'")
    min_margin: OptionalShare = Field(
        default=None, description="least margin of bundle sales, as a share of their revenue"
    )
    category_min_margin: dict[str, Share] = Field(default_factory=dict, description="the same for one category")
    min_incremental_margin: OptionalSignedMoney = Field(default=None, description="least incremental margin, in money")
    min_incremental_revenue: OptionalSignedMoney = Field(
        default=None, description="least incremental revenue, in money"
    )
    max_discount: Share = Field(default=0.30, description="largest discount of a bundle on its shelf prices")
    min_discount: Share = Field(default=0.0, description="smallest discount of a bundle on its shelf prices")
    price_step: Share = Field(default=0.05, gt=0, description="distance of the steps of the discount ladder")
    bands: Bands = Field(
        default_factory=dict, description="discount bands of their own: 'category:YOGURT' = '0%:20%', or by brand, item"
    )
    prior_price_days: OptionalCount = Field(
        default=None, ge=1, description="bundles cost less than their items' lowest prices of so many days before"
    )
    price_ending: PriceEnding = Field(default=None, description="ending of prices like .99; none means to the cent")
    below_cost: bool = Field(default=False, description="whether a bundle may be priced below its cost")
    max_bundles: int = Field(default=30, ge=0, description="most bundles on the menu")
    slots: int = Field(default=3, ge=1, description="most offers to one customer")
    bundle_size: Sizes = Field(default=(2, 4), description="least and most items of a bundle")
    multi_buy: int = Field(default=1, ge=1, le=6, description="most units of one item sold together; 1: none are")
    category_cap: OptionalCount = Field(default=None, ge=0, description="most bundles with an item of one category")
    item_overlap: OptionalCount = Field(default=None, ge=0, description="most bundles that contain one item")
    caps: Counts = Field(
        default_factory=dict, description="most bundles by item attribute: 'brand' = 2 (each), 'brand:Acme' = 2"
    )
    floors: Counts = Field(default_factory=dict, description="least bundles by item attribute, written like caps")
    min_exposure: OptionalCount = Field(default=None, ge=1, description="least offers of a bundle on the menu")
    max_exposure: OptionalCount = Field(default=None, ge=1, description="most offers of a bundle on the menu")
    fairness: Tolerances = Field(
        default_factory=dict,
        description="customer attribute -> how far the offers per customer of its groups may be from those of all",
    )
    base: OptionalText = Field(
        default=None,
        description="earlier run that locks and churn speak of; none: the approved, else the latest",
    )
    lock: Locks = Field(default=(), description="bundles that keep their price of the earlier run, or A+B@3.99")
    max_churn: Churn = Field(default=None, description="most bundles that come, go or change price; count or share")
    include: Texts = Field(default=(), description="items, or bundles like A+B, that must be on the menu")
    exclude: Texts = Field(default=(), description="items, or bundles like A+B, that must not be on the menu")
    only_items: Texts = Field(default=(), description="items that bundles are made of; none means all")
    segments: int = Field(default=20, ge=1, description="segments of the menu problem")
    reach: Share = Field(default=1.0, gt=0, description="chance that an offer is seen")
    salience: float = Field(
        default=1.0, ge=1, allow_inf_nan=False, description="multiplier of the odds for being shown at all"
    )
    redemption: Redemption = Field(
        default=Redemption.TARGETED, description="targeted: holders of offers redeem; public: everybody, at the shelf"
    )
    holdout: OptionalShare = Field(
        default=None, gt=0, le=0.5, description="share of customers drawn as control group, who are shown nothing"
    )
    explore: OptionalShare = Field(
        default=None, gt=0, description="share of offers whose price is drawn, so that sensitivity is learned"
    )
    shelf_reach: Share = Field(
        default=1.0, gt=0, description="public redemption: chance that a customer sees the price on the shelf"
    )
    max_contacts: OptionalCount = Field(
        default=None, ge=1, description="customers contacted in so many of the weeks before are shown nothing"
    )
    contact_weeks: int = Field(default=4, ge=1, le=52, description="weeks before the campaign that contacts count in")
    fixed_cost_per_bundle: Money = Field(default=0.0, description="cost of a bundle on the menu")
    contact_cost: Money = Field(default=0.0, description="cost of an offer to a customer")
    candidates: int = Field(default=400, ge=1, description="bundles that are valued exactly")
    min_support: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="least customers a week who buy a whole bundle anyway"
    )
    same_category: SameCategory = Field(
        default=SameCategory.ALLOW, description="items of one category in a bundle: allow, forbid or only"
    )
    allow_twins: bool = Field(default=False, description="whether known substitutes may meet in a bundle")
    shocks: Shocks = Field(default=(), description="what if: 'price:YOGURT=+5%', 'stock:ITEM=-50%', 'demand:*=-20%'")
    time_limit: Duration = Field(default=60.0, description="seconds of optimisation")
    work: OptionalCount = Field(
        default=None, ge=1, description="units of work after which to stop; replays a solve that the clock stopped"
    )
    menu_work: OptionalCount = Field(
        default=None, ge=1, description="the same for the certificate of the segment model"
    )
    gap: Share = Field(default=0.005, description="proven distance from the best plan at which to stop")
    stock_by_store: bool = Field(
        default=True, description="whether stock with a store_id is kept store by store; false adds the stores up"
    )
    price_pairs: bool = Field(
        default=True, description="whether pairs that the prices of a rough plan call for join the candidates"
    )
    certify_pairs: OptionalDuration = Field(
        default=None, description="seconds for a bound over all pairs of the catalogue, and for better pairs"
    )
    pair_rounds: int = Field(
        default=2, ge=0, description="how often pairs that could improve a plan become candidates within that time"
    )
    engine: Engine = Field(
        default=Engine.AUTO,
        description="whole: menu and offers together; chunks: menu on a sample, offers and bound over all customers",
    )
    engine_cells: int = Field(
        default=60_000_000, ge=1, description="customers x candidates x prices beyond which auto works in chunks"
    )
    engine_sample: int = Field(default=5_000, ge=1, description="customers on whom chunks choose the menu, at least")
    require_optimal: bool = Field(default=False, description="exit 6 unless the gap is proven")
    solver: str = Field(default="auto", description="backend of the menu problem; auto tries them in turn")
    seed: int = Field(default=0, ge=0, description="seed of sampling and of the solvers")
    interval_level: Share = Field(default=0.90, gt=0, lt=1, description="level of the intervals of the totals")

    @model_validator(mode="after")
    def _discounts_in_order(self) -> SolveConfig:
        if self.min_discount > self.max_discount:
            message = f"min_discount {self.min_discount:g} is above max_discount {self.max_discount:g}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _public_without_draws(self) -> SolveConfig:
        if self.redemption is not Redemption.PUBLIC:
            return self
        if self.risk is not None or self.budget_confidence is not None:
            message = "redemption public is planned on means: leave out risk and budget_confidence"
            raise ValueError(message)
        if self.holdout is not None or self.explore is not None:
            message = (
                "redemption public shows everybody the price: only stores could be held out or get other prices, and a "
                "plan has one shelf for all stores; leave out holdout and explore"
            )
            raise ValueError(message)
        if self.certify_pairs is not None:
            message = "redemption public has no bound over all pairs: leave out certify_pairs"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _explored_on_means(self) -> SolveConfig:
        if self.explore is not None and self.risk is not None:
            message = "explore draws prices around the plan of the means: leave out risk"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _exposures_in_order(self) -> SolveConfig:
        if self.min_exposure is not None and self.max_exposure is not None and self.min_exposure > self.max_exposure:
            message = f"min_exposure {self.min_exposure} is above max_exposure {self.max_exposure}"
            raise ValueError(message)
        return self


class Config(Section):
    """All settings of one workspace."""

    data: DataConfig = DataConfig()
    assumptions: AssumptionsConfig = AssumptionsConfig()
    model: ModelConfig = ModelConfig()
    solve: SolveConfig = SolveConfig()
