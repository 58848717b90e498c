"""Random ragged batches and small networks."""

import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.nn.hilbert import HilbertNetwork
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
    """Documents of a ragged batch, in this order."""

    def choose(batch, rows):
        starts = batch.lengths.cumsum(0) - batch.lengths
        spans = [torch.arange(int(starts[r]), int(starts[r] + batch.lengths[r])) for r in rows]
        index = torch.cat(spans) if spans else torch.zeros(0, dtype=torch.long)
        return Ragged(batch.values[index], batch.lengths[list(rows)], batch.times[index])

    return choose


@pytest.fixture(scope="session")
def network():
    """A network in double precision whose zero-initialised maps are random, so that every path carries numbers."""

    def make(audio_dim=6, text_dim=4, shaken=True, dtype=torch.float64, **changes):
        overrides = {"width": 8, "heads": 2, "pooling_hidden": 4, "projection": 8, "layers": 2} | changes
        config = HilbertConfig.load("robust", {f"model.{name}": value for name, value in overrides.items()})
        torch.manual_seed(0)
        made = HilbertNetwork(audio_dim, text_dim, config.model).to(dtype).eval()
        if shaken:
            with torch.no_grad():
                for parameter in made.parameters():
                    parameter.add_(0.3 * torch.randn_like(parameter))
        return made

    return make
