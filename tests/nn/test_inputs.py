"""The fitted transform of segment features."""

import warnings

import numpy as np
import pytest

from hilbert.features.bags import Packed
from hilbert.nn.inputs import SegmentTransform, SegmentTransforms, column_moments, principal_axes


def packed(values):
    return Packed.from_documents([np.asarray(values)])


@pytest.mark.parametrize(("rows", "dim"), [(40, 6), (6, 40), (20, 20)])
def test_axes_are_the_leading_directions_of_the_covariance(rows, dim):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, dim)) * np.arange(1, dim + 1)
    x -= x.mean(0)
    axes = principal_axes(x, 4)
    _left, _values, right = np.linalg.svd(x, full_matrices=False)
    np.testing.assert_allclose(np.abs(axes), np.abs(right[:4].T), atol=1e-8)
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-8)
    assert (axes[np.abs(axes).argmax(0), np.arange(4)] > 0).all()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("rows", "dim", "rank"), [(30, 384, 29), (20, 50, 8), (50, 20, 5), (5, 8, 1)])
def test_directions_of_rounding_are_left_out(seed, rows, dim, rank):
    """Centred rows, or documents that lack a modality, have fewer directions than rows."""
    x = np.random.default_rng(seed).normal(size=(rows, dim))
    x[rank + 1 :] = x[: rank + 1].mean(0)
    x -= x.mean(0)
    axes = principal_axes(x, rows)
    assert axes.shape[1] == rank
    np.testing.assert_allclose(np.linalg.norm(axes, axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(x @ axes @ axes.T, x, atol=1e-8)


def test_constant_rows_have_one_direction_of_nothing():
    axes = principal_axes(np.zeros((5, 8)), 3)
    assert axes.shape == (8, 1)
    assert np.isfinite(axes).all()


def test_moments_leave_missing_values_out():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, size=(50, 4))
    x[rng.random(x.shape) < 0.3] = np.nan
    x[:, 2], x[:, 3] = 7.1, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean, std = np.nanmean(x, 0), np.nanstd(x, 0)
    found_mean, found_scale = column_moments(x)
    np.testing.assert_allclose(found_mean[:3], mean[:3])
    np.testing.assert_allclose(found_scale[:2], std[:2])
    assert found_scale[2:].tolist() == [1, 1]
    assert found_mean[3] == 0


def test_standardised_segments_without_components():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, size=(60, 4))
    x[0, 0] = np.nan
    out = SegmentTransform.fit(packed(x), None)(packed(x), np.float64)
    assert out[0, 0] == 0
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(out[1:, 0].std(), 1, atol=1e-9)


@pytest.mark.parametrize("components", [3, 256])
def test_row_norm_is_the_width_whatever_the_dimension(components):
    rng = np.random.default_rng(0)
    for dim in (5, 300):
        x = rng.normal(size=(80, dim)) @ rng.normal(size=(dim, dim))
        transform = SegmentTransform.fit(packed(x), components)
        out = transform(packed(x), np.float64)
        assert out.shape[1] == transform.width == min(components, dim, 79)
        assert (out**2).sum(1).mean() == pytest.approx(transform.width)


def test_few_segments_of_a_wide_encoder_keep_their_size():
    """30 segments of 384 values have rank 29; a 30th axis would be rounding blown up."""
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=(30, 384)).astype(np.float32)
        transform = SegmentTransform.fit(packed(x), 256)
        assert np.abs(transform(packed(x))).max() < 20
        other = np.random.default_rng(seed + 100).normal(size=(30, 384)).astype(np.float32)
        assert np.abs(transform(packed(other))).max() < 20


def test_one_segment_and_none_can_be_fitted_and_saved():
    for rows in (0, 1):
        transform = SegmentTransform.fit(packed(np.ones((rows, 3))), 256)
        again = SegmentTransform.from_arrays(transform.arrays())
        assert again.width == 3
        assert again(packed(np.full((2, 3), 2.0))).shape == (2, 3)


def test_a_column_of_rounding_noise_is_constant():
    x = np.random.default_rng(0).normal(size=(50, 3))
    x[:, 1] *= 1e-9  # a small unit is no noise
    x[:, 2] *= 1e-25
    _, scale = column_moments(x)
    assert scale[2] == 1.0
    assert scale[1] == pytest.approx(x[:, 1].std())
    assert column_moments(x[:, 2:])[1] == pytest.approx(x[:, 2].std())  # alone it is all there is


def test_a_constant_of_float32_is_constant():
    rng = np.random.default_rng(0)
    x = np.stack([(0.37 * (1 + 1e-7 * rng.normal(size=50))).astype(np.float32), rng.normal(0.37, 1e-4, 50)], axis=1)
    scale = column_moments(x.astype(np.float64))[1]
    assert scale[0] == 1.0
    assert scale[1] == pytest.approx(1e-4, rel=0.5)


@pytest.mark.parametrize("components", [None, 3])
def test_both_modalities_are_transformed_side_by_side_and_rebuilt(make_bags, components):
    bags, _, _ = make_bags(20, nan=True)
    transforms = SegmentTransforms.fit(bags, components)
    audio, text = transforms(bags)
    assert transforms.widths == {"audio": audio.dim, "text": text.dim}
    assert (audio.dim, text.dim) == ((6, 4) if components is None else (3, 3))
    again = SegmentTransforms.from_arrays(transforms.arrays())
    for one, other, source in zip((audio, text), again(bags), (bags.audio, bags.text), strict=True):
        assert np.array_equal(one.values, other.values)
        assert one.values.dtype == np.float32
        assert np.isfinite(one.values).all()
        assert np.array_equal(one.lengths, source.lengths)
        assert np.array_equal(one.times, source.times)
