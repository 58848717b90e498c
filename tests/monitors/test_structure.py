"""Retention: closed forms, what it must not depend on, and where there is none."""

import math

import numpy as np
import pytest
import torch

from hilbert.losses.cka import linear_gram, u_centre
from hilbert.monitors import retention


def three(docs=40, seed=0):
    rng = np.random.default_rng(seed)
    audio, text = rng.normal(size=(docs, 6)), rng.normal(size=(docs, 4))
    return audio, text, np.hstack([audio[:, :3], text[:, :2]]) @ rng.normal(size=(5, 5))


def slow(x, z):
    """Debiased CKA from the sums of Song et al. 2012."""
    grams = []
    for a in (x, z):
        a = a - a.mean(0)
        gram = a @ a.T
        np.fill_diagonal(gram, 0)
        grams.append(gram)

    def hsic(k, m):
        n = len(k)
        ones = k.sum() * m.sum() / ((n - 1) * (n - 2))
        return (np.trace(k @ m) + ones - 2 / (n - 2) * k.sum(0) @ m.sum(1)) / (n * (n - 3))

    k, m = grams
    return hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m))


def test_it_is_cka_over_the_ceiling():
    audio, text, joint = three()
    ceiling = math.cos(0.5 * math.acos(max(0.0, slow(audio, text))))
    found = retention(audio, text, joint)
    assert found == pytest.approx((slow(audio, joint) / ceiling, slow(text, joint) / ceiling, ceiling))
    assert found.least == min(found[:2])


def test_the_balanced_embedding_keeps_all_and_a_copy_takes_sides():
    audio, text, _ = three()
    related = np.hstack([text, audio[:, :3]])
    sizes = [float(u_centre(linear_gram(torch.from_numpy(x))).norm()) ** 0.5 for x in (audio, related)]
    balanced = np.hstack([audio / sizes[0], related / sizes[1]])
    assert retention(audio, related, balanced)[:2] == pytest.approx((1, 1))
    copy = retention(audio, related, audio)
    assert copy.audio == pytest.approx(1 / copy.ceiling)
    assert copy.audio > 1 > copy.text


def test_one_modality_twice_is_kept_alike():
    audio, _, joint = three()
    found = retention(audio, audio, joint)
    assert found.audio == found.text
    assert found.ceiling == pytest.approx(1)
    assert retention(audio, audio, audio)[:2] == pytest.approx((1, 1))


@pytest.mark.parametrize("which", range(3))
def test_moving_turning_and_scaling_change_nothing(which):
    parts = list(three())
    plain = retention(*parts)
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(parts[which].shape[1],) * 2))[0]
    for scale, shift in ((1e-9, 0.0), (1e6, 1e6), (-1.0, 3.0)):
        parts[which] = scale * (three()[which] @ turn) + shift
        assert retention(*parts) == pytest.approx(plain, abs=1e-6)


def test_the_order_of_documents_changes_nothing():
    order = np.random.default_rng(0).permutation(40)
    assert retention(*(x[order] for x in three())) == pytest.approx(retention(*three()))


def test_an_unrelated_embedding_keeps_nothing():
    rng = np.random.default_rng(0)
    found = [retention(*three(seed=s)[:2], rng.normal(size=(40, 5)))[:2] for s in range(40)]
    assert np.abs(np.mean(found, axis=0)).max() < 0.03


def test_where_it_is_undefined():
    audio, text, joint = three()
    constant = np.full_like(joint, 0.1)
    for parts in ((audio, text, constant), (constant, text, joint), [x[:3] for x in (audio, text, joint)]):
        found = retention(*parts)
        assert all(map(math.isnan, (*found, found.least)))
    assert math.isnan(retention(*(x[:0] for x in (audio, text, joint))).audio)
