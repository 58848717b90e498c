"""The page: complete, alone, escaped, the same every time."""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from hilbert.evaluation.measures import measure
from hilbert.evaluation.predictions import Predictions
from hilbert.evaluation.result import Result
from hilbert.report import write_report
from hilbert.report.page import test_rows as rows_of_tests
from hilbert.report.rates import average_curve
from hilbert.report.rendering import interval

CLASSES = ("<b>adult</b>", "child", "youth")


USED = {"auc": 0.8, "drop_audio": 0.2, "drop_text": -0.01, "shapley_audio": 0.25, "shapley_text": 0.05}
WATCHED = {
    "retention_audio": 0.71, "retention_text": 0.33, "retention_least": 0.33, "recovery_audio": 0.62,
    "recovery_text": 0.12, "dominance": 0.68, "share_audio": 0.57, "share_text": 0.31, "share_cross": 0.12,
    "gradient_audio": 0.4, "gradient_text": 0.35, "gradient_cross": 0.25, "width_audio": 0.87, "segments_audio": 0.5,
}  # fmt: skip


def watched(**more):
    """Two folds of HILBERT and concat-lr; in one of them HILBERT's dominance is undefined."""
    place = [{"repeat": 0, "fold": 0}, {"repeat": 0, "fold": 1}]
    hilbert = [{**place[0], **USED, **WATCHED, **more}, {**place[1], **USED, **WATCHED, **more, "dominance": None}]
    return {"hilbert": hilbert, "concat-lr": [{**where, **USED} for where in place]}


def invented(n=120, synthetic=False, flow=None):
    rng = np.random.default_rng(0)
    codes = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    proba = {}
    for name, strength in (("hilbert", 1.0), ("hilbert (no training)", 0.8), ("concat-lr", 1.0), ("prior", 0.0)):
        logits = strength * (np.eye(3)[codes] + 0.7 * rng.normal(size=(2, n, 3)))
        proba[name] = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    ids = np.array([f"d{i:03d}" for i in range(n)])
    folds = rng.integers(0, 4, (2, n))
    predictions = Predictions(CLASSES, ids, np.array([""] * n), np.array(CLASSES)[codes], folds, proba)
    modality = {"segments": 900, "median": 7.0, "width": 32, "documents_without": 2, "missing_values": 0}
    config = {
        "label": "age & <script>alert(1)</script>",
        "group": None,
        "protocol": "cross-validation",
        "folds": 4,
        "repeats": 2,
        "seed": 0,
        "reference": None,
        "resamples": 100,
        "corpus": {
            "documents": n, "labelled": n, "scored": n, "classes": {}, "groups": None, "hours": 2.5,
            "without_duration": 0, "audio": modality, "text": modality,
        },
        "synthetic": synthetic,
        "features": {"speech": {"name": "whisper-tiny.en", "context": "window"}, "text": None},
        "models": {name: {"seed": 0} for name in ("hilbert", "concat-lr", "prior")},
        "splits": [{"repeat": 0, "fold": 0, "train": 90, "unlabelled": 0, "test": 30}],
        "notes": ["2 documents have no audio", "hilbert: warned 'something private' (1 of 8 fits)"],
    }  # fmt: skip
    vectors = rng.normal(size=(60, 9)).astype(np.float32)
    embedding = {
        "document": ids[:60],
        "label": predictions.labels[:60],
        "test": np.arange(60) % 5 == 0,
        "vectors": vectors,
    }
    curves = [
        {"stage": s, "epoch": e, s: 1 / (e + 1), f"held_out_{s}": 2 / (e + 1)}
        for s in ("contrast", "head")
        for e in range(6)
    ]
    environment = {"date": "2025-01-01T00:00:00+00:00", "seconds_per_fit": {"hilbert": 2.5}}
    return Result(
        config,
        predictions,
        measure(predictions, 100),
        environment,
        {"hilbert": curves},
        {"hilbert": embedding},
        flow or {},
    )


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.images, self.tags, self.text = [], [], set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_report(invented(), tmp_path_factory.mktemp("page") / "sub" / "report.html")


def test_page_is_complete_and_alone(written):
    page = read(written)
    assert len(page.images) == 7
    for image in page.images:
        assert len(image["alt"]) > 40
        kind, data = image["src"].split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        assert ET.fromstring(b64decode(data)).tag.endswith("svg")
    assert not page.tags & {"script", "link", "iframe", "object"}
    text = written.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "url(" not in text
    expected = ("Verdict", "hilbert reaches a macro AUC", "2 documents have no audio", "whisper-tiny.en", "How to read")
    for words in expected:
        assert words in page.text
    assert page.text.index("Verdict") < page.text.index("Results")
    assert [path.name for path in written.parent.iterdir()] == ["report.html"]


def test_held_out_terms_are_told_from_training(written):
    alt = read(written).images[-1]["alt"]
    assert "contrast (contrast, training) from 1 to 0.167" in alt
    assert "contrast (contrast, held out) from 2 to 0.333" in alt


