"""Prototypes and what they attend to, against slow versions written document by document."""

import numpy as np
import pytest

from hilbert.features.bags import Packed
from hilbert.nn.prototypes import (
    CHUNK,
    PRIOR_MASS,
    SAMPLE,
    SEGMENTS_EACH,
    Prototypes,
    assign,
    attended,
    occupancy_and_peak,
)

SHARPNESS = 10.0


def packed(lengths, dim, seed=0, nan=0.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(sum(lengths), dim)) * np.linspace(1, 3, dim) + 2
    values[rng.random(values.shape) < nan] = np.nan
    parts = np.split(values, np.cumsum(lengths)[:-1])
    return Packed.from_documents(parts, dim)


@pytest.fixture(scope="module")
def two():
    """Audio and text of five documents; the third has no audio, the last one segment of text."""
    return packed([4, 7, 0, 90, 30], 6, 0, nan=0.05), packed([60, 7, 5, 70, 1], 5, 1)


@pytest.fixture(scope="module")
def prototypes(two):
    return Prototypes.fit(two[1], heads=2, count=4, components=3, seed=0)


def test_centres_are_unit_vectors_of_every_head(prototypes):
    assert prototypes.centres.shape == (2, 4, 3)
    assert np.linalg.norm(prototypes.centres, axis=2) == pytest.approx(1.0)
    assert not np.allclose(prototypes.centres[0], prototypes.centres[1])


def test_the_same_seed_gives_the_same_centres(two, prototypes):
    again = Prototypes.fit(two[1], heads=2, count=4, components=3, seed=0)
    assert np.array_equal(again.centres, prototypes.centres)


def test_several_counts_at_once_are_each_as_if_alone(two):
    text = two[1]
    for count, found in zip((4, 2), Prototypes.fit_many(text, 2, (4, 2), 3, 0), strict=True):
        alone = Prototypes.fit(text, heads=2, count=count, components=3, seed=0)
        assert all(np.array_equal(getattr(found, key), getattr(alone, key)) for key in ("mean", "axes", "centres"))


def test_few_segments_get_few_prototypes():
    few = Prototypes.fit(packed([20, 20], 5), heads=1, count=256, components=128, seed=0)
    assert few.centres.shape[1] == 40 // SEGMENTS_EACH
    assert Prototypes.fit(packed([1], 5), heads=1, count=256, components=2, seed=0).centres.shape[1] == 1
    assert Prototypes.fit(packed([0, 0], 5), heads=1, count=4, components=2, seed=0).centres.shape == (1, 1, 2)


@pytest.mark.parametrize("different", [1, 3])
def test_segments_that_repeat_are_no_error(different):
    """Silence, or a word said again and again: some prototypes are then there twice."""
    kinds = np.random.default_rng(0).normal(size=(different, 6))
    data = Packed.from_documents([np.resize(kinds, (50, 6)) for _ in range(4)], 6)
    fitted = Prototypes.fit(data, heads=2, count=8, components=4, seed=0)
    assert fitted.centres.shape[:2] == (2, 8)
    assert np.isfinite(fitted.centres).all()
    occupancy, peak = occupancy_and_peak(data, fitted, SHARPNESS)
    assert np.isfinite(occupancy).all()
    assert np.isfinite(peak).all()


def test_features_that_are_never_known_say_nothing():
    data = packed([60, 60], 5)
    data.values[:, 2] = np.nan
    fitted = Prototypes.fit(data, heads=1, count=4, components=5, seed=0)
    assert np.abs(fitted.axes[2]).max() < 1e-12
    louder = Packed(np.where(np.isnan(data.values), 9.0, data.values), data.lengths, data.times)
    np.testing.assert_allclose(fitted.similarities(louder), fitted.similarities(data), rtol=0, atol=1e-6)


def test_long_corpora_are_sampled_and_read_in_chunks():
    """More segments than are clustered, or held at once: each document as if it stood alone."""
    long, other = packed([9000, 0, 9000, 40], 3, 4), packed([300, 5, 200, 10], 2, 5)
    assert len(long.values) > max(SAMPLE, CHUNK)
    fitted = Prototypes.fit(long, heads=1, count=3, components=2, seed=0)
    assert np.array_equal(Prototypes.fit(long, heads=1, count=3, components=2, seed=0).centres, fitted.centres)
    values = other.values.astype(np.float64)
    whole = [*occupancy_and_peak(long, fitted, SHARPNESS), attended(long, other, values, fitted, SHARPNESS)]
    starts = np.cumsum(other.lengths) - other.lengths
    for row in range(4):
        one, its = long.take(np.array([row])), slice(starts[row], starts[row] + other.lengths[row])
        alone = [*occupancy_and_peak(one, fitted, SHARPNESS)]
        alone.append(attended(one, other.take(np.array([row])), values[its], fitted, SHARPNESS))
        for found, expected in zip(whole, alone, strict=True):
            np.testing.assert_allclose(found[row], expected[0], rtol=1e-4, atol=1e-6)


