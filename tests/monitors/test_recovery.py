"""Recovery by ridge regression against the slow way, and the dominance index."""

import math

import numpy as np
import pytest

from hilbert.monitors import dominance, recovery
from hilbert.monitors.recovery import PENALTIES, _Ridge


def made(docs=30, tested=12, width=5, noise=0.3, seed=0):
    """Embeddings and targets of training and test documents, the targets linear in the embedding but for noise."""
    rng = np.random.default_rng(seed)
    z, weights = rng.normal(size=(docs + tested, width)), rng.normal(size=(width, 3))
    x = z @ weights + noise * rng.normal(size=(docs + tested, 3))
    return z[:docs], x[:docs], z[docs:], x[docs:]


def found(parts, seed=0):
    return recovery(*parts, np.random.default_rng(seed))


def fitted(z, y, penalty):
    """Slope and intercept of a ridge regression, the intercept without penalty."""
    centre, level = z.mean(0), y.mean(0)
    slope = np.linalg.solve((z - centre).T @ (z - centre) + penalty * np.eye(z.shape[1]), (z - centre).T @ (y - level))
    return slope, level - centre @ slope


@pytest.mark.parametrize("width", [3, 40])  # narrower and wider than there are documents
def test_the_penalty_is_the_one_that_leaving_one_out_prefers(width):
    z, y, tested, _ = made(docs=14, width=width, noise=2.0)
    y = (y - y.mean(0)) / y.std(0)
    errors = []
    penalties = PENALTIES * ((z - z.mean(0)) ** 2).sum()
    for penalty in penalties:
        error = 0.0
        for i in range(len(z)):
            rest = np.arange(len(z)) != i
            slope, level = fitted(z[rest], y[rest], penalty)
            error += ((y[i] - z[i] @ slope - level) ** 2).sum()
        errors.append(error)
    slope, level = fitted(z, y, penalties[int(np.argmin(errors))])
    np.testing.assert_allclose(_Ridge(z, tested).predict(y), tested @ slope + level, atol=1e-9)


def test_what_is_there_is_recovered_and_what_is_not_is_not():
    assert found(made(noise=0.0)) > 0.999
    rng = np.random.default_rng(0)
    nothing = [found((rng.normal(size=(30, 5)), made(seed=s)[1], rng.normal(size=(12, 5)), made(seed=s)[3]), s)
               for s in range(60)]  # fmt: skip
    assert abs(np.mean(nothing)) < 0.03


def test_every_target_counts_the_same():
    """Half of the targets are in the embedding: R² is one half, whatever their sizes."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(800, 2))
    x = np.hstack([1e-3 * z, 1e3 * rng.normal(size=(800, 2))])
    assert recovery(z[:400], x[:400], z[400:], x[400:], rng) == pytest.approx(0.5, abs=0.03)


def test_moving_turning_and_scaling_the_embedding_change_nothing():
    z, x, tested, wanted = made()
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    plain = found((z, x, tested, wanted))
    for scale, shift in ((1e-6, 0.0), (1e6, 5.0), (-2.0, 100.0)):
        moved = (scale * (z @ turn) + shift, x, scale * (tested @ turn) + shift, wanted)
        assert found(moved) == pytest.approx(plain, abs=1e-6)
    assert found((z, 7 * x - 3, tested, 7 * wanted - 3)) == pytest.approx(plain)


def test_the_order_of_documents_changes_nothing_but_the_null():
    z, x, tested, wanted = made()
    order, other = np.random.default_rng(1).permutation(30), np.random.default_rng(2).permutation(12)

    def without_null(*parts):
        return recovery(*parts, np.random.default_rng(0), permutations=1)

    plain = without_null(z, x, tested, wanted)
    assert without_null(z, x, tested[other], wanted[other]) == pytest.approx(plain)
    assert without_null(z[order], x[order], tested, wanted) == pytest.approx(plain, abs=0.15)


def test_extremes_and_what_is_undefined():
    z, x, tested, wanted = made()
    assert found((np.ones_like(z), x, np.ones_like(tested), wanted)) == 0
    assert math.isnan(found((z, np.ones_like(x), tested, np.ones_like(wanted))))
    assert math.isnan(found((z[:3], x[:3], tested, wanted)))
    assert math.isnan(found((z, x, tested[:3], wanted[:3])))
    one_constant = np.hstack([x, np.full((30, 1), 0.3)]), np.hstack([wanted, np.full((12, 1), 9.0)])
    assert found((z, one_constant[0], tested, one_constant[1])) == pytest.approx(found((z, x, tested, wanted)))
    far = tested.copy()
    far[0] *= 1e13
    assert found((z, x, far, wanted)) > -1.1


def test_dominance():
    assert dominance(0.6, 0.2) == pytest.approx(0.5)
    assert dominance(0.2, 0.6) == pytest.approx(-0.5)
    assert dominance(0.3, 0.3) == 0
    assert dominance(0.3, -0.4) == 1
    assert dominance(-0.1, 0.02) == -1
    for audio, text in ((0.0, 0.0), (-0.5, 0.009), (math.nan, 0.5), (0.5, math.nan)):
        assert math.isnan(dominance(audio, text))