def test_settings_name_the_reference_that_was_chosen(written):
    settings = read(written).text.split("Settings")[1]
    assert "referenceconcat-lr" in settings.split("resamples")[0]


def test_an_interval_is_kept_together_and_escaped():
    assert interval("<i> [.1, .2]") == '&lt;i&gt; <span class="span">[.1, .2]</span>'
    assert interval("macro F1") == "macro F1"


def test_names_are_escaped(written):
    text = written.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<b>adult" not in text
    assert "&lt;b&gt;adult" in text


def test_same_result_same_page(written, tmp_path):
    assert written.read_bytes() == write_report(invented(), tmp_path / "b.html").read_bytes()


def test_options_of_the_page(written, tmp_path):
    plain = read(written).text
    result = invented(synthetic=True)
    page = read(write_report(result, tmp_path / "a.html", corpus_summary={"language": "Welsh"}, no_text=True)).text
    for words, said in (("Synthetic speech", True), ("Welsh", True), ("something private", False)):
        assert (words in page) is said
        assert (words in plain) is not said


def test_the_confusion_matrix_is_of_decisions(written, tmp_path):
    plain = invented()
    assert "The class with the highest probability is predicted" in read(written).text
    everyone = {"hilbert": np.full_like(plain.predictions.folds, 2)}
    predictions = replace(plain.predictions, decided=everyone)
    page = read(write_report(replace(plain, predictions=predictions), tmp_path / "r.html"))
    (alt,) = [image["alt"] for image in page.images if "Confusion" in image["alt"]]
    assert "share of each class found: <b>adult</b> 0 %, child 0 %, youth 100 %" in alt
    assert "The class with the highest probability is predicted" not in page.text
    assert "class that the model decides for, which need not be the most probable one" in page.text


def test_comparisons_show_both_ratios_and_set_the_trivial_ones_apart(written):
    first, trivial = read(written).text.split("Paired comparisons")[1].split("against the trivial baselines")
    assert "p, usual ratio" in first
    assert "concat-lr" in first
    assert "youth" not in first
    assert trivial.split("Smallest seen")[0].count("prior") == 3
    tests = {(row["model"], row["against"]): row for row in rows_of_tests(invented())}
    row = tests["hilbert", "prior"]
    assert row["p"] == "< .001"
    assert row["p_usual"] != "–"


@pytest.mark.parametrize("model", ["hilbert", "prior"])
@pytest.mark.parametrize("column", range(3))
def test_area_under_the_drawn_curve_is_the_table_s(model, column):
    result = invented()
    found = result.metrics["models"][model]
    name = CLASSES[column]
    x, y = average_curve(result, model, column, "roc", 4001)
    assert np.trapezoid(y, x) == pytest.approx(found["auc_by_class"][name]["value"], abs=2e-3)
    x, y = average_curve(result, model, column, "pr", 4001)
    assert y[1:].mean() == pytest.approx(found["auprc_by_class"][name], abs=2e-3)


def test_information_flow_is_shown_where_it_was_watched(written, tmp_path):
    assert "Information flow" not in read(written).text
    page = read(write_report(invented(flow=watched()), tmp_path / "flow.html"))
    assert len(page.images) == 8
    text = " ".join(page.text.split())
    for words in (
        ".71 ± .00 / .33 ± .00", "least .33", ".67 / −.03", ".57 ± .00 / .31 ± .00 / .12 ± .00", ".87 / .50",
        "never optimised", "dominance of hilbert in 1 of 2 fits", "1 is the most that one embedding can keep",
    ):  # fmt: skip
        assert words in text, words
    assert "Gate or attention" not in text
    assert "hilbert audio .25 ± .00, text .05 ± .00" in " ".join(image["alt"] for image in page.images)


def test_a_gate_is_shown_where_there_is_one(tmp_path):
    text = read(write_report(invented(flow=watched(mass_audio=0.44)), tmp_path / "gate.html")).text
    assert ".44 ± .00" in " ".join(text.split())
    assert "Gate or attention" in text


def test_flow_of_predictions_alone_says_nothing_of_embeddings(tmp_path):
    flow = {"m": [{"repeat": 0, "fold": 0, **dict.fromkeys(USED)}]}
    page = read(write_report(invented(flow=flow), tmp_path / "one.html"))
    text = " ".join(page.text.split())
    assert "Information flow" in text
    assert "– / –" in text
    assert "Retention" not in text


def test_what_embeddings_keep_is_explained_without_hilbert(tmp_path):
    inside = ("share", "gradient", "mass", "width", "segments")
    row = {key: value for key, value in watched()["hilbert"][0].items() if not key.startswith(inside)}
    text = " ".join(read(write_report(invented(flow={"gmc": [row]}), tmp_path / "gmc.html")).text.split())
    for word in ("Retention", "R²", "Dominance"):
        assert f"{word}: " in text
    assert "Part of z_joint" not in text
