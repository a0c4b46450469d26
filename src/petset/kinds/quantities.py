"""Quantities inside objects: stored in their canonical form, so that equal amounts have equal text."""

from fractions import Fraction
from functools import lru_cache

from petset.api.field import FieldError, invalid
from petset.api.quantity import Quantity, QuantityError, parse


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The canonical form of a quantity; text that is no quantity stays as it is, for validation to name."""
    try:
        return str(parse(text))
    except QuantityError:
        return text


def canonicalize(amounts: dict[str, str]) -> None:
    """Brings a resource list into canonical form, nothing finer than a thousandth (upstream rounds up on decoding)."""
    for name, text in amounts.items():
        amounts[name] = _rounded(text)


def quantity_errors(path: str, text: str) -> list[FieldError]:
    """What is wrong with an amount: no quantity at all, or less than nothing."""
    try:
        amount = parse(text)
    except QuantityError as error:
        return [invalid(path, text, str(error))]
    return [invalid(path, text, "must be greater than or equal to 0")] if amount.amount < 0 else []


@lru_cache(maxsize=4096)
def _rounded(text: str) -> str:
    try:
        quantity = parse(text)
    except QuantityError:
        return text
    if (quantity.amount * 1000).denominator == 1:
        return str(quantity)
    return str(Quantity(Fraction(quantity.milli_value(), 1000), quantity.format))
