"""Configuration: a preset hides nothing; hashes; rules between parts hold on every way in; errors that help."""

from importlib import resources
from itertools import product

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hilbert.config import HilbertConfig, Section, SegmentNetwork, VectorNetwork, count_options
from hilbert.errors import ConfigError
from hilbert.presets import PRESETS

CONFIGS = {name: HilbertConfig.load(name) for name in PRESETS}
KINDS = {"vectors": VectorNetwork, "segments": SegmentNetwork}


def preset_file(name):
    return yaml.safe_load(resources.files("hilbert").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_every_value_that_it_does_not_leave_at_its_default(preset):
    """Sections that a preset leaves out are off; of those it has, it says all but what is at the default."""
    data, config = preset_file(preset), HilbertConfig.load(preset)
    assert config.preset == preset
    assert list(config.model_dump()) == list(HilbertConfig.model_fields)
    for section in HilbertConfig.model_fields:
        model = getattr(config, section)
        if section not in data:
            assert model is None
        elif section != "preset":
            assert isinstance(model, Section)
            found = model.model_dump(mode="json")
            assert {name: found[name] for name in data[section]} == data[section]
            for name, field in type(model).model_fields.items():
                assert name in data[section] or getattr(model, name) == field.default


def test_there_are_at_most_45_options():
    """And each of them is one that can be set, in one preset or the other."""
    configs = [HilbertConfig.load(preset) for preset in PRESETS]
    configs.append(HilbertConfig.load("paper", {"cka.weight": 1.0, "balance.weight": 1.0}))
    names = set()
    for config in configs:
        for section, value in config.model_dump().items():
            names |= {f"{section}.{name}" for name in value} if isinstance(value, dict) else {section}
    names -= {"vectors", "cka", "balance"}  # of a preset that leaves them out
    assert count_options() == len(names) <= 45


# --- reading and writing -------------------------------------------------------------------------------------


CHANGES = [
    {},
    {"cka.weight": 0.3},
    {"network.kind": "segments", "stack.members": ["voice", "experts"]},
    {"network.kind": "vectors", "vectors": {"heads": 1, "prototypes": 2, "components": 3}},
    {"balance": {"weight": 0.5, "form": "squared"}, "head.top_k": 1, "head.load_balance": 0.1},
    {"cka": None, "balance": None},
]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("changes", CHANGES)
def test_yaml_round_trip_keeps_the_hash(preset, changes, tmp_path):
    config = HilbertConfig.load(preset, changes)
    file = tmp_path / "config.yaml"
    file.write_text(config.to_yaml())
    for start in PRESETS:  # a file says itself over which preset it goes
        again = HilbertConfig.load(start, file=file)
        assert again == config
        assert again.hash == config.hash
    assert config.replace({}) == config
    assert HilbertConfig.model_validate(config.model_dump(mode="json")) == config


def test_hash_is_of_the_values_and_of_nothing_else():
    names = [
        HilbertConfig.load("robust").hash,
        HilbertConfig.load("paper").hash,
        HilbertConfig.load("robust", {"contrast.weight": 0.25}).hash,
        HilbertConfig.load("robust", {"network": {"width": 32}}).hash,
    ]
    assert len(set(names)) == 4
    assert HilbertConfig.load("robust", {"contrast.weight": 3}).hash == names[0]
    assert HilbertConfig.load("robust", {"network.width": 32}).hash == names[3]
    assert HilbertConfig.load("robust").replace({"network.width": 32}).hash == names[3]
    assert all(len(name) == 12 and int(name, 16) >= 0 for name in names)


def test_file_comes_before_overrides(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("cka: {weight: 0.1, target: input}\n")
    config = HilbertConfig.load("paper", {"cka.weight": 0.2}, file)
    assert (config.cka.weight, config.cka.target, config.preset) == (0.2, "input", "paper")
    assert config.cka.hinge is None  # what neither says is the preset's


@pytest.mark.parametrize("load", [True, False])
def test_overrides_of_a_section_that_is_off_switch_it_on_with_its_defaults(load):
    robust = HilbertConfig.load("robust")
    assert robust.cka is None
    assert robust.balance is None
    changes = {"cka.weight": 0.3, "balance.form": "squared", "balance.weight": 0.1}
    found = HilbertConfig.load("robust", changes) if load else robust.replace(changes)
    assert found.cka.model_dump() == {"weight": 0.3, "target": "input", "debiased": True, "hinge": 0.9}
    assert found.balance.model_dump() == {"weight": 0.1, "estimator": "gaussian", "form": "squared"}
    with pytest.raises(ConfigError, match=r"cka\.weight: Field required"):
        HilbertConfig.load("robust", {"cka.hinge": None})
    off = found.replace({"cka": None, "balance": None})
    assert off == robust


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("preset", "kind"), [("robust", "segments"), ("paper", "vectors")])
def test_another_kind_of_network_starts_from_its_own_values(preset, kind, order):
    """In whatever order, and not from those of the preset's kind, which it may not even know."""
    changes = {"network.width": 32, "network.kind": kind}
    if kind == "vectors":
        changes |= {f"vectors.{name}": 2 for name in ("heads", "prototypes", "components")}
    changes = dict(list(changes.items())[::order])
    for config in (HilbertConfig.load(preset, changes), HilbertConfig.load(preset).replace(changes)):
        assert config.network == KINDS[kind](width=32)
    kept = {"network.kind": HilbertConfig.load(preset).network.kind, "network.dropout": 0.5}
    assert HilbertConfig.load(preset, kept) == HilbertConfig.load(preset, {"network.dropout": 0.5})


# --- what the presets are ------------------------------------------------------------------------------------


def test_what_the_abstract_says_and_what_robust_changes():
    paper, robust = HilbertConfig.load("paper"), HilbertConfig.load("robust")
    assert paper.stack.members == ("experts",)
    assert robust.stack.members == ("voice", "words", "both", "steady", "changing", "network")
    assert robust.stack.few == ("both", "steady", "changing")
    assert (paper.vectors, robust.cka, robust.balance) == (None, None, None)
    assert (paper.network, robust.network) == (SegmentNetwork(), VectorNetwork())
    assert (paper.cka.target, paper.cka.hinge, paper.balance.form) == ("embedding", None, "squared")
    assert (paper.contrast.temperature, robust.contrast.temperature) == (0.07, 0.1)
    assert (paper.training.regime, robust.training.regime) == ("two_stage", "joint")
    assert (paper.contrast.label_aware, robust.contrast.label_aware) == (False, True)
    assert (paper.contrast.weight, paper.cka.weight, paper.balance.weight) == (1.0, 0.5, 1.0)
    assert robust.contrast.weight == 3.0
    assert (paper.head.top_k, robust.head.top_k) == (2, None)
    assert (paper.head.class_weights, robust.head.class_weights) == (False, True)
    for config in (paper, robust):
        assert (config.head.kind, config.head.experts) == ("experts", 4)
        assert config.contrast.audio_text == 0


@pytest.mark.parametrize(
    ("members", "few", "least", "labelled", "chosen"),
    [
        (("voice", "both", "network"), ("both",), 200, 199, ("both",)),
        (("voice", "both", "network"), ("both",), 200, 200, ("voice", "both", "network")),
        (("voice", "both", "network"), ("network", "both"), 200, 30, ("both", "network")),  # in their own order
        (("voice", "both", "network"), ("both", "steady"), 200, 30, ("both",)),
        (("voice", "both", "network"), ("both",), 1, 1, ("voice", "both", "network")),
        (("network",), ("both", "steady"), 200, 2, ("network",)),
        (("voice", "experts"), (), 200, 2, ("voice", "experts")),
    ],
)
def test_with_few_labels_those_members_take_part_that_are_named(members, few, least, labelled, chosen):
    stack = HilbertConfig.load("robust", {"stack": {"members": members, "few": few, "least": least}}).stack
    assert stack.chosen(labelled) == chosen


def test_members_of_the_presets_by_the_number_of_labels():
    robust, paper = (HilbertConfig.load(name).stack for name in ("robust", "paper"))
    assert [robust.chosen(n) for n in (10, 199)] == [("both", "steady", "changing")] * 2
    assert robust.chosen(200) == robust.members
    assert paper.chosen(2) == ("experts",)


# --- refusals ------------------------------------------------------------------------------------------------


RULES = [
    ("robust", {"stack.members": ["voice", "words", "voice"]}, "stack.members: each may be there once"),
    ("robust", {"stack.members": []}, "stack.members"),
    ("robust", {"vectors": None}, "vectors: needed for"),
    ("robust", {"vectors": None, "stack.members": ["network"]}, "a network of kind 'vectors'"),
    ("paper", {"stack.members": ["experts", "steady"]}, "vectors: needed for 'steady', 'changing'"),
    ("paper", {"network": {"kind": "vectors"}}, "vectors: needed for"),
    ("robust", {"head.top_k": 5}, "head.top_k: needs experts, and at most as many, found 5 with 4"),
    ("paper", {"head.experts": 1}, "head.top_k"),
    ("paper", {"head.kind": "mlp"}, "head.top_k: needs experts"),
    ("robust", {"head.load_balance": 0.1}, "head.load_balance"),
    ("paper", {"head.top_k": None}, "head.load_balance"),
    ("paper", {"network.width": 30}, "network.width must be a multiple of heads, found 30 and 4"),
    ("paper", {"network.heads": 3}, "found 64 and 3"),
]


def put(data, changes):
    """The changes in place; what a network of another kind had is replaced."""
    for name, value in changes.items():
        *sections, last = name.split(".")
        inside = data
        for section in sections:
            inside = inside[section]
        inside[last] = value
    return data


@pytest.mark.parametrize(("preset", "changes", "message"), RULES)
def test_rules_between_values_hold_on_every_way_in(preset, changes, message, tmp_path):
    start = HilbertConfig.load(preset)
    with pytest.raises(ConfigError) as loaded:
        HilbertConfig.load(preset, changes)
    with pytest.raises(ConfigError) as replaced:
        start.replace(changes)
    data = put(start.model_dump(), changes)
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(data | {"stack": data["stack"] | {"members": list(data["stack"]["members"])}}))
    with pytest.raises(ConfigError) as read:
        HilbertConfig.load(file=file)
    with pytest.raises(ValidationError) as constructed:
        HilbertConfig(**data)
    for error in (loaded, replaced, read):
        assert message in str(error.value)
        assert error.value.exit_code == 2
    assert message.rpartition(".")[2].partition(" ")[0] in str(constructed.value)


