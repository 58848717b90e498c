"""Mixture of experts and its controls."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hilbert.config import HeadConfig
from hilbert.nn.experts import MixtureOfExperts, PlainHead, load_balance, make_head

WIDTH, CLASSES = 5, 3


def head(**changes):
    made = untrained(**changes)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name in ("b1", "b2", "w2") or name.startswith(("norm", "out")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def untrained(**changes):
    options = {"kind": "experts", "experts": 4, "hidden": 6, "dropout": 0.0, "class_weights": True} | changes
    torch.manual_seed(0)
    return make_head(WIDTH, CLASSES, HeadConfig(**options)).double().eval()


@pytest.fixture
def z():
    return torch.randn(7, 3 * WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def slow(moe, z):
    """Document by document, expert by expert."""
    rows = []
    for document in z:
        parts = document.split(WIDTH)
        x = torch.cat([F.layer_norm(p, (WIDTH,), n.weight, n.bias) for p, n in zip(parts, moe.norm.norms, strict=True)])
        gate = (moe.router.weight @ x + moe.router.bias).softmax(0)
        kept = gate.topk(moe.top_k or len(gate)).indices
        total = gate[kept].sum() if moe.top_k != 1 else 1.0
        rows.append(sum(gate[e] / total * (F.gelu(x @ moe.w1[e] + moe.b1[e]) @ moe.w2[e] + moe.b2[e]) for e in kept))
    return torch.stack(rows)


@pytest.mark.parametrize("top_k", [None, 1, 2, 3])
def test_against_a_slow_mixture(z, top_k):
    moe = head(top_k=top_k)
    torch.testing.assert_close(moe(z).logits, slow(moe, z), rtol=0, atol=1e-6)


@pytest.mark.parametrize("top_k", [None, 2, 3, 4, 9])
def test_gates_add_up_to_one_and_keep_k(z, top_k):
    moe = head(top_k=top_k)
    gate = moe.gate(moe.router(moe.norm(z)))
    torch.testing.assert_close(gate.sum(1), torch.ones(7).double(), rtol=0, atol=1e-6)
    assert ((gate > 0).sum(1) == min(top_k or 4, 4)).all()


def test_dense_is_the_same_as_all_experts_at_the_top(z):
    assert torch.equal(head(top_k=4)(z).logits, head(top_k=None)(z).logits)


def test_a_document_does_not_depend_on_its_batch(z):
    for top_k in (None, 1, 2):
        moe = head(top_k=top_k)
        alone = torch.cat([moe(z[row : row + 1]).logits for row in range(len(z))])
        torch.testing.assert_close(alone, moe(z).logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize("top_k", [None, 1, 2])
def test_router_learns_from_the_labels(z, top_k):
    moe = head(top_k=top_k)
    F.cross_entropy(moe(z).logits, torch.arange(7) % CLASSES).backward()
    assert moe.router.weight.grad.abs().max() > 1e-6


def test_load_balance_is_one_when_uniform_and_more_when_one_expert_takes_all():
    for experts in (2, 5):
        logits = torch.zeros(6, experts)
        assert load_balance(torch.full((6, experts), 1 / experts), logits).item() == pytest.approx(1.0)
    gate = torch.tensor([[1.0, 0.0, 0.0]] * 6)
    logits = torch.tensor([[20.0, 0.0, 0.0]] * 6)
    assert load_balance(gate, logits).item() == pytest.approx(3.0, abs=1e-6)


def test_load_balance_by_formula(z):
    moe = head(top_k=2)
    router = moe.router(moe.norm(z))
    full, gate = router.softmax(1).detach().numpy(), moe.gate(router).detach().numpy()
    share = (gate > 0).mean(0) / 2
    out = moe(z)
    assert out.load_balance.item() == pytest.approx(4 * (share * full.mean(0)).sum(), abs=1e-6)
    assert out.router_z.item() == pytest.approx(np.mean(np.log(np.exp(router.detach().numpy()).sum(1)) ** 2))


@pytest.mark.parametrize("kind", ["experts", "mlp", "linear"])
def test_training_starts_undecided(z, kind):
    assert (untrained(kind=kind)(z).logits == 0).all()


def test_blocks_are_normalised_one_by_one(z):
    moe = head()
    scaled = torch.cat([100 * z[:, :WIDTH], z[:, WIDTH : 2 * WIDTH] + 3, 0.1 * z[:, 2 * WIDTH :]], 1)
    torch.testing.assert_close(moe(scaled).logits, moe(z).logits, rtol=1e-2, atol=1e-2)


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_controls_have_the_parameters_they_promise(z):
    inputs, experts, hidden, norms = 3 * WIDTH, 4, 6, 6 * WIDTH
    units = experts * hidden
    mixture, mlp, linear, single = head(), head(kind="mlp"), head(kind="linear"), head(experts=1)
    assert isinstance(mixture, MixtureOfExperts)
    assert isinstance(mlp, PlainHead)
    shared = norms + inputs * units + units + units * CLASSES
    assert count(mlp) == shared + CLASSES
    assert count(mixture) == shared + experts * CLASSES + experts * (inputs + 1)  # a bias an expert, and the router
    assert count(linear) == norms + (inputs + 1) * CLASSES
    for control in (mlp, linear):
        out = control(z)
        assert out.logits.shape == (7, CLASSES)
        assert out.load_balance.item() == out.router_z.item() == 0
    assert single(z).logits.shape == (7, CLASSES)
