"""The closed form against determinants of full covariances and against canonical correlations of samples."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.errors import UsageError
from hilbert.synthetic import Design, Modality, Populations, embedding, generate, pooled_information
from hilbert.synthetic.segments import strengths

DESIGN = Design(
    shared_latents=3,
    unique_latents=2,
    audio=Modality(dim=24, nuisance=2, noise=1.5, unique=0.6, decay=3.0, segments=6, spread=0),
    text=Modality(dim=30, nuisance=3, noise=3.0, decay=None, segments=4, spread=0),
)


def logdet(matrix):
    return np.linalg.slogdet(matrix)[1]


@pytest.mark.parametrize("latents", ["shared", "unique"])
@pytest.mark.parametrize(("name", "dim", "segments"), [("audio", 24, 1), ("audio", 200, 7), ("text", 30, 50)])
def test_equals_determinants_of_the_full_covariance(name, dim, segments, latents):
    modality = replace(getattr(DESIGN, name), dim=dim)
    design = replace(DESIGN, **{name: modality})
    q = embedding(design, name, 0)
    loading = np.concatenate(
        [strengths(3, modality.shared, modality.decay), strengths(2, modality.unique, modality.decay)]
    )
    noise = (modality.noise**2 + modality.white**2) * q @ q.T + modality.ambient**2 * (np.eye(dim) - q @ q.T)
    covariance = q[:, :5] @ np.diag(loading**2) @ q[:, :5].T + noise / segments
    of = slice(0, 3) if latents == "shared" else slice(3, 5)
    cross = (q[:, :5] * loading)[:, of]
    joint = np.block([[covariance, cross], [cross.T, np.eye(cross.shape[1])]])
    brute = 0.5 * (logdet(covariance) - logdet(joint))
    assert pooled_information(design, name, latents, segments) == pytest.approx(brute, rel=1e-8)


@pytest.mark.parametrize("name", ["audio", "text"])
def test_canonical_correlations_of_a_large_sample_agree(mean_of, name):
    docs = 5000
    data = generate(replace(DESIGN, documents=docs), 1)
    x = mean_of(getattr(data.bags, name))
    for latents, z in (("shared", data.latents["shared"]), ("unique", data.latents[name])):
        whitened = [np.linalg.qr(v - v.mean(axis=0))[0] for v in (x, z)]
        rho = np.linalg.svd(whitened[0].T @ whitened[1], compute_uv=False)
        sampled = -0.5 * np.log1p(-(rho**2)).sum() - x.shape[1] * z.shape[1] / (2 * docs)
        error = np.sqrt((rho**2).sum() / docs)
        assert data.information(name, latents) == pytest.approx(sampled, abs=4 * error)


def test_is_averaged_over_numbers_of_segments():
    one, nine = (pooled_information(DESIGN, "audio", "shared", n) for n in (1, 9))
    assert pooled_information(DESIGN, "audio", "shared", [1, 9]) == pytest.approx((one + nine) / 2)
    data = generate(replace(DESIGN, audio=replace(DESIGN.audio, spread=0.8)))
    expected = pooled_information(data.design, "audio", "unique", data.bags.audio.lengths)
    assert data.information("audio", "unique") == expected


def test_width_and_sub_populations_do_not_enter_and_pure_noise_has_none():
    value = pooled_information(DESIGN, "audio", "shared", 6)
    for change in ({"dim": 5120}, {"ambient": 3.0}, {"nuisance": 9}, {"population": 5.0}):
        design = replace(DESIGN, audio=replace(DESIGN.audio, **change), populations=Populations(2))
        assert pooled_information(design, "audio", "shared", 6) == value
    silent = replace(DESIGN, audio=DESIGN.audio.without_signal())
    assert pooled_information(silent, "audio", "shared", 6) == 0


def test_what_has_no_closed_form_is_refused():
    with pytest.raises(UsageError, match=r"audio salience of 1, found 0\.5"):
        pooled_information(replace(DESIGN, audio=replace(DESIGN.audio, salience=0.5)), "audio", "shared", 3)
    with pytest.raises(UsageError, match="'video'"):
        pooled_information(DESIGN, "video", "shared", 3)
    with pytest.raises(UsageError, match="'audio'"):
        pooled_information(DESIGN, "audio", "audio", 3)
    for counts in (0, [], [3, 0], float("nan")):
        with pytest.raises(UsageError, match="numbers of segments"):
            pooled_information(DESIGN, "audio", "shared", counts)
