"""The protocol: no leak, no luck, the same bytes however it is run."""

import hashlib
import re

import numpy as np
import pytest
from sklearn.base import clone

from hilbert.baselines import make_model
from hilbert.errors import HilbertError, UsageError
from hilbert.estimators import HilbertClassifier
from hilbert.evaluation import Result, evaluate, evaluate_saved, evaluate_split
from hilbert.evaluation.fitting import decisions, predict
from hilbert.splits import grouped_folds


def hashes(folder):
    names = ("config.yaml", "predictions.parquet", "metrics.json", "curves.json", "embeddings.parquet", "flow.json")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def test_every_scored_document_is_predicted_once_a_repeat(toys, corpus):
    bags, y, groups = corpus()
    seen = []
    models = {"concat-lr": toys["pooled"](), "prior": toys["prior"]()}
    result = evaluate(
        models,
        bags,
        y,
        groups,
        folds=3,
        repeats=2,
        jobs=1,
        resamples=50,
        progress=lambda *now: seen.append(now),
    )
    assert result.predictions.documents.tolist() == sorted(bags.ids)
    assert result.predictions.folds.shape == (2, 90)
    assert list(result.metrics["models"]) == ["concat-lr", "concat-lr (flat)", "prior"]
    assert result.metrics["models"]["prior"]["auc"]["value"] == 0.5
    assert result.metrics["models"]["concat-lr (flat)"]["auc"]["value"] == 0.5
    assert result.metrics["models"]["concat-lr"]["auc"]["low"] > 0.6
    assert [done for done, _, _ in seen] == list(range(1, 13))
    assert {total for _, total, _ in seen} == {12}
    place = {name: i for i, name in enumerate(bags.ids.tolist())}
    order = [place[name] for name in result.predictions.documents.tolist()]
    assert result.predictions.labels.tolist() == y[order].tolist()
    for fold in result.predictions.folds:
        of_group = {}
        for g, f in zip(groups[order], fold, strict=True):
            assert of_group.setdefault(g, f) == f


def test_jobs_change_no_byte(toys, corpus, tmp_path):
    bags, y, groups = corpus()
    models = {"concat-lr": toys["pooled"](), "prior": toys["prior"]()}
    for jobs in (1, 2):
        evaluate(models, bags, y, groups, folds=3, repeats=1, jobs=jobs, resamples=50).save(tmp_path / str(jobs))
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")


def test_seed_changes_folds_and_models(toys, corpus):
    bags, y, groups = corpus()
    first, again, other = (
        evaluate({"m": toys["pooled"]()}, bags, y, groups, 3, 1, seed, 1, resamples=20) for seed in (0, 0, 1)
    )
    assert first.metrics == again.metrics
    assert (first.predictions.folds != other.predictions.folds).any()


def test_the_estimators_given_stay_unfitted(toys, corpus):
    bags, y, groups = corpus()
    model = toys["pooled"]()
    evaluate({"m": model}, bags, y, groups, 3, 1, jobs=1, resamples=20)
    assert not hasattr(model, "classes_")
    assert model.seed is None


def test_shuffled_labels_give_chance(toys, corpus):
    """The canary: a leak anywhere in the pipeline would lift this above one half."""
    bags, y, groups = corpus(n=200)
    shuffled = np.random.default_rng(5).permutation(y)
    result = evaluate({"m": toys["pooled"]()}, bags, shuffled, groups, 5, 2, jobs=1, resamples=300)
    auc = result.metrics["models"]["m"]["auc"]
    assert abs(auc["value"] - 0.5) < 3 * auc["se"]


def test_unlabelled_documents_reach_only_those_who_ask(toys, corpus):
    bags, y, groups = corpus()
    labels = y.astype(object)
    labels[::4] = None
    models = {"semi": toys["semi"](), "pooled": toys["pooled"]()}
    result = evaluate(models, bags, labels, groups, 3, 1, jobs=1, resamples=20)
    assert len(result.predictions.documents) == sum(v is not None for v in labels)
    assert "23 documents have no label: never tested on" in result.notes
    assert result.config["splits"][0]["unlabelled"] > 0


