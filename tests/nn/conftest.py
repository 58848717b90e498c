"""Random ragged batches and small networks."""

import pytest
import torch

from hilbert.config import SegmentNetwork
from hilbert.nn.hilbert import HilbertNetwork, SegmentBatch
from hilbert.nn.ragged import Ragged


@pytest.fixture(scope="session")
def ragged():
    """One modality of a batch of documents with these lengths."""

    def make(lengths, dim, seed=0, dtype=torch.float64):
        generator = torch.Generator().manual_seed(seed)
        total = sum(lengths)
        values = torch.randn(total, dim, generator=generator, dtype=dtype)
        times = torch.rand(total, generator=generator, dtype=dtype)
        return Ragged(values, torch.tensor(lengths, dtype=torch.long), times)

    return make


@pytest.fixture(scope="session")
def take():
    """Documents of a batch, in this order."""

    def one(part, rows):
        starts = part.lengths.cumsum(0) - part.lengths
        spans = [torch.arange(int(starts[r]), int(starts[r] + part.lengths[r])) for r in rows]
        index = torch.cat(spans) if spans else torch.zeros(0, dtype=torch.long)
        return Ragged(part.values[index], part.lengths[list(rows)], part.times[index])

    return lambda batch, rows: SegmentBatch(one(batch.audio, rows), one(batch.text, rows))


@pytest.fixture(scope="session")
def network():
    """A network in double precision whose every parameter is random, so that every path carries numbers."""

    def make(audio_dim=6, text_dim=4, shaken=True, dtype=torch.float64, **changes):
        config = SegmentNetwork(**{"width": 8, "heads": 2, "projection": 8, "layers": 2} | changes)
        torch.manual_seed(0)
        made = HilbertNetwork(audio_dim, text_dim, config).to(dtype).eval()
        if shaken:
            with torch.no_grad():
                for parameter in made.parameters():
                    parameter.add_(0.3 * torch.randn_like(parameter))
        return made

    return make
