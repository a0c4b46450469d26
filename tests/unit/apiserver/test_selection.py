"""Selecting many records at once is the same as asking of each."""

import pytest

from petset.api.selectors import parse_field_selector, parse_label_selector
from petset.apiserver.selection import Selection
from petset.store.interface import Record

RECORDS = [
    Record(f"default/{app}-{number}", number, b"", {"app": app, "number": str(number)}, {"status.phase": phase})
    for number, (app, phase) in enumerate([("web", "Running"), ("web", "Pending"), ("db", "Running"), ("", "Failed")])
]


@pytest.mark.parametrize("fields", ["", "status.phase=Running", "metadata.name=web-1", "status.phase!=Pending"])
@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ("", [0, 1, 2, 3]),
        ("app=web", [0, 1]),
        ("app==web,number=1", [1]),
        ("app=web,number=2", []),
        ("app!=web", [2, 3]),
        ("app in (web,db),number notin (0)", [1, 2]),
        ("app=web,!absent", [0, 1]),
        ("app=web,absent", []),
        ("app=", [3]),
    ],
)
def test_those_are_selected_that_match(labels: str, names: list[int], fields: str) -> None:
    selection = Selection(parse_label_selector(labels), parse_field_selector(fields))
    assert list(selection.select(RECORDS)) == [record for record in RECORDS if selection.matches(record)]
    if not fields:
        assert [record.revision for record in selection.select(RECORDS)] == names
