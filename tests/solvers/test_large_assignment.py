"""The large assignment against enumeration: best sets, screening, bound, exact rules, streaming."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_solvers.large_assignment.assign import Assignment, AssignSettings, assign_offers
from bundleopt_solvers.large_assignment.best_sets import SetFinder
from bundleopt_solvers.large_assignment.cell_blocks import CellBlocks, PriceBox, screen_all
from bundleopt_solvers.large_assignment.chunks import ArrayChunks, MadeChunks, read_ahead, write_shards
from bundleopt_solvers.large_assignment.cut_step import CutModel, best_step
from bundleopt_solvers.large_assignment.dual_value import DualFunction
from bundleopt_solvers.large_assignment.exact_sums import ExactSums
from bundleopt_solvers.large_assignment.offer_rules import OfferRules, clashes

CPU = torch.device("cpu")


def market(seed: int, customers: int, options: int, items: int, slots: int) -> tuple[ArrayChunks, OfferRules]:
    """A random market: budget, margin floor, stock of every item; what binds varies with the seed."""
    rng = np.random.default_rng(seed)
    contains = np.zeros((options, items))
    for option in range(options):
        contains[option, rng.choice(items, rng.integers(1, min(4, items) + 1), replace=False)] = 1
    probability = rng.beta(1, 6, (customers, options)).astype(np.float32)
    value = (probability * rng.normal(1.0, 1.5, (customers, options))).astype(np.float32)
    discount, margin = rng.uniform(0.2, 2, options), rng.normal(0.5, 1.0, options)
    coefficient = np.concatenate([[discount], [-margin], contains.T])[:, None, :]
    use = np.abs(coefficient[:, 0]) @ probability.sum(0) / options
    limit = use * rng.uniform(0.1, 2.0, len(use))
    limit[1] = 0.0
    names = ("budget", "margin", *(f"stock:{item}" for item in range(items)))
    size = max(7, customers // 4)
    return ArrayChunks(value, probability[None], size), OfferRules(names, limit, coefficient, clashes(contains), slots)


def compatible_sets(rules: OfferRules) -> list[tuple[int, ...]]:
    """All sets of at most `slots` options without clashes."""
    options = range(len(rules.conflict))
    sets = itertools.chain.from_iterable(itertools.combinations(options, size) for size in range(rules.slots + 1))
    return [chosen for chosen in sets if not any(rules.conflict[a, b] for a, b in itertools.combinations(chosen, 2))]


def best_by_enumeration(source: ArrayChunks, rules: OfferRules) -> float:
    """The largest value over all combinations of the customers' sets."""
    sets = compatible_sets(rules)
    value = np.array([[row[list(s)].sum() for s in sets] for row in source.value.astype(np.float64)])
    use = np.einsum("rco,cuo->ruo", rules.coefficient, source.channels.astype(np.float64))
    uses = np.stack([use[:, :, list(s)].sum(2) for s in sets], axis=2)  # (R, U, sets)
    best = 0.0
    for combination in itertools.product(range(len(sets)), repeat=len(value)):
        who = np.arange(len(value))
        if (uses[:, who, combination].sum(1) <= rules.limit + 1e-12).all():
            best = max(best, float(value[who, combination].sum()))
    return best


def offers_of(source: ArrayChunks, rules: OfferRules, **changes: object) -> tuple[Assignment, np.ndarray, np.ndarray]:
    """Assign, and collect what went to the sink."""
    customers, options = [], []

    def sink(customer: np.ndarray, option: np.ndarray) -> None:
        customers.append(customer)
        options.append(option)

    result = assign_offers(source, rules, AssignSettings(threads=1, **changes), sink=sink)
    return result, np.concatenate(customers), np.concatenate(options)


def assert_keeps_rules(source: ArrayChunks, rules: OfferRules, customer: np.ndarray, option: np.ndarray) -> Fraction:
    """Check every rule in fractions, from the arrays alone; returns the exact value."""
    assert (np.diff(customer) >= 0).all()
    for who in np.unique(customer):
        held = option[customer == who]
        assert len(held) <= rules.slots
        assert len(set(held.tolist())) == len(held)
        assert not any(rules.conflict[a, b] for a, b in itertools.combinations(held.tolist(), 2))
    for row, limit in enumerate(rules.limit):
        use = Fraction(0)
        for channel, amounts in enumerate(source.channels):
            products = rules.coefficient[row, channel][option] * amounts[customer, option].astype(np.float64)
            use += sum(map(Fraction, products.tolist()), Fraction(0))
        assert use <= Fraction(float(limit)), rules.names[row]
    return sum(map(Fraction, source.value[customer, option].astype(np.float64).tolist()), Fraction(0))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), slots=st.integers(1, 3))
