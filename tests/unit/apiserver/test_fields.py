"""The fields of a record read like the mapping that they were made from."""

import sys

from petset.apiserver.fields import Fields

GIVEN = {"metadata.name": "web-0", "reason": "Started", "type": "Normal"}


def test_they_read_like_what_they_were_made_from() -> None:
    fields = Fields(GIVEN)
    assert (dict(fields), len(fields), fields["reason"], fields.get("absent", "?")) == (GIVEN, 3, "Started", "?")
    assert fields == GIVEN
    assert {**fields, "more": ""} == {**GIVEN, "more": ""}
    assert repr(fields) == repr(GIVEN)


def test_they_are_equal_when_they_say_the_same() -> None:
    assert Fields(GIVEN) == Fields(dict(GIVEN))
    assert Fields(GIVEN) != Fields({**GIVEN, "type": "Warning"})


def test_values_that_recur_are_kept_once() -> None:
    one, other = (Fields({"type": "".join(["War", "ning"])}) for _ in range(2))
    assert one["type"] is other["type"]


def test_they_are_small() -> None:
    fields = Fields({f"field-{number}": "" for number in range(12)})
    assert sys.getsizeof(fields) + sys.getsizeof(fields._values) < 0.6 * sys.getsizeof(dict(fields))