def test_score_mask(toys, corpus):
    bags, y, groups = corpus()
    score = np.array([g != "g1" and g != "g2" for g in groups])
    result = evaluate({"m": toys["pooled"]()}, bags, y, groups, 3, 1, jobs=1, score=score, resamples=20)
    assert result.predictions.documents.tolist() == sorted(bags.ids[score])
    assert f"{int((~score).sum())} labelled documents are not scored" in result.notes


def test_a_class_missing_from_training_gets_probability_0_and_a_note(toys, corpus):
    bags, y, groups = corpus(priors=(0.6, 0.4, 0.0))
    result = evaluate({"m": toys["pooled"]()}, bags, y, groups, 3, 1, jobs=1, resamples=20)
    notes = " ".join(result.notes)
    assert "m: the training documents lacked youth, whose probability is then 0 (1 of 3 fits)" in notes
    assert "class youth has 1 documents of 1 groups, fewer than 3 folds" in notes
    assert "test folds lack a class" in notes


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failing_fit_names_model_repeat_and_fold(toys, corpus, jobs):
    bags, y, groups = corpus(n=30)
    with pytest.raises(HilbertError, match=r"bad, repeat 0, fold \d: fitting failed with ValueError: singular"):
        evaluate({"bad": toys["broken"]()}, bags, y, groups, 3, 1, jobs=jobs, resamples=20)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("nan", r"bad, repeat 0, fold 0: NaN .* 1 documents \(the first: d\d+\)"),
        ("sum", "do not add up to 1"),
    ],
)
def test_what_is_no_probability_is_refused(toys, corpus, how, message):
    bags, y, groups = corpus(n=30)
    with pytest.raises(HilbertError, match=message):
        evaluate({"bad": toys["broken"](how)}, bags, y, groups, 3, 1, jobs=1, resamples=20)


def test_warnings_of_a_fit_become_notes(toys, corpus):
    bags, y, groups = corpus(n=30)
    result = evaluate({"m": toys["broken"]("warn")}, bags, y, groups, 3, 1, jobs=1, resamples=20)
    assert "m: warned 'did not converge' (3 of 3 fits)" in result.notes


def test_one_split(toys, corpus):
    bags, y, groups = corpus()
    side = np.array(["test" if int(g[1:]) % 3 == 0 else "train" for g in groups])
    result = evaluate_split({"m": toys["pooled"]()}, bags, y, side, groups, jobs=1, resamples=50)
    assert result.predictions.documents.tolist() == sorted(bags.ids[side == "test"])
    side[np.flatnonzero(groups == groups[0])[0]] = "test" if side[0] == "train" else "train"
    groups[:2] = groups[0]
    side[:2] = ["train", "test"]
    with pytest.raises(UsageError, match="in both train and test"):
        evaluate_split({"m": toys["pooled"]()}, bags, y, side, groups, jobs=1)


def test_saved_model_on_new_documents(toys, corpus, tmp_path):
    bags, y, _ = corpus()
    model = toys["pooled"]().fit(bags, y)
    new, labels, people = corpus(seed=1)
    labels = labels.astype(object)
    labels[5] = None
    result = evaluate_saved(model, new, labels, people, name="mine", resamples=50)
    assert len(result.predictions.documents) == 89
    assert result.metrics["models"]["mine"]["auc"]["low"] > 0.6
    assert result.environment["seconds_per_fit"] == {"mine": None}
    assert Result.load(result.save(tmp_path)).recompute() == result.metrics
    with pytest.raises(UsageError, match="expected labels among adult, child, youth; the labels hold elder"):
        evaluate_saved(model, new, ["elder"] * 90)


def test_wrong_use_says_what_was_expected(toys, corpus):
    bags, y, groups = corpus(n=30)
    with pytest.raises(UsageError, match="at least one, found none"):
        evaluate({}, bags, y)
    with pytest.raises(UsageError, match="y: expected one for each of 30 documents, found 29"):
        evaluate({"m": toys["prior"]()}, bags, y[:-1])
    with pytest.raises(UsageError, match="expected one of m, found other"):
        evaluate({"m": toys["prior"]()}, bags, y, groups, 3, 1, jobs=1, reference="other")


class Deciding:
    """What a model of this package adds to probabilities: it decides for a class that costs more to miss."""

    def __init__(self, cost):
        self.cost = cost

    def __call__(self, proba):
        return (proba * self.cost).argmax(axis=1)


