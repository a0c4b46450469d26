"""The index of labels knows at any time who has which."""

from hypothesis import given
from hypothesis import strategies as st

from petset.store.labels import LabelIndex

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), LABELS)))
def test_who_has_a_label_is_found_whatever_changed(changes: list[tuple[str, dict[str, str]]]) -> None:
    index, known = LabelIndex(), dict[str, dict[str, str]]()
    for name, labels in changes:
        index.change(name, known.get(name, {}), labels)
        known[name] = labels
    for label in ((key, value) for key in "abc" for value in "xy"):
        having = {name for name, labels in known.items() if labels.get(label[0]) == label[1]}
        assert set(index.fewest([label])) == having
        others = {name for name, labels in known.items() if labels.get("a") == "x"}
        found = set(index.fewest([label, ("a", "x")]))
        assert having & others <= found
        assert len(found) <= max(1, min(len(having), len(others)))


def test_nobody_is_found_by_a_label_that_nobody_has() -> None:
    index = LabelIndex([("one", {"app": "web"}), ("two", {"app": "web"})])
    assert [*index.fewest([("app", "web"), ("app", "db")])] == []
    assert sorted(index.fewest([("app", "web")])) == ["one", "two"]
    index.change("one", {"app": "web"}, {})
    index.change("two", {"app": "web"}, {})
    assert [*index.fewest([("app", "web")])] == []