def test_no_combination_of_sets_beats_the_bound(seed: int, slots: int) -> None:
    source, rules = market(seed, customers=4, options=5, items=5, slots=slots)
    result, customer, option = offers_of(source, rules)
    exact = assert_keeps_rules(source, rules, customer, option)
    best = best_by_enumeration(source, rules)
    assert result.value == float(exact)
    assert result.value <= best + 1e-9
    assert result.bound >= best - 1e-12 * abs(best)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), slots=st.integers(1, 4), density=st.floats(0, 1))
def test_best_sets_are_those_of_enumeration(seed: int, slots: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    options, customers = 9, 8
    conflict = np.triu(rng.random((options, options)) < density, 1)
    rules = OfferRules((), np.zeros(0), np.zeros((0, 1, options)), conflict | conflict.T, slots)
    worth = np.round(rng.normal(0.2, 1, (customers, options)), 1)  # rounded, so that ties occur
    who, option = np.nonzero(worth > 0)
    finder = SetFinder(torch.from_numpy(rules.conflict), slots, rules.longest_list)
    gain = worth[who, option]
    chosen = finder.choose(*(torch.from_numpy(part) for part in (who, option, gain))).numpy()
    for customer in range(customers):
        mine = chosen & (who == customer)
        held = option[mine].tolist()
        assert len(held) <= slots
        assert not any(rules.conflict[a, b] for a, b in itertools.combinations(held, 2))
        best = max(sum(worth[customer, list(s)]) for s in compatible_sets(rules))
        assert gain[mine].sum() == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_screening_leaves_the_bound_as_it_is(slots: int) -> None:
    source, rules = market(3, customers=300, options=30, items=20, slots=slots)
    rng = np.random.default_rng(slots)
    centre = rng.uniform(0, 0.5, len(rules.limit))
    everything = PriceBox(np.zeros(len(centre)), np.full(len(centre), 1e30))
    box = PriceBox(centre * 0.8, centre * 1.2)
    kept, whole = (screen_all(source, rules, part, 10**9, CPU) for part in (box, everything))
    assert kept.cells < whole.cells
    for _ in range(5):
        price = rng.uniform(box.low, box.high)
        narrow, wide = DualFunction(rules, kept, CPU).at(price), DualFunction(rules, whole, CPU).at(price)
        assert narrow.bound == pytest.approx(wide.bound, rel=1e-12)
        np.testing.assert_allclose(narrow.slope, wide.slope, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("slots", [1, 3])
def test_many_customers_come_close_to_the_bound(slots: int) -> None:
    source, rules = market(11, customers=3000, options=20, items=30, slots=slots)
    result, customer, option = offers_of(source, rules, sample=1000)
    assert float(assert_keeps_rules(source, rules, customer, option)) == result.value
    assert result.gap <= 1e-3
    assert result.offers == len(option)
    assert (result.slack >= 0).all()


def test_shards_makers_and_scratch_files_give_the_same_offers(tmp_path: Path) -> None:
    source, rules = market(5, customers=500, options=12, items=9, slots=2)
    parts = [(source.value[k : k + 125], source.channels[:, k : k + 125]) for k in range(0, 500, 125)]
    expected = offers_of(source, rules)
    others = [
        offers_of(write_shards(tmp_path / "shards", parts), rules),
        offers_of(MadeChunks(500, lambda: parts), rules),
        offers_of(source, rules, most_bytes=20_000),
        offers_of(source, rules, changes=50),
    ]
    for result, customer, option in others[:3]:
        assert result.value == expected[0].value
        assert result.bound == expected[0].bound
        np.testing.assert_array_equal(customer, expected[1])
        np.testing.assert_array_equal(option, expected[2])
    _, customer, option = others[3]
    assert_keeps_rules(source, rules, customer, option)


def test_a_floor_in_money_is_reached_by_offers_that_lose_value() -> None:
    source, rules = market(8, customers=400, options=10, items=40, slots=2)
    gain = np.abs(np.random.default_rng(0).normal(0, 1, source.value.shape)).astype(np.float32)
    channels = np.concatenate([source.channels, gain[None]])
    floor = -0.9 * float(np.sort(gain, axis=1)[:, -2:].sum()) * 0.5
    coefficient = np.zeros((1, 2, 10))
    coefficient[0, 1] = -1.0
    strict = OfferRules(("floor",), np.array([floor]), coefficient, rules.conflict, 2)
    chunks = ArrayChunks(source.value, channels, 64)
    result, customer, option = offers_of(chunks, strict)
    assert_keeps_rules(chunks, strict, customer, option)
    assert gain[customer, option].astype(float).sum() >= -floor
    assert result.gap <= 0.05


def test_without_rules_everybody_gets_the_best_set() -> None:
    source, _ = market(2, customers=50, options=6, items=50, slots=2)
    rules = OfferRules((), np.zeros(0), np.zeros((0, 1, 6)), np.zeros((6, 6), dtype=bool), 2)
    result, _, _ = offers_of(source, rules)
    best = np.sort(np.maximum(source.value.astype(np.float64), 0), axis=1)[:, -2:].sum()
    assert result.value == pytest.approx(best, rel=1e-12)
    assert result.gap < 1e-9


def test_rules_that_no_offer_can_keep_give_a_bound_and_no_value() -> None:
    source, rules = market(2, customers=20, options=6, items=5, slots=2)
    impossible = OfferRules(("least use",), np.array([-1e9]), -np.ones((1, 1, 6)), rules.conflict, 2)
    result = assign_offers(source, impossible, AssignSettings(threads=1))
    assert result.value == -np.inf
    assert result.offers == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e300, 1e300, allow_subnormal=True), st.integers(0, 3)), max_size=40))
