"""What of a document each side of the contrast sees: all of it, disjoint halves, or the other modality alone."""

from __future__ import annotations

import torch
from torch import Tensor

from hilbert.model.build import Network
from hilbert.model.hilbert import Embeddings
from hilbert.model.ragged import Ragged

Partners = tuple[Tensor, Tensor]
"""The joint embeddings (docs, width) with which the audio's and the text's are contrasted."""


def embed_views(network: Network, audio: Ragged, text: Ragged, views: str) -> tuple[Embeddings, Partners | None]:
    """Embeddings of a batch, and their partners in the contrast; None: its own joint embedding for both.

    ``views``: "whole"; "disjoint": every embedding is of a random half of the segments, the partners' joint embedding
    of the other half, so that what is peculiar to a segment cannot be matched; "crossed": the audio's partner has not
    seen the audio, nor the text's the text, so that nothing can be matched but what both modalities hold.
    """
    if views == "disjoint":
        (audio, other_audio), (text, other_text) = random_split(audio), random_split(text)
        joint = network(other_audio, other_text).joint
        return network(audio, text), (joint, joint)
    z = network(audio, text)
    if views == "crossed":
        return z, (network(without(audio), text).joint, network(audio, without(text)).joint)
    return z, None


def without(segments: Ragged) -> Ragged:
    """The same documents without this modality."""
    return Ragged(segments.values[:0], torch.zeros_like(segments.lengths), segments.times[:0])


def random_split(segments: Ragged) -> tuple[Ragged, Ragged]:
    """Two disjoint random halves of each document's segments; a lone segment is in both.

    Random numbers come from torch's generator, which the training loop seeds.
    """
    docs = len(segments.lengths)
    device = segments.values.device
    owner = torch.repeat_interleave(torch.arange(docs, device=device), segments.lengths)
    keys = torch.rand(len(owner), device=device, dtype=torch.float64)
    order = torch.argsort(owner.to(torch.float64) + keys)  # shuffled inside each document
    first = torch.cumsum(segments.lengths, 0) - segments.lengths
    place = torch.empty_like(order)
    place[order] = torch.arange(len(owner), device=device) - first[owner[order]]
    half = (segments.lengths + 1) // 2
    lone = (segments.lengths == 1)[owner]

    def part(keep: Tensor) -> Ragged:
        lengths = torch.bincount(owner[keep], minlength=docs)
        return Ragged(segments.values[keep], lengths, segments.times[keep])

    return part((place < half[owner]) | lone), part((place >= half[owner]) | lone)
