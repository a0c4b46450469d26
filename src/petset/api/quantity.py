"""Resource quantities: `500m` cores, `1Gi` bytes, `1e3` of anything. Exact numbers, printed as Kubernetes prints them.

Grammar, rounding and canonical form are those of apimachinery's `api/resource`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, total_ordering
from math import ceil
from typing import Final, Literal, TypeAlias

Format: TypeAlias = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIXES: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIXES: Final = ["", *_BINARY]
_SPLIT: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT: Final = re.compile("[eE]([-+]?[0-9]+)")
# Kubernetes goes on to 2^31, but such a number has no use and takes gigabytes to write down.
_LARGEST_EXPONENT: Final = 100
_LARGEST_BINARY: Final = 2**63 - 1
_NANO: Final = 10**9


class QuantityError(ValueError):
    """The text is no quantity; the message is the one Kubernetes gives."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An exact number that remembers how it likes to be written. Equal amounts are equal, however they are written."""

    amount: Fraction
    format: Format = "DecimalSI"
    text: str = ""
    """The form to print where it is not the canonical one."""

    def value(self) -> int:
        """The amount as a whole number, rounded away from zero."""
        return _away_from_zero(self.amount)

    def milli_value(self) -> int:
        """The amount in thousandths, rounded away from zero: 1500 for one and a half cores."""
        return _away_from_zero(self.amount * 1000)

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.amount + other.amount, self.format if self.amount else other.format)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.amount - other.amount, self.format if self.amount else other.format)

    def __eq__(self, other: object) -> bool:
        return self.amount == other.amount if isinstance(other, Quantity) else NotImplemented

    def __lt__(self, other: "Quantity") -> bool:
        return self.amount < other.amount

    def __hash__(self) -> int:
        return hash(self.amount)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        """The canonical form: no fraction, the largest suffix that loses nothing, binary only from 1024 up."""
        if self.text or not self.amount:
            return self.text or "0"
        if self.format == "BinarySI" and abs(self.amount) >= 1024 and self.amount.denominator == 1:
            return _binary_text(self.amount.numerator)
        return _decimal_text(self.amount, self.format)


_MOST_DIGITS = 1000
"""Nobody counts that far; Python refuses numbers that are much longer."""

ZERO: Final = Quantity(Fraction(0))


@lru_cache(maxsize=4096)
def parse(text: str) -> Quantity:
    """The quantity of a text such as `1.5Gi`. Finer than a billionth is rounded away from zero.

    Raises:
        QuantityError: the text is no quantity.
    """
    split = _SPLIT.fullmatch(text)
    if split is None or not text:
        pattern = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
        raise QuantityError(f"quantities must match the regular expression '{pattern}'")
    sign, whole, fraction, suffix = split[1], split[2], split[3] or "", split[4]
    if not whole + fraction or len(whole + fraction) > _MOST_DIGITS:
        raise QuantityError("unable to parse numeric part of quantity")
    base, exponent, form = _interpret(suffix)
    digits = (whole.lstrip("0") or "0") + fraction
    amount = Fraction(int(digits), 10 ** len(fraction)) * Fraction(base) ** exponent
    amount = Fraction(ceil(amount * _NANO), _NANO)
    if form == "BinarySI":
        amount = min(amount, Fraction(_LARGEST_BINARY))
        form = "DecimalSI" if amount < 1 else form
        kept = False
    else:
        kept = _is_kept(digits, exponent - len(fraction))
    return Quantity(-amount if sign == "-" else amount, form, text if kept else "")


def canonical(text: str) -> str:
    """The form in which a server stores and returns a quantity. Raises QuantityError."""
    return str(parse(text))


def total(quantities: Iterable[Quantity]) -> Quantity:
    """The sum, in the format of the first that is not zero."""
    return sum(quantities, start=ZERO)


def _interpret(suffix: str) -> tuple[int, int, Format]:
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], "DecimalSI"
    if suffix in _BINARY:
        return 2, _BINARY[suffix], "BinarySI"
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None or abs(int(exponent[1])) > _LARGEST_EXPONENT:
        raise QuantityError("unable to parse quantity's suffix")
    return 10, int(exponent[1]), "DecimalExponent"


def _is_kept(digits: str, exponent: int) -> bool:
    """Kubernetes prints a decimal as it was written when its digits and exponent look canonical: 1.125, 100m."""
    fits = len(digits) <= 18 and exponent >= -9
    return fits and exponent % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _decimal_text(amount: Fraction, form: Format) -> str:
    mantissa, exponent = _away_from_zero(amount * _NANO), -9
    highest = _LARGEST_EXPONENT if form == "DecimalExponent" else 18
    while mantissa % 1000 == 0 and exponent < highest:
        mantissa //= 1000
        exponent += 3
    if form == "DecimalExponent":
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    return f"{mantissa}{_DECIMAL_SUFFIXES[exponent]}"


def _binary_text(amount: int) -> str:
    power = 0
    while amount % 1024 == 0 and power < len(_BINARY):
        amount //= 1024
        power += 1
    return f"{amount}{_BINARY_SUFFIXES[power]}"


def _away_from_zero(amount: Fraction) -> int:
    return ceil(amount) if amount >= 0 else -ceil(-amount)
