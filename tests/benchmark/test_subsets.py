"""Small parts of a corpus."""

from collections import Counter

from hilbert.benchmark.subsets import LEAST, stratified_groups


def test_groups_stay_whole_and_classes_keep_their_shares(make_data):
    data = make_data(600)
    rows = stratified_groups(data.y, data.groups, 60)
    inside = set(data.groups[rows])
    assert [group in inside for group in data.groups] == [row in set(rows.tolist()) for row in range(len(data))]
    counts = Counter(data.y[rows])
    assert all(20 <= counts[name] <= 30 for name in data.classes)
    assert rows.tolist() == stratified_groups(data.y, data.groups, 60).tolist()
    assert rows.tolist() != stratified_groups(data.y, data.groups, 60, seed=1).tolist()


def test_a_rare_class_is_there_often_enough_for_a_few_folds(make_data):
    data = make_data(600)
    data.y[data.y == "many"] = "one"
    data.y[::50] = "many"
    rows = stratified_groups(data.y, data.groups, 30)
    assert (data.y[rows] == "many").sum() >= LEAST
