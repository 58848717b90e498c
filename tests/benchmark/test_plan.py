"""The tiers hold what they promise, and every option of the committed settings fits its model."""

import pytest

from hilbert.baselines import MODELS
from hilbert.benchmark.models import build, chosen_options, identity, select, trainings
from hilbert.benchmark.plan import MAIN, make_plan
from hilbert.config import HilbertConfig
from hilbert.errors import InputError, UsageError


def test_quick_fits_every_registered_model():
    plan = make_plan("quick")
    assert {c.setting.task.name for c in plan} == {"maec-a", "maec-b", "speechocean762"}
    assert all(c.models == tuple(MODELS) and c.small for c in plan)
    assert sum(c.folds * c.repeats for c in plan) == 6


def test_standard_has_all_models_on_four_settings_and_the_main_ones_on_six_more():
    plan = make_plan("standard")
    assert [len(c.models) == len(MODELS) for c in plan] == [True] * 4 + [False] * 6
    assert all(set(c.models) <= set(MAIN) and (c.folds, c.repeats) == (5, 5) for c in plan[4:])
    assert [c.id for c in plan[:3]] == [
        "maec-a/praat-wordllama", "maec-b/praat-wordllama", "speechocean762/whisper-tiny.en-minilm-l6",
    ]  # fmt: skip


def test_full_adds_every_pair_and_many_folds():
    standard, full = make_plan("standard"), make_plan("full")
    assert full[: len(standard)] == standard
    many = next(c for c in full if c.id == "maec-a/praat-wordllama-25-folds")
    assert (many.folds, many.repeats) == (25, 1)
    ids = [c.id for c in full]
    assert len(ids) == len(set(ids)) == 4 + 12 + 1


def test_the_comparator_runs_in_every_setting_of_its_task():
    plan = make_plan("standard", comparators={"maec-a": "text-lr (experts)", "speechocean762": "concat-lr"})
    by_id = {c.id: c.models for c in plan}
    assert "text-lr" in by_id["maec-a/praat-minilm-l6"]
    assert "text-lr" not in by_id["speechocean762/prosody-minilm-l6"]


def test_models_and_tasks_choose():
    plan = make_plan("standard", ["toy", "concat-lr"], ["maec-b/praat-wordllama", "speechocean762/prosody-minilm-l6"])
    assert [(c.id, c.models) for c in plan] == [
        ("maec-b/praat-wordllama", ("concat-lr", "toy")),
        ("speechocean762/prosody-minilm-l6", ("concat-lr",)),
    ]
    with pytest.raises(UsageError, match="tasks: expected some of"):
        make_plan("standard", tasks=["maec-c"])
    with pytest.raises(UsageError, match="tier: expected one of"):
        make_plan("slow")
    with pytest.raises(UsageError, match="models: expected some of"):
        select(["concat-lr", "magic"])


def test_every_model_can_be_built_as_chosen_and_small():
    options = chosen_options()
    for name in MODELS:
        assert identity(build(name, options.get(name)))["class"]
        assert identity(build(name, options.get(name), small=True)) is not None


def test_the_identity_holds_the_whole_configuration():
    plain, wide = build("hilbert"), build("hilbert", {"network.width": 32})
    config = HilbertConfig.load()
    assert identity(plain)["parameters"]["config"] == config.model_dump(mode="json")
    assert identity(wide)["parameters"]["config"]["network"]["width"] == 32
    assert trainings(plain) == config.stack.folds + 1
    assert trainings(build("hilbert", {"stack.members": ["voice", "words"]})) == trainings(build("concat-lr")) == 1


@pytest.mark.parametrize("name", ["hilbert", "gmc", "concat-lr"])
def test_callbacks_are_no_part_of_the_identity_and_decisions_only_where_they_were_chosen(name):
    model = build(name)
    known = identity(model)
    if name != "concat-lr":
        assert identity(model.set_params(on_inner=print)) == known
    if name != "gmc":
        assert identity(build(name).set_params(decide="probable")) != known
        assert "decide" not in known["parameters"]


def test_small_models_are_smaller():
    config = identity(build("hilbert", {"cka.weight": 0.1}, small=True))["parameters"]["config"]
    assert config["training"]["epochs"] == 2
    assert config["cka"]["weight"] == 0.1
    assert config["stack"]["least"] == 1  # so that few documents train the network, too
    whole = build("hilbert", {"config": HilbertConfig.load("paper")}, small=True)
    assert identity(whole)["parameters"]["config"]["network"]["width"] == 16


def test_wrong_options_are_named(tmp_path):
    with pytest.raises(UsageError, match="toy: its options"):
        build("toy", {"speed": 2})
    path = tmp_path / "settings.yaml"
    path.write_text("toy: fast\n", encoding="utf-8")
    with pytest.raises(InputError, match="mapping of model"):
        chosen_options(path)
