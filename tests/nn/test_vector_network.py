"""The network on document vectors: it starts as PCA, and each embedding reads what is its own."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hilbert.config import VectorNetwork as VectorNetworkConfig
from hilbert.nn.vector_network import ResidualMap, VectorBatch, VectorNetwork

WIDTHS = {"audio": 9, "text": 7, "cross": 5}
WIDTH = 4
CONFIG = VectorNetworkConfig(width=WIDTH, dropout=0.0)


def rows(docs=30, seed=0):
    """Parts of vectors, and what they are made of: every fifth document lacks audio, every seventh text."""
    rng = np.random.default_rng(seed)
    parts = {name: rng.normal(size=(docs, w)) * np.geomspace(2, 0.2, w) for name, w in WIDTHS.items()}
    has = {"audio": np.arange(docs) % 5 != 4, "text": np.arange(docs) % 7 != 6}
    parts["audio"][~has["audio"]] = parts["text"][~has["text"]] = 0.0
    parts["cross"][~(has["audio"] & has["text"])] = 0.0
    return parts, has


def batch(parts, has):
    tensors = [torch.as_tensor(parts[name]) for name in WIDTHS]
    return VectorBatch(*tensors, *(torch.as_tensor(has[name]) for name in ("audio", "text")))


def started(parts):
    torch.manual_seed(0)
    network = VectorNetwork(**WIDTHS, config=CONFIG).double().eval()
    network.start(*parts.values())
    return network


@pytest.fixture
def shaken():
    """A network whose every path carries numbers."""
    network = started(rows()[0])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def components(x, width):
    """Scores of the leading principal components, of mean squared norm ``width`` times the variance they keep."""
    centred = x - x.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:width].T * np.sqrt(width / (x**2).sum(axis=1).mean())


def test_the_untrained_network_is_a_principal_component_analysis():
    parts, has = rows()
    with torch.no_grad():
        z = started(parts)(batch(parts, has))
    joint = np.hstack(list(parts.values()))
    for found, x, there in ((z.audio, parts["audio"], has["audio"]), (z.text, parts["text"], has["text"])):
        moved, expected = found.numpy()[there], components(x, WIDTH)[there]
        moved, expected = moved - moved.mean(axis=0), expected - expected.mean(axis=0)
        signs = np.sign((moved * expected).sum(axis=0))
        np.testing.assert_allclose(moved * signs, expected, rtol=0, atol=1e-6)
    found, expected = z.joint.numpy() - z.joint.numpy().mean(axis=0), components(joint, WIDTH)
    np.testing.assert_allclose(found * np.sign((found * expected).sum(axis=0)), expected, rtol=0, atol=1e-6)


@given(st.integers(1, 12), st.integers(2, 25), st.integers(1, 15), st.floats(1e-3, 1e3))
def test_a_map_starts_with_orthonormal_axes_and_no_residual(inputs, docs, width, scale):
    """Whatever the size of its rows: their mean squared norm becomes the width; fewer axes than the width are zeros."""
    x = scale * np.random.default_rng(docs).normal(size=(docs, inputs))
    torch.manual_seed(0)
    made = ResidualMap(inputs, width, 0.5).double().eval()
    made.start(x)
    rank = np.linalg.matrix_rank(x - x.mean(axis=0))
    weight = made.linear.weight.detach().numpy()
    kept = min(width, rank)
    np.testing.assert_allclose(weight[:kept] @ weight[:kept].T, np.eye(kept), atol=1e-6)
    assert not weight[max(1, kept) :].any()
    assert ((float(made.scale) * x) ** 2).sum(axis=1).mean() == pytest.approx(width)
    with torch.no_grad():
        found = made(torch.as_tensor(x))
    np.testing.assert_allclose(found.numpy(), float(made.scale) * x @ weight.T, atol=1e-9)


def test_rows_of_zeros_can_be_started_from():
    parts, has = rows()
    silent = parts | {"audio": np.zeros_like(parts["audio"])}
    assert torch.isfinite(started(silent)(batch(silent, has)).concatenated()).all()


def test_each_document_is_embedded_as_if_alone(shaken):
    parts, has = rows()
    with torch.no_grad():
        whole = shaken(batch(parts, has)).concatenated()
        for row in range(30):
            alone = VectorBatch(*(part[row : row + 1] for part in batch(parts, has)))
            torch.testing.assert_close(shaken(alone).concatenated()[0], whole[row], rtol=0, atol=1e-10)
        nobody = VectorBatch(*(part[:0] for part in batch(parts, has)))
        assert shaken(nobody).concatenated().shape == (0, 3 * WIDTH)


def test_single_modalities_read_their_own_part_and_the_joint_embedding_all(shaken):
    parts, has = rows()
    z = shaken(batch(parts, has))
    for part, changed in (("audio", {"audio", "joint"}), ("text", {"text", "joint"}), ("cross", {"joint"})):
        other = shaken(batch(parts | {part: parts[part] + 1.0}, has))
        moved = {n for n in ("audio", "text", "joint") if not torch.equal(getattr(other, n), getattr(z, n))}
        assert moved == changed


def test_a_missing_modality_is_a_null_vector_that_learns_from_nothing_else(shaken):
    parts, has = rows()
    z = shaken(batch(parts, has))
    for name, null in (("audio", shaken.null_audio), ("text", shaken.null_text)):
        lost = torch.as_tensor(~has[name])
        assert torch.equal(getattr(z, name)[lost], null.expand(int(lost.sum()), -1))
        assert torch.equal(getattr(z, f"has_{name}"), ~lost)
    whole = has["audio"] & has["text"]

    def learnt(chosen):
        shaken.zero_grad()
        picked = batch({n: part[chosen] for n, part in parts.items()}, {n: part[chosen] for n, part in has.items()})
        shaken(picked).concatenated().square().sum().backward()
        return [bool(null.grad.any()) for null in (shaken.null_audio, shaken.null_text)]

    assert learnt(whole) == [False, False]
    assert learnt(~has["audio"]) == [True, bool((~has["text"][~has["audio"]]).any())]
    assert not any(p.grad.any() for p in shaken.audio.parameters() if p.grad is not None)


def test_the_state_holds_the_scale():
    """A saved network multiplies as the trained one did, without its documents."""
    parts, has = rows()
    network = started(parts)
    torch.manual_seed(1)
    other = VectorNetwork(**WIDTHS, config=CONFIG).double().eval()
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(batch(parts, has)).concatenated(), network(batch(parts, has)).concatenated())
