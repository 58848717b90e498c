"""Boosted trees: one fit an inner fold decides the number of iterations."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from hilbert.baselines import AudioGB, ConcatGB, ConcatLR, TextGB
from hilbert.metrics import within_fold_auc
from hilbert.nn.pooled import PooledBlocks
from hilbert.splits import encode_labels, inner_folds

SMALL = {"iterations": (8, 2, 20), "min_samples_leaf": 3}


def test_iterations_are_chosen_with_one_fit_an_inner_fold(make_bags, monkeypatch):
    fitted, fit = [], HistGradientBoostingClassifier.fit

    def remembered(self, *args, **options):
        fitted.append(self)
        return fit(self, *args, **options)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", remembered)
    bags, y, groups = make_bags(60, groups=30, nan=True, signal=0.8)
    model = ConcatGB(**SMALL, seed=2).fit(bags, y, groups=groups)
    assert [trees.max_iter for trees in fitted] == [20, 20, 20, model.chosen_["iterations"]]
    assert all(trees.n_iter_ == trees.max_iter for trees in fitted)

    scores = {}
    target = encode_labels(y)[1]
    for count in (2, 8, 20):
        proba, fold_of = np.zeros((60, 3)), np.zeros(60)
        for number, (train, test) in enumerate(inner_folds(target, groups, 3, 2)):
            blocks = PooledBlocks.fit(bags[train], components=32)
            trees = HistGradientBoostingClassifier(
                max_depth=3, learning_rate=0.05, max_iter=count, min_samples_leaf=3, class_weight="balanced"
            ).fit(np.hstack(blocks(bags[train])), target[train])
            proba[test], fold_of[test] = trees.predict_proba(np.hstack(blocks(bags[test]))), number
        scores[count] = within_fold_auc(target, proba, fold_of)
    assert model.chosen_["iterations"] == max(scores, key=lambda count: scores[count])


def test_probabilities_are_those_of_scikit_learn(make_bags):
    bags, y, _ = make_bags(50)
    model = ConcatGB(**SMALL).fit(bags, y)
    np.testing.assert_allclose(
        model.predict_proba(bags), model.trees_.predict_proba(np.hstack(model.blocks_(bags))), atol=1e-12
    )
    assert model.predict_proba(bags[:0]).shape == (0, 3)


@pytest.mark.parametrize(("kind", "blind_to"), [(AudioGB, "text"), (TextGB, "audio")])
def test_one_modality_is_blind_to_the_other(make_bags, kind, blind_to):
    bags, y, _ = make_bags(40)
    model = kind(**SMALL).fit(bags, y)
    assert np.array_equal(model.predict_proba(bags.without(blind_to)), model.predict_proba(bags))
    assert np.array_equal(kind(**SMALL).fit(bags.without(blind_to), y).predict_proba(bags), model.predict_proba(bags))


def test_trees_learn_what_no_line_can(make_bags):
    bags, _, _ = make_bags(200, audio_dim=1, signal=0.0, missing=False)
    size = np.abs([bags.audio.document(row).mean() for row in range(200)])
    y = np.where(size > np.median(size), "far", "near")
    train, test = np.arange(140), np.arange(140, 200)
    found = [
        within_fold_auc(y[test], model.fit(bags[train], y[train]).predict_proba(bags[test]))
        for model in (ConcatLR(), ConcatGB(iterations=(60,), min_samples_leaf=3))
    ]
    assert found[1] > 0.85
    assert found[1] > found[0] + 0.15