@pytest.mark.parametrize(
    ("preset", "overrides", "parts"),
    [
        ("best", {}, ["'best'", "robust", "paper"]),
        ("robust", {"preset": "paper"}, ["'preset'", "'robust'"]),
        ("robust", {"ckaa.weight": 1}, ["ckaa: unknown name", "cka", "balance", "stack", "preset"]),
        ("paper", {"cka.wieght": 1}, ["cka.wieght: unknown name", "known here: weight, target, debiased, hinge"]),
        ("robust", {"vectors.wings": 1}, ["vectors.wings: unknown", "known here: heads, prototypes, components"]),
        ("robust", {"network.wings": 1}, ["network.wings: unknown", "kind, width, dropout, projection"]),
        ("robust", {"network.layers": 1}, ["network.layers: unknown", "dropout"]),
        ("paper", {"network.hidden": 1}, ["network.hidden: unknown", "layers, heads, unimodal_source, joint"]),
        ("robust", {"network.vectors": 1}, ["network.vectors: unknown"]),
        ("robust", {"cka": 3}, ["cka: ", "dictionary", "found 3"]),
        ("robust", {"stack": None}, ["stack: "]),
        ("robust", {"contrast.weight.x": 3}, ["contrast.weight", "{'x': 3}"]),
        ("robust", {"contrast.weight": -1}, ["contrast.weight", "greater than or equal to 0", "-1"]),
        ("robust", {"vectors.heads": 0}, ["vectors.heads", "greater than or equal to 1", "found 0"]),
        ("paper", {"network.components": 0}, ["network.components", "greater than or equal to 1", "found 0"]),
        ("paper", {"vectors.heads": 3}, ["vectors.prototypes: Field required", "vectors.components: Field required"]),
        ("robust", {"network.kind": "tokens"}, ["network: ", "'tokens'", "'vectors', 'segments'"]),
        ("robust", {"stack.members": ["voice", "ears"]}, ["stack.members", "'ears'", "'words'"]),
        ("robust", {"stack.folds": 1}, ["stack.folds", "greater than or equal to 2"]),
        ("robust", {"training.batch_size": 1}, ["training.batch_size", "greater than or equal to 2"]),
        ("robust", {"training.learning_rate": float("nan")}, ["training.learning_rate"]),
        ("robust", {"training.learning_rate": float("inf")}, ["training.learning_rate"]),
        ("robust", {"contrast.temperature": 2.0}, ["contrast.temperature", "2.0"]),
        ("robust", {"contrast.temperature": 0.001}, ["contrast.temperature", "0.001"]),
        ("robust", {"training.epochs": 0, "head.hidden": 0}, ["training.epochs", "head.hidden"]),
    ],
)
def test_errors_say_what_was_expected_and_found(preset, overrides, parts):
    with pytest.raises(ConfigError) as error:
        HilbertConfig.load(preset, overrides)
    assert error.value.exit_code == 2
    for part in parts:
        assert part in str(error.value)


@given(st.sampled_from(PRESETS), st.data())
def test_every_unknown_name_is_answered_with_the_known_ones(preset, data):
    config = CONFIGS[preset]
    dump = config.model_dump()
    section = data.draw(st.sampled_from([name for name, value in dump.items() if isinstance(value, dict)]))
    name = data.draw(st.text("abcdefghij_", min_size=1).filter(lambda n: n not in dump[section]))
    with pytest.raises(ConfigError) as error:
        config.replace({f"{section}.{name}": 1})
    assert f"{section}.{name}: unknown name; known here: {', '.join(dump[section])}" in str(error.value)


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
    assert HilbertConfig.load("paper", {"cka.hinge": 1.0}).cka.hinge == 1
    for value in (0.01, 1.0):
        assert HilbertConfig.load("robust", {"contrast.temperature": value}).contrast.temperature == value


def test_a_configuration_does_not_change():
    config = HilbertConfig.load("robust")
    with pytest.raises(ValidationError, match="frozen"):
        config.head.experts = 3
    before = config.to_yaml()
    config.replace({"network.width": 8, "cka.weight": 1.0})
    assert config.to_yaml() == before
