"""Debiased CKA: Song's formula, its null, its invariances, and the loss made of it."""

import math

import numpy as np
import pytest
import torch

from hilbert.losses.cka import (
    attainable_ceiling,
    biased_cka,
    cka_loss,
    debiased_cka,
    debiased_hsic,
    gram,
    linear_gram,
    u_centre,
)


def rows(docs, width, seed=0, dtype=torch.float64):
    return torch.randn(docs, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def cka(x, y):
    return debiased_cka(linear_gram(x), linear_gram(y)).item()


def song(k, m):
    """Unbiased HSIC as Song et al. 2012 (equation 5) write it."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    first = np.trace(k @ m)
    second = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    third = 2 / (n - 2) * (one @ k @ m @ one)
    return (first + second - third) / (n * (n - 3))


def biased(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    cross, own = (x.T @ y).square().sum(), (x.T @ x).norm() * (y.T @ y).norm()
    return (cross / own).item()


@pytest.mark.parametrize("docs", [4, 5, 30])
def test_against_the_formula_of_song(docs):
    k, m = linear_gram(rows(docs, 6, 1)), linear_gram(rows(docs, 9, 2))
    a, b = k.numpy(), m.numpy()
    assert debiased_hsic(k, m).item() == pytest.approx(song(a, b), rel=1e-9)
    expected = song(a, b) / math.sqrt(song(a, a) * song(b, b))
    assert debiased_cka(k, m).item() == pytest.approx(expected, rel=1e-9)


def test_u_centred_rows_add_up_to_zero():
    centred = u_centre(linear_gram(rows(12, 5)))
    assert centred.diagonal().abs().max() == 0
    assert centred.sum(1).abs().max() < 1e-10


@pytest.mark.parametrize(("width", "docs", "large"), [(128, 32, 0.80), (128, 64, 0.67), (16, 64, 0.20)])
def test_independent_data_give_zero_where_the_biased_form_gives_much(width, docs, large):
    pairs = [(rows(docs, width, 2 * s), rows(docs, width, 2 * s + 1)) for s in range(30)]
    values = np.array([cka(x, y) for x, y in pairs])
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(len(values)) + 0.01
    expected = [biased(x, y) for x, y in pairs]
    found = [biased_cka(linear_gram(x), linear_gram(y)).item() for x, y in pairs]
    assert found == pytest.approx(expected, rel=1e-9)
    assert np.mean(found) == pytest.approx(large, abs=0.01)


def test_itself_is_one_and_the_core_ignores_rotation_scale_and_offset():
    x, y = rows(20, 6, 1), rows(20, 8, 2) + rows(20, 6, 1) @ rows(6, 8, 3)
    rotation = torch.linalg.qr(rows(8, 8, 4))[0]
    value = cka(x, y)
    assert 0.1 < value < 0.99
    assert cka(x, x) == pytest.approx(1, abs=1e-12)
    assert cka(x, 3 * x + 5) == pytest.approx(1, abs=1e-9)
    for scale in (1e-3, 1.0, 1e4):
        assert cka(x, scale * y @ rotation + rows(1, 8, 5)) == pytest.approx(value, abs=1e-9)


def test_large_offset_in_single_precision():
    x, y = rows(64, 32, 1, torch.float32), rows(64, 16, 2, torch.float32)
    y[:, 0] = x[:, 0]
    assert cka(x + 1000, y) == pytest.approx(cka(x, y), abs=2e-3)


@pytest.mark.parametrize("measure", [debiased_cka, biased_cka])
@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_constant_embeddings_have_a_finite_gradient(measure, constant):
    for make in (gram, linear_gram):
        z = torch.full((8, 4), constant, requires_grad=True)
        value = measure(make(z), linear_gram(rows(8, 5, 1, torch.float32)))
        assert value.item() == pytest.approx(0, abs=1e-6)
        value.backward()
        assert z.grad.isfinite().all()


def test_ceiling_is_what_the_sum_of_both_kernels_attains():
    assert attainable_ceiling(torch.tensor(0.0)).item() == pytest.approx(1 / math.sqrt(2), abs=1e-6)
    assert attainable_ceiling(torch.tensor(1.0)).item() == pytest.approx(1)
    assert attainable_ceiling(torch.tensor(0.5)).item() == pytest.approx(0.866, abs=1e-3)
    assert attainable_ceiling(torch.tensor(-0.2)).item() == pytest.approx(1 / math.sqrt(2), abs=1e-6)
    shared = rows(40, 6, 9)
    for mix in (0.0, 0.7, 3.0):
        audio, text = (torch.cat([rows(40, 6, s), mix * shared], 1) for s in (1, 2))
        kernels = [u_centre(linear_gram(x)) for x in (audio, text)]
        both = sum(k / k.norm() for k in kernels)
        between = debiased_cka(linear_gram(audio), linear_gram(text))
        reached = [(k * both).sum() / (k.norm() * both.norm()) for k in kernels]
        assert reached[0].item() == pytest.approx(reached[1].item())
        if between > 0:
            assert reached[0].item() == pytest.approx(attainable_ceiling(between).item(), abs=1e-9)


def loss(joint, audio, text, has_audio=None, has_text=None, **options):
    full = torch.ones(len(joint), dtype=torch.bool)
    has_audio = full if has_audio is None else has_audio
    has_text = full if has_text is None else has_text
    return cka_loss(joint, audio, text, has_audio=has_audio, has_text=has_text, **options)


@pytest.mark.parametrize(("measure", "debiased"), [(debiased_cka, True), (biased_cka, False)])
def test_loss_is_the_mean_shortfall(measure, debiased):
    joint, audio, text = rows(12, 5, 1), rows(12, 6, 2), rows(12, 7, 3)
    values = [measure(gram(x), gram(joint)).item() for x in (audio, text)]
    assert loss(joint, audio, text, debiased=debiased).item() == pytest.approx(1 - np.mean(values))
    goal = 0.9 * attainable_ceiling(measure(gram(audio), gram(text))).item()
    expected = np.mean([max(0.0, goal - value) for value in values])
    assert loss(joint, audio, text, debiased=debiased, hinge=0.9).item() == pytest.approx(expected)


def test_hinge_is_zero_with_no_gradient_once_satisfied():
    audio, text = rows(40, 6, 1), rows(40, 6, 2)
    normed = [torch.nn.functional.layer_norm(x, (6,)) for x in (audio, text)]
    joint = torch.cat([x / linear_gram(x).norm().sqrt() for x in normed], 1).requires_grad_()
    value = loss(joint, audio, text, hinge=0.9)
    assert value.item() == 0
    value.backward()
    assert (joint.grad == 0).all()
    assert loss(joint, audio, text).item() > 0.2  # without a hinge there is always something to ask for


def test_fewer_than_four_documents_say_nothing():
    for docs in range(4):
        joint = rows(docs, 5, 1).requires_grad_()
        value = loss(joint, rows(docs, 6, 2), rows(docs, 7, 3), hinge=0.9)
        assert value.item() == 0
        value.backward()
        assert (joint.grad == 0).all()


def test_documents_without_a_modality_are_left_out_of_its_term():
    joint, audio, text = rows(12, 5, 1), rows(12, 6, 2), rows(12, 7, 3)
    has_audio = torch.arange(12) < 9
    values = (
        debiased_cka(gram(audio[:9]), gram(joint[:9])).item(),
        debiased_cka(gram(text), gram(joint)).item(),
    )
    assert loss(joint, audio, text, has_audio).item() == pytest.approx(1 - np.mean(values))
    few = torch.arange(12) < 3
    assert loss(joint, audio, text, few).item() == pytest.approx(0.5 * (1 - values[1]))
    # one modality alone: the ceiling of the other is 1
    assert loss(joint, audio, text, few, hinge=0.9).item() == pytest.approx(0.5 * (0.9 - values[1]))


def test_scale_of_a_document_does_not_matter_to_the_loss():
    joint, audio, text = rows(12, 16, 1), rows(12, 16, 2), rows(12, 16, 3)
    # LayerNorm's eps is all that is left of the scale
    assert loss(7 * joint, 20 * audio, text).item() == pytest.approx(loss(joint, audio, text).item(), abs=1e-4)
