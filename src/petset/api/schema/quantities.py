"""The canonical form of quantities, in which Kubernetes stores and shows them: `0.5` is `500m`, `1024Mi` is `1Gi`.

Follows apimachinery's `api/resource`: the value is kept, rounded up to nano and capped at 2**63-1; there is no
fraction; the suffix is the largest possible one of the family the value was written in.
"""

import re
from decimal import ROUND_UP, Decimal
from functools import lru_cache

_FORM = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()}
_LARGEST = Decimal(2**63 - 1)
_NANO = Decimal("1e-9")


@lru_cache(maxsize=4096)
def canonical_quantity(text: str) -> str:
    """The canonical form of a quantity.

    Raises:
        ValueError: it is not a quantity; the message is the one Kubernetes gives.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"quantities must match the regular expression '^{_FORM.pattern}$'")
    number, suffix = match.groups()
    if number.count(".") > 1 or not number.strip("+-."):
        raise ValueError("unable to parse quantity's numeric part")
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent:
        value = _bounded(Decimal(number).scaleb(min(int(exponent[1]), 100)))
        return _decimal_form(value, exponential=True)
    if suffix in _BINARY:
        return _binary_form(_bounded(Decimal(number) * 1024 ** _BINARY[suffix]))
    if suffix in _DECIMAL:
        return _decimal_form(_bounded(Decimal(number).scaleb(_DECIMAL[suffix])), exponential=False)
    raise ValueError("unable to parse quantity's suffix")


def _bounded(value: Decimal) -> Decimal:
    if abs(value) > _LARGEST:
        return _LARGEST.copy_sign(value)
    return value.quantize(_NANO, rounding=ROUND_UP)


def _binary_form(value: Decimal) -> str:
    if abs(value) < 1024 or value != value.to_integral_value():
        return _decimal_form(value, exponential=False)
    number, power = int(value), 0
    while number % 1024 == 0 and power < 6:
        number, power = number // 1024, power + 1
    return f"{number}{_BINARY_SUFFIX.get(power, '')}"


def _decimal_form(value: Decimal, *, exponential: bool) -> str:
    number, power = int(value.scaleb(9)), -9
    if number == 0:
        return "0"
    while number % 1000 == 0 and power < 18:
        number, power = number // 1000, power + 3
    if exponential:
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_DECIMAL_SUFFIX[power]}"
