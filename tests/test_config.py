"""Configuration: every weight of a preset is in the model and the other way round; hashes; errors that help."""

from importlib import resources
from itertools import product

import pytest
import yaml

from hilbert.config import HilbertConfig, Section
from hilbert.errors import ConfigError
from hilbert.presets import PRESETS

SECTIONS = (
    "input",
    "prototypes",
    "model",
    "contrast",
    "cka",
    "balance",
    "head",
    "training",
    "core",
    "segments",
    "selection",
)


def preset_file(name):
    return yaml.safe_load(resources.files("hilbert").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_and_model_name_the_same_values(preset):
    """Nothing has a hidden default: the YAML says all, and what may be left out of it is off in both presets."""
    data, config = preset_file(preset), HilbertConfig.load(preset)
    assert set(data) == set(HilbertConfig.model_fields) == {"preset", *SECTIONS}
    for section in SECTIONS:
        model = getattr(config, section)
        assert isinstance(model, Section)
        assert list(data[section]) == list(type(model).model_fields)
        for name, field in type(model).model_fields.items():
            assert field.is_required() or data[section][name] == field.default
        found = model.model_dump(mode="json")
        assert found == data[section]
    assert config.preset == preset


@pytest.mark.parametrize("preset", PRESETS)
def test_yaml_round_trip_keeps_the_hash(preset, tmp_path):
    config = HilbertConfig.load(preset, {"cka.weight": 0.3})
    file = tmp_path / "config.yaml"
    file.write_text(config.to_yaml())
    for start in PRESETS:
        again = HilbertConfig.load(start, file=file)
        assert again == config
        assert again.hash == config.hash


def test_hash_is_of_the_values_and_of_nothing_else():
    names = [
        HilbertConfig.load("robust").hash,
        HilbertConfig.load("paper").hash,
        HilbertConfig.load("robust", {"cka.weight": 0.25}).hash,
        HilbertConfig.load("robust", {"model": {"width": 32}}).hash,
    ]
    assert len(set(names)) == 4
    assert HilbertConfig.load("robust", {"cka.weight": 0.0}).hash == names[0]
    assert HilbertConfig.load("robust", {"model.width": 32}).hash == names[3]
    assert all(len(name) == 12 and int(name, 16) >= 0 for name in names)


def test_file_comes_before_overrides(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("cka: {weight: 0.1, kernel: rbf}\n")
    config = HilbertConfig.load("paper", {"cka.weight": 0.2}, file)
    assert (config.cka.weight, config.cka.kernel, config.preset) == (0.2, "rbf", "paper")


def test_what_the_abstract_says_and_what_robust_changes():
    paper, robust = HilbertConfig.load("paper"), HilbertConfig.load("robust")
    assert (paper.core.enabled, robust.core.enabled) == (False, True)
    assert (paper.cka.target, robust.cka.target, robust.cka.hinge) == ("embedding", "input", 0.9)
    assert (paper.balance.form, robust.balance.form) == ("squared", "level_up")
    assert (paper.contrast.temperature, robust.contrast.temperature) == (0.07, 0.1)
    assert (paper.model.backbone, robust.model.backbone) == ("segments", "prototypes")
    assert (paper.training.regime, robust.training.regime) == ("two_stage", "joint")
    assert (paper.contrast.label_aware, robust.contrast.label_aware) == (False, True)
    assert (paper.contrast.weight, paper.cka.weight, paper.balance.weight) == (1.0, 0.5, 1.0)
    assert (robust.contrast.weight, robust.cka.weight, robust.balance.weight) == (3.0, 0.0, 0.0)
    assert (paper.head.readout, robust.head.readout) == (False, True)
    assert (robust.core.alpha, robust.segments.share) == (0.75, 0.0)
    assert (paper.segments.enabled, robust.segments.enabled) == (False, True)
    for config in (paper, robust):
        assert (config.head.kind, config.head.experts, config.head.top_k) == ("experts", 4, None)
        assert config.contrast.audio_text == 0


@pytest.mark.parametrize(
    ("preset", "overrides", "parts"),
    [
        ("best", {}, ["'best'", "robust", "paper"]),
        ("robust", {"ckaa.weight": 1}, ["'ckaa'", "cka", "balance"]),
        ("robust", {"cka.wieght": 1}, ["'wieght'", "weight", "kernel", "cka.wieght"]),
        ("robust", {"cka": 3}, ["'cka' is a section", "weight"]),
        ("robust", {"cka.weight.x": 3}, ["cka.weight"]),
        ("robust", {"cka.weight": -1}, ["cka.weight", "greater than or equal to 0", "-1"]),
        ("robust", {"cka.kernel": "cubic"}, ["cka.kernel", "linear", "rbf", "cubic"]),
        ("robust", {"model.width": 30}, ["model.width", "model.heads", "30", "4"]),
        ("robust", {"selection.trained": 1}, ["selection.trained = 3", "found 1"]),
        ("robust", {"training.learning_rate": float("nan")}, ["training.learning_rate"]),
        ("robust", {"training.learning_rate": float("inf")}, ["training.learning_rate"]),
        ("robust", {"segments.width": 6}, ["segments.width", "multiple of model.heads", "6 and 4"]),
        ("robust", {"core.alpha": 2.0}, ["core.alpha", "less than or equal to 1", "2.0"]),
        ("robust", {"model.backbone": "tokens"}, ["model.backbone", "segments", "prototypes", "tokens"]),
        ("robust", {"prototypes.count": 0}, ["prototypes.count", "greater than or equal to 1", "0"]),
        ("robust", {"prototypes.sharpness": 0.0}, ["prototypes.sharpness", "greater than 0"]),
        ("robust", {"contrast.temperature": 2.0}, ["contrast.temperature", "2.0", "max_scale"]),
        ("robust", {"contrast.temperature": 0.001}, ["contrast.temperature", "0.001", "max_scale"]),
    ],
)
def test_errors_say_what_was_expected_and_found(preset, overrides, parts):
    with pytest.raises(ConfigError) as error:
        HilbertConfig.load(preset, overrides)
    assert error.value.exit_code == 2
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize("content", ["cka: [1", "- 1\n", "3", b"\xff\xfe\x00"])
def test_files_that_are_no_configuration(tmp_path, content):
    file = tmp_path / "c.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        HilbertConfig.load(file=file)
    with pytest.raises(ConfigError, match="cannot be read"):
        HilbertConfig.load(file=tmp_path / "none.yaml")


def test_extremes_of_the_bounded_weights_are_allowed():
    for preset, name in product(PRESETS, ("contrast.weight", "cka.weight", "balance.weight")):
        assert HilbertConfig.load(preset, {name: 0})
    assert HilbertConfig.load("robust", {"cka.hinge": None}).cka.hinge is None
    assert HilbertConfig.load("robust", {"contrast.temperature": 1.0}).contrast.temperature == 1
    assert HilbertConfig.load("robust", {"contrast.temperature": 0.01}).contrast.temperature == 0.01


def test_the_second_network_has_its_own_values_and_the_rest_of_the_first():
    changes = {"components": 7, "width": 12, "learning_rate": 0.02, "batch_size": 9, "epochs": 3, "patience": 2}
    config = HilbertConfig.load("robust", {f"segments.{name}": value for name, value in changes.items()})
    second = config.second()
    assert second.model.backbone == "segments"
    assert (second.input.components, second.model.width) == (7, 12)
    training = second.training
    assert (training.learning_rate, training.batch_size, training.epochs, training.patience) == (0.02, 9, 3, 2)
    same = config.model_copy(update={name: getattr(second, name) for name in ("input", "model", "training")})
    assert same == second
    assert second.model.heads == config.model.heads
    HilbertConfig.load("paper", {"model.heads": 3, "model.width": 96})  # whose second network, off, has 128 units
