"""Pooled, block-scaled document features."""

import numpy as np
import pytest

from hilbert.features.bags import Bags, Packed
from hilbert.nn.pooled import Block, PooledBlocks, pool


def slow_pool(packed):
    rows = []
    for row in range(len(packed.lengths)):
        values = packed.document(row).astype(np.float64)
        mean, spread = np.full(packed.dim, np.nan), np.full(packed.dim, np.nan)
        for column in range(packed.dim):
            known = values[:, column][~np.isnan(values[:, column])]
            if len(known):
                mean[column], spread[column] = known.mean(), known.std()
        rows.append(np.concatenate([mean, spread]))
    return np.array(rows)


def test_mean_and_spread_by_document(make_bags):
    bags, _, _ = make_bags(30, nan=True)
    for packed in (bags.audio, bags.text):
        assert 0 in packed.lengths
        np.testing.assert_allclose(pool(packed), slow_pool(packed), atol=1e-9)


def test_empty_documents_at_both_ends_and_alone():
    for lengths in ([0, 2, 0, 1, 0], [0], [], [3]):
        documents = [np.arange(2.0 * n).reshape(n, 2) for n in lengths]
        packed = Packed.from_documents(documents, 2)
        np.testing.assert_allclose(pool(packed), slow_pool(packed).reshape(len(lengths), 4), atol=1e-12)


def test_a_value_missing_from_a_whole_document_is_missing():
    packed = Packed.from_documents([np.array([[1.0, np.nan], [3.0, np.nan]]), np.array([[2.0, 5.0]])])
    assert np.isnan(pool(packed)).tolist() == [[False, True, False, True], [False] * 4]


def test_every_modality_weighs_the_same(make_bags):
    bags, _, _ = make_bags(60, audio_dim=40, text_dim=3)
    blown = Bags(
        bags.ids, Packed(bags.audio.values * 100, bags.audio.lengths, bags.audio.times), bags.text, bags.duration
    )
    for data in (bags, blown):
        parts = PooledBlocks.fit(data)(data)
        norms = [np.linalg.norm(x @ x.T) for x in parts]
        assert norms[0] == pytest.approx(norms[1])
        assert (np.hstack(parts) ** 2).sum(1).mean() == pytest.approx(1)
        for x in parts:
            np.testing.assert_allclose(x.mean(0), 0, atol=1e-9)


def test_block_norm_is_one_before_the_common_constant(make_bags):
    bags, _, _ = make_bags(60)
    blocks = PooledBlocks.fit(bags)
    for block, packed in zip(blocks.blocks, (bags.audio, bags.text), strict=True):
        x = block(pool(packed))
        assert np.linalg.norm(x @ x.T) == pytest.approx(1)


def test_a_missing_modality_is_put_at_the_training_mean(make_bags):
    bags, _, _ = make_bags(40)
    blocks = PooledBlocks.fit(bags)
    audio = blocks(bags)[0]
    lost = bags.audio.lengths == 0
    assert lost.any()
    assert (audio[lost] == audio[lost][0]).all()
    # the standardised mean of known documents is 0, so a missing one is where the standard features are 0
    np.testing.assert_allclose(audio[lost][0], -blocks.blocks[0].centre * blocks.constant, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_most_documents_may_lack_a_modality(make_bags, seed):
    """More components than there are documents with the modality: the rest must not be rounding blown up."""
    bags, _, _ = make_bags(40, seed=seed, audio_dim=30, missing=False)
    few = np.arange(40) < 6
    audio = Packed.from_documents([bags.audio.document(i)[: 99 * few[i]] for i in range(40)], 30)
    train = Bags(bags.ids, audio, bags.text, bags.duration)
    blocks = PooledBlocks.fit(train)
    for data in (train, bags):
        assert all(np.abs(x).max() < 50 for x in blocks(data))


def test_one_modality_missing_everywhere(make_bags):
    bags, _, _ = make_bags(20)
    for name in ("audio", "text"):
        without = bags.without(name)
        parts = PooledBlocks.fit(without)(without)
        assert all(np.isfinite(x).all() for x in parts)
        assert (parts[{"audio": 0, "text": 1}[name]] == 0).all()


def test_components_are_at_most_half_the_documents(make_bags):
    bags, _, _ = make_bags(20, audio_dim=30)
    assert [x.shape[1] for x in PooledBlocks.fit(bags)(bags)] == [10, 8]
    assert [x.shape[1] for x in PooledBlocks.fit(bags, components=3)(bags)] == [3, 3]


def test_fitted_on_the_training_documents_only(make_bags):
    bags, _, _ = make_bags(40)
    train, test = bags[:30], bags[30:]
    blocks = PooledBlocks.fit(train)
    for together, alone in zip(blocks(bags), blocks(test), strict=True):
        np.testing.assert_allclose(together[30:], alone, atol=1e-12)


def test_arrays_rebuild_it(make_bags):
    bags, _, _ = make_bags(30, nan=True)
    blocks = PooledBlocks.fit(bags)
    again = PooledBlocks.from_arrays(blocks.arrays(), ("audio", "text"))
    for one, other in zip(blocks(bags), again(bags), strict=True):
        assert np.array_equal(one, other)


def test_distance_from_the_training_documents():
    pooled = np.random.default_rng(0).normal(5.0, [0.1] * 4 + [10.0] * 4, size=(40, 8))
    block = Block.fit(pooled[:30], 5)
    near = block.distance(pooled[:30])
    assert np.mean(near**2) == pytest.approx(1.0)
    shifted = pooled[30:] + 100 * block.scale
    assert (block.distance(shifted) > 95).all()
    constant = np.hstack([pooled, np.zeros((40, 3))])
    wider = Block.fit(constant[:30], 5)
    constant[:, 8:] = 1000.0  # in units of their own, where training shows no spread to compare with
    np.testing.assert_allclose(wider.distance(constant[30:]), block.distance(pooled[30:]))
    lacking = pooled[30:].copy()
    lacking[0], lacking[1, ::2] = np.nan, np.nan
    found = block.distance(lacking)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(np.sqrt(np.mean(((lacking - block.mean) / block.scale)[1, 1::2] ** 2)))
