"""The representation objective: parts by name, weights, missing modalities, the temperature."""

import itertools
import math

import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.losses import total as total_module
from hilbert.losses.total import References, RepresentationObjective
from hilbert.nn.experts import Embeddings

CONTRAST = {"audio_joint", "text_joint", "audio_text"}
INFORMATION = {"balance", "information_audio", "information_text"}
ALL = {"contrast.weight": 0.7, "cka.weight": 0.3, "balance.weight": 0.2, "contrast.audio_text": 0.4}


def objective(preset="robust", **changes):
    overrides = {"network.width": 8, "network.projection": 6} | changes
    torch.manual_seed(0)
    return RepresentationObjective(HilbertConfig.load(preset, overrides))


def batch(docs=24, seed=0, has_audio=None, has_text=None):
    generator = torch.Generator().manual_seed(seed)
    z = [torch.randn(docs, 8, generator=generator, requires_grad=True) for _ in range(3)]
    full = torch.ones(docs, dtype=torch.bool)
    embeddings = Embeddings(*z, full if has_audio is None else has_audio, full if has_text is None else has_text)
    return embeddings, References(torch.randn(docs, 5, generator=generator), torch.randn(docs, 4, generator=generator))


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_total_is_the_weighted_sum_of_its_parts(preset):
    parts = objective(preset, **ALL)(*batch())
    assert set(parts) == {"total", "cka"} | CONTRAST | INFORMATION
    contrast = 0.5 * (parts["audio_joint"] + parts["text_joint"]) + 0.4 * parts["audio_text"]
    expected = 0.7 * contrast + 0.3 * parts["cka"] + 0.2 * parts["balance"]
    assert parts["total"].item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("preset", ["robust", "paper"])
@pytest.mark.parametrize("terms", [(), ("contrast",), ("cka",), ("balance",), ("cka", "balance"), ("contrast", "cka")])
def test_terms_of_weight_zero_are_not_computed(monkeypatch, preset, terms):
    """No parts, no calls, no gradients; but for the contrast where the balance is estimated by it."""
    needs = set(terms) | ({"contrast"} if preset == "paper" and "balance" in terms else set())
    for term, name in (("contrast", "dual_contrast"), ("cka", "cka_loss"), ("balance", "balance")):
        if term not in needs:
            monkeypatch.setattr(total_module, name, None)  # which cannot be called
    estimator = {"robust": "gaussian", "paper": "infonce"}[preset]
    weights = {f"{term}.weight": float(term in terms) for term in ("contrast", "cka", "balance")}
    made = objective(preset, **weights, **{"balance.estimator": estimator})
    z, references = batch()
    parts = made(z, references)
    expected = {"total"} | ({"cka"} & needs)
    expected |= (CONTRAST if "contrast" in needs else set()) | (INFORMATION if "balance" in needs else set())
    assert set(parts) == expected
    parts["total"].backward()
    if not terms:
        assert parts["total"].item() == 0
        assert not any(x.grad is not None and x.grad.any() for x in z[:3])
    heads = [p.grad for head in (made.head_audio, made.head_text, made.head_joint) for p in head.parameters()]
    assert any(g is not None and g.any() for g in heads) == ("contrast" in needs)


def test_a_term_that_is_none_is_one_of_weight_zero():
    z, references = batch()
    without = objective()(z, references)
    zero = objective(**{"cka.weight": 0.0, "balance.weight": 0.0})(z, references)
    assert set(without) == set(zero) == {"total"} | CONTRAST
    assert {n: v.item() for n, v in without.items()} == {n: v.item() for n, v in zero.items()}


