"""Segments against the moments of their model, and what a change of width or number leaves as it was."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.synthetic import Design, Modality, Populations
from hilbert.synthetic.latents import draw_latents, population_numbers
from hilbert.synthetic.segments import draw_segments, embedding, strengths

DOCS, SEGMENTS = 6000, 4


def drawn(design, count=SEGMENTS, seed=0, name="audio"):
    latents = draw_latents(design, seed)
    counts = np.full(design.documents, count)
    return draw_segments(design, name, seed, latents["shared"], latents[name], population_numbers(design, seed), counts)


def small(documents=DOCS, populations=1, **options):
    made = {"dim": 20, "segments": SEGMENTS, "spread": 0, "nuisance": 2, "noise": 1.5, "unique": 0.5, "decay": 2.0}
    return Design(
        documents=documents,
        shared_latents=3,
        unique_latents=2,
        audio=Modality(**(made | options)),
        populations=Populations(populations),
    )


@pytest.mark.parametrize("salience", [1.0, 0.4])
def test_pooled_features_have_the_moments_of_the_model(mean_of, salience):
    design = small(salience=salience)
    q, pooled, latents = embedding(design, "audio", 0), mean_of(drawn(design)), draw_latents(design, 0)
    power = np.concatenate([strengths(3, 1.0, 2.0) ** 2, strengths(2, 0.5, 2.0) ** 2, np.zeros(2)])
    shown = salience**2 + salience * (1 - salience) / SEGMENTS  # mean square of the share of salient segments
    within = np.diag(shown * power + (1.5**2 + 0.1**2) / SEGMENTS)
    expected = q @ within @ q.T + 0.1**2 / SEGMENTS * (np.eye(20) - q @ q.T)
    spread = np.sqrt(np.diag(expected))
    assert np.abs(pooled.mean(axis=0) / spread).max() < 5 / np.sqrt(DOCS)
    difference = (pooled.T @ pooled / DOCS - expected) / np.outer(spread, spread)
    assert np.abs(difference).max() < 5 * np.sqrt(2 / DOCS)
    # what a latent adds to the features is its own column of the embedding
    both = np.concatenate([latents["shared"], latents["audio"]], axis=1)
    slopes = np.linalg.lstsq(both, pooled, rcond=None)[0].T
    assert np.abs(slopes - salience * q[:, :5] * np.sqrt(power[:5])).max() < 5 * spread.max() / np.sqrt(DOCS)


def test_segments_of_a_document_differ_by_noise_alone():
    values = drawn(small(documents=2000)).values.reshape(2000, SEGMENTS, 20)
    within = (values - values.mean(axis=1, keepdims=True)).reshape(-1, 20)
    q = embedding(small(), "audio", 0)
    covariance = within.T @ within / (2000 * (SEGMENTS - 1))
    expected = (1.5**2 + 0.1**2) * q @ q.T + 0.1**2 * (np.eye(20) - q @ q.T)
    assert np.abs(covariance - expected).max() < 5 * expected.max() * np.sqrt(2 / (2000 * (SEGMENTS - 1)))


def test_a_wider_embedding_holds_the_same_numbers():
    narrow, wide = small(30), small(30, dim=3000)
    codes = [drawn(design).values @ embedding(design, "audio", 0) for design in (narrow, wide)]
    assert np.abs(codes[0] - codes[1]).max() < 1e-4
    q = embedding(wide, "audio", 0)
    assert q.shape == (3000, 7)
    outside = drawn(wide).values - codes[1] @ q.T
    assert (outside**2).sum() / (len(outside) * (3000 - 7)) == pytest.approx(0.1**2, rel=0.02)


def test_the_first_segments_and_documents_stay_the_same():
    design = small(20)
    few, more, longer = drawn(design), drawn(replace(design, documents=33)), drawn(design, count=9)
    for row in range(20):
        assert np.array_equal(few.document(row), more.document(row))
        np.testing.assert_allclose(few.document(row), longer.document(row)[:SEGMENTS], atol=1e-5)


def test_more_salience_adds_signal_and_changes_no_noise():
    full, half, none = (drawn(small(200, salience=p, ambient=0)).values for p in (1.0, 0.5, 0.0))
    shown = np.abs(full - none).max(axis=1) > 1e-3
    half_shown = np.abs(half - none).max(axis=1) > 1e-3
    assert shown.all()
    assert half_shown.mean() == pytest.approx(0.5, abs=0.08)
    np.testing.assert_allclose(half[half_shown], full[half_shown], atol=1e-5)


def test_a_modality_without_signal_knows_neither_latents_nor_sub_population():
    design = small(50, populations=2)
    silent = replace(design, audio=design.audio.without_signal())
    zeros = np.zeros((50, 3)), np.zeros((50, 2)), 1 - population_numbers(design, 0)
    other = draw_segments(silent, "audio", 0, *zeros, np.full(50, SEGMENTS))
    assert np.array_equal(drawn(silent).values, other.values)
    assert not np.array_equal(drawn(design).values, other.values)


def test_sub_populations_lie_apart(mean_of):
    design = small(2000, populations=2, population=0.7)
    code = mean_of(drawn(design)) @ embedding(design, "audio", 0)
    second = population_numbers(design, 0) == 1
    shift = code[second].mean(axis=0) - code[~second].mean(axis=0)
    error = 5 * np.sqrt((1 + 1.5**2 / SEGMENTS) * 4 / 2000)
    assert shift == pytest.approx(np.array([0, 0, 0, 0, 0, -0.7, 0.7, 0, 0]), abs=error)


def test_modalities_are_embedded_apart_and_times_are_midpoints():
    design = Design(documents=3, audio=Modality(), text=Modality())
    assert not np.array_equal(embedding(design, "audio", 0), embedding(design, "text", 0))
    packed = drawn(design, count=4)
    assert packed.values.dtype == packed.times.dtype == np.float32
    assert packed.times.tolist() == [0.125, 0.375, 0.625, 0.875] * 3


def test_strengths_fall_off_or_not():
    assert strengths(3, 2.0, 4.0) == pytest.approx([2.0, 2 * np.exp(-0.25), 2 * np.exp(-0.5)])
    assert strengths(3, 2.0, None).tolist() == [2.0, 2.0, 2.0]
