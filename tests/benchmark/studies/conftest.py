"""Corpora of a few numbers for studies: both modalities are made of one hidden vector a document."""

import numpy as np
import pytest

from hilbert.benchmark.preparing import Data
from hilbert.benchmark.tasks import TASKS, score_mask
from hilbert.features.bags import Bags, Packed


def paired_data(docs=96, seed=0, noise=0.3, segments=4, width=6, labels=("1", "2", "3", "4+"), task="maec-a"):
    """Documents of groups of two; label and hidden vector are known from either modality."""
    rng = np.random.default_rng(seed)
    codes = np.arange(docs) // 2 % len(labels)
    hidden = rng.normal(size=(docs, 4)) + 2.0 * np.eye(len(labels), 4)[codes]
    packed = []
    for _ in range(2):
        mixing = rng.normal(size=(4, width))
        packed.append(
            Packed.from_documents(
                [(h @ mixing + noise * rng.normal(size=(segments, width))).astype(np.float32) for h in hidden], width
            )
        )
    bags = Bags(np.array([f"d{i:03d}" for i in range(docs)]), *packed, rng.uniform(60, 90, docs))
    groups = np.array([f"g{i // 2}" for i in range(docs)], dtype=object)
    y = np.array([labels[c] for c in codes], dtype=object)
    return Data(bags, y, groups, score_mask(TASKS[task], groups), "label", "company")


@pytest.fixture(name="paired_data")
def _paired_data():
    return paired_data


@pytest.fixture(scope="session")
def columns():
    """Columns of a manifest that are made up: a date a month, a length, and a label that half of them lack."""

    def columns_of(data):
        rows = np.arange(len(data))
        known = {
            "date": [f"2016-{1 + row % 12:02d}-01" for row in rows],
            "segments": [str(64 + row) for row in rows],
            "year": [str(2015 + row % 4) for row in rows],
            "speakers_64": [str(1 + row % 3) if row % 2 else None for row in rows],
            "age_gender": [f"{('child', 'adult')[row % 2]}_{'fm'[row // 2 % 2]}" for row in rows],
        }
        return lambda names: {name: np.array(known[name], dtype=object) for name in names}

    return columns_of
