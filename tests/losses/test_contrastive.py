"""InfoNCE and the reciprocal dual contrast, against slow versions and closed forms."""

import math

import pytest
import torch

from hilbert.losses.contrastive import dual_contrast, info_nce, label_nce, nt_xent, unit

SCALE = 1 / 0.1


def rows(docs, seed=0, width=5):
    return torch.randn(docs, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow(x, y, scale, groups=None):
    """Loops and plain sums, in Python floats."""
    docs, total = len(x), 0.0
    for a, b in ((x, y), (y, x)):
        for i in range(docs):
            others = [j for j in range(docs) if j == i or groups is None or groups[i] != groups[j]]
            exponents = [math.exp(scale * float(a[i] @ b[j])) for j in others]
            total -= math.log(math.exp(scale * float(a[i] @ b[i])) / sum(exponents))
    return total / (2 * docs)


@pytest.mark.parametrize("docs", [2, 3, 17])
def test_against_a_slow_version(docs):
    x, y = unit(rows(docs, 1)), unit(rows(docs, 2))
    assert info_nce(x, y, SCALE).item() == pytest.approx(slow(x, y, SCALE), abs=1e-10)


@pytest.mark.parametrize("docs", [2, 16, 100])
def test_constant_embeddings_give_log_docs(docs):
    x = unit(torch.ones(docs, 4))
    assert info_nce(x, x, SCALE).item() == pytest.approx(math.log(docs), abs=1e-5)


def test_fewer_than_two_rows_give_zero_and_no_gradient():
    for docs in (0, 1):
        x = rows(docs).requires_grad_()
        loss = info_nce(x, rows(docs, 1), SCALE)
        assert loss.item() == 0
        loss.backward()
        assert (x.grad == 0).all()


def test_symmetric_and_the_same_in_any_order():
    x, y = unit(rows(9, 1)), unit(rows(9, 2))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    value = info_nce(x, y, SCALE).item()
    assert info_nce(y, x, SCALE).item() == pytest.approx(value, abs=1e-12)
    assert info_nce(x[order], y[order], SCALE).item() == pytest.approx(value, abs=1e-12)


def test_excluded_pairs_leave_the_denominators_and_nothing_else():
    x, y = unit(rows(6, 1)), unit(rows(6, 2))
    groups = torch.tensor([0, 0, 1, 2, 2, 3])
    excluded = groups[:, None] == groups[None, :]
    assert info_nce(x, y, SCALE, excluded).item() == pytest.approx(slow(x, y, SCALE, groups.tolist()), abs=1e-10)
    nobody = torch.zeros(6, 6, dtype=torch.bool)
    assert info_nce(x, y, SCALE, nobody).item() == info_nce(x, y, SCALE).item()
    everyone = torch.ones(6, 6, dtype=torch.bool)
    assert info_nce(x, y, SCALE, everyone).item() == pytest.approx(0, abs=1e-12)  # the positive alone


def test_excluded_pairs_get_no_gradient():
    """One anchor's row: moving what is excluded moves nothing."""
    x, y = unit(rows(4, 1)), unit(rows(4, 2)).requires_grad_()
    excluded = torch.zeros(4, 4, dtype=torch.bool)
    excluded[0, 1:] = excluded[1:, 0] = True
    info_nce(x, y, SCALE, excluded).backward()
    assert (y.grad[0] == 0).all()  # document 0 has its positive alone
    assert y.grad[1:].abs().max() > 1e-6
    assert y.grad.isfinite().all()


def test_zero_rows_have_a_finite_gradient():
    x = torch.zeros(3, 4, requires_grad=True)
    info_nce(unit(x), unit(rows(3, width=4).float()), SCALE).backward()
    assert x.grad.isfinite().all()


def contrast(audio, text, joint, has_audio=None, has_text=None, **options):
    full = torch.ones(len(joint), dtype=torch.bool)
    return dual_contrast(
        audio, text, joint, SCALE,
        has_audio=full if has_audio is None else has_audio,
        has_text=full if has_text is None else has_text,
        **options,
    )  # fmt: skip


def test_dual_contrast_is_half_of_each_pair_and_never_audio_against_text():
    audio, text, joint = rows(8, 1), rows(8, 2), rows(8, 3)
    found = contrast(audio, text, joint)
    one, other = slow(unit(audio), unit(joint), SCALE), slow(unit(text), unit(joint), SCALE)
    assert found.audio_joint.item() == pytest.approx(one, abs=1e-10)
    assert found.text_joint.item() == pytest.approx(other, abs=1e-10)
    assert found.total.item() == pytest.approx((one + other) / 2, abs=1e-10)
    assert found.audio_text.item() == 0
    direct = contrast(audio, text, joint, audio_text_weight=0.3)
    assert direct.audio_text.item() == pytest.approx(slow(unit(audio), unit(text), SCALE), abs=1e-10)
    assert direct.total.item() == pytest.approx(found.total.item() + 0.3 * direct.audio_text.item(), abs=1e-10)


def test_scale_of_the_embeddings_does_not_matter():
    audio, text, joint = rows(8, 1), rows(8, 2), rows(8, 3)
    first, other = contrast(audio, text, joint), contrast(7 * audio, 0.1 * text, 100 * joint)
    assert other.total.item() == pytest.approx(first.total.item(), abs=1e-10)


def test_documents_without_a_modality_are_left_out_of_its_terms():
    audio, text, joint = rows(8, 1).requires_grad_(), rows(8, 2).requires_grad_(), rows(8, 3)
    has_audio = torch.tensor([1, 1, 0, 1, 1, 0, 1, 1], dtype=torch.bool)
    has_text = torch.tensor([0, 1, 1, 1, 1, 1, 1, 0], dtype=torch.bool)
    groups = torch.tensor([0, 0, 1, 1, 2, 3, 4, 4])
    found = contrast(audio, text, joint, has_audio, has_text, groups=groups, audio_text_weight=1.0)
    for value, a, b, keep in (
        (found.audio_joint, audio, joint, has_audio),
        (found.text_joint, text, joint, has_text),
        (found.audio_text, audio, text, has_audio & has_text),
    ):
        expected = slow(unit(a[keep]).detach(), unit(b[keep]).detach(), SCALE, groups[keep].tolist())
        assert value.item() == pytest.approx(expected, abs=1e-10)
    found.total.backward()
    assert (audio.grad[~has_audio] == 0).all()
    assert (text.grad[~has_text] == 0).all()


def test_a_batch_in_which_a_modality_is_missing_has_the_other_term_alone():
    nobody = torch.zeros(5, dtype=torch.bool)
    found = contrast(rows(5, 1), rows(5, 2), rows(5, 3), has_text=nobody, audio_text_weight=1.0)
    assert found.text_joint.item() == found.audio_text.item() == 0
    assert found.total.item() == pytest.approx(found.audio_joint.item() / 2, abs=1e-12)


def slow_labels(x, y, target, weight, groups):
    docs, total = len(x), 0.0
    for a, b in ((x, y), (y, x)):
        for i in range(docs):
            same = [j for j in range(docs) if j == i or (target[i] >= 0 and target[i] == target[j])]
            others = [j for j in range(docs) if j in same or groups[i] != groups[j]]
            below = math.log(sum(math.exp(SCALE * float(a[i] @ b[j])) for j in others))
            total -= weight[i] * sum(SCALE * float(a[i] @ b[j]) - below for j in same) / len(same)
    return total / (2 * docs)


class TestLabelNce:
    target = torch.tensor([0, 1, 0, -1, -1, 1, 2])
    groups = torch.tensor([0, 0, 1, 1, 2, 3, 3])
    weight = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0, 2.0, 3.0], dtype=torch.float64)

    def test_against_a_slow_version(self):
        x, y = unit(rows(7, 1)), unit(rows(7, 2))
        excluded = self.groups[:, None] == self.groups[None, :]
        found = label_nce(x, y, SCALE, self.target, self.weight, excluded).item()
        expected = slow_labels(x, y, self.target.tolist(), self.weight.tolist(), self.groups.tolist())
        assert found == pytest.approx(expected, abs=1e-10)

    def test_without_labels_it_is_info_nce(self):
        x, y = unit(rows(7, 1)), unit(rows(7, 2))
        nothing = torch.full((7,), -1)
        found = label_nce(x, y, SCALE, nothing, torch.ones(7, dtype=torch.float64)).item()
        assert found == pytest.approx(info_nce(x, y, SCALE).item(), abs=1e-12)

    def test_one_row_gives_zero_and_excluded_pairs_a_finite_gradient(self):
        assert label_nce(rows(1), rows(1), SCALE, self.target[:1], self.weight[:1]).item() == 0
        x = rows(7, 1).requires_grad_()
        everything = torch.ones(7, 7, dtype=torch.bool)
        label_nce(unit(x), unit(rows(7, 2)), SCALE, self.target, self.weight, everything).backward()
        assert torch.isfinite(x.grad).all()


