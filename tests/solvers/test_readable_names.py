from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bundleopt_solvers.readable_names import LONGEST, readable_names


def test_plain_names_stay_as_they_are():
    assert readable_names(["budget", "z.12_34.9.99"]) == ("budget", "z.12_34.9.99")


def test_what_readers_trip_over_is_replaced():
    assert readable_names(["a b", "3x", "e5", "", "a+b", "ü"]) == ("a_b", "n_3x", "n_e5", "n_", "a_b_2", "_")


@given(st.lists(st.text(max_size=150), max_size=20))
def test_names_are_unique_short_and_clean(names):
    made = readable_names(names)
    assert len(made) == len(names)
    assert len(set(made)) == len(made)
    for name in made:
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name)
        assert name[0].lower() != "e"
        assert len(name) <= LONGEST + 4
    assert readable_names(made) == made
