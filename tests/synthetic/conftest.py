"""What a fitted linear model makes of features, out of fold."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hilbert.metrics import within_fold_auc


def linear_auc(x, y, folds=4):
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    proba = cross_val_predict(model, x, y, cv=splitter, method="predict_proba")
    fold = np.empty(len(y), dtype=int)
    for number, (_, test) in enumerate(splitter.split(x, y)):
        fold[test] = number
    return within_fold_auc(y, proba, fold)


def mean_of(packed):
    """(docs, dim) mean over the segments of each document."""
    return np.add.reduceat(packed.values.astype(np.float64), packed.offsets[:-1], axis=0) / packed.lengths[:, None]


@pytest.fixture(name="linear_auc", scope="session")
def _linear_auc():
    return linear_auc


@pytest.fixture(name="mean_of", scope="session")
def _mean_of():
    return mean_of
