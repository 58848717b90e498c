"""What changes within a document, and maps that weight directions by it."""

import numpy as np
import pytest

from hilbert.features.bags import Bags, Packed
from hilbert.nn.stability import Stability, halves


@pytest.fixture
def known():
    """Second moments with axes and sizes that are known: (within values, axes, stability)."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    values = np.array([0.0, 0.1, 1.0, 4.0])
    return values, axes, Stability((axes * values) @ axes.T, np.eye(4) * 2.0)


def test_no_strength_is_the_identity(known):
    assert np.array_equal(known[2].scaling(0), np.eye(4))
    nothing = Stability(np.zeros((3, 3)), np.eye(3))  # documents of one segment: nothing is known to change
    assert np.array_equal(nothing.scaling(30), np.eye(3))


@pytest.mark.parametrize("strength", [-3.0, 0.5, 30.0])
def test_closed_form(known, strength):
    values, axes, stability = known
    typical = (values**2).sum() / values.sum()
    factors = (1 + abs(strength) * values / typical) ** (-np.sign(strength) / 2)
    factors *= np.sqrt(4 / (factors**2).sum())  # the mean squared norm is kept
    assert stability.scaling(strength) == pytest.approx((axes * factors) @ axes.T)


def test_scale_of_the_vectors_does_not_matter(known):
    _, _, stability = known
    larger = Stability(9 * stability.within, 9 * stability.total)
    assert larger.scaling(3) == pytest.approx(stability.scaling(3))


def test_half_the_difference_of_halves_is_the_error_of_the_whole():
    """Vectors that are means of independent segments: the covariance of their error is known."""
    rng = np.random.default_rng(1)
    docs, segments = 4000, 8
    spread = np.array([0.5, 1.0, 3.0])
    person = rng.normal(size=(docs, 1, 3))
    values = person + spread * rng.normal(size=(docs, segments, 3))
    pairs = [(values[:, :4].mean(axis=1), values[:, 4:].mean(axis=1))]
    found = Stability.fit(values.mean(axis=1), pairs)
    assert found.within == pytest.approx(np.diag(spread**2 / segments), rel=0.1, abs=0.05)
    assert found.total == pytest.approx(np.eye(3) + np.diag(spread**2 / segments), rel=0.1, abs=0.1)
    twice = Stability.fit(values.mean(axis=1), pairs * 2)
    assert twice.within == pytest.approx(found.within)


def test_halves_share_a_document_out():
    lengths = np.array([5, 0, 1, 4])
    values = np.arange(10.0)[:, None]
    times = np.concatenate([(np.arange(n) + 0.5) / n for n in lengths if n])
    packed = Packed(values, lengths, times)
    other = Packed(values[:6], np.array([2, 2, 1, 1]), np.full(6, 0.5))
    bags = Bags(np.array(list("abcd")), packed, other, np.ones(4))
    (first, second), (even, odd) = halves(bags)
    assert [first.audio.document(row).ravel().tolist() for row in range(4)] == [[0, 1, 2], [], [5], [6, 7]]
    assert [second.audio.document(row).ravel().tolist() for row in range(4)] == [[3, 4], [], [], [8, 9]]
    assert [even.audio.document(row).ravel().tolist() for row in range(4)] == [[0, 2, 4], [], [5], [6, 8]]
    assert [odd.audio.document(row).ravel().tolist() for row in range(4)] == [[1, 3], [], [], [7, 9]]
    assert second.text.lengths.tolist() == [1, 1, 0, 0]
    assert np.array_equal(np.sort(np.concatenate([even.audio.times, odd.audio.times])), np.sort(times))
    assert first.ids.tolist() == list("abcd")
