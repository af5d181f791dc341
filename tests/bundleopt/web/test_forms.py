"""The inputs of the page mean the settings of a plan, and the settings fill the inputs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt.config import Objective, SolveConfig
from bundleopt.web import fields
from bundleopt.web.desk import budgets_of
from bundleopt.web.forms import FrontierForm, PlanForm, decided, for_the_page, values_of
from bundleopt.web.page_view import sliders
from bundleopt_data.errors import UsageError
from tests.bundleopt.web.page_server import FORM

_SHARES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
_CENTS = st.integers(0, 10**9).map(lambda cents: cents / 100)


@settings(max_examples=60, deadline=None)
@given(
    budget=st.none() | _CENTS,
    floor=st.none() | _SHARES,
    band=st.tuples(_SHARES, _SHARES),
    counts=st.tuples(st.integers(0, 99), st.integers(1, 9)),
    objective=st.sampled_from(Objective),
    sizes=st.sampled_from([(1, 4), (2, 2), (2, 4)]),
)
def test_what_the_inputs_show_is_what_they_mean(
    budget: float | None,
    floor: float | None,
    band: tuple[float, float],
    counts: tuple[int, int],
    objective: Objective,
    sizes: tuple[int, int],
) -> None:
    asked = SolveConfig(
        budget=budget,
        min_margin=floor,
        min_discount=min(band),
        max_discount=max(band),
        max_bundles=counts[0],
        slots=counts[1],
        objective=objective,
        bundle_size=sizes,
        price_ending=".99" if counts[0] % 2 else None,
        shocks=("cost:*=+10%", "demand:*=-20%") if counts[1] % 2 else (),
    )
    shown = values_of(asked)
    form = PlanForm(**shown.texts, shocks=shown.shocks)
    meant = SolveConfig.model_validate(form.settings())
    assert meant == asked


def test_every_number_has_a_slider_that_holds_its_value() -> None:
    shown = values_of(SolveConfig(budget=123456.78, max_bundles=200, min_margin=0.9))
    ranges = sliders(shown, [])
    assert set(ranges) == {field.key for field in fields.NUMBERS}
    for key, text in shown.texts.items():
        if key in ranges and text:
            assert ranges[key]["low"] <= float(text) <= ranges[key]["high"]


@pytest.mark.parametrize("key", [field.key for field in fields.NUMBERS if not field.empty])
def test_an_input_that_may_not_be_empty_says_so(key: str) -> None:
    with pytest.raises(UsageError, match="write a number"):
        PlanForm(**(FORM | {key: " "})).settings()  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from([key for key in FORM if key != "objective"]), text=st.text(max_size=12))
def test_whatever_is_typed_is_a_setting_or_a_sentence(key: str, text: str) -> None:
    sentence = ""
    try:
        meant = SolveConfig.model_validate(PlanForm(**(FORM | {key: text})).settings())  # type: ignore[arg-type]
    except ValueError as error:  # of the configuration, or a UsageError
        sentence = str(error)
    else:
        assert meant.model_dump(mode="json")
        return
    assert sentence


def test_decisions_keep_a_price_or_ban() -> None:
    assert decided(["keep 001+002@3.99", "", "ban 003+004", "ban 003+004"]) == {
        "lock": ["001+002@3.99"],
        "exclude": ["003+004"],
    }
    for wrong in ("burn 001", "keep ", "ban"):
        with pytest.raises(UsageError, match="choose keep or ban"):
            decided([wrong])


def test_budgets_of_a_frontier_are_even_steps_in_cents() -> None:
    def budgets(low: str, high: str, points: int) -> list[str]:
        return budgets_of(FrontierForm(budget_from=low, budget_to=high, points=points))

    assert budgets("0", "100", 5) == ["0", "25", "50", "75", "100"]
    assert budgets("10", "11", 4) == ["10", "10.33", "10.67", "11"]
    assert budgets("0", "0.01", 4) == ["0", "0.01"]
    for wrong in (("5", "5", 3), ("9", "1", 3), ("-1", "5", 3), ("nan", "5", 3), ("", "5", 3), ("1", "5", 99)):
        with pytest.raises(UsageError):
            budgets(*wrong)


def test_every_label_of_a_flag_is_one_that_the_page_shows() -> None:
    for key, label in fields.LABELS.items():
        assert for_the_page(f"--{key.replace('_', '-')}: is wrong") == f"“{label}”: is wrong"
    assert for_the_page("--no-such-flag stays, so does some_word") == "--no-such-flag stays, so does some_word"
