"""What the three embeddings must not depend on, and what they must."""

import itertools

import pytest
import torch

from hilbert.nn import projection
from hilbert.nn import ragged as ragged_module
from hilbert.nn.ragged import Ragged

AUDIO, TEXT = [3, 0, 5, 1, 2], [2, 4, 0, 1, 6]
FORMS = list(
    itertools.product(("concat", "gated", "sequence", "sequence_plain"), ("attention", "statistics"), ("pre", "post"))
)


def all_three(z):
    return torch.stack([z.audio, z.text, z.joint])


@pytest.fixture
def batch(ragged):
    return lambda dtype=torch.float64: (ragged(AUDIO, 6, 1, dtype), ragged(TEXT, 4, 2, dtype))


@pytest.mark.parametrize(("joint", "pooling", "unimodal_source"), FORMS)
def test_each_document_is_embedded_as_if_alone(network, batch, take, joint, pooling, unimodal_source):
    net, (audio, text) = network(joint=joint, pooling=pooling, unimodal_source=unimodal_source), batch()
    together = all_three(net(audio, text))
    assert together.isfinite().all()
    for row in range(len(AUDIO)):
        alone = all_three(net(take(audio, [row]), take(text, [row])))
        torch.testing.assert_close(alone[:, 0], together[:, row], rtol=0, atol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("joint", ["concat", "gated", "sequence", "sequence_plain"])
def test_seven_padded_segments_change_nothing(network, batch, monkeypatch, joint, dtype, tolerance):
    net, (audio, text) = network(joint=joint, dtype=dtype), batch(dtype)
    plain = net(audio, text)

    def padded_more(values, lengths):
        padded, mask = ragged_module.pad(values, lengths)
        rubbish = torch.full((len(lengths), 7, values.shape[1]), 1e3, dtype=values.dtype)
        return torch.cat([padded, rubbish], 1), torch.cat([mask, torch.zeros(len(lengths), 7, dtype=torch.bool)], 1)

    monkeypatch.setattr(projection, "pad", padded_more)
    torch.testing.assert_close(all_three(net(audio, text)), all_three(plain), rtol=0, atol=tolerance)


def test_padding_gets_no_gradient_and_gives_none(network, batch):
    """In training mode, too: a longer batch mate changes neither the embeddings nor their gradient."""
    net = network(dropout=0.0).train()
    audio, text = batch()
    gradients = []
    for rows in ([0, 1, 2, 3, 4], [0, 1]):
        values = audio.values[:3].clone().requires_grad_()  # document 0; document 1 has none
        rest = audio.values[3:] if len(rows) == 5 else audio.values[:0]
        a = Ragged(torch.cat([values, rest]), audio.lengths[rows], audio.times[: 3 + len(rest)])
        t = Ragged(
            text.values[: int(text.lengths[rows].sum())],
            text.lengths[rows],
            text.times[: int(text.lengths[rows].sum())],
        )
        net(a, t).joint[0].square().sum().backward()
        gradients.append(values.grad)
    assert gradients[0].abs().max() > 1e-6
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-10)


def test_order_of_documents_is_the_order_of_embeddings(network, batch, take):
    net, (audio, text) = network(), batch()
    order = [3, 1, 4, 0, 2]
    moved = all_three(net(take(audio, order), take(text, order)))
    torch.testing.assert_close(moved, all_three(net(audio, text))[:, order], rtol=0, atol=1e-10)


@pytest.mark.parametrize("joint", ["concat", "gated", "sequence", "sequence_plain"])
def test_order_of_segments_matters_only_through_time(network, ragged, joint):
    audio, text = ragged([6], 6, 1), ragged([5], 4, 2)
    order, other = torch.tensor([4, 0, 5, 2, 1, 3]), torch.tensor([1, 0, 4, 3, 2])
    moved = [Ragged(x.values[o], x.lengths, x.times[o]) for x, o in ((audio, order), (text, other))]
    early = [Ragged(x.values, x.lengths, x.times * 0.5) for x in (audio, text)]
    timeless, timed = network(joint=joint, time_encoding=False), network(joint=joint, time_encoding=True)
    for net in (timeless, timed):  # segments carry their time with them
        torch.testing.assert_close(all_three(net(*moved)), all_three(net(audio, text)), rtol=0, atol=1e-10)
    torch.testing.assert_close(all_three(timeless(*early)), all_three(timeless(audio, text)), rtol=0, atol=0)
    assert (all_three(timed(*early)) - all_three(timed(audio, text))).abs().max() > 1e-3


