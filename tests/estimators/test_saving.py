"""Saved models: the same model again, open formats, and damage that is noticed."""

import copy
import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hilbert.config import HilbertConfig
from hilbert.errors import ModelError
from hilbert.estimators import HilbertClassifier, HilbertEmbedder
from hilbert.estimators.saving import FORMAT

DAMAGED = r"is not what model\.json describes"


@pytest.mark.parametrize("name", ["robust", "paper", "full"])
def test_saved_and_loaded_is_the_same_model(request, corpus, make_bags, tmp_path, name):
    bags, _, _ = corpus
    model = request.getfixturevalue(name)
    folder = model.save(tmp_path / "deep" / "model")
    again = HilbertClassifier.load(folder)
    new, _, _ = make_bags(10, seed=4, nan=True)
    for method in ("predict_proba", "transform"):
        for data in (new, new.without("audio"), new.without("text")):
            assert np.array_equal(getattr(again, method)(data), getattr(model, method)(data))
    assert again.predict(bags).tolist() == model.predict(bags).tolist()
    assert (again.network_.readout is not None) == ("network" in model.members_)
    for name in ("config_", "epochs_", "members_", "shares_", "n_parameters_", "seed", "decide", "trained_on_"):
        assert getattr(again, name) == getattr(model, name)
    assert np.array_equal(again.prior_, model.prior_)
    assert all(np.array_equal(v, again.embeddings(bags)[k]) for k, v in model.embeddings(bags).items())
    assert model.distances(bags).keys() == again.distances(bags).keys()
    assert all(np.array_equal(v, again.distances(bags)[k], True) for k, v in model.distances(bags).items())
    rows = np.arange(40)
    assert np.array_equal(again.recombined(bags)(rows, rows[::-1])[""], model.recombined(bags)(rows, rows[::-1])[""])
    assert again.variants(bags) == {}  # parts of the model are shown, not kept
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
    for member, share in robust.shares_.items():
        assert f"{member} {share:.0%}" in card
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
            data["config"]["network"]["width"] = 16
        elif how == "unknown setting":
            data["config"]["network"]["wings"] = 2
        elif how == "one class less":
            data["classes"].pop()
            data["mixture"]["offsets"].pop()
        elif how == "one offset less":
            data["mixture"]["offsets"].pop()
        elif how == "one weight less":
            data["mixture"]["weights"].pop()
        elif how == "no weights of the mixture":
            del data["mixture"]["weights"]
        elif how == "another member":
            data["linear"]["voice"] = "Forest"
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
        ("format", f"expected format {FORMAT}, found 1"),
        ("width", DAMAGED),
        ("unknown setting", DAMAGED),
        ("one class less", DAMAGED),
        ("one offset less", "expected 6 scales and weights, 3 offsets"),
        ("one weight less", "expected 6 scales and weights, 3 offsets"),
        ("no weights of the mixture", DAMAGED),
        ("another member", DAMAGED),
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
        *(("robust", part) for part in ("inputs.", "network.joint.", "head.", "readout.", "readout.centre")),
        *(("robust", f"linear.{part}") for part in ("", "voice.", "words.weights", "steady.", "steady.power")),
        ("robust", "inputs.vectors/blocks/cross.text/axes"),
        ("robust", "inputs.vectors/prototypes/audio.cross/"),
        ("full", "inputs.segments/"),
        ("full", "inputs.vectors/"),
        ("paper", "inputs.segments/text/mean"),
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
    with pytest.raises(ModelError, match=DAMAGED):
        HilbertClassifier.load(folder)


def test_embedder_and_classifier_are_not_mixed_up(robust, tmp_path):
    folder = robust.save(tmp_path / "model")
    with pytest.raises(ModelError, match="expected a saved embedder, found 'classifier'"):
        HilbertEmbedder.load(folder)


@pytest.mark.parametrize("decide", ["probable", {"a": 1, "b": 2.5, "c": 9}])
def test_decisions_are_saved(corpus, robust, tmp_path, decide):
    bags, _, _ = corpus
    model = copy.copy(robust)
    model.decide = decide
    again = HilbertClassifier.load(model.save(tmp_path / "m"))
    assert again.decide == decide
    assert again.predict(bags).tolist() == model.predict(bags).tolist()


def test_folds_that_compare_nothing_and_a_network_that_is_left_out_can_be_saved(make_bags, tiny, tmp_path):
    """Every group has one class, and there are as many groups as folds; the network stays as it starts."""
    bags, _, _ = make_bags(24)
    y = np.repeat(["a", "b"], 12)
    model = HilbertClassifier(config=tiny | {"stack.folds": 2, "stack.least": 100}).fit(bags, y, groups=y)
    assert model.members_ == ("both", "steady", "changing")
    again = HilbertClassifier.load(model.save(tmp_path / "m"))
    assert (again.members_, again.epochs_) == (model.members_, {})
    assert np.array_equal(again.predict_proba(bags), model.predict_proba(bags))
    assert np.array_equal(again.transform(bags), model.transform(bags))
