"""CoMM: the loss by hand, masked fusion, augmentations, and groups."""

import math

import numpy as np
import pytest
import torch

from hilbert.baselines.comm import Comm, augment


def by_loops(method, batch, by_hand):
    """Z_audio, Z_text, Z_joint of each document, every layer over all tokens with the others' keys masked."""
    rows = []
    for audio, text in zip(by_hand.documents(batch.inputs.audio), by_hand.documents(batch.inputs.text), strict=True):
        a, t = by_hand.project(method.audio, *audio), by_hand.project(method.text, *text)
        z = []
        for use_audio, use_text in ((True, False), (False, True), (True, True)):
            bias = [0.0, *[-math.log(len(a)) if use_audio else -np.inf] * len(a)]
            bias = np.array([*bias, *[-math.log(len(t)) if use_text else -np.inf] * len(t)])
            x = np.concatenate([method.cls.detach().double().numpy()[None], a, t])
            for layer in method.layers:
                x = by_hand.attend(layer, x, x, bias)
            z.append(by_hand.norm(method.norm, x[0]))
        rows.append(z)
    return np.array(rows).swapaxes(0, 1)


@pytest.mark.parametrize("layers", [1, 2])
def test_masked_and_complete_fusion(layers, make_method, segment_batch, by_hand):
    method, batch = make_method(Comm, layers=layers), segment_batch()
    for z, expected in zip(method.embed(batch).values(), by_loops(method, batch, by_hand), strict=True):
        np.testing.assert_allclose(z.detach(), expected, atol=1e-5)


def test_loss_is_that_of_loops(make_method, segment_batch, by_hand):
    # without drop and noise both augmentations are the document itself
    method, batch = make_method(Comm, drop=0.0, noise=0.0, temperature=0.2), segment_batch()
    head = method.head.layers
    projected = [
        by_hand.linear(head[2], by_hand.gelu(by_hand.linear(head[0], z))) for z in by_loops(method, batch, by_hand)
    ]
    audio, text, joint = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in projected)
    groups = batch.groups.tolist()
    rows = {"audio": [0], "text": [1], "joint": []}  # which lack it
    expected = {}
    for name, v in (("audio", audio), ("text", text), ("joint", joint)):
        keep = np.setdiff1d(np.arange(12), rows[name])
        expected[name] = by_hand.nt_xent(v[keep], joint[keep], 1 / 0.2, [groups[k] for k in keep])
    expected["total"] = np.mean(list(expected.values()))
    losses = {name: value.item() for name, value in method.losses(batch, 0.0).items()}
    assert losses == pytest.approx(expected, rel=1e-4)


def test_augmentation_keeps_some_segments_in_order(segment_batch):
    torch.manual_seed(0)
    audio = segment_batch(300, lengths=(20, 1)).inputs.audio
    found = augment(audio, 0.8, 0.0)
    kept = (audio.values[:, None, :2] == found.values[None, :, :2]).all(2).any(1).view(300, 20).sum(1)
    assert torch.equal(found.lengths, kept)
    assert found.lengths.min() >= 1
    assert 0.55 < float(found.lengths.float().mean()) / 20 < 0.65  # 1 − .8 / 2
    assert int((found.lengths <= 8).sum()) > 30  # some lose most
    for times in found.times.split(found.lengths.tolist()):
        assert (times.diff() > 0).all()
    noisy = augment(audio, 0.0, 0.1)
    assert torch.equal(noisy.lengths, audio.lengths)
    assert float((noisy.values - audio.values).std()) == pytest.approx(0.1, rel=0.05)
    hard = augment(segment_batch(3).inputs.audio, 0.8, 0.1)
    assert hard.lengths[0] == 0
    assert hard.lengths[2] == 1


@torch.no_grad()
def test_the_number_of_segments_does_not_decide_the_mass(make_method, segment_batch):
    method, batch = make_method(Comm, layers=2), segment_batch(4, lengths=(2, 3))
    audio = batch.inputs.audio
    thrice = audio._replace(
        values=audio.values.view(4, 2, 6).repeat(1, 3, 1).flatten(0, 1), lengths=3 * audio.lengths,
        times=audio.times.repeat(3),
    )  # fmt: skip
    method.eval()
    for name, z in method.embed(batch._replace(inputs=batch.inputs._replace(audio=thrice))).items():
        torch.testing.assert_close(z, method.embed(batch)[name])


def test_embedding_training_and_fit(make_method, check_embedding, check_training, check_fit):
    check_embedding(make_method(Comm, layers=2))
    for layers in (1, 2):
        check_training(Comm, make_method(Comm, layers=layers))
    check_fit(Comm, heads=2, projection=8)