def test_labels_are_read_by_a_contrast_that_asks_for_them_alone():
    z, references = batch()
    labels = torch.arange(24) % 3, torch.ones(24)
    nobody = torch.full((24,), -1), torch.ones(24)
    for aware in (False, True):
        made = objective(**ALL | {"contrast.label_aware": aware})
        plain, told, none = (made(z, references, labels=known) for known in (None, labels, nobody))
        for name, value in plain.items():
            assert none[name].item() == pytest.approx(value.item(), rel=1e-5, abs=1e-6)
            changes = aware and name in CONTRAST | {"total"}
            assert (told[name].item() != value.item()) == changes, name


def test_infonce_gap_is_the_gap_of_the_two_losses():
    parts = objective("paper")(*batch())
    gap = (parts["audio_joint"] - parts["text_joint"]).item() ** 2
    assert parts["balance"].item() == pytest.approx(gap, rel=1e-4, abs=1e-9)
    assert parts["information_audio"].item() == pytest.approx(math.log(24) - parts["audio_joint"].item(), abs=1e-5)


def test_temperature_starts_where_the_preset_says_and_stays_in_its_bounds():
    for preset, temperature in (("robust", 0.1), ("paper", 0.07)):
        made = objective(preset)
        assert made.log_scale.exp().item() == pytest.approx(1 / temperature, rel=1e-6)
        before = made.log_scale.item()
        made.clamp()
        assert made.log_scale.item() == before
    assert isinstance(made.log_scale, torch.nn.Parameter)
    for value, expected in ((-3.0, 1.0), (9.0, 100.0)):
        with torch.no_grad():
            made.log_scale.fill_(value)
        made.clamp()
        assert made.log_scale.exp().item() == pytest.approx(expected, rel=1e-5)
    assert not isinstance(objective("robust").log_scale, torch.nn.Parameter)


CHOICES = list(
    itertools.product(("infonce", "gaussian"), ("squared", "level_up"), ("embedding", "input"), (True, False))
)


@pytest.mark.parametrize(("estimator", "form", "target", "debiased"), CHOICES)
def test_small_batches_are_finite_with_every_choice(estimator, form, target, debiased):
    choice = {"balance.estimator": estimator, "balance.form": form, "cka.target": target, "cka.debiased": debiased}
    made = objective(**ALL | choice)
    for docs in (1, 2, 3, 4, 9):
        z, references = batch(docs)
        parts = made(z, references, torch.arange(docs))
        assert all(value.isfinite() for value in parts.values())
        parts["total"].backward()
        assert all(x.grad is None or x.grad.isfinite().all() for x in z[:3])


@pytest.mark.parametrize("preset", ["robust", "paper"])
@pytest.mark.parametrize("audio", [0, 3, 12, 24])
def test_missing_modalities_take_nothing_from_the_rest(preset, audio):
    has_audio = torch.arange(24) < audio
    z, references = batch(has_audio=has_audio)
    parts = objective(preset, **ALL)(z, references)
    parts["total"].backward()
    assert all(value.isfinite() for value in parts.values())
    assert z.audio.grad is None or (z.audio.grad[~has_audio] == 0).all()
    assert z.text.grad.abs().max() > 0


def test_groups_are_no_negatives():
    z, references = batch()
    made = objective()
    alone, one = made(z, references, torch.arange(24)), made(z, references, torch.zeros(24, dtype=torch.long))
    none = made(z, references)
    assert alone["audio_joint"].item() == none["audio_joint"].item()
    assert one["audio_joint"].item() == pytest.approx(0, abs=1e-6)


def test_frozen_references_decide_structure_and_information():
    """In "input" and "gaussian"; the abstract's form, with embeddings and InfoNCE, does not read them at all."""
    z, references = batch()
    other = batch(seed=5)[1]
    frozen, faithful = objective("robust", **ALL), objective("paper")
    one, two = frozen(z, references), frozen(z, other)
    assert {name for name in one if one[name].item() != two[name].item()} == {"total", "cka"} | INFORMATION
    one, two = faithful(z, references), faithful(z, other)
    assert {name: value.item() for name, value in one.items()} == {name: value.item() for name, value in two.items()}
