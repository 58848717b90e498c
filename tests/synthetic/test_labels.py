"""Labels have their priors, follow their rule, and nothing that is fitted ranks above the oracle."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.errors import ConfigError
from hilbert.metrics import within_fold_auc
from hilbert.synthetic import Design, Populations, Target
from hilbert.synthetic.labels import directions, draw_labels, rules, signal
from hilbert.synthetic.latents import draw_latents, population_numbers

PAIR = (0.5, 0.5)


def drawn(design, seed=0):
    """Latents, sub-populations, labels, posterior."""
    latents, populations = draw_latents(design, seed), population_numbers(design, seed)
    return latents, populations, *draw_labels(design, seed, signal(design, latents, populations))


@pytest.mark.parametrize(
    ("docs", "priors", "sizes"),
    [
        (200, (0.70, 0.18, 0.08, 0.04), [140, 36, 16, 8]),
        (500, (0.70, 0.18, 0.08, 0.04), [350, 90, 40, 20]),
        (101, PAIR, [50, 51]),
        (130, (0.1,) * 10, [13] * 10),
    ],
)
def test_class_sizes_are_the_priors_shares(docs, priors, sizes):
    *_, y, posterior = drawn(Design(documents=docs, target=Target(priors=priors)))
    assert np.bincount(y).tolist() == sizes
    assert posterior.shape == (docs, len(priors))
    assert posterior.sum(axis=1) == pytest.approx(np.ones(docs))
    assert posterior.min() >= 0


def test_a_class_without_documents_is_refused():
    with pytest.raises(ConfigError, match=r"class 3, of share 0\.04, has no document among 10"):
        drawn(Design(documents=10))


def test_without_noise_labels_are_quantiles_of_the_rule_and_the_oracle_is_perfect():
    design = Design(target=Target(shared=0, text=1, noise=0))
    latents, _, y, posterior = drawn(design)
    rule = latents["text"].mean(axis=1)
    assert (np.diff(y[np.argsort(rule)]) >= 0).all()
    assert within_fold_auc(y, posterior) == 1


def test_labels_of_noise_alone_are_chance_for_the_oracle():
    *_, y, posterior = drawn(Design(target=Target(noise=1)))
    assert within_fold_auc(y, posterior) == 0.5


@pytest.mark.parametrize(("count", "h"), [(1, 0.0), (2, 0.0), (2, 0.3), (2, 1.0), (3, 1.0), (4, 0.5)])
def test_rules_are_unit_vectors_around_a_common_one(count, h):
    found = rules(Populations(count, h), 6)
    common = directions(6)[0]
    between = 1 - h - h / max(count - 1, 1)
    gram = np.full((count, count), between) + (1 - between) * np.eye(count)
    assert found @ found.T == pytest.approx(gram, abs=1e-12)
    assert found.mean(axis=0) == pytest.approx(np.sqrt(1 - h) * common, abs=1e-12)


def test_the_explained_part_has_variance_one_in_each_sub_population():
    target = Target(shared=1, audio=2, text=0.5, synergy=1)
    design = Design(documents=20000, target=target, populations=Populations(3, 0.6))
    latents, populations, *_ = drawn(design)
    for number in range(3):
        part = signal(design, latents, populations)[populations == number]
        assert part.mean() == pytest.approx(0, abs=0.06)
        assert part.var() == pytest.approx(1, abs=0.06)


def test_the_posterior_is_calibrated():
    target = Target(shared=1, audio=1, synergy=1)
    *_, y, posterior = drawn(Design(documents=20000, target=target, populations=Populations(2, 0.5)))
    for number in range(4):
        p, hit = posterior[:, number], y == number
        for part in np.array_split(np.argsort(p), 5):
            error = np.sqrt((p[part] * (1 - p[part])).mean() / len(part))
            assert hit[part].mean() == pytest.approx(p[part].mean(), abs=4 * error + 1e-3)


def test_synergy_is_chance_for_either_modality_alone(linear_auc):
    design = Design(documents=3000, target=Target(shared=0, synergy=1, priors=PAIR, noise=0.1))
    latents, _, y, posterior = drawn(design)
    last = directions(4)[-1]
    audio, text = latents["audio"], latents["text"]
    signs = np.sign(np.stack([audio @ last, text @ last], axis=1))
    chance = 0.5, 0.035  # three standard errors of an AUC of 1500 against 1500 are .032
    for alone in (audio, signs[:, :1], np.abs(audio), text, signs[:, 1:], np.hstack([audio, text, signs])):
        assert linear_auc(alone, y) == pytest.approx(chance[0], abs=chance[1])
    oracle = within_fold_auc(y, posterior)
    assert oracle > 0.95
    assert linear_auc(signs.prod(axis=1, keepdims=True), y) == pytest.approx(oracle, abs=0.01)


def test_heterogeneous_rules_hide_from_what_ignores_the_sub_population(linear_auc):
    oracle, blind, told = {}, {}, {}
    for h in (0.0, 0.5, 1.0):
        design = Design(documents=4000, target=Target(priors=PAIR), populations=Populations(2, h))
        latents, populations, y, posterior = drawn(design)
        side = np.eye(2)[populations]
        x = np.hstack([latents["shared"], side])
        oracle[h] = within_fold_auc(y, posterior)
        blind[h] = linear_auc(x, y)
        told[h] = linear_auc(np.hstack([x * side[:, :1], x * side[:, 1:]]), y)
        assert linear_auc(side, y) == pytest.approx(0.5, abs=0.03)
    assert max(oracle.values()) - min(oracle.values()) < 0.02
    assert blind[0.0] == pytest.approx(oracle[0.0], abs=0.01)
    assert blind[0.0] > blind[0.5] + 0.05 > blind[1.0] + 0.1
    assert blind[1.0] == pytest.approx(0.5, abs=0.03)
    for h, value in told.items():
        assert value == pytest.approx(oracle[h], abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_fitted_on_latents_ranks_above_the_oracle(linear_auc, seed):
    design = Design(
        documents=1500, target=Target(shared=1, audio=1, text=1, synergy=1), populations=Populations(2, 0.7)
    )
    latents, populations, y, posterior = drawn(design, seed)
    last, side = directions(4)[-1], np.eye(2)[populations]
    x = np.hstack([latents["shared"], latents["audio"], latents["text"]])
    product = np.sign((latents["audio"] @ last) * (latents["text"] @ last))[:, None]
    oracle = within_fold_auc(y, posterior)
    plain = linear_auc(x, y)
    full = linear_auc(np.hstack([x * side[:, :1], x * side[:, 1:], product]), y)
    assert plain < full - 0.02
    assert full < oracle
    assert full > oracle - 0.1


def test_a_weight_changes_neither_label_noise_nor_latents():
    design = Design(target=Target(shared=1, audio=0, noise=1))
    other = replace(design, target=Target(shared=0, audio=1, noise=1))
    assert drawn(design)[2].tolist() == drawn(other)[2].tolist()
