"""Balance of the information that the joint embedding holds about either modality."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

RIDGE = 1e-3


def infonce_information(loss: Tensor, docs: int) -> Tensor:
    """Lower bound log(docs) − InfoNCE in nats (Poole et al. 2019, arXiv 1905.06922)."""
    return torch.log(loss.new_tensor(float(max(docs, 1)))) - loss


def gaussian_information(x: Tensor, z: Tensor, ridge: float = RIDGE) -> Tensor:
    """½ [logdet S_x + logdet S_z − logdet S_xz] in nats, less its bias at independence.

    x: (docs, p), z: (docs, q), both standardised here; invariant to the scale and rotation of either. The bias
    pq / 2(n − (p + q + 3)/2) is Bartlett's. Computed in float64.
    """
    n, p, q = len(x), x.shape[1], z.shape[1]
    both = torch.cat([_standardise(x.double()), _standardise(z.double())], dim=1)
    covariance = both.T @ both / max(n - 1, 1) + ridge * torch.eye(p + q, dtype=both.dtype, device=both.device)
    value = 0.5 * (_logdet(covariance[:p, :p]) + _logdet(covariance[p:, p:]) - _logdet(covariance))
    corrected: Tensor = value - p * q / (2 * max(n - (p + q + 3) / 2, 1.0))
    return corrected


def leading_directions(z: Tensor, count: int) -> Tensor:
    """z projected on its ``count`` leading principal directions, which are held constant: (docs, count)."""
    centred = z - z.mean(dim=0)
    with torch.no_grad():
        wide = centred.shape[1] > len(centred)  # then the documents' Gram matrix is the smaller one
        gram = centred @ centred.T if wide else centred.T @ centred
        directions = torch.linalg.eigh(gram.double())[1][:, -count:].to(z.dtype)
        if wide:
            directions = torch.nn.functional.normalize(centred.T @ directions, dim=0)
    projected: Tensor = centred @ directions
    return projected


def balance(audio: Tensor, text: Tensor, form: Literal["squared", "level_up"]) -> Tensor:
    """Penalty on the gap between two amounts of information (scalars).

    squared: (I_a − I_t)², whose gradient also lowers the stronger side; level_up: the same value, but the
    stronger side is held constant, so that only the weaker one moves, upwards.
    """
    if form == "squared":
        return (audio - text).square()
    stronger = torch.maximum(audio, text).detach()
    return (stronger - torch.minimum(audio, text)).square()


def _standardise(x: Tensor) -> Tensor:
    x = x - x.mean(dim=0)
    return x / x.square().mean(dim=0).clamp_min(1e-12).sqrt()


def _logdet(matrix: Tensor) -> Tensor:
    logdet: Tensor = 2 * torch.linalg.cholesky(matrix).diagonal().log().sum()
    return logdet
