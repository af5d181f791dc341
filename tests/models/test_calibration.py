"""Calibration finds a known distortion, stays increasing, and leaves empty strata alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bundleopt_models.calibration import MIN_SLOPE, CalibrationMap, fit_calibration


def rows(slope, intercept, n=60_000, seed=0):
    """Raw log odds z whose truth is intercept + slope z, unsampled, all visiting with chance 0.7."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-2, 1.5, n)
    visit = np.full(n, np.log(0.7))
    bought = rng.random(n) < 0.7 / (1 + np.exp(-(intercept + slope * z)))
    tensors = [torch.from_numpy(values.astype(np.float32)) for values in (z, visit, np.zeros(n), bought)]
    return tensors[0], torch.full((n,), 2), *tensors[1:]


def test_a_known_distortion_is_found():
    fitted = fit_calibration(*rows(0.7, -0.4))
    assert fitted.slope[2] == pytest.approx(0.7, abs=0.04)
    assert fitted.intercept[2] == pytest.approx(-0.4, abs=0.08)
    assert (fitted.slope[0], fitted.intercept[0]) == (1.0, 0.0)


def test_noise_and_even_reversed_scores_keep_a_positive_slope():
    for slope in (0.0, -1.0):
        fitted = fit_calibration(*rows(slope, -1.0))
        assert fitted.slope[2] >= MIN_SLOPE
        mapped = fitted.apply(torch.linspace(-5, 5, 50), torch.full((50,), 2))
        assert (torch.diff(mapped) > 0).all()


def test_one_purchase_hardly_moves_the_map():
    z, stratum, visit, offset, bought = rows(1.0, 0.0, n=20)
    bought[:] = 0
    assert fit_calibration(z, stratum, visit, offset, bought) == CalibrationMap.identity()
    bought[0] = 1
    fitted = fit_calibration(z, stratum, visit, offset, bought)
    assert fitted.slope[2] == pytest.approx(1.0, abs=0.2)
    assert abs(fitted.intercept[2]) < 0.5
