"""What `train` says of its model in words."""

from __future__ import annotations

from pathlib import Path

from bundleopt.verbs.train import TrainResult


def test_the_sentence_states_the_gain_and_the_level() -> None:
    facts = {"gain over personal frequency": "5.9%", "predicted over observed": 1.024}
    sentence = TrainResult(Path("models/full"), facts).sentence
    assert "5.9% below" in sentence
    assert "1.02 of the actual ones" in sentence
    assert "bundleopt evaluate" in sentence


def test_nothing_is_said_where_nothing_was_measured() -> None:
    assert TrainResult(Path("models/full"), {"rows": 12}).sentence == ""
