"""Cacophony: CLIP's loss beside masked prediction, by hand; what is masked does not leak, audio counts."""

import math

import numpy as np
import pytest
import torch

from hilbert.baselines.cacophony import Cacophony, Tokens, draw_masked


def clock(decoder, times, by_hand):
    angles = 2 * np.pi * times.double().numpy()[:, None] * 2.0 ** np.arange(-1, 7)
    return by_hand.linear(decoder.time, np.concatenate([np.sin(angles), np.cos(angles)], axis=1))


def test_the_loss_by_hand(make_method, segment_batch, by_hand):
    method, batch = make_method(Cacophony, caption=0.3, masked=0.5), segment_batch()
    torch.manual_seed(6)
    parts = method.losses(batch, 0.0)
    torch.manual_seed(6)
    mask = method.text.project(batch.inputs.text)[1]
    both = (batch.inputs.audio.lengths > 0) & (batch.inputs.text.lengths > 0)
    places, drawn = draw_masked(mask, 0.5, both)
    decoder, distances, sides, groups = method.decoder, [], [], []
    documents = zip(by_hand.documents(batch.inputs.audio), by_hand.documents(batch.inputs.text), strict=True)
    for doc, ((a, a_times), (t, t_times)) in enumerate(documents):
        if not len(a) or not len(t):
            assert not drawn[doc].any()
            continue
        chosen = places[doc][drawn[doc]].tolist()
        assert len(set(chosen)) == math.ceil(len(t) / 2)
        token, times = decoder.token.detach().double().numpy(), clock(decoder, t_times, by_hand)
        hidden = by_hand.project(method.text.project, t)
        hidden[chosen] = token
        query = by_hand.attend(decoder.text, token + times[chosen], hidden + times)
        audio = by_hand.project(method.audio.project, a) + clock(decoder, a_times, by_hand)
        found = by_hand.linear(
            decoder.out[1], by_hand.norm(decoder.out[0], by_hand.attend(decoder.audio, query, audio))
        )
        for x, y in zip(found, t[chosen].double().numpy(), strict=True):
            distances.append(1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y))
        rows = []
        for head, encoder, values in ((method.head_audio, method.audio, a), (method.head_text, method.text, t)):
            z = by_hand.encode(encoder, values)
            v = by_hand.linear(head.layers[2], by_hand.gelu(by_hand.linear(head.layers[0], z)))
            rows.append(v / np.linalg.norm(v))
        sides.append(rows)
        groups.append(int(batch.groups[doc]))
    sides, losses = np.array(sides), []
    for x, y in ((sides[:, 0], sides[:, 1]), (sides[:, 1], sides[:, 0])):
        for i in range(len(x)):
            terms = {k: math.exp(x[i] @ y[k] / 0.1) for k in range(len(x)) if k == i or groups[k] != groups[i]}
            losses.append(-math.log(terms[i] / sum(terms.values())))
    expected = {"caption": np.mean(distances), "contrast": np.mean(losses)}
    expected["total"] = expected["contrast"] + 0.3 * expected["caption"]
    assert {name: float(value.detach()) for name, value in parts.items()} == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.4, 0.5])
def test_a_share_of_each_document_is_masked(share):
    torch.manual_seed(0)
    lengths = torch.tensor([1, 2, 5, 10, 7])
    mask = torch.arange(10) < lengths[:, None]
    keep = torch.tensor([True, True, True, True, False])
    times = torch.zeros(5, 10)
    for _ in range(400):
        places, drawn = draw_masked(mask, share, keep)
        assert drawn.sum(1).tolist() == [math.ceil(round(share * n, 4)) for n in (1, 2, 5, 10)] + [0]
        times += torch.zeros(5, 10).scatter(1, places, drawn.float())
    assert not times[~mask].any()
    np.testing.assert_allclose(times[3] / 400, math.ceil(share * 10) / 10, atol=0.1)  # 4 standard errors
    assert draw_masked(mask, share, torch.zeros(5, dtype=torch.bool))[1].shape == (5, 0)


def test_masked_segments_do_not_leak_and_audio_counts(make_method, segment_batch):
    method, batch = make_method(Cacophony).eval(), segment_batch(4, lengths=(5, 6))
    places = torch.tensor([[0, 3], [5, 2], [1, 2], [4, 0]])
    drawn = torch.ones_like(places, dtype=torch.bool)

    def predicted(audio, text):
        with torch.no_grad():
            return method.decoder(Tokens.of(method.audio, audio), Tokens.of(method.text, text), places, drawn)

    plain = predicted(batch.inputs.audio, batch.inputs.text)
    hidden = (places + 6 * torch.arange(4)[:, None]).flatten()
    masked, visible = batch.inputs.text.values.clone(), batch.inputs.text.values.clone()
    masked[hidden] += 5.0
    visible[[1, 6, 12, 19]] += 5.0  # one visible segment of each document
    assert torch.equal(predicted(batch.inputs.audio, batch.inputs.text._replace(values=masked)), plain)
    for other in (
        predicted(batch.inputs.audio, batch.inputs.text._replace(values=visible)),
        predicted(batch.inputs.audio._replace(values=batch.inputs.audio.values.flip(0)), batch.inputs.text),
        predicted(batch.inputs.audio, batch.inputs.text._replace(times=batch.inputs.text.times.flip(0))),
    ):
        assert ((other - plain).abs().amax(2) > 1e-4).all()


def test_what_every_method_keeps(make_method, check_training, check_embedding, constant_null):
    method = make_method(Cacophony, dropout=0.2)
    check_training(Cacophony, constant_null(method))
    check_embedding(method)


def test_it_fits(check_fit, make_bags):
    model = check_fit(Cacophony)
    assert model.transform(make_bags(5)[0]).shape == (5, 16)
