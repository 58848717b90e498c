"""A design that cannot be drawn is refused, with the value and what was expected."""

from dataclasses import replace

import numpy as np
import pytest

from hilbert.errors import ConfigError
from hilbert.synthetic import Design, Modality, Populations, Target


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Modality(dim=0), "modality dim: expected a whole number of 1 or more, found 0"),
        (lambda: Modality(dim=64.0), "modality dim"),
        (lambda: Modality(dim=True), "modality dim"),
        (lambda: Modality(segments=0.5), "modality segments"),
        (lambda: Modality(spread=-1), "modality spread"),
        (lambda: Modality(salience=1.1), "modality salience: expected a number of 0 to 1, found 1.1"),
        (lambda: Modality(noise=float("nan")), "modality noise"),
        (lambda: Modality(noise=float("inf")), "modality noise"),
        (lambda: Modality(noise="2"), "modality noise"),
        (lambda: Modality(white=0.0), "modality white"),
        (lambda: Modality(decay=0.0), "modality decay"),
        (lambda: Target(shared=-1), "target shared"),
        (lambda: Target(shared=0), "target: expected a weight above 0"),
        (lambda: Target(shared=0, synergy=1, noise=0), "synergy alone gives a score of two values"),
        (lambda: Target(noise=1.5), "target noise"),
        (lambda: Target(priors=(1.0,)), "target priors: expected two or more"),
        (lambda: Target(priors=(0.5, 0.4)), "target priors: expected two or more shares that add up to 1"),
        (lambda: Target(priors=(1.5, -0.5)), "target priors"),
        (lambda: Target(priors=(1.0, 0.0)), "target priors"),
        (lambda: Populations(count=0), "populations count"),
        (lambda: Populations(count=2, heterogeneity=2), "populations heterogeneity"),
        (lambda: Populations(heterogeneity=0.5), "a count of 2 or more"),
        (lambda: Design(documents=0), "documents"),
        (lambda: Design(group_sizes=()), "group_sizes: expected at least one"),
        (lambda: Design(group_sizes=(2, 0)), "group_sizes"),
        (lambda: Design(icc=-0.1), "icc"),
        (lambda: Design(length_correlation=2), "length_correlation"),
        (lambda: Design(text=Modality(dim=15)), "text dim: expected at least 16.*found 15"),
        (lambda: Design(audio=Modality(dim=17), populations=Populations(2)), "audio dim: expected at least 18"),
        (lambda: Design(shared_latents=1, populations=Populations(2)), "shared_latents: expected at least 2"),
        (lambda: Design(unique_latents=1, target=Target(audio=1, synergy=1)), r"unique_latents.*at least 2.*synergy"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_the_smallest_and_numpy_numbers_are_allowed():
    Design(documents=np.int64(1), shared_latents=1, unique_latents=1, target=Target(shared=0, synergy=1))
    Design(text=Modality(dim=16, segments=np.float64(1), decay=None))


def test_lists_become_tuples_so_that_a_design_can_be_a_key():
    design = Design(group_sizes=[1, 2], target=Target(priors=[0.5, 0.5]))
    assert design == Design(group_sizes=(1, 2), target=Target(priors=(0.5, 0.5)))
    assert len({design, replace(design)}) == 1


def test_without_signal_keeps_all_but_the_signal():
    modality = Modality(dim=99, noise=3.0)
    silent = modality.without_signal()
    assert (silent.shared, silent.unique, silent.population) == (0.0, 0.0, 0.0)
    assert replace(silent, shared=1.0, unique=1.0, population=1.0) == modality
