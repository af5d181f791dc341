"""Habit begins as the own frequency set right by a line, and then learns what that misses."""

from __future__ import annotations

import torch

from bundleopt_models.calibration import fit_line
from bundleopt_models.habit import N_NUMBERS, OWN_LOG_ODDS, HabitNetwork

STYLE = 3


def numbers(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, N_NUMBERS, generator=generator) * 2 - 1


def test_habit_begins_near_the_line_through_the_own_frequency():
    network, rows = HabitNetwork(16, STYLE), numbers(400)
    network.start_at(rows, (-0.7, 0.8))
    with torch.no_grad():
        line = -0.7 + 0.8 * rows[:, OWN_LOG_ODDS]
        assert (network(rows, torch.zeros(400, STYLE)) - line).abs().max() < 0.2
        network.layers[-1].weight.zero_()
        torch.testing.assert_close(network(rows, torch.zeros(400, STYLE)), line)


def test_units_of_the_numbers_do_not_matter():
    """Metres or miles: measured anew, the network says the same of the same rows."""
    network, rows = HabitNetwork(16, STYLE), numbers(400)
    other = rows.clone()
    other[:, OWN_LOG_ODDS + 1] = 1000 * rows[:, OWN_LOG_ODDS + 1] + 50
    with torch.no_grad():
        network.start_at(rows, (0.0, 1.0))
        first = network(rows, torch.zeros(400, STYLE))
        network.start_at(other, (0.0, 1.0))
        second = network(other, torch.zeros(400, STYLE))
    assert first.std() > 0.5
    torch.testing.assert_close(first, second, atol=2e-3, rtol=0)


def test_no_rows_change_nothing():
    network = HabitNetwork(16, STYLE)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.start_at(torch.zeros(0, N_NUMBERS), (5.0, 5.0))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_line_finds_the_odds_behind_a_thinned_sample():
    """True odds exp(-1 + 0.6 z) given a visit; negatives kept at 0.3: the line finds level and slope again."""
    generator = torch.Generator().manual_seed(5)
    z = torch.randn(60_000, generator=generator) * 1.5
    bought = torch.rand(60_000, generator=generator) < torch.sigmoid(-1 + 0.6 * z)
    kept = bought | (torch.rand(60_000, generator=generator) < 0.3)
    offset = torch.full_like(z, 0.3).log().neg()
    level, slope = fit_line(z[kept], torch.zeros(int(kept.sum())), offset[kept], bought[kept].float())
    assert abs(level + 1) < 0.05
    assert abs(slope - 0.6) < 0.03
