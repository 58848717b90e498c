"""What the three embeddings of the network on segments must not depend on, and what they must."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hilbert.nn import projection
from hilbert.nn import ragged as ragged_module
from hilbert.nn.hilbert import SegmentBatch
from hilbert.nn.ragged import Ragged

AUDIO, TEXT = [3, 0, 5, 1, 2], [2, 4, 0, 1, 6]
JOINTS = ("concat", "gated", "sequence", "sequence_plain")
FORMS = list(itertools.product(JOINTS, ("pre", "post")))


def all_three(z):
    return torch.stack([z.audio, z.text, z.joint])


def swapped_sides(batch):
    return SegmentBatch(batch.text, batch.audio)


@pytest.fixture(scope="session")
def batch(ragged):
    return lambda dtype=torch.float64: SegmentBatch(ragged(AUDIO, 6, 1, dtype), ragged(TEXT, 4, 2, dtype))


@pytest.mark.parametrize(("joint", "unimodal_source"), FORMS)
def test_each_document_is_embedded_as_if_alone(network, batch, take, joint, unimodal_source):
    net, whole = network(joint=joint, unimodal_source=unimodal_source), batch()
    together = all_three(net(whole))
    assert together.isfinite().all()
    for row in range(len(AUDIO)):
        torch.testing.assert_close(all_three(net(take(whole, [row])))[:, 0], together[:, row], rtol=0, atol=1e-10)


@settings(max_examples=30)
@given(
    lengths=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=5),
    joint=st.sampled_from(JOINTS),
    data=st.data(),
)
def test_any_documents_in_any_company(network, ragged, take, lengths, joint, data):
    net = network(joint=joint, layers=1)
    audio, text = zip(*lengths, strict=True)
    whole = SegmentBatch(ragged(list(audio), 6, 1), ragged(list(text), 4, 2))
    rows = data.draw(st.lists(st.sampled_from(range(len(lengths))), min_size=1, max_size=6))
    with torch.no_grad():
        found, expected = all_three(net(take(whole, rows))), all_three(net(whole))[:, rows]
    assert expected.isfinite().all()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("joint", JOINTS)
def test_seven_padded_segments_change_nothing(network, batch, monkeypatch, joint, dtype, tolerance):
    net, whole = network(joint=joint, dtype=dtype), batch(dtype)
    plain = net(whole)

    def padded_more(values, lengths):
        padded, mask = ragged_module.pad(values, lengths)
        rubbish = torch.full((len(lengths), 7, values.shape[1]), 1e3, dtype=values.dtype)
        return torch.cat([padded, rubbish], 1), torch.cat([mask, torch.zeros(len(lengths), 7, dtype=torch.bool)], 1)

    monkeypatch.setattr(projection, "pad", padded_more)
    torch.testing.assert_close(all_three(net(whole)), all_three(plain), rtol=0, atol=tolerance)


def test_padding_gets_no_gradient_and_gives_none(network, batch, take):
    """In training mode, too: a longer batch mate changes neither the embeddings nor their gradient."""
    net = network(dropout=0.0).train()
    gradients = []
    for rows in ([0, 1, 2, 3, 4], [0, 1]):
        part = take(batch(), rows)
        values = part.audio.values.clone().requires_grad_()
        net(part._replace(audio=part.audio._replace(values=values))).joint[0].square().sum().backward()
        gradients.append(values.grad)
        assert (values.grad[3:] == 0).all()  # of other documents
    assert gradients[0].abs().max() > 1e-6
    torch.testing.assert_close(gradients[0][:3], gradients[1][:3], rtol=0, atol=1e-10)


@pytest.mark.parametrize("joint", JOINTS)
def test_order_and_time_of_segments_do_not_matter(network, ragged, joint):
    audio, text = ragged([6], 6, 1), ragged([5], 4, 2)
    order, other = torch.tensor([4, 0, 5, 2, 1, 3]), torch.tensor([1, 0, 4, 3, 2])
    net = network(joint=joint)
    moved = SegmentBatch(*(Ragged(x.values[o], x.lengths, x.times * 0.5) for x, o in ((audio, order), (text, other))))
    torch.testing.assert_close(all_three(net(moved)), all_three(net(SegmentBatch(audio, text))), rtol=0, atol=1e-10)


def swapped(state, joint):
    """The state of the network that calls audio what this one calls text."""
    names = {"audio": "\0", "text": "audio", "\0": "text"}
    result = {}
    for name, value in state.items():
        halves = [value[:, value.shape[1] // 2 :], value[:, : value.shape[1] // 2]] if value.ndim == 2 else []
        for old, new in names.items():
            name = name.replace(old, new)
        if name == "joint.mlp.0.weight" and joint == "concat":
            value = torch.cat(halves, 1)
        if name == "joint.gate.weight":  # of [audio; text]; the gate itself is audio's share
            value = -torch.cat(halves, 1)
        if name == "joint.gate.bias":
            value = -value
        result[name] = value
    if joint.startswith("sequence"):  # one pooling for both
        kept = {n: v for n, v in result.items() if not n.startswith("joint.")}
        return kept | {n: v for n, v in state.items() if n.startswith("joint.")}
    return result


@pytest.mark.parametrize(("joint", "unimodal_source"), FORMS)
def test_audio_and_text_are_treated_alike(network, batch, joint, unimodal_source):
    whole, options = batch(), {"joint": joint, "unimodal_source": unimodal_source}
    net, mirror = network(**options), network(4, 6, **options)
    mirror.load_state_dict(swapped(net.state_dict(), joint))
    z, w = net(whole), mirror(swapped_sides(whole))
    for one, other in ((z.audio, w.text), (z.text, w.audio), (z.joint, w.joint)):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert z.has_audio.tolist() == w.has_text.tolist() == [n > 0 for n in AUDIO]
    mass = net.audio_mass(whole)
    assert (mass is None) == (joint == "concat")
    if mass is not None:
        torch.testing.assert_close(1 - mirror.audio_mass(swapped_sides(whole)), mass, rtol=0, atol=1e-6)


def test_mass_on_the_audio_is_what_the_joint_embedding_is_made_with(network, batch):
    net, whole, seen = network(joint="gated"), batch(), []
    net.joint.gate.register_forward_hook(lambda module, arguments, output: seen.append(output.sigmoid().mean(1)))
    net(whole)
    torch.testing.assert_close(net.audio_mass(whole), seen[0])
    for joint in ("sequence", "sequence_plain"):
        net = network(joint=joint)
        with torch.no_grad():  # two pathways of constants: the pooled vector is their mean, weighted by the mass
            for layer in net.layers:
                for parameter in layer.parameters():
                    parameter.zero_()
        net.project_audio.register_forward_hook(lambda m, a, output: (torch.ones_like(output[0]), output[1]))
        net.project_text.register_forward_hook(lambda m, a, output: (torch.zeros_like(output[0]), output[1]))
        net.joint.mlp = torch.nn.Identity()
        net.norm_joint = torch.nn.Identity()
        torch.testing.assert_close(net.audio_mass(whole), net(whole).joint[:, 0])


@pytest.mark.parametrize("unimodal_source", ["pre", "post"])
def test_unimodal_embeddings_see_the_other_modality_only_after_cross_attention(network, batch, unimodal_source):
    net, whole = network(unimodal_source=unimodal_source), batch()
    other = net(whole._replace(text=whole.text._replace(values=whole.text.values + 1)))
    difference = (other.audio - net(whole).audio).abs().max()
    assert (difference == 0) if unimodal_source == "pre" else (difference > 1e-3)


def test_null_token_stands_for_a_missing_modality_and_for_nothing_else(network, batch, take):
    net, whole = network(), batch()
    all_three(net(take(whole, [0, 3, 4]))).square().sum().backward()  # complete documents
    assert net.project_audio.null.grad.abs().max() == 0
    assert net.project_text.null.grad.abs().max() == 0

    before = all_three(net(whole)).detach()
    with torch.no_grad():
        net.project_audio.null.add_(1.0)
    changed = (all_three(net(whole)).detach() - before).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.tolist() == [n == 0 for n in AUDIO]

    net.zero_grad()
    all_three(net(whole))[:, 1].square().sum().backward()
    assert net.project_audio.null.grad.abs().max() > 1e-6
    assert net.project_text.null.grad.abs().max() == 0


def test_document_without_anything_and_empty_batch_are_finite(network, ragged):
    net = network()
    z = net(SegmentBatch(ragged([0, 0], 6), ragged([0, 0], 4)))
    assert all_three(z).isfinite().all()
    assert not z.has_audio.any()
    assert z.concatenated().shape == (2, 24)
    assert torch.equal(z.concatenated(), torch.cat(list(all_three(z)), 1))
    assert net(SegmentBatch(ragged([], 6), ragged([], 4))).concatenated().shape == (0, 24)


def test_embeddings_do_not_tell_their_length_by_their_norm(network, ragged):
    """Each ends in a LayerNorm: with weights at their start every row has mean 0 and variance 1."""
    net = network(shaken=False)
    z = all_three(net(SegmentBatch(ragged([1, 3, 40], 6), ragged([30, 2, 1], 4))))
    torch.testing.assert_close(z.mean(-1), torch.zeros_like(z[..., 0]), rtol=0, atol=1e-9)
    np.testing.assert_allclose(z.var(-1, unbiased=False).detach(), 1, atol=1e-2)
