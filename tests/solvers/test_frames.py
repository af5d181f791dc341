from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bundleopt_solvers.backends.backend import BASIC, Answer, Effort, SolveStatus
from bundleopt_solvers.frames import LENGTHS, Frame, decode, read_frame
from bundleopt_solvers.messages import MODEL_ARRAYS, answer_frame, read_answer, read_solve, solve_frame
from tests.solvers.random_models import random_model


@given(
    st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), st.text(max_size=9), st.none()), max_size=3),
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)),
)
def test_a_frame_reads_back_as_it_was(fields, array):
    sent = Frame("word", fields, {"a": array, "b": np.array([True, False])})
    got = read_frame(io.BytesIO(sent.encode()).read)
    assert got is not None
    assert (got.kind, dict(got.fields)) == ("word", fields)
    np.testing.assert_array_equal(got.arrays["a"], array)
    assert got.arrays["b"].tolist() == [True, False]


def test_a_torn_stream_ends_the_reading():
    data = Frame("word", {}, {"a": np.arange(5.0)}).encode()
    for length in range(len(data)):
        assert read_frame(io.BytesIO(data[:length]).read) is None


@pytest.mark.parametrize(
    "header", [b"{}", b"[]", b'{"kind":"a","fields":{},"arrays":[["a","object",[1]]]}', b"nonsense"]
)
def test_a_header_that_is_none_is_refused(header):
    with pytest.raises(ValueError):  # noqa: PT011 - json has words of its own
        decode(header, b"")


def test_lengths_are_two_numbers_of_eight_bytes():
    assert LENGTHS.size == 16


def test_a_model_and_its_effort_travel():
    model, effort = random_model(np.random.default_rng(0)), Effort(3.0, 0.01, 7, 2**30, 5)
    letters = np.full(model.variables + model.rows, BASIC, np.uint8)
    sent = solve_frame(model, "highs", effort, np.ones(model.variables), letters)
    frame = read_frame(io.BytesIO(sent.encode()).read)
    assert frame is not None
    got, solver, got_effort, start, basis = read_solve(frame)
    assert basis is not None
    assert basis.tolist() == letters.tolist()
    assert (solver, got_effort) == ("highs", effort)
    assert start is not None
    assert start.tolist() == [1.0] * model.variables
    for name in MODEL_ARRAYS:
        np.testing.assert_array_equal(getattr(got, name), getattr(model, name))
    assert got.offset == model.offset


@pytest.mark.parametrize("status", list(SolveStatus))
def test_an_answer_travels(status):
    answer = Answer(status, np.array([1.0, np.inf]), np.nan, -np.inf, None, "words")
    frame = read_frame(io.BytesIO(answer_frame(answer).encode()).read)
    assert frame is not None
    got = read_answer(frame)
    assert (got.status, got.bound, got.row_duals, got.message) == (status, -np.inf, None, "words")
    assert np.isnan(got.claimed)
    np.testing.assert_array_equal(got.values, answer.values)
