"""Shares of the joint embedding against closed forms and the slow way; gate and attention."""

import math

import numpy as np
import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.monitors.shares import audio_mass, joint_shares
from hilbert.training.data import SegmentData, VectorData, make_dataset
from hilbert.training.fit import Fit, make_network

WIDTHS = {"audio": 3, "text": 2, "cross": 4}


def linear(weights, tiny, docs=500, scales=(1.0, 1.0, 1.0)):
    """A network on document vectors, linear as long as it is not trained, with these weights and sizes of its parts."""
    torch.manual_seed(0)
    network = make_network(HilbertConfig.load("robust", tiny), WIDTHS)
    with torch.no_grad():
        for columns, weight in zip(np.split(np.arange(9), [3, 5]), weights, strict=True):
            network.joint.linear.weight[:, columns] *= weight
    rng = np.random.default_rng(0)
    parts = [scale * rng.normal(size=(docs, width)) for scale, width in zip(scales, WIDTHS.values(), strict=True)]
    tensors = (torch.as_tensor(part, dtype=torch.float32) for part in parts)
    data = make_dataset(VectorData(*tensors, *(np.ones(docs, bool) for _ in range(2))))
    return Fit(network, None, {}), data, parts


def test_a_linear_map_has_the_variance_of_its_parts(tiny):
    fit, data, parts = linear((1.0, 2.0, 0.5), tiny, scales=(1.0, 3.0, 0.2))
    found = joint_shares(fit, data, np.random.default_rng(0))
    weight = fit.network.joint.linear.weight.detach().double().numpy()
    blocks = np.split(weight, [3, 5], axis=1)
    exact = [np.trace(w @ np.cov(x.T) @ w.T) for w, x in zip(blocks, parts, strict=True)]
    assert list(found) == ["audio", "text", "cross"]
    assert list(found.values()) == pytest.approx(np.array(exact) / sum(exact), rel=0.1)
    assert sum(found.values()) == pytest.approx(1)


def test_what_is_constant_or_not_read_has_no_share(tiny):
    for arguments in (((1.0, 1.0, 0.0), (1.0, 1.0, 1.0)), ((1.0, 1.0, 1.0), (1.0, 1.0, 0.0))):
        fit, data, _ = linear(arguments[0], tiny, docs=40, scales=arguments[1])
        assert joint_shares(fit, data, np.random.default_rng(0))["cross"] == 0
    fit, data, _ = linear((0.0, 0.0, 0.0), tiny, docs=40)
    assert all(map(math.isnan, joint_shares(fit, data, np.random.default_rng(0)).values()))


def test_segments_are_exchanged_whole(paper, corpus):
    """Against the embeddings of documents that were put together before they were transformed."""
    bags = corpus[0]
    bags = bags[(bags.audio.lengths > 0) & (bags.text.lengths > 0)]
    own = np.arange(len(bags))
    found = joint_shares(paper.fit_, make_dataset(paper.inputs_(bags).network), np.random.default_rng(3))
    order = np.random.default_rng(3).permutation(len(bags))
    plain, audio, text = (
        paper.embeddings(bags.recombine(*rows))["joint"].astype(np.float64)
        for rows in ((own, own), (order, own), (own, order))
    )
    moved = ((audio - plain) ** 2).sum(), ((text - plain) ** 2).sum()
    assert list(found) == ["audio", "text"]
    assert found["audio"] == pytest.approx(moved[0] / sum(moved), rel=1e-4)


@pytest.mark.parametrize("joint", ["gated", "sequence", "sequence_plain", "concat"])
def test_mass_on_the_audio(tiny, make_bags, joint):
    bags, _, _ = make_bags(missing=False)
    config = HilbertConfig.load("paper", tiny | {"network.joint": joint})
    torch.manual_seed(0)
    network = make_network(config, {"audio": 6, "text": 4}).eval()
    with torch.no_grad():
        network.joint.pool_audio.score.weight.zero_()
    fit, data = Fit(network, None, {}), make_dataset(SegmentData.of((bags.audio, bags.text)))
    found = audio_mass(fit, data)
    if joint == "concat":
        assert found is None
        return
    if joint == "sequence":  # without scores segment counts are levelled out
        assert found == pytest.approx(0.5, abs=1e-6)
        return
    if joint == "sequence_plain":  # here they decide
        both = bags.audio.lengths + bags.text.lengths
        assert found == pytest.approx(float((bags.audio.lengths / both).mean()), abs=1e-6)
        return
    with torch.no_grad():
        network.joint.gate.weight.zero_()
        network.joint.gate.bias.fill_(1.0)
    assert audio_mass(fit, data) == pytest.approx(1 / (1 + math.exp(-1)))


def test_document_vectors_have_neither_gate_nor_attention_on_the_audio(tiny):
    assert audio_mass(*linear((1.0, 1.0, 1.0), tiny, docs=10)[:2]) is None
