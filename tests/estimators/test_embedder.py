"""The embedder: no labels, the same bytes every time."""

import numpy as np
import pytest

from hilbert.errors import InputError
from hilbert.estimators import HilbertEmbedder


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_embedder_needs_no_labels(corpus, tiny, tmp_path, preset):
    bags, y, groups = corpus
    model = HilbertEmbedder(preset, tiny, seed=1)
    z = model.fit_transform(bags, groups=groups)
    assert z.shape == (40, 24)
    assert np.isfinite(z).all()
    assert set(model.epochs_) == {"representation"}
    assert {row["stage"] for row in model.history_} == {"representation"}
    again = HilbertEmbedder.load(model.save(tmp_path / "m"))
    assert np.array_equal(again.transform(bags), z)
    assert np.array_equal(again.transform(bags[:0]), z[:0])
    assert np.array_equal(HilbertEmbedder(preset, tiny, seed=1).fit(bags, y, groups=groups).transform(bags), z)
    assert "Classes" not in (tmp_path / "m" / "README.md").read_text()


def test_embedder_needs_two_groups(corpus, tiny):
    bags, _, _ = corpus
    for data, groups in ((bags, ["one"] * 40), (bags[:1], None), (bags[:0], None)):
        with pytest.raises(InputError, match="at least 2 groups"):
            HilbertEmbedder(config=tiny).fit(data, groups=groups)
