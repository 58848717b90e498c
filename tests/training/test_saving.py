"""Saved models: the same model again, open formats, and damage that is noticed."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hilbert.config import HilbertConfig
from hilbert.errors import ModelError
from hilbert.estimators import HilbertClassifier, HilbertEmbedder


@pytest.mark.parametrize("name", ["robust", "paper", "staged"])
def test_saved_and_loaded_is_the_same_model(request, corpus, make_bags, tmp_path, name):
    bags, _, _ = corpus
    model = request.getfixturevalue(name)
    folder = model.save(tmp_path / "deep" / "model")
    again = HilbertClassifier.load(folder)
    new, _, _ = make_bags(10, seed=4, nan=True)
    for method in ("predict_proba", "transform", "decision_function", "predict"):
        for data in (bags, new, new.without("audio"), new.without("text")):
            assert np.array_equal(getattr(again, method)(data), getattr(model, method)(data))
    assert (again.network_.readout is not None) == model.config_.head.readout
    assert (again.alpha_, again.beta_, again.selection_) == (model.alpha_, model.beta_, model.selection_)
    if name == "robust":
        assert again.second_.finished.representation.network.width == model.config_.segments.width == 4
        assert again.second_.epochs == model.second_.epochs
    assert (again.second_ is None) == (model.second_ is None)
    assert again.config_ == model.config_
    assert again.epochs_ == model.epochs_
    assert again.seed == model.seed
    assert all(np.array_equal(v, again.variants(bags)[k]) for k, v in model.variants(bags).items())
    second = again.save(tmp_path / "again")
    assert {p.name: p.read_bytes() for p in second.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_folder_holds_open_formats_only(robust, tmp_path):
    folder = robust.save(tmp_path / "model")
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "model.json", "weights.safetensors"]
    assert load_file(folder / "weights.safetensors")
    header = json.loads((folder / "model.json").read_text())
    assert header["classes"] == ["a", "b", "c"]
    assert HilbertConfig.model_validate(header["config"]) == robust.config_
    card = (folder / "README.md").read_text()
    assert robust.config_.hash in card
    assert "hilbert evaluate" in card
    for path in folder.iterdir():
        assert b"pickle" not in path.read_bytes()
        assert not path.read_bytes().startswith((b"\x80", b"PK"))


def damage(folder, how):
    weights, header = folder / "weights.safetensors", folder / "model.json"
    if how == "a byte":
        data = bytearray(weights.read_bytes())
        data[-100] ^= 1
        weights.write_bytes(bytes(data))
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:-10])
    elif how == "no weights":
        weights.unlink()
    elif how == "no header":
        header.unlink()
    elif how == "half a header":
        header.write_text(header.read_text()[:100])
    elif how == "a list":
        header.write_text("[]")
    else:
        data = json.loads(header.read_text())
        if how == "no hash":
            del data["weights_sha256"]
        elif how == "no classes":
            del data["classes"]
        elif how == "no documents":
            del data["trained_on"]
        elif how == "format":
            data["format"] = 1
        elif how == "width":
            data["config"]["model"]["width"] = 16
        elif how == "unknown setting":
            data["config"]["model"]["wings"] = 2
        elif how == "no comparison":
            data["selection"] = {"core": {}}
        elif how == "no second network":
            data["segments_epochs"] = None
        elif how == "one class less":
            data["classes"].pop()
            data["calibration"]["offsets"].pop()
        elif how == "one offset less":
            data["calibration"]["offsets"].pop()
        header.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("a byte", "hash"),
        ("cut", "hash"),
        ("no weights", r"weights\.safetensors: cannot be read"),
        ("no header", r"found no model\.json"),
        ("half a header", r"model\.json: cannot be read"),
        ("a list", r"model\.json: expected a JSON object"),
        ("no hash", "weights_sha256"),
        ("no classes", "classes"),
        ("no documents", "trained_on"),
        ("format", "expected format 5, found 1"),
        ("width", "tensors are not those"),
        ("unknown setting", "configuration cannot be used"),
        ("one class less", "tensors are not those"),
        ("one offset less", "expected a scale and 3 offsets"),
        ("no comparison", "configuration cannot be used"),
        ("no second network", "a second network has a share"),
    ],
)
def test_damaged_folders_are_refused(robust, tmp_path, how, message):
    folder = robust.save(tmp_path / "model")
    damage(folder, how)
    with pytest.raises(ModelError, match=message):
        HilbertClassifier.load(folder)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("robust", part) for part in ("inputs.", "network.joint.", "head.", "core.", "core.weights", "readout.")),
        ("robust", "readout.centre"),
        ("robust", "inputs.documents/blocks/cross.text/axes"),
        *(("robust", f"segments.{part}") for part in ("inputs.", "network.", "head.", "readout.", "readout.centre")),
        ("robust", "untrained."),
        ("paper", "inputs.text/mean"),
        ("paper", "network.joint.mlp.0.weight"),
        ("paper", "head."),
    ],
)
def test_tensors_that_do_not_belong_to_the_header(request, tmp_path, name, part):
    """Also when somebody made the hash fit."""
    folder = request.getfixturevalue(name).save(tmp_path / "model")
    tensors = load_file(folder / "weights.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(part)}
    assert len(kept) < len(tensors)
    save_file(kept, folder / "weights.safetensors")
    header = json.loads((folder / "model.json").read_text())
    header["weights_sha256"] = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(header))
    with pytest.raises(ModelError, match="tensors are not those"):
        HilbertClassifier.load(folder)


def test_embedder_and_classifier_are_not_mixed_up(robust, tmp_path):
    folder = robust.save(tmp_path / "model")
    with pytest.raises(ModelError, match="expected a saved embedder, found 'classifier'"):
        HilbertEmbedder.load(folder)


def test_an_undefined_gain_can_be_saved(make_bags, tiny, tmp_path):
    """Every group has one class, and there are as many groups as folds: no inner fold compares anything."""
    bags, _, _ = make_bags(24)
    y = np.repeat(["a", "b"], 12)
    model = HilbertClassifier(config=tiny | {"selection.folds": 2, "selection.trained": 2, "segments.share": 0.0})
    model.fit(bags, y, groups=y)
    assert (model.alpha_, model.beta_) == (model.config_.core.alpha, 0.0)
    again = HilbertClassifier.load(model.save(tmp_path / "m"))
    assert np.array_equal(again.predict_proba(bags), model.predict_proba(bags))
