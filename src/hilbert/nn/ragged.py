"""Ragged batches: packed segments with lengths, padded only where a kernel needs it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Ragged(NamedTuple):
    """One modality of a batch of documents.

    ``values``: (total_segments, dim); ``lengths``: (docs,), 0 for a missing modality;
    ``times``: (total_segments,), relative midpoint of each segment.
    """

    values: Tensor
    lengths: Tensor
    times: Tensor


def pad(values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Pad packed rows (total, dim) to (docs, longest, dim) and its mask (docs, longest), True = valid.

    At least one column is kept, so that a batch without any segment still has a place for null tokens.
    """
    docs = len(lengths)
    longest = max(1, int(lengths.max())) if docs else 1
    mask = torch.arange(longest, device=lengths.device) < lengths[:, None]
    padded = values.new_zeros(docs * longest, values.shape[1])
    padded = padded.index_copy(0, mask.flatten().nonzero().squeeze(1), values)
    return padded.view(docs, longest, values.shape[1]), mask


def with_null_token(padded: Tensor, mask: Tensor, null: Tensor) -> tuple[Tensor, Tensor]:
    """Give documents without segments one learnt token (dim,) in their first place; others never see it."""
    empty = ~mask.any(dim=1)
    first = torch.zeros_like(mask)
    first[:, 0] = True
    place = first & empty[:, None]  # (docs, longest)
    return torch.where(place[..., None], null, padded), mask | place
