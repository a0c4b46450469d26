"""Quantities: what a text is worth and how it is printed."""

from fractions import Fraction

import pytest

from petset.api import quantity
from petset.api.quantity import Quantity, QuantityError


@pytest.mark.parametrize(
    ("text", "value", "milli", "printed"),
    [
        ("0", 0, 0, "0"),
        ("0Gi", 0, 0, "0"),
        ("0m", 0, 0, "0"),
        ("1", 1, 1000, "1"),
        ("+1", 1, 1000, "+1"),
        ("-1", -1, -1000, "-1"),
        ("010", 10, 10_000, "010"),
        ("100m", 1, 100, "100m"),
        ("1000m", 1, 1000, "1"),
        ("0.5", 1, 500, "500m"),
        (".5", 1, 500, "500m"),
        ("1.", 1, 1000, "1."),
        ("1.5", 2, 1500, "1500m"),
        ("1.125", 2, 1125, "1.125"),
        ("-1.5", -2, -1500, "-1500m"),
        ("1e3", 1000, 1_000_000, "1e3"),
        ("1E3", 1000, 1_000_000, "1E3"),
        ("1000e3", 1_000_000, 1_000_000_000, "1e6"),
        ("12e5", 1_200_000, 1_200_000_000, "1200e3"),
        ("1E", 10**18, 10**21, "1E"),
        ("1000E", 10**21, 10**24, "1000E"),
        ("1000k", 10**6, 10**9, "1M"),
        ("1Ki", 1024, 1_024_000, "1Ki"),
        ("1024Mi", 2**30, 2**30 * 1000, "1Gi"),
        ("1.5Gi", 1536 * 2**20, 1536 * 2**20 * 1000, "1536Mi"),
        ("0.5Ki", 512, 512_000, "512"),
        ("0.0001Ki", 1, 103, "102400u"),
        ("1.0001Ki", 1025, 1_024_103, "1024102400u"),
        ("1n", 1, 1, "1n"),
        ("0.1n", 1, 1, "1n"),
        ("123u", 1, 1, "123u"),
        ("100Ei", 2**63 - 1, (2**63 - 1) * 1000, "9223372036854775807"),
    ],
)
def test_texts(text: str, value: int, milli: int, printed: str) -> None:
    parsed = quantity.parse(text)
    assert (parsed.value(), parsed.milli_value(), str(parsed)) == (value, milli, printed)
    assert quantity.canonical(text) == printed


FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", FORMAT),
        ("ten", FORMAT),
        ("1.2.3", FORMAT),
        ("1 Gi", FORMAT),
        ("1Gi\n", FORMAT),
        ("-", "unable to parse numeric part of quantity"),
        ("Gi", "unable to parse numeric part of quantity"),
        (".", "unable to parse numeric part of quantity"),
        pytest.param("9" * 5000, "unable to parse numeric part of quantity", id="digits without end"),
        pytest.param("0." + "0" * 5000, "unable to parse numeric part of quantity", id="decimals without end"),
        ("1K", "unable to parse quantity's suffix"),
        ("1i", "unable to parse quantity's suffix"),
        ("1e", "unable to parse quantity's suffix"),
        ("1e999999999", "unable to parse quantity's suffix"),
    ],
)
def test_refused_with_the_stock_servers_words(text: str, message: str) -> None:
    with pytest.raises(QuantityError) as raised:
        quantity.parse(text)
    assert str(raised.value) == message


def test_quantities_compare_by_amount() -> None:
    assert quantity.parse("1Gi") == quantity.parse("1024Mi")
    assert len({quantity.parse("1"), quantity.parse("1000m")}) == 1
    assert quantity.parse("999Mi") < quantity.parse("1Gi") <= quantity.parse("1Gi")
    assert quantity.parse("1") != 1
    assert not quantity.parse("0Gi")


@pytest.mark.parametrize(
    ("left", "right", "added", "subtracted"),
    [("1Gi", "512Mi", "1536Mi", "512Mi"), ("0", "1Gi", "1Gi", "-1Gi"), ("100m", "1", "1100m", "-900m")],
)
def test_sums_keep_the_format_of_the_first_that_counts(left: str, right: str, added: str, subtracted: str) -> None:
    assert str(quantity.parse(left) + quantity.parse(right)) == added
    assert str(quantity.parse(left) - quantity.parse(right)) == subtracted
    assert quantity.total([quantity.parse(left), quantity.parse(right)]) == quantity.parse(added)


def test_a_number_of_bytes_prints_with_binary_suffixes() -> None:
    assert str(Quantity(Fraction(16_384 * 1024), "BinarySI")) == "16Mi"
    assert str(Quantity(Fraction(1023), "BinarySI")) == "1023"