def test_exact_sums_are_those_of_fractions(terms: list[tuple[float, int]]) -> None:
    sums = ExactSums(4)
    for part in (terms[:11], terms[11:]):
        sums.add(
            np.array([value for value, _ in part], dtype=np.float64), np.array([row for _, row in part], dtype=int)
        )
    expected = [sum((Fraction(value) for value, at in terms if at == row), Fraction(0)) for row in range(4)]
    assert sums.totals() == expected


def test_exact_sums_refuse_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        ExactSums(1).add(np.array([np.nan]), np.array([0]))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_point_of_the_box_beats_the_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, cuts = 6, 5
    root = rng.normal(size=(size, size))
    model = CutModel(
        height=-rng.exponential(size=cuts),
        slope=rng.normal(size=(cuts, size)),
        metric=root @ root.T / size + 0.1 * np.eye(size),
        low=-rng.exponential(size=size) * (rng.random(size) < 0.8),
        high=rng.exponential(size=size),
    )

    def cost(step: np.ndarray) -> float:
        return model.value(step) + 0.5 * float(step @ model.metric @ step)

    step = best_step(model)
    assert (step >= model.low).all()
    assert (step <= model.high).all()
    for scale in (1.0, 0.1, 0.01):
        trials = np.clip(step + scale * rng.normal(size=(300, size)), model.low, model.high)
        assert cost(step) <= min(cost(trial) for trial in trials) + 1e-6


def test_reading_ahead_passes_errors_on_and_can_be_left() -> None:
    def broken() -> itertools.chain[int]:
        yield 1
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        list(read_ahead(broken()))
    for number in read_ahead(iter(range(100))):
        if number == 3:
            break
    assert list(read_ahead(iter([]))) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limit": np.array([np.inf])}, "finite"),
        ({"slots": 0}, "slots"),
        ({"names": ("a", "b")}, "as many names"),
        ({"conflict": np.array([[False, True], [False, False]])}, "symmetric"),
    ],
)
def test_rules_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    good = {
        "names": ("a",),
        "limit": np.ones(1),
        "coefficient": np.ones((1, 1, 2)),
        "conflict": np.zeros((2, 2), dtype=bool),
        "slots": 1,
    }
    with pytest.raises(ValueError, match=message):
        OfferRules(**{**good, **change})


def test_blocks_beyond_memory_come_back_from_scratch_files() -> None:
    source, rules = market(4, customers=40, options=6, items=5, slots=2)
    box = PriceBox(np.zeros(len(rules.limit)), np.full(len(rules.limit), 1e30))
    small, large = (screen_all(source, rules, box, size, CPU) for size in (500, 10**9))
    price = np.full(len(rules.limit), 0.1)
    assert DualFunction(rules, small, CPU).at(price).bound == DualFunction(rules, large, CPU).at(price).bound
    small.close()
    assert isinstance(small, CellBlocks)
