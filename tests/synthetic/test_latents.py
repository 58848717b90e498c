"""Groups, family effects and numbers of segments against their closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.synthetic import Design, Modality, Populations
from hilbert.synthetic.latents import draw_latents, group_numbers, population_numbers, segment_counts

LARGE = 20000


def test_group_sizes_come_round_and_the_last_group_is_cut():
    assert group_numbers(Design(documents=8, group_sizes=(1, 3))).tolist() == [0, 1, 1, 1, 2, 3, 3, 3]
    assert group_numbers(Design(documents=6, group_sizes=(1, 3))).tolist() == [0, 1, 1, 1, 2, 3]
    assert group_numbers(Design(documents=3)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("icc", [0.0, 0.3, 1.0])
def test_latents_are_standard_normal_and_correlate_within_a_group_as_much_as_icc(icc):
    latents = draw_latents(Design(documents=LARGE, group_sizes=(2,), icc=icc), 0)
    one = np.concatenate([latents[name] for name in ("shared", "audio", "text")], axis=1)
    error = 5 / np.sqrt(LARGE / 2)
    assert np.abs(one.mean(axis=0)).max() < error
    assert np.abs(np.cov(one, rowvar=False) - np.eye(12)).max() < 1.5 * error
    between = one[0::2].T @ one[1::2] / (LARGE / 2)
    assert np.abs(between - icc * np.eye(12)).max() < 1.5 * error
    apart = one[1:-1:2].T @ one[2::2] / (LARGE / 2)
    assert np.abs(apart).max() < error


@pytest.mark.parametrize(("mean", "spread"), [(50.0, 0.5), (500.0, 1.0), (5.0, 0.3)])
def test_numbers_of_segments_have_the_mean_and_spread_asked_for(mean, spread):
    modality = Modality(segments=mean, spread=spread)
    counts = segment_counts(Design(documents=LARGE, audio=modality), 0)["audio"]
    assert counts.min() >= 1
    error = mean * np.sqrt(np.expm1(spread**2) / LARGE)
    assert counts.mean() == pytest.approx(mean, abs=4 * error + 0.01)
    assert np.log(counts).std() == pytest.approx(spread, rel=0.06)


def test_without_spread_all_documents_have_the_mean_and_none_is_empty():
    design = Design(documents=50, audio=Modality(segments=7, spread=0), text=Modality(segments=1, spread=2.0))
    counts = segment_counts(design, 0)
    assert set(counts["audio"].tolist()) == {7}
    assert counts["text"].min() == 1


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.8, 1.0])
def test_numbers_of_segments_correlate_as_asked_and_with_nothing_else(rho):
    design = Design(
        documents=LARGE,
        length_correlation=rho,
        audio=Modality(segments=200, spread=0.5),
        text=Modality(segments=100, spread=1.0),
    )
    counts, latents = segment_counts(design, 0), draw_latents(design, 0)
    logs = np.log([counts["audio"], counts["text"]])
    assert np.corrcoef(logs)[0, 1] == pytest.approx(rho, abs=0.03)
    others = np.concatenate([*latents.values()], axis=1)
    assert np.abs(correlation(logs.T, others)).max() < 0.04
    assert counts["audio"].tolist() == segment_counts(replace(design, length_correlation=0), 0)["audio"].tolist()


def correlation(x, y):
    x, y = ((v - v.mean(axis=0)) / v.std(axis=0) for v in (x, y))
    return x.T @ y / len(x)


def test_sub_populations_are_equally_likely_and_the_same_in_a_group():
    design = Design(documents=LARGE, group_sizes=(1, 3), populations=Populations(3))
    found = population_numbers(design, 0)
    assert np.bincount(found) / LARGE == pytest.approx(np.full(3, 1 / 3), abs=0.02)
    groups = group_numbers(design)
    assert (found == found[np.searchsorted(groups, groups)]).all()
