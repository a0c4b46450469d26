import pytest

from petset.node.expansion import expand, missing_names

VARIABLES = {"A": "1", "B": "two", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("$(A)", "1"),
        ("x-$(A)-$(B)-y", "x-1-two-y"),
        ("$(EMPTY)", ""),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("costs 5$", "costs 5$"),
        ("$()", "$()"),
        ("$($(A))", "$($(A))"),
    ],
)
def test_references_are_replaced_and_doubled_dollars_are_one(text: str, expanded: str) -> None:
    assert expand(text, VARIABLES) == expanded


def test_the_first_mapping_that_knows_a_name_wins() -> None:
    assert expand("$(A) $(C)", {"A": "own"}, {"A": "service", "C": "3"}) == "own 3"


def test_names_without_a_value_are_missing_but_escaped_ones_are_not() -> None:
    assert missing_names("$(A)/$(Z)/$(EMPTY)/$$(Q)", VARIABLES) == ["EMPTY", "Z"]
