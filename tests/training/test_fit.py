"""What a trained network gives for documents that it may meet, and where a training ends."""

import numpy as np
import pytest
import torch

from hilbert.errors import UsageError
from hilbert.nn.hilbert import HilbertNetwork
from hilbert.nn.vector_network import VectorNetwork
from hilbert.training import fit as fit_module
from hilbert.training.data import Rows, make_dataset
from hilbert.training.fit import check_device, fit_network, make_network, start_network

KINDS = ["vectors", "segments"]
NOBODY = np.arange(0)


@pytest.fixture(scope="module", params=KINDS)
def trained(request, small, numbers, dataset):
    bags, target, groups = numbers
    config = small(network__kind=request.param)
    data = dataset(config, bags, target, groups)
    return fit_network(config, data, Rows(np.arange(30), np.arange(30, 40)), classes=3), data


def tensors(fit):
    modules = [module for module in (fit.network, fit.head) if module is not None]
    return [value.clone() for module in modules for value in module.state_dict().values()]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


def test_no_documents_have_no_embeddings(trained):
    fit, data = trained
    assert fit.embed(data, NOBODY).shape == (0, 24)
    assert fit.head_logits(fit.embed(data, NOBODY)).shape == (0, 3)


def test_the_size_of_a_batch_changes_no_embedding(trained, monkeypatch):
    fit, data = trained
    whole = fit.embed(data)
    assert whole.shape == (40, 24)
    assert whole.dtype == np.float32
    assert fit.head_logits(whole).dtype == np.float64
    for size in (1, 7, 33):
        monkeypatch.setattr(fit_module, "EMBEDDING_BATCH", size)
        np.testing.assert_allclose(fit.embed(data), whole, rtol=0, atol=1e-5)
    rows = np.array([9, 2, 2])
    np.testing.assert_allclose(fit.embed(data, rows), whole[rows], rtol=0, atol=1e-5)


def test_embeddings_read_neither_labels_nor_references_nor_groups(trained):
    fit, data = trained
    assert np.array_equal(fit.embed(make_dataset(data.inputs)), fit.embed(data))


def test_a_trained_network_drops_nothing_out(trained):
    fit, data = trained
    fit.network.train()
    assert np.array_equal(fit.embed(data), fit.embed(data))
    assert not fit.network.training
    assert not fit.head.training


@pytest.mark.parametrize("kind", KINDS)
def test_without_labels_there_is_no_head(small, numbers, dataset, kind):
    bags, target, groups = numbers
    config = small(training__epochs=1, network__kind=kind)
    rows = Rows(np.arange(40), NOBODY)
    fit = fit_network(config, dataset(config, bags, None, groups), rows)
    assert fit.epochs == {"representation": 1}
    assert fit.head is None
    with pytest.raises(ValueError, match="no head"):
        fit.head_logits(np.zeros((1, 24)))
    # and labels that nobody asked a head for change nothing
    assert same(fit_network(config, dataset(config, bags, target, groups), rows), fit)


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_the_network_before_its_first_step(small, numbers, dataset, preset):
    """On vectors it lies at the principal components of the training rows, whatever the others are."""
    config = small(preset)
    data, rows = dataset(config, *numbers), Rows(np.arange(25), NOBODY)
    fit = fit_network(config, data, rows, classes=3, epochs={})
    assert fit.epochs == {}
    assert fit.history == []
    assert not fit.network.training
    assert same(fit_network(config, data, rows, classes=3, epochs={}), fit)
    torch.manual_seed(0)
    network = start_network(config, data, rows.train)
    assert isinstance(network, VectorNetwork if preset == "robust" else HilbertNetwork)
    if preset == "robust":
        x = np.hstack([data.inputs.audio, data.inputs.text, data.inputs.cross])[:25]
        assert float(network.joint.scale) == pytest.approx((8 / (x**2).sum(axis=1).mean()) ** 0.5)
        assert torch.equal(fit.network.joint.linear.weight, network.joint.linear.weight)
        others = start_network(config, data, np.arange(40)).joint.linear.weight
        assert not torch.equal(others, network.joint.linear.weight)
    assert (fit.head_logits(fit.embed(data)) == 0).all()  # undecided


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_for_widths_is_the_one_that_is_started(small, numbers, dataset, kind):
    config = small(network__kind=kind)
    inputs = dataset(config, *numbers).inputs
    parts = {"audio": inputs.audio, "text": inputs.text} | ({"cross": inputs.cross} if kind == "vectors" else {})
    widths = {name: (part if kind == "vectors" else part.values).shape[1] for name, part in parts.items()}
    shapes = [
        {name: value.shape for name, value in network.state_dict().items()}
        for network in (make_network(config, widths), start_network(config, dataset(config, *numbers), np.arange(40)))
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(("preset", "stages"), [("robust", ["joint"]), ("paper", ["representation", "head"])])
def test_a_training_ends_at_the_epoch_that_another_one_chose(small, numbers, dataset, preset, stages):
    """Of the same schedule: the first two epochs of three are those of a training that goes on."""
    config = small(preset, training__patience=99)
    data, rows = dataset(config, *numbers), Rows(np.arange(40), NOBODY)
    whole = fit_network(config, data, rows, classes=3)
    part = fit_network(config, data, rows, classes=3, epochs=dict.fromkeys(stages, 2))
    assert whole.epochs == {"joint": 3} if preset == "robust" else {"representation": 3, "head": 4}
    assert part.epochs == dict.fromkeys(stages, 2)
    first = [row for row in whole.history if row["stage"] == stages[0]]
    assert [row for row in part.history if row["stage"] == stages[0]] == first[:2]
    assert not same(part, whole)


def test_devices_that_are_not_there():
    check_device("cpu")
    with pytest.raises(UsageError, match="expected cpu, cuda or mps, found 'gpu'"):
        check_device("gpu")
    for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
        if not there:
            with pytest.raises(UsageError, match=f"device: {name} was asked for"):
                check_device(name)
