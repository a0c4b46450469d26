"""Quantities keep their worth through printing and parsing."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from petset.api import quantity
from petset.api.quantity import Quantity

amounts = st.integers(-(10**20), 10**20).map(lambda nano: Fraction(nano, 10**9))
formats = st.sampled_from(["DecimalSI", "BinarySI", "DecimalExponent"])
quantities = st.builds(Quantity, amounts, formats)
texts = st.from_regex(r"\A[+-]?[0-9]{1,12}(\.[0-9]{0,9})?(|n|u|m|k|M|G|T|Ki|Mi|Gi|Ti|e[+-]?[0-9])\Z")


@given(quantities)
def test_printing_and_parsing_keeps_the_amount(printed: Quantity) -> None:
    assert quantity.parse(str(printed)) == printed


@given(texts)
def test_the_canonical_form_is_canonical(text: str) -> None:
    once = quantity.canonical(text)
    assert quantity.canonical(once) == once
    assert quantity.parse(once) == quantity.parse(text)


@given(quantities, quantities)
def test_addition_and_subtraction_undo_each_other(left: Quantity, right: Quantity) -> None:
    assert (left + right) - right == left
