"""The likelihood of sampled purchases: visit and purchase given a visit, with the sampling undone in the log odds."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def log_purchase(z: Tensor, log_visit: Tensor) -> Tensor:
    """Log q = log P(visit) + log sigmoid(z), any shape."""
    return log_visit + functional.logsigmoid(z)


def log_odds(log_q: Tensor) -> Tensor:
    """Log q - log(1 - q) without cancellation; q is kept below 1 - 1e-6."""
    log_q = log_q.clamp(max=-1e-6)
    return log_q - torch.log(-torch.expm1(log_q))


def sampled_loss(z: Tensor, log_visit: Tensor, offset: Tensor, bought: Tensor) -> Tensor:
    """(n,) negative log-likelihood of sampled rows.

    Args:
        z: (n,) log odds given a visit.
        log_visit: (n,) log P(visit).
        offset: (n,) -log sampling rate of a row without purchase.
        bought: (n,) 0 or 1.
    """
    logit = log_odds(log_purchase(z, log_visit)) + offset
    return functional.binary_cross_entropy_with_logits(logit, bought, reduction="none")
