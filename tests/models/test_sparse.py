"""Sparse products against dense ones: values and gradients, with and without a transpose made beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bundleopt_models.sparse import csr, sparse_product, transposed


def random_csr(n_rows, n_columns, seed):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n_rows, n_columns)) * (rng.random((n_rows, n_columns)) < 0.3)
    row, column = np.nonzero(dense)
    starts = np.searchsorted(row, np.arange(n_rows + 1)).astype(np.int64)
    values = dense[row, column].astype(np.float32)
    matrix = csr(starts, column.astype(np.int64), values, dense.shape)
    return matrix, torch.from_numpy(dense.astype(np.float32))


@pytest.mark.parametrize(("n_rows", "n_columns"), [(7, 5), (1, 9), (9, 1), (4, 4)])
def test_products_and_gradients_equal_the_dense_ones(n_rows, n_columns):
    matrix, dense = random_csr(n_rows, n_columns, seed=n_rows)
    torch.testing.assert_close(transposed(matrix).to_dense(), dense.T)
    start = torch.randn(n_columns, 3)
    weight = torch.randn(n_rows, 3)
    gradients = []
    for product in (
        lambda values: dense @ values,
        lambda values: sparse_product(matrix, values),
        lambda values: sparse_product(matrix, values, transposed(matrix)),
    ):
        values = start.clone().requires_grad_()
        found = product(values)
        torch.testing.assert_close(found.detach(), dense @ start)
        (found * weight).sum().backward()
        gradients.append(values.grad)
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(gradients[2], gradients[0])


def test_products_stay_float32_inside_bf16_passes():
    matrix, dense = random_csr(5, 4, seed=0)
    values = torch.randn(4, 2)
    with torch.autocast("cpu", torch.bfloat16):
        found = sparse_product(matrix, values, transposed(matrix))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, dense @ values)


def test_an_empty_matrix_has_an_empty_transpose():
    nothing = csr(np.zeros(4, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), (3, 2))
    assert transposed(nothing).shape == (2, 3)
    assert not sparse_product(nothing, torch.ones(2, 2), transposed(nothing)).any()
