"""The representation objective: parts by name, weights, warm-up, missing modalities, the temperature."""

import itertools
import math

import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.nn.hilbert import Embeddings
from hilbert.losses.total import References, RepresentationObjective

NAMES = {
    "total",
    "audio_joint",
    "text_joint",
    "audio_text",
    "cka",
    "balance",
    "information_audio",
    "information_text",
}


def objective(preset="robust", **changes):
    overrides = {"model.width": 8, "model.heads": 2, "model.projection": 6, "balance.components": 2} | changes
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
    weights = {"contrast.weight": 0.7, "cka.weight": 0.3, "balance.weight": 0.2, "contrast.audio_text": 0.4}
    made = objective(preset, **weights, **{"balance.warmup": 0.5})
    parts = made(*batch(), progress=0.25)
    assert set(parts) == NAMES
    contrast = 0.5 * (parts["audio_joint"] + parts["text_joint"]) + 0.4 * parts["audio_text"]
    expected = 0.7 * contrast + 0.3 * parts["cka"] + 0.5 * 0.2 * parts["balance"]
    assert parts["total"].item() == pytest.approx(expected.item(), rel=1e-6)
    later = made(*batch(), progress=0.8)
    assert (later["total"] - parts["total"]).item() == pytest.approx(0.1 * parts["balance"].item(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("term", ["cka", "balance"])
def test_a_term_without_a_weight_is_watched_and_nothing_else(term):
    z, references = batch()
    weights = {"cka.weight": 1.0, "balance.weight": 1.0}
    asked, watched = objective(**weights), objective(**weights | {f"{term}.weight": 0.0})
    one, other = asked(z, references), watched(z, references)
    assert other[term].item() == pytest.approx(one[term].item(), rel=1e-6)
    assert one[term].requires_grad
    assert not other[term].requires_grad
    assert other["total"].item() == pytest.approx((one["total"] - one[term]).item(), rel=1e-6)


def test_labels_are_read_by_a_contrast_that_asks_for_them_alone():
    z, references = batch()
    labels = torch.arange(24) % 3, torch.ones(24)
    nobody = torch.full((24,), -1), torch.ones(24)
    for aware in (False, True):
        made = objective(**{"contrast.label_aware": aware, "contrast.audio_text": 0.4})
        plain, told, none = (made(z, references, labels=known) for known in (None, labels, nobody))
        for name, value in plain.items():
            assert none[name].item() == pytest.approx(value.item(), rel=1e-5, abs=1e-6)
            changes = aware and name in ("total", "audio_joint", "text_joint", "audio_text")
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
    itertools.product(("infonce", "gaussian"), ("squared", "level_up"), ("embedding", "input"), ("linear", "rbf"))
)


@pytest.mark.parametrize(("estimator", "form", "target", "kernel"), CHOICES)
@pytest.mark.parametrize("docs", [1, 2, 3, 4, 9])
def test_small_batches_are_finite_with_every_choice(estimator, form, target, kernel, docs):
    made = objective(
        **{"balance.estimator": estimator, "balance.form": form, "cka.target": target, "cka.kernel": kernel}
    )
    z, references = batch(docs)
    parts = made(z, references, torch.arange(docs))
    assert all(value.isfinite() for value in parts.values())
    parts["total"].backward()
    assert all(x.grad is None or x.grad.isfinite().all() for x in z[:3])


@pytest.mark.parametrize("preset", ["robust", "paper"])
@pytest.mark.parametrize("audio", [0, 3, 12, 24])
def test_missing_modalities_take_nothing_from_the_rest(preset, audio):
    has_audio = torch.arange(24) < audio
    made = objective(preset, **{"contrast.audio_text": 1.0})
    z, references = batch(has_audio=has_audio)
    parts = made(z, references)
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
    z, references = batch()
    other = batch(seed=5)[1]
    frozen, faithful = objective("robust"), objective("paper")
    assert frozen(z, references)["cka"].item() != frozen(z, other)["cka"].item()
    assert frozen(z, references)["information_audio"].item() != frozen(z, other)["information_audio"].item()
    assert faithful(z, references)["total"].item() == faithful(z, other)["total"].item()
