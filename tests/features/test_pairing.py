"""Shuffled pairs: every text stays in, none beside its own document or group."""

import numpy as np

from hilbert.features.pairing import shuffled_pairs


def partners(bags, rows, shuffled):
    of_text = {bags.text.document(row).tobytes(): row for row in rows}
    return [of_text[shuffled.text.document(row).tobytes()] for row in range(len(rows))]


def test_nobody_meets_a_document_of_its_own_group(make_bags):
    bags, _, groups = make_bags(40, groups=12, missing=False)
    rows = np.arange(4, 40)
    shuffled = shuffled_pairs(bags, groups, rows, 0)
    assert np.array_equal(shuffled.audio.values, bags.audio.take(rows).values)
    assert shuffled.ids.tolist() == bags.ids[rows].tolist()
    found = partners(bags, rows, shuffled)
    assert sorted(found) == rows.tolist()
    assert all(groups[a] != groups[b] for a, b in zip(rows, found, strict=True))


def test_the_seed_decides(make_bags):
    bags, _, groups = make_bags(40, groups=12, missing=False)
    rows = np.arange(40)
    one, again, two = (partners(bags, rows, shuffled_pairs(bags, groups, rows, seed)) for seed in (0, 0, 1))
    assert one == again != two