class TestNtXent:
    @pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 1, 0, 2, 2]])
    def test_the_slow_definition(self, groups):
        """Anchor by anchor; both rows of a document are of its group, but partners always count."""
        x, y = unit(rows(5, 1)), unit(rows(5, 2))
        both, total = [*x, *y], 0.0
        for anchor in range(10):
            partner = (anchor + 5) % 10
            others = [k for k in range(10) if k == partner or groups[k % 5] != groups[anchor % 5]]
            terms = {k: math.exp(SCALE * float(both[anchor] @ both[k])) for k in others}
            total -= math.log(terms[partner] / sum(terms.values()))
        numbers = torch.tensor(groups)
        found = nt_xent(x, y, SCALE, numbers[:, None] == numbers).item()
        assert found == pytest.approx(total / 10, abs=1e-10)
        assert nt_xent(y, x, SCALE, numbers[:, None] == numbers).item() == pytest.approx(found, abs=1e-12)
        if len(set(groups)) == 5:
            assert nt_xent(x, y, SCALE).item() == pytest.approx(found, abs=1e-12)

    def test_closed_forms(self):
        x = unit(torch.ones(8, 4))
        assert nt_xent(x, x, 5.0).item() == pytest.approx(math.log(15))
        everything = torch.ones(8, 8, dtype=torch.bool)  # one group has no negatives
        assert nt_xent(unit(rows(8, 1)), unit(rows(8, 2)), 5.0, everything).item() == pytest.approx(0.0, abs=1e-12)

    @pytest.mark.parametrize("docs", [0, 1])
    def test_fewer_than_two_rows_give_zero_and_no_gradient(self, docs):
        x, y = rows(docs).requires_grad_(), rows(docs, 1).requires_grad_()
        loss = nt_xent(x, y, SCALE)
        assert loss.item() == 0
        loss.backward()
        assert (x.grad == 0).all()
        assert (y.grad == 0).all()
