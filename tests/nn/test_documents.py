"""Document vectors and the network on them."""

import numpy as np
import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.nn.build import fit_inputs, load_inputs, make_network, start_network
from hilbert.nn.ragged import Ragged

SMALL = {
    "prototypes.heads": 2,
    "prototypes.count": 4,
    "prototypes.cross_count": 2,
    "prototypes.components": 3,
    "prototypes.block_components": 8,
    "model.width": 8,
    "model.hidden": 4,
    "model.heads": 2,
}


@pytest.fixture(scope="module")
def config():
    return HilbertConfig.load("robust", SMALL)


@pytest.fixture(scope="module")
def bags(make_bags):
    return make_bags(40, nan=True)[0]


@pytest.fixture(scope="module")
def inputs(config, bags):
    return fit_inputs(config, bags, seed=0)[0]


def batch(inputs, bags):
    parts = inputs(bags)
    return [
        Ragged(torch.as_tensor(p.values), torch.as_tensor(p.lengths), torch.as_tensor(np.array(p.times))) for p in parts
    ]


def test_blocks_contribute_grams_of_their_weight(inputs, bags):
    full = np.flatnonzero((bags.audio.lengths > 0) & (bags.text.lengths > 0))
    fitted = inputs.documents
    features = fitted.features(bags)
    for name, block in fitted.blocks.items():
        vectors = block(features[name])
        assert np.linalg.norm(vectors @ vectors.T) == pytest.approx(1.0), name
    vectors = fitted(bags[full])
    assert np.isfinite(np.hstack(vectors)).all()
    assert fitted.widths == {part: getattr(vectors, part).shape[1] for part in ("audio", "text", "cross")}


def test_missing_modalities_are_zeros_and_empty_rows(inputs, bags):
    vectors = inputs.documents(bags)
    mute = bags.audio.lengths == 0
    assert mute.any()
    assert (vectors.audio[mute] == 0).all()
    assert (vectors.cross[mute] == 0).all()
    audio, text = inputs(bags)
    assert np.array_equal(audio.lengths, (~mute).astype(int))
    assert len(text.values) == int((bags.text.lengths > 0).sum())


def test_a_document_is_the_same_alone_and_in_any_company(inputs, bags):
    whole = np.hstack(inputs.documents(bags))
    order = np.random.default_rng(0).permutation(len(bags))
    assert np.hstack(inputs.documents(bags[order])) == pytest.approx(whole[order], rel=1e-5, abs=1e-7)
    assert np.hstack(inputs.documents(bags[[5]])) == pytest.approx(whole[[5]], rel=1e-5, abs=1e-7)


def test_rebuilt_from_arrays(inputs, bags, config):
    again = load_inputs(config, inputs.arrays())
    assert np.array_equal(np.hstack(again.documents(bags)), np.hstack(inputs.documents(bags)))


def test_the_untrained_network_keeps_principal_components(inputs, bags, config):
    full = bags[np.flatnonzero((bags.audio.lengths > 0) & (bags.text.lengths > 0))]
    torch.manual_seed(0)
    network = make_network(config.model, **inputs.widths).eval()
    start_network(network, *inputs(full))
    with torch.no_grad():
        z = network(*batch(inputs, full))
    x = inputs.documents(full).text
    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    kept = z.text.numpy() - z.text.numpy().mean(axis=0)
    expected = (u * s)[:, :8]
    ratio = np.linalg.norm(kept, axis=0) / np.linalg.norm(expected, axis=0)[: kept.shape[1]]
    assert ratio == pytest.approx(ratio[0], rel=1e-3)
    overlap = np.abs(np.sum(kept * expected, axis=0)) / np.linalg.norm(kept, axis=0) / np.linalg.norm(expected, axis=0)
    assert overlap == pytest.approx(1.0, abs=1e-3)


def test_z_audio_reads_audio_alone_and_nothing_reads_what_is_missing(inputs, bags, config):
    torch.manual_seed(0)
    network = make_network(config.model, **inputs.widths).eval()
    start_network(network, *inputs(bags))
    with torch.no_grad():
        network.audio.out.weight.normal_()
        audio, text = batch(inputs, bags)
        z = network(audio, text)
        other = network(audio, Ragged(text.values + 1, text.lengths, text.times))
        silent = network(audio, Ragged(text.values[:0], torch.zeros_like(text.lengths), text.times[:0]))
    assert torch.equal(z.audio, other.audio)
    assert not torch.equal(z.joint, other.joint)
    assert torch.equal(silent.text, network.null_text.expand_as(silent.text))
    assert torch.isfinite(silent.concatenated()).all()
    assert torch.equal(silent.has_text, torch.zeros(len(bags), dtype=torch.bool))


def shaken(inputs, config):
    """A network in double precision whose every path carries numbers."""
    torch.manual_seed(0)
    network = make_network(config.model, **inputs.widths).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def in_double(inputs, bags):
    return [Ragged(part.values.double(), part.lengths, part.times.double()) for part in batch(inputs, bags)]


def test_the_network_embeds_each_document_as_if_alone(inputs, bags, config):
    network = shaken(inputs, config)
    with torch.no_grad():
        whole = network(*in_double(inputs, bags)).concatenated()
        assert network(*in_double(inputs, bags[:0])).concatenated().shape == (0, 24)
        audio, text = in_double(inputs, bags)
        at, said = (torch.cumsum(part.lengths, 0) - part.lengths for part in (audio, text))
        for row in range(len(bags)):
            alone = [
                Ragged(part.values[start : start + n], n[None], part.times[start : start + n])
                for part, start, n in ((audio, at[row], audio.lengths[row]), (text, said[row], text.lengths[row]))
            ]
            torch.testing.assert_close(network(*alone).concatenated()[0], whole[row], rtol=0, atol=1e-10)


def test_null_vectors_learn_from_documents_that_lack_a_modality_alone(inputs, bags, config):
    network = shaken(inputs, config)
    full = bags[np.flatnonzero((bags.audio.lengths > 0) & (bags.text.lengths > 0))]
    network(*in_double(inputs, full)).concatenated().square().sum().backward()
    assert not network.null_audio.grad.any()
    assert not network.null_text.grad.any()
    mute = bags[np.flatnonzero(bags.audio.lengths == 0)]
    network.zero_grad()
    network(*in_double(inputs, mute)).concatenated().square().sum().backward()
    assert network.null_audio.grad.any()
    assert not network.null_text.grad.any()
    assert not any(parameter.grad.any() for parameter in network.audio.parameters() if parameter.grad is not None)


def test_what_needs_both_modalities_is_dropped_with_either(inputs, bags, config):
    """As modality dropout does in training, and as a document that lacks one would come."""
    network = shaken(inputs, config)
    audio, text = in_double(inputs, bags)
    nothing = Ragged(text.values[:0], torch.zeros_like(text.lengths), text.times[:0])
    cross = network.parts["audio"]
    other = audio.values.clone()
    other[:, cross:] += 1.0
    with torch.no_grad():
        assert torch.equal(
            network(audio, nothing).joint, network(Ragged(other, audio.lengths, audio.times), nothing).joint
        )
        plain, changed = (network(Ragged(x, audio.lengths, audio.times), text) for x in (audio.values, other))
        lost = network(*in_double(inputs, bags.without("text"))).joint
    assert torch.equal(plain.audio, changed.audio)
    assert not torch.equal(plain.joint, changed.joint)
    torch.testing.assert_close(network(audio, nothing).joint, lost, rtol=0, atol=1e-6)
