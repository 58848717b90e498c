"""Import of precomputed segment features."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from hilbert.encoders.load import load_text
from hilbert.errors import InputError, StoreError, UsageError
from hilbert.features.store import FeatureStore

ROWS = {  # not in order; 0003 has one segment; 0002 misses values
    "document": ["0002", "0001", "0001", "0003", "0001", "0002"],
    "segment": [1, 2, 0, 0, 1, 0],
    "f1": [0.5, 3.0, 1.0, 9.0, 2.0, None],
    "f2": [1, 30, 10, 90, 20, 0],
    "text": ["it was NA", "today it fell", "the man plays", "NA", "guitar", "good"],
    "note": ["x"] * 6,
}
EXPECTED = np.array([[1, 10], [2, 20], [3, 30], [np.nan, 0], [0.5, 1], [9, 90]], np.float32)


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n0001,a\n0002,b\n0003,a\n")
    return path


@pytest.fixture
def write(tmp_path):
    def to(columns=None, suffix="parquet", **changes):
        table = pa.table((columns or ROWS) | changes)
        path = tmp_path / f"segments.{suffix}"
        if suffix == "csv":
            pyarrow.csv.write_csv(table, path)
        else:
            pq.write_table(table, path)
        return path

    return to


@pytest.fixture
def load(manifest, tmp_path):
    def go(table, out="features", **options):
        return FeatureStore.from_table(table, manifest, tmp_path / out, **options)

    return go


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_segments_in_order_with_their_missing_values(write, load, suffix):
    store = load(write(suffix=suffix))
    bags = store.load()
    assert bags.ids.tolist() == ["0001", "0002", "0003"]
    assert bags.audio.lengths.tolist() == [3, 2, 1]
    np.testing.assert_array_equal(bags.audio.values, EXPECTED)
    assert np.isnan(bags.duration).all()
    assert bags.text.lengths.tolist() == [0, 0, 0]
    np.testing.assert_allclose(bags.audio.times[:3], [1 / 6, 1 / 2, 5 / 6])
    assert store.corpus().column("label").tolist() == ["a", "b", "a"]
    (missing,) = [n for n in store.index.notes if n.startswith("1 missing")]
    assert "imputed" in missing
    assert store.source["table"]["audio"] == ["f1", "f2"]


def test_csv_and_parquet_give_the_same_store(write, load, tree, text_folder):
    first = load(write(), "one", text=str(text_folder), drop_words="^it$")
    second = load(write(suffix="csv"), "two", text=str(text_folder), drop_words="^it$")
    assert tree(first.path) == tree(second.path)


def test_text_column_is_encoded_without_the_dropped_words(write, load, text_folder):
    store = load(write(), text=str(text_folder), audio=["f2"], drop_words="^(NA|it)$", offline=True)
    bags = store.load()
    texts = ["the man plays", "guitar", "today fell", "good", "was", ""]
    expected = load_text(str(text_folder)).encode(texts).values
    assert bags.text.lengths.tolist() == bags.audio.lengths.tolist() == [3, 2, 1]
    np.testing.assert_allclose(bags.text.values, expected, atol=1e-6)
    assert bags.audio.dim == 1
    assert any(n.startswith("4 words dropped") for n in store.index.notes)


def test_a_text_column_of_any_type(write, load, text_folder):
    numbers = load(write(text=[1, 2, 3, 4, 5, None]), text=str(text_folder), audio=[]).load()
    words = load(write(text=["1", "2", "3", "4", "5", None]), "words", text=str(text_folder), audio=[]).load()
    assert np.array_equal(numbers.text.values, words.text.values)
    with pytest.raises(InputError, match=r"text in 'text', found list"):
        load(write(text=[["a"]] * 6), "lists", text=str(text_folder))


def test_text_alone(write, load, text_folder):
    store = load(write({k: v for k, v in ROWS.items() if k not in ("f1", "f2")}), text=str(text_folder))
    bags = store.load()
    assert bags.text.lengths.tolist() == [3, 2, 1]
    assert bags.audio.lengths.tolist() == [0, 0, 0]


def test_first_segments_are_kept_and_the_others_counted(write, load, text_folder):
    store = load(write(), first=2, text=str(text_folder))
    bags = store.load()
    assert bags.audio.lengths.tolist() == bags.text.lengths.tolist() == [2, 2, 1]
    np.testing.assert_array_equal(bags.audio.values, EXPECTED[[0, 1, 3, 4, 5]])
    assert any(n.startswith("1 segments beyond the first") for n in store.index.notes)


def test_second_import_does_nothing(write, load, tree):
    first = load(write())
    before = tree(first.path)
    store = load(write())
    assert (store.report.computed, store.report.reused) == (0, 3)
    assert tree(store.path) == before


def test_counts_are_those_of_the_table_at_hand(write, load, text_folder):
    """Fewer rows behind the first ones, other dropped words: the same features, other counts."""
    options = {"first": 2, "text": str(text_folder), "drop_words": "^it$"}
    load(write(), **options)
    keep = [i for i in range(6) if (ROWS["document"][i], ROWS["segment"][i]) != ("0001", 2)]
    fewer = {name: [values[i] for i in keep] for name, values in ROWS.items()}
    fewer["text"][0] = "it was it NA"
    store = load(write(fewer), **options)
    assert store.report.computed == 0
    assert not any("beyond the first" in note for note in store.index.notes)
    assert any(note.startswith("2 words dropped") for note in store.index.notes)


def test_changed_value_is_that_document_alone(write, load):
    load(write())
    store = load(write(f2=[1, 30, 10, 91, 20, 0]))
    assert (store.report.computed, store.report.reused) == (1, 2)


def test_document_without_rows_is_listed(write, load, manifest):
    manifest.write_text("id,label\n0001,a\n0009,b\n0003,a\n")
    store = load(write())
    assert [p.document for p in store.problems] == ["0009"]
    assert "none" in store.problems[0].message
    assert store.load().ids.tolist() == ["0001", "0003"]


def test_table_beside_a_manifest_with_recordings(folder, write, tmp_path, text_folder):
    rows = {"document": ["d0", "d1", "d0"], "segment": [0, 0, 1], "text": ["good", "bad", "today"]}
    store = FeatureStore.from_table(
        write(rows), folder.manifest, tmp_path / "features", speech="prosody", text=str(text_folder)
    )
    bags = store.load()
    assert bags.ids.tolist() == ["d0", "d1"]
    assert bags.audio.dim == 48
    assert bags.text.lengths.tolist() == [2, 1]
    assert [p.document for p in store.problems] == ["d2", "d3"]


def test_numbers_and_categories_as_ids(write, load, manifest):
    manifest.write_text("id,label\n10,a\n9,b\n")
    for ids in (pa.array([10, 9, 10]), pa.array(["10", "9", "10"]).dictionary_encode()):
        bags = load(write({"document": ids, "segment": [1, 0, 0], "f": [2.0, 3.0, 1.0]})).load()
        assert bags.ids.tolist() == ["10", "9"]
        assert bags.audio.values.flatten().tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segment": [1, 2, 0, 0, 2, 0]}, "document 0001, segment 2 stands there more than once"),
        ({"segment": [1.5, 2.0, 0.0, 0.0, 1.0, 0.0]}, "whole numbers in 'segment'"),
        ({"segment": [1, 2, 0, 0, None, 0]}, "'segment'"),
        ({"document": ["0002", "0001", "0001", "0003", "0001", None]}, "'document'"),
    ],
)
def test_tables_that_are_not_one_row_a_segment(write, load, suffix, changes, message):
    with pytest.raises(InputError, match=message):
        load(write(suffix=suffix, **changes))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_column_without_any_value_can_be_asked_for(write, load, suffix):
    bags = load(write(suffix=suffix, f1=pa.array([None] * 6, pa.float64())), audio=["f1", "f2"]).load()
    assert np.isnan(bags.audio.values[:, 0]).all()
    assert bags.audio.values[:, 1].tolist() == EXPECTED[:, 1].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"audio": ["f1", "f9"]}, r"no column 'f9'.*f1, f2"),
        ({"audio": ["f1", "note"]}, r"numbers in 'note', found string"),
        ({"drop_words": "(", "text": "x"}, "regular expression"),
        ({"audio": []}, "nothing to import"),
    ],
)
def test_wrong_options(write, load, text_folder, options, message):
    options = options | ({"text": str(text_folder)} if "text" in options else {})
    with pytest.raises(UsageError, match=message):
        load(write(), **options)


def test_wrong_tables(write, load, tmp_path, text_folder):
    with pytest.raises(InputError, match="found no file"):
        load(tmp_path / "none.parquet")
    with pytest.raises(InputError, match=r"column 'segment', found document, f1"):
        load(write({k: ROWS[k] for k in ("document", "f1")}))
    with pytest.raises(UsageError, match="needs the column 'text'"):
        load(write({k: v for k, v in ROWS.items() if k != "text"}), text=str(text_folder))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"rubbish")
    with pytest.raises(InputError, match=r"broken\.parquet"):
        load(broken)


def test_values_that_float32_cannot_hold_are_that_documents_problem(write, load):
    store = load(write(f1=[0.5, 3.0, 1.0, 1e300, 2.0, None]))
    assert [p.document for p in store.problems] == ["0003"]
    assert "finite" in store.problems[0].message


def test_other_options_in_the_same_folder_are_refused(write, load):
    load(write())
    for options in ({"first": 1}, {"audio": ["f1"]}, {"drop_words": "x"}):
        with pytest.raises(StoreError, match="made another way"):
            load(write(), **options)
