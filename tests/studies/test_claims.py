"""Verdicts follow from intervals over data seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hilbert.studies.claims import AUC_MATTERS, Claim, above, below, combined, estimate


def seeds(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def test_the_interval_is_that_of_a_t_test() -> None:
    x = np.random.default_rng(0).normal(0.3, 1.0, 10)
    found = estimate(seeds(*x))
    low, high = stats.ttest_1samp(x, 0.0).confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((x.mean(), low, high), rel=1e-12)


def test_two_seeds_give_no_interval_and_decide_nothing() -> None:
    assert math.isnan(estimate(seeds(1.0, 1.1)).low)
    assert Claim("", [above("", seeds(1.0, 1.1))]).verdict == "undecided"
    assert Claim("", [above("", {})]).verdict == "undecided"
    assert Claim("", []).verdict == "undecided"


@pytest.mark.parametrize(
    ("values", "over", "under"),
    [
        ((1.0, 1.1, 0.9), "supported", "not supported"),
        ((-1.0, -1.1, -0.9), "not supported", "supported"),
        ((1.0, -1.1, 0.3), "undecided", "undecided"),
    ],
)
def test_one_condition_decides_by_the_side_of_its_interval(values: tuple[float, ...], over: str, under: str) -> None:
    assert Claim("", [above("", seeds(*values))]).verdict == over
    assert Claim("", [below("", seeds(*values))]).verdict == under


def test_a_claim_needs_all_conditions_and_falls_with_one() -> None:
    yes, open_, no = above("", seeds(1, 1.1, 0.9)), above("", seeds(1, -1, 0)), above("", seeds(-1, -1.1, -0.9))
    assert Claim("", [yes, yes]).verdict == "supported"
    assert Claim("", [yes, open_]).verdict == "undecided"
    assert Claim("", [yes, open_, no]).verdict == "not supported"


def test_a_claim_whose_premise_fails_is_no_test() -> None:
    yes, open_, no = above("", seeds(1, 1.1, 0.9)), above("", seeds(1, -1, 0)), above("", seeds(-1, -1.1, -0.9))
    assert Claim("", [no], [no]).verdict == "no test"
    assert Claim("", [yes], [no]).verdict == "no test"
    assert Claim("", [yes], [open_]).verdict == "undecided"
    assert Claim("", [no], [yes]).verdict == "not supported"
    assert Claim("", [above("", {})], [above("", {})]).verdict == "undecided"


def test_no_effect_worth_the_name_refutes_a_claim() -> None:
    assert Claim("", [above("", seeds(0.0001, -0.0002, 0.0003), AUC_MATTERS)]).verdict == "not supported"


def test_differences_are_paired_by_seed() -> None:
    assert combined({0: 1.0, 1: 2.0, 2: 9.0}, {0: 0.5, 1: 1.0}) == {0: 0.5, 1: 1.0}
    assert combined({0: 1.0}, {0: 4.0}, -0.5) == {0: -1.0}
