"""A corpus of one design and seed is always the same, and designs with one seed are paired."""

from dataclasses import replace

import numpy as np
import pytest

import hilbert
from hilbert.errors import ConfigError, UsageError
from hilbert.features.bags import Bags
from hilbert.synthetic import Design, Modality, Populations, Target, generate

SMALL = Design(
    documents=60,
    group_sizes=(1, 2),
    icc=0.4,
    audio=Modality(dim=40, segments=6),
    text=Modality(dim=24, segments=3),
    target=Target(shared=1, audio=0.5, text=0.5, priors=(0.7, 0.3)),
    populations=Populations(2, 0.3),
)


def pieces(data):
    return {
        "audio": data.bags.audio.values.tobytes(),
        "text": data.bags.text.values.tobytes(),
        "lengths": data.bags.audio.lengths.tobytes() + data.bags.text.lengths.tobytes(),
        "latents": b"".join(values.tobytes() for values in data.latents.values()),
        "labels": data.y.tobytes() + data.posterior.tobytes(),
        "populations": data.populations.tobytes(),
        "groups": data.groups.tobytes(),
    }


@pytest.fixture(scope="module")
def small():
    return generate(SMALL, 3)


def test_the_same_design_and_seed_give_the_same_bytes(small):
    assert pieces(generate(SMALL, 3)) == pieces(small)
    assert not set(pieces(generate(SMALL, 4)).values()) & set(pieces(small).values()) - {small.groups.tobytes()}


def changed(part, **values):
    return replace(SMALL, **{part: replace(getattr(SMALL, part), **values)})


@pytest.mark.parametrize(
    ("design", "may_change"),
    [
        (changed("audio", noise=9.0), {"audio"}),
        (changed("audio", dim=300), {"audio"}),
        (changed("text", shared=0.0), {"text"}),
        (replace(SMALL, text=SMALL.text.without_signal()), {"text"}),
        (changed("text", salience=0.5), {"text"}),
        (changed("audio", segments=12.0), {"audio", "lengths"}),
        (replace(SMALL, length_correlation=1.0), {"text", "lengths"}),
        (changed("target", audio=5.0), {"labels"}),
        (changed("target", noise=0.9), {"labels"}),
        (changed("populations", heterogeneity=1.0), {"labels"}),
        (replace(SMALL, icc=0.9), {"latents", "audio", "text", "labels"}),
    ],
)
def test_a_manipulation_changes_nothing_but_its_part(small, design, may_change):
    before, after = pieces(small), pieces(generate(design, 3))
    assert {name for name in before if before[name] != after[name]} == may_change


def test_a_larger_corpus_begins_with_the_smaller_one(small):
    large = generate(replace(SMALL, documents=90), 3)
    assert np.array_equal(large.bags.audio.take(np.arange(60)).values, small.bags.audio.values)
    assert np.array_equal(large.bags.text.take(np.arange(60)).values, small.bags.text.values)
    assert large.bags.ids[:60].tolist() == small.bags.ids.tolist()
    assert large.groups[:60].tolist() == small.groups.tolist()
    for name, values in small.latents.items():
        assert np.array_equal(large.latents[name][:60], values)


def test_what_comes_back_fits_together(small):
    assert isinstance(small.bags, Bags)
    assert len(small.bags) == len(small.y) == len(small.groups) == len(small.populations) == 60
    assert (small.bags.audio.dim, small.bags.text.dim) == (40, 24)
    assert len(set(small.groups)) == 40
    assert small.bags.duration.tolist() == (10.0 * small.bags.audio.lengths).tolist()
    assert "random numbers" in small.bags.notes[0]
    assert 0.5 < small.oracle_auc < 1


def test_no_linear_model_of_the_features_reaches_the_oracle(linear_auc, mean_of):
    design = Design(documents=1000, target=Target(shared=1, audio=1, text=1, priors=(0.7, 0.3)))
    data = generate(design)
    audio, text = mean_of(data.bags.audio), mean_of(data.bags.text)
    both = linear_auc(np.hstack([audio, text]), data.y)
    assert max(linear_auc(audio, data.y), linear_auc(text, data.y)) < both < data.oracle_auc
    assert both > data.oracle_auc - 0.1


def related(x, y):
    """Sum of squared canonical correlations, over what independent x and y would have on average."""
    a, b = (np.linalg.qr(v - v.mean(axis=0))[0] for v in (x, y))
    return float(((a.T @ b) ** 2).sum()) / (x.shape[1] * y.shape[1] / (len(x) - 1))


def test_shuffled_pairs_share_nothing(mean_of):
    data = generate(Design(documents=600, group_sizes=(1, 2), icc=0.5, target=Target(priors=(0.5, 0.5))))
    shuffled = data.shuffled(1)
    assert np.array_equal(shuffled.audio.values, data.bags.audio.values)
    assert sorted(shuffled.text.lengths) == sorted(data.bags.text.lengths)
    assert related(mean_of(data.bags.audio)[:, :40], mean_of(data.bags.text)) > 1.3
    assert related(mean_of(shuffled.audio)[:, :40], mean_of(shuffled.text)) == pytest.approx(1, abs=0.1)


def test_correlated_lengths_show_in_the_size_of_the_mean_and_nowhere_else(mean_of):
    modality = Modality(shared=0, unique=0.3, segments=20, spread=1.0)
    data = generate(Design(documents=600, length_correlation=1.0, audio=modality, text=modality))
    audio, text = mean_of(data.bags.audio), mean_of(data.bags.text)
    sizes = [np.linalg.norm(x, axis=1, keepdims=True) for x in (audio, text)]
    assert np.corrcoef(np.log(np.hstack(sizes)), rowvar=False)[0, 1] > 0.7
    assert related(audio / sizes[0], text / sizes[1]) == pytest.approx(1, abs=0.1)


def test_features_tell_the_sub_population(linear_auc, mean_of):
    data = generate(Design(documents=400, populations=Populations(2, 1.0)))
    assert linear_auc(mean_of(data.bags.audio), data.populations) > 0.95
    assert linear_auc(mean_of(data.bags.text), data.populations) > 0.95


def test_the_package_finds_it_without_an_import_of_its_own():
    assert hilbert.synthetic.generate is generate
    assert "synthetic" in dir(hilbert)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0"])
def test_an_impossible_seed_is_refused(seed):
    with pytest.raises(UsageError, match="seed: expected a whole number of 0 or more"):
        generate(SMALL, seed)


def test_too_few_documents_for_the_classes_are_refused():
    with pytest.raises(ConfigError, match="ask for more documents"):
        generate(replace(SMALL, documents=1))