def swapped(state, width):
    """The state of the network that calls audio what this one calls text."""
    names = {"audio": "\0", "text": "audio", "\0": "text"}
    result = {}
    for name, value in state.items():
        for old, new in names.items():
            name = name.replace(old, new)
        if name == "joint.mlp.0.weight":
            value = torch.cat([value[:, value.shape[1] // 2 :], value[:, : value.shape[1] // 2]], 1)
        if name == "joint.gate.weight":  # of [audio; text]; the gate itself is audio's share
            value = -torch.cat([value[:, value.shape[1] // 2 :], value[:, : value.shape[1] // 2]], 1)
        if name == "joint.gate.bias":
            value = -value
        result[name] = value
    return result


@pytest.mark.parametrize("unimodal_source", ["pre", "post"])
@pytest.mark.parametrize("pooling", ["attention", "statistics"])
def test_audio_and_text_are_treated_alike(network, batch, pooling, unimodal_source):
    audio, text = batch()
    net = network(pooling=pooling, unimodal_source=unimodal_source)
    mirror = network(4, 6, pooling=pooling, unimodal_source=unimodal_source)
    mirror.load_state_dict(swapped(net.state_dict(), 8))
    z, w = net(audio, text), mirror(text, audio)
    for one, other in ((z.audio, w.text), (z.text, w.audio), (z.joint, w.joint)):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    assert z.has_audio.tolist() == w.has_text.tolist() == [n > 0 for n in AUDIO]


def test_gated_and_sequence_are_symmetric_too(network, batch):
    audio, text = batch()
    net, mirror = network(joint="gated"), network(4, 6, joint="gated")
    state = swapped(net.state_dict(), 8)
    # the MLP after the gate sees one vector, which has no halves
    state["joint.mlp.0.weight"] = net.state_dict()["joint.mlp.0.weight"]
    mirror.load_state_dict(state)
    torch.testing.assert_close(mirror(text, audio).joint, net(audio, text).joint, rtol=0, atol=1e-10)
    torch.testing.assert_close(1 - mirror.audio_mass(text, audio), net.audio_mass(audio, text), rtol=0, atol=1e-10)

    net, mirror = network(joint="sequence"), network(4, 6, joint="sequence")
    state = swapped(net.state_dict(), 8)
    for name in [n for n in net.state_dict() if n.startswith("joint.")]:
        state[name] = net.state_dict()[name]  # one pooling for both
    mirror.load_state_dict({n: v for n, v in state.items() if not n.startswith("joint.pool_text")})
    torch.testing.assert_close(mirror(text, audio).joint, net(audio, text).joint, rtol=0, atol=1e-6)
    torch.testing.assert_close(1 - mirror.audio_mass(text, audio), net.audio_mass(audio, text), rtol=0, atol=1e-6)


def test_mass_on_the_audio_is_what_the_joint_embedding_is_made_with(network, batch):
    audio, text = batch()
    net = network(joint="gated")
    seen = []
    net.joint.gate.register_forward_hook(lambda module, arguments, output: seen.append(output.sigmoid().mean(1)))
    net(audio, text)
    torch.testing.assert_close(net.audio_mass(audio, text), seen[0])
    assert network(joint="concat").audio_mass(audio, text) is None
    net = network(joint="sequence", pooling="attention")
    with torch.no_grad():  # two pathways of constants: the pooled vector is their mean, weighted by the mass
        for layer in net.layers:
            for parameter in layer.parameters():
                parameter.zero_()
    net.project_audio.register_forward_hook(lambda m, a, output: (torch.ones_like(output[0]), output[1]))
    net.project_text.register_forward_hook(lambda m, a, output: (torch.zeros_like(output[0]), output[1]))
    net.joint.mlp = torch.nn.Identity()
    net.norm_joint = torch.nn.Identity()
    torch.testing.assert_close(net.audio_mass(audio, text), net(audio, text).joint[:, 0])


@pytest.mark.parametrize("unimodal_source", ["pre", "post"])
def test_unimodal_embeddings_see_the_other_modality_only_after_cross_attention(network, batch, unimodal_source):
    net, (audio, text) = network(unimodal_source=unimodal_source), batch()
    other = net(audio, Ragged(text.values + 1, text.lengths, text.times))
    difference = (other.audio - net(audio, text).audio).abs().max()
    assert (difference == 0) if unimodal_source == "pre" else (difference > 1e-3)


def test_null_token_stands_for_a_missing_modality_and_for_nothing_else(network, batch, take):
    net, (audio, text) = network(), batch()
    complete = [0, 3, 4]
    all_three(net(take(audio, complete), take(text, complete))).square().sum().backward()
    assert net.project_audio.null.grad.abs().max() == 0
    assert net.project_text.null.grad.abs().max() == 0

    before = all_three(net(audio, text)).detach()
    with torch.no_grad():
        net.project_audio.null.add_(1.0)
    changed = (all_three(net(audio, text)).detach() - before).abs().amax(dim=(0, 2)) > 1e-6
    assert changed.tolist() == [n == 0 for n in AUDIO]

    net.zero_grad()
    all_three(net(audio, text))[:, 1].square().sum().backward()
    assert net.project_audio.null.grad.abs().max() > 1e-6
    assert net.project_text.null.grad.abs().max() == 0


def test_document_without_anything_and_empty_batch_are_finite(network, ragged):
    net = network()
    z = net(ragged([0, 0], 6), ragged([0, 0], 4))
    assert all_three(z).isfinite().all()
    assert not z.has_audio.any()
    assert z.concatenated().shape == (2, 24)
    assert net(ragged([], 6), ragged([], 4)).concatenated().shape == (0, 24)


def test_embeddings_do_not_tell_their_length_by_their_norm(network, ragged):
    """Each ends in a LayerNorm: with weights at their start every row has mean 0 and variance 1."""
    net = network(shaken=False)
    z = all_three(net(ragged([1, 3, 40], 6), ragged([30, 2, 1], 4)))
    torch.testing.assert_close(z.mean(-1), torch.zeros_like(z[..., 0]), rtol=0, atol=1e-9)
    torch.testing.assert_close(z.var(-1, unbiased=False), torch.ones_like(z[..., 0]), rtol=0, atol=1e-2)
