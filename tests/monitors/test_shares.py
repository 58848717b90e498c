"""Shares of the joint embedding against closed forms and the slow way; gate and attention."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.features.bags import Packed
from hilbert.nn.build import make_network
from hilbert.monitors.shares import audio_mass, joint_shares
from hilbert.training.fit import Representation, make_dataset

WIDTHS = {"audio": 3, "text": 2, "cross": 4}


def prototypes(weights, tiny, docs=500, scales=(1.0, 1.0, 1.0)):
    """A linear prototype network with these weights a part, and documents of these scales."""
    torch.manual_seed(0)
    network = make_network(HilbertConfig.load("robust", tiny).model, **WIDTHS)
    with torch.no_grad():  # its MLP starts at zero
        network.joint.linear.weight[:, :3] *= weights[0]
        network.joint.linear.weight[:, 3:5] *= weights[1]
        network.joint.linear.weight[:, 5:] *= weights[2]
    rng = np.random.default_rng(0)
    parts = [scale * rng.normal(size=(docs, width)) for scale, width in zip(scales, WIDTHS.values(), strict=True)]
    once = np.ones(docs, np.int64), np.full(docs, 0.5)
    data = make_dataset((Packed(np.hstack([parts[0], parts[2]]), *once), Packed(parts[1], *once)))
    return Representation(SimpleNamespace(widths=WIDTHS), network), data, parts


def test_a_linear_map_has_the_variance_of_its_parts(tiny):
    representation, data, parts = prototypes((1.0, 2.0, 0.5), tiny, scales=(1.0, 3.0, 0.2))
    found = joint_shares(representation, data, np.random.default_rng(0))
    weight = representation.network.joint.linear.weight.detach().double().numpy()
    blocks = np.split(weight, [3, 5], axis=1)
    exact = [np.trace(w @ np.cov(x.T) @ w.T) for w, x in zip(blocks, (parts[0], parts[1], parts[2]), strict=True)]
    assert list(found.values()) == pytest.approx(np.array(exact) / sum(exact), rel=0.1)
    assert sum(found.values()) == pytest.approx(1)


def test_what_is_constant_or_not_read_has_no_share(tiny):
    for arguments in (((1.0, 1.0, 0.0), (1.0, 1.0, 1.0)), ((1.0, 1.0, 1.0), (1.0, 1.0, 0.0))):
        representation, data, _ = prototypes(arguments[0], tiny, docs=40, scales=arguments[1])
        assert joint_shares(representation, data, np.random.default_rng(0))["cross"] == 0
    representation, data, _ = prototypes((0.0, 0.0, 0.0), tiny, docs=40)
    assert all(map(math.isnan, joint_shares(representation, data, np.random.default_rng(0)).values()))


def test_segments_are_exchanged_whole(paper, corpus):
    """Against the embeddings of documents that were put together before they were transformed."""
    bags = corpus[0]
    bags = bags[(bags.audio.lengths > 0) & (bags.text.lengths > 0)]
    representation, own = paper.fit_.representation, np.arange(len(bags))
    found = joint_shares(representation, make_dataset(representation.inputs(bags)), np.random.default_rng(3))
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
    config = HilbertConfig.load("robust", tiny | {"model.backbone": "segments", "model.joint": joint})
    torch.manual_seed(0)
    network = make_network(config.model, 6, 4).eval()
    representation = Representation(SimpleNamespace(widths={"audio": 6, "text": 4, "cross": 0}), network)
    data = make_dataset((bags.audio, bags.text))
    found = audio_mass(representation, data)
    if joint == "concat":
        assert found is None
        return
    if joint == "sequence":  # scores start at zero, and segment counts are levelled out
        assert found == pytest.approx(0.5, abs=1e-6)
        return
    if joint == "sequence_plain":  # here they decide
        both = bags.audio.lengths + bags.text.lengths
        assert found == pytest.approx(float((bags.audio.lengths / both).mean()), abs=1e-6)
        return
    with torch.no_grad():
        network.joint.gate.weight.zero_()
        network.joint.gate.bias.fill_(1.0)
    assert audio_mass(representation, data) == pytest.approx(1 / (1 + math.exp(-1)))


def test_prototypes_have_neither_gate_nor_attention_on_the_audio(tiny):
    representation, data, _ = prototypes((1.0, 1.0, 1.0), tiny, docs=10)
    assert audio_mass(representation, data) is None