def test_decisions_are_the_model_s_own_in_the_columns_of_the_evaluation(toys, corpus):
    bags, y, _ = corpus()
    fitted = toys["pooled"]().fit(bags, y)
    classes = ["elder", "youth", "child", "adult"]  # another order, and one that it never saw
    proba = predict("m", fitted, bags, classes, "m")[0]
    columns = np.array([3, 2, 1])
    plain = decisions("m", fitted, bags, proba, classes)
    assert set(plain) == {"m", "m (flat)"}
    assert (plain["m"] == columns[fitted.predict_proba(bags).argmax(axis=1)]).all()
    fitted.predict = lambda bags: np.array(["youth"] * len(bags))
    assert (decisions("m", fitted, bags, proba, classes)["m"] == 1).all()
    fitted.decided = Deciding(np.array([1e-9, 1.0, 1e-9]))  # before ``predict``, which would read the bags again
    found = decisions("m", fitted, bags, proba, classes)
    assert (found["m"] == 2).all()
    assert (found["m (flat)"] == 2).all()


def test_decisions_of_a_fit_are_those_of_predict(make_bags):
    bags, y, groups = make_bags(40, groups=20, classes=2)
    bags, y = bags[np.arange(40) % 4 != 1], y[np.arange(40) % 4 != 1]  # a rare class
    groups = groups[np.arange(40) % 4 != 1]
    decided = {}
    for decide in ("balanced", "probable", {"a": 1e6, "b": 1}):
        model = make_model("audio-lr").set_params(decide=decide)
        result = evaluate({"m": model}, bags, y, groups, 2, 1, jobs=1, resamples=20, monitors=False)
        decided[str(decide)] = result.predictions.decisions("m")
        assert result.config["models"]["m"]["decide"] == decide
        for split in grouped_folds(y, groups, 2, 1, 0):
            fold = (
                clone(model)
                .set_params(seed=fold_seed(split))
                .fit(bags[split.train], y[split.train], groups=groups[split.train])
            )
            rows = np.searchsorted(result.predictions.documents, bags.ids[split.test])
            assert (np.array(["a", "b"])[decided[str(decide)][0, rows]] == fold.predict(bags[split.test])).all()
    assert (decided["balanced"] == 1).sum() > (decided["probable"] == 1).sum()
    assert (decided["{'a': 1000000.0, 'b': 1}"] == 0).all()


def test_variants_of_some_fits_only_are_left_out_with_a_note(toys, corpus):
    class Sometimes(toys["pooled"]):
        def variants(self, bags):
            return super().variants(bags) if len(self.groups_) < 61 else {}

        def fit(self, bags, y, groups=None):
            self.groups_ = groups
            return super().fit(bags, y, groups)

    bags, y, groups = corpus(n=91)
    result = evaluate({"m": Sometimes()}, bags, y, groups, 3, 1, jobs=1, resamples=20)
    sizes = [split["train"] < 61 for split in result.config["splits"]]
    assert 0 < sum(sizes) < 3
    assert list(result.metrics["models"]) == list(result.flow) == ["m"]
    assert f"m (flat) is in {sum(sizes)} of 3 fits only, and is left out" in result.notes


def test_shares_of_members_are_a_note(make_bags, tiny):
    bags, y, groups = make_bags(40, groups=20)
    names = ("voice", "words", "network")
    hilbert = HilbertClassifier("robust", tiny | {"stack.members": names})
    models = {"hilbert": hilbert, "late-stack": make_model("late-stack")}
    result = evaluate(models, bags, y, groups, 2, 1, jobs=1, resamples=20, monitors=False)
    notes = [note for note in result.notes if "members' shares" in note]
    number = r"(?:1\.00|\.\d\d)"
    members = ", ".join(f"{name} {number}" for name in names)
    assert re.fullmatch(rf"hilbert: its members' shares are {members} \(mean of 2 fits\)", notes[0])
    assert re.fullmatch(rf"late-stack: .* are audio {number}, text {number} \(mean of 2 fits\)", notes[1])
    for note in notes:
        assert sum(map(float, re.findall(number, note))) == pytest.approx(1, abs=0.021)


def fold_seed(split, seed=0):
    return int(np.random.SeedSequence([seed, split.repeat, split.fold]).generate_state(1)[0] % 2**31)