def test_no_documents_have_no_features(prototypes, two):
    nobody = two[1].take(np.arange(0))
    for found in occupancy_and_peak(nobody, prototypes, SHARPNESS):
        assert found.shape == (0, 8)
    assert attended(nobody, two[0].take(np.arange(0)), np.zeros((0, 2)), prototypes, SHARPNESS).shape == (0, 16)


def test_half_whitening_leaves_roots_of_the_variances():
    data = packed([4000], 6)
    data.values[:, 1] += 2 * data.values[:, 0]  # correlated, so that the components differ after standardising
    fitted = Prototypes.fit(data, heads=1, count=2, components=3, seed=0)
    standard = (data.values - data.values.mean(axis=0)) / data.values.std(axis=0)
    variances = np.linalg.svd(standard, compute_uv=False)[:3] ** 2 / len(standard)
    projected = (data.values - fitted.mean) @ fitted.axes
    assert projected.var(axis=0) == pytest.approx(np.sqrt(variances), rel=1e-6)


def test_assignments_add_up_to_one_and_sharpen(prototypes, two):
    similar = prototypes.similarities(two[1])
    soft, sharp = assign(similar, 1.0), assign(similar, 100.0)
    assert soft.sum(axis=2) == pytest.approx(1.0, abs=1e-5)
    assert (sharp.max(axis=2) >= soft.max(axis=2)).all()


def test_occupancy_and_peak_against_a_slow_version(prototypes, two):
    text = two[1]
    occupancy, peak = occupancy_and_peak(text, prototypes, SHARPNESS)
    for row in range(5):
        alone = text.take(np.array([row]))
        similar = prototypes.similarities(alone).astype(np.float64)
        weights = np.exp(SHARPNESS * similar)
        weights /= weights.sum(axis=2, keepdims=True)
        assert occupancy[row] == pytest.approx(np.sqrt(weights.mean(axis=0)).ravel(), rel=1e-5)
        assert peak[row] == pytest.approx(similar.max(axis=0).ravel(), abs=1e-6)


def test_a_document_without_segments_is_unknown_and_harms_no_other(two):
    audio = two[0]
    fitted = Prototypes.fit(audio, heads=1, count=3, components=3, seed=0)
    whole, _ = occupancy_and_peak(audio, fitted, SHARPNESS)
    assert np.isnan(whole[2]).all()
    assert np.isfinite(np.delete(whole, 2, axis=0)).all()
    rest, _ = occupancy_and_peak(audio.take(np.array([4, 0])), fitted, SHARPNESS)
    assert rest == pytest.approx(whole[[4, 0]], rel=1e-5)


def test_attention_across_modalities_against_a_slow_version(prototypes, two):
    audio, text = two
    rng = np.random.default_rng(3)
    values = rng.normal(size=(len(audio.values), 2))
    found = attended(text, audio, values, prototypes, SHARPNESS).reshape(5, -1, 2)
    assert np.isnan(found[2]).all()
    for row in (0, 1, 3, 4):
        own, at = text.take(np.array([row])), audio.take(np.array([row])).times
        weights = assign(prototypes.similarities(own), SHARPNESS).reshape(len(own.times), -1).astype(np.float64)
        gates = np.stack([np.interp(at, own.times, weights[:, k]) for k in range(weights.shape[1])], axis=1)
        start = int(audio.lengths[:row].sum())
        heard = values[start : start + len(at)]
        expected = gates.T @ heard / (gates.sum(axis=0)[:, None] + PRIOR_MASS)
        assert found[row] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_attended_values_stay_where_a_prototype_is_active():
    text = Packed.from_documents([np.repeat([[4.0, 0.0], [0.0, 4.0]], 40, axis=0)], 2)
    audio = Packed.from_documents([np.zeros((40, 1))], 1)
    values = np.repeat([[1.0], [-1.0]], 20, axis=0)  # half as many segments, the same clock
    fitted = Prototypes.fit(text, heads=1, count=2, components=2, seed=0)
    found = attended(text, audio, values, fitted, 50.0)[0]
    assert sorted(found) == pytest.approx([-1, 1], abs=0.08)


def test_attention_does_not_hang_on_the_order_in_which_segments_are_listed(prototypes, two):
    """Cues may overlap, so that midpoints do not rise from row to row."""
    audio, text = (part.take(np.array([1])) for part in two)
    values = np.random.default_rng(3).normal(size=(len(audio.values), 2))
    order = np.random.default_rng(4).permutation(len(text.values))
    mixed = Packed(text.values[order], text.lengths, text.times[order])
    sorted_first = attended(text, audio, values, prototypes, SHARPNESS)
    np.testing.assert_allclose(attended(mixed, audio, values, prototypes, SHARPNESS), sorted_first, rtol=1e-5)
