"""The measured switch: what may run where, what is chosen, and that plain arithmetic is what it was."""

from __future__ import annotations

import pytest
import torch

from bundleopt_models.acceleration import (
    LEAST_GAIN,
    PLAIN,
    TIMED_STEPS,
    WARM_STEPS,
    Forward,
    Variant,
    fastest,
    seconds_of,
    variants,
)
from bundleopt_models.settings import TrainSettings

BF16, COMPILED, BOTH = Variant(bf16=True), Variant(compiled=True), Variant(bf16=True, compiled=True)


class FakeClock:
    """A clock that moves by what a step of a variant takes."""

    def __init__(self, cost):
        self.cost, self.now, self.calls, self.failing = cost, 0.0, [], set()

    def step(self, variant):
        if variant in self.failing:
            raise RuntimeError("no compiler on this machine")
        self.calls.append(variant)
        self.now += self.cost[variant]

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("device", "choice", "count"), [("cpu", "auto", 1), ("mps", "auto", 1), ("cuda", "off", 1), ("cuda", "auto", 4)]
)
def test_only_cuda_has_a_choice(device, choice, count):
    found = variants(torch.device(device), choice)
    assert len(found) == len(set(found)) == count
    assert found[0] == PLAIN


def test_an_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="'fast' is not one of auto, off"):
        variants(torch.device("cpu"), "fast")


def test_warm_steps_are_not_timed():
    clock = FakeClock({PLAIN: 2.0, BF16: 1.0})
    taken = seconds_of((PLAIN, BF16), clock.step, clock)
    assert taken == {PLAIN: 2.0 * TIMED_STEPS, BF16: 1.0 * TIMED_STEPS}
    assert clock.calls.count(BF16) == WARM_STEPS + TIMED_STEPS


def test_what_cannot_run_drops_out_but_plain_must_run():
    clock = FakeClock({PLAIN: 1.0, BF16: 0.5})
    clock.failing = {COMPILED, BOTH}
    assert set(seconds_of((PLAIN, BF16, COMPILED, BOTH), clock.step, clock)) == {PLAIN, BF16}
    clock.failing = {PLAIN}
    with pytest.raises(RuntimeError, match="no compiler"):
        seconds_of((PLAIN, BF16), clock.step, clock)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({PLAIN: 1.0}, PLAIN),
        ({PLAIN: 1.0, BF16: 1.01 / LEAST_GAIN}, PLAIN),
        ({PLAIN: 1.0, BF16: 0.99 / LEAST_GAIN}, BF16),
        ({PLAIN: 1.0, BF16: 0.5, COMPILED: 0.5, BOTH: 0.5}, COMPILED),
        ({PLAIN: 1.0, BF16: 0.5, BOTH: 0.4}, BOTH),
    ],
)
def test_plain_stays_unless_another_is_clearly_faster(seconds, chosen):
    assert fastest(seconds) == chosen


@pytest.mark.parametrize("variant", [PLAIN, BF16, COMPILED, BOTH])
def test_names_lead_back_to_variants(variant):
    assert Variant.named(variant.name) == variant


def test_bf16_is_rounded_arithmetic_with_float32_results():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.SiLU(), torch.nn.Linear(16, 1))
    rows = torch.randn(64, 8)
    plain = Forward(network, PLAIN, torch.device("cpu"))(rows)
    rounded = Forward(network, BF16, torch.device("cpu"))(rows)
    assert torch.equal(plain, network(rows))
    assert rounded.dtype == torch.float32
    assert not torch.equal(plain, rounded)
    torch.testing.assert_close(plain, rounded, rtol=0.05, atol=0.05)


def test_the_switch_shapes_no_fingerprint():
    assert TrainSettings(acceleration="off").fingerprint() == TrainSettings().fingerprint()
