"""Selectors mean the same after printing and parsing."""

from hypothesis import given
from hypothesis import strategies as st

from petset.api import selectors
from petset.api.selectors import FieldRequirement, FieldSelector, Requirement, Selector

keys = st.sampled_from(["app", "tier", "in", "notin", "example.com/x", "A.b_c-d"])
values = st.sampled_from(["", "web", "in", "notin", "a.b_c-D", "0"])
labels = st.dictionaries(keys, values)
requirements = st.one_of(
    st.builds(Requirement, keys, st.sampled_from(["=", "==", "!="]), st.tuples(values)),
    st.builds(Requirement, keys, st.sampled_from(["exists", "!"])),
    st.builds(
        lambda key, operator, chosen: Requirement(key, operator, tuple(sorted(chosen))),
        keys,
        st.sampled_from(["in", "notin"]),
        st.sets(values, min_size=1),
    ),
)
label_selectors = st.lists(requirements, max_size=4).map(Selector)


@given(label_selectors)
def test_printing_and_parsing_a_label_selector_changes_nothing(selector: Selector) -> None:
    assert selectors.parse_label_selector(str(selector)) == selector


@given(label_selectors, labels)
def test_a_selector_matches_when_every_requirement_does(selector: Selector, carried: dict[str, str]) -> None:
    assert selector.matches(carried) == all(requirement.matches(carried) for requirement in selector.requirements)


@given(keys, values, labels)
def test_an_operator_and_its_negation_never_agree(key: str, value: str, carried: dict[str, str]) -> None:
    for positive, negative in (("=", "!="), ("in", "notin")):
        assert Requirement(key, positive, (value,)).matches(carried) != Requirement(key, negative, (value,)).matches(
            carried
        )
    assert Requirement(key, "exists").matches(carried) != Requirement(key, "!").matches(carried)


@given(
    st.lists(
        st.builds(FieldRequirement, st.sampled_from(["metadata.name", "b"]), st.sampled_from(["=", "!="]), st.text())
    )
)
def test_printing_and_parsing_a_field_selector_changes_nothing(terms: list[FieldRequirement]) -> None:
    parsed = selectors.parse_field_selector(str(FieldSelector(tuple(terms))))
    assert sorted(map(str, parsed.requirements)) == sorted(map(str, terms))
