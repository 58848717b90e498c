"""What a contrast's partner has seen, and that training on every view is finite and repeatable."""

import numpy as np
import pytest
import torch

from hilbert.config import HilbertConfig
from hilbert.errors import ConfigError
from hilbert.estimators import HilbertEmbedder
from hilbert.nn.hilbert import HilbertNetwork
from hilbert.nn.ragged import Ragged
from hilbert.training.views import embed_views, without


@pytest.fixture
def network():
    torch.manual_seed(0)
    return HilbertNetwork(3, 5, HilbertConfig.load("paper", {"model.width": 8, "model.dropout": 0.0}).model).eval()


def ragged(dim, lengths=(4, 2, 0), seed=0):
    generator = torch.Generator().manual_seed(seed)
    total = sum(lengths)
    values, times = torch.randn(total, dim, generator=generator), torch.linspace(0, 1, total)
    return Ragged(values, torch.tensor(lengths), times)


def test_whole_documents_are_their_own_partners(network):
    audio, text = ragged(3), ragged(5)
    z, partners = embed_views(network, audio, text, "whole")
    assert partners is None
    torch.testing.assert_close(z.joint, network(audio, text).joint)


def test_a_crossed_partner_has_not_seen_its_own_modality(network):
    audio, text, other_audio, other_text = ragged(3), ragged(5), ragged(3, seed=1), ragged(5, seed=1)
    z, (with_audio, with_text) = embed_views(network, audio, text, "crossed")
    _, (same, _) = embed_views(network, other_audio, text, "crossed")
    _, (_, alike) = embed_views(network, audio, other_text, "crossed")
    torch.testing.assert_close(with_audio, same)
    torch.testing.assert_close(with_text, alike)
    assert not torch.allclose(with_audio[:2], embed_views(network, audio, other_text, "crossed")[1][0][:2])
    torch.testing.assert_close(z.joint, network(audio, text).joint)
    torch.testing.assert_close(with_audio, network(without(audio), text).joint)


def test_disjoint_partners_share_no_segment(network):
    audio, text = ragged(3, (2, 2)), ragged(5, (2, 2))
    changed = audio._replace(values=audio.values.clone())
    changed.values[0] += 1.0  # one of the two audio segments of the first document
    torch.manual_seed(5)
    z, (partner, same) = embed_views(network, audio, text, "disjoint")
    torch.manual_seed(5)
    z_changed, (partner_changed, _) = embed_views(network, changed, text, "disjoint")
    assert partner is same
    moved = [not torch.allclose(a[0], b[0]) for a, b in ((z.audio, z_changed.audio), (partner, partner_changed))]
    assert sorted(moved) == [False, True]
    torch.testing.assert_close(partner[1], partner_changed[1])


@pytest.mark.parametrize(("preset", "views"), [("paper", "disjoint"), ("paper", "crossed"), ("robust", "crossed")])
def test_training_on_views_is_repeatable_and_differs_from_the_whole(make_bags, preset, views):
    bags, _, _ = make_bags(24, classes=2)
    small = {"training.epochs": 2, "training.batch_size": 12, "segments.enabled": False}
    z = []
    for number, chosen in enumerate((views, views, "whole")):
        torch.manual_seed(number)  # what was drawn before makes no difference
        model = HilbertEmbedder(preset=preset, config={**small, "contrast.views": chosen}, seed=1)
        z.append(model.fit(bags).transform(bags))
    np.testing.assert_array_equal(z[0], z[1])
    assert np.isfinite(z[0]).all()
    assert not np.allclose(z[0], z[2])


def test_vectors_have_no_disjoint_halves():
    with pytest.raises(ConfigError, match=r"views: disjoint .* expected model\.backbone: segments, found prot"):
        HilbertConfig.load("robust", {"contrast.views": "disjoint"})


def test_an_option_that_is_off_keeps_the_hash():
    config = HilbertConfig.load("paper")
    assert "views" not in config.identity["contrast"]
    assert HilbertConfig.load("paper", {"contrast.views": "crossed"}).hash != config.hash
