"""Checks of single fields that many kinds need, in the words of upstream's validation packages.

Every check takes the field's path first and yields what is wrong with its value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from petset.api.field import FieldError, duplicate, forbidden, invalid, not_supported, required
from petset.api.meta import semantically_equal
from petset.api.names import (
    label_value_errors,
    percent_errors,
    port_name_errors,
    port_number_errors,
    qualified_name_errors,
)
from petset.api.types import LabelSelector, LabelSelectorRequirement

NOT_NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"
PROTOCOLS = ("SCTP", "TCP", "UDP")
_IP_RULE = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def format_errors(path: str, value: str, check: Callable[[str], list[str]]) -> Iterator[FieldError]:
    """The messages of a check of `petset.api.names`, for a value that may be empty."""
    for message in check(value):
        yield invalid(path, value, message)


def optional_errors(path: str, value: str | None, check: Callable[[str], list[str]]) -> Iterator[FieldError]:
    """As `format_errors`, for a value that may be left out."""
    if value:
        yield from format_errors(path, value, check)


def required_errors(path: str, value: str | None, check: Callable[[str], list[str]]) -> Iterator[FieldError]:
    """As `format_errors`, for a value that must be there."""
    if value:
        yield from format_errors(path, value, check)
    else:
        yield required(path)


def not_negative(path: str, value: int | None) -> Iterator[FieldError]:
    """A number that counts or measures something."""
    if value is not None and value < 0:
        yield invalid(path, value, NOT_NEGATIVE)


def count_or_percent(path: str, value: int | str | None) -> Iterator[FieldError]:
    """A number of pods, or a share of them that is no more than all."""
    if isinstance(value, int):
        yield from not_negative(path, value)
    elif value is not None:
        messages = percent_errors(value)
        for message in messages:
            yield invalid(path, value, message)
        if not messages and int(value.removesuffix("%")) > 100:
            yield invalid(path, value, "must not be greater than 100%")


def one_of(path: str, value: str | None, supported: Iterable[str]) -> Iterator[FieldError]:
    """A value of an enumeration that must be set."""
    if not value:
        yield required(path)
    else:
        yield from optional_one_of(path, value, supported)


def optional_one_of(path: str, value: str | None, supported: Iterable[str]) -> Iterator[FieldError]:
    """A value of an enumeration that may be left out."""
    names = tuple(supported) if isinstance(supported, Sequence) else frozenset(supported)
    if value is not None and value not in names:
        yield not_supported(path, value, names)


def unchanged(path: str, new: Any, old: Any) -> Iterator[FieldError]:
    """A field that keeps the value it got on creation."""
    if not semantically_equal(new, old):
        yield invalid(path, new, IMMUTABLE)


def unique_names(path: str, named: Sequence[Any]) -> Iterator[FieldError]:
    """Items of a list whose names, when they have one, differ."""
    seen: set[str] = set()
    for index, item in enumerate(named):
        if item.name and item.name in seen:
            yield duplicate(f"{path}[{index}].name", item.name)
        seen.add(item.name)


def port_number(path: str, port: int) -> Iterator[FieldError]:
    """A port that can be connected to."""
    for message in port_number_errors(port):
        yield invalid(path, port, message)


def port_number_or_name(path: str, port: int | str | None) -> Iterator[FieldError]:
    """A port, or the name of a container's port."""
    if isinstance(port, int):
        yield from port_number(path, port)
    else:
        yield from format_errors(path, port or "", port_name_errors)


def is_ip(text: str, version: int | None = None) -> bool:
    """Whether a text is an IP address, of that version."""
    try:
        return ip_address(text).version == (version or ip_address(text).version)
    except ValueError:
        return False


def ip(path: str, text: str) -> Iterator[FieldError]:
    """An IPv4 or IPv6 address."""
    if not is_ip(text):
        yield invalid(path, text, _IP_RULE)


def labels(path: str, values: Mapping[str, str]) -> Iterator[FieldError]:
    """Labels that objects can have; errors name the map, not the key, as upstream does."""
    for key, value in values.items():
        yield from format_errors(path, key, qualified_name_errors)
        yield from format_errors(path, value, label_value_errors)


def label_selector(path: str, selector: LabelSelector | None) -> Iterator[FieldError]:
    """A selector that some labels could match."""
    if selector is None:
        return
    yield from labels(f"{path}.matchLabels", selector.match_labels)
    for index, requirement in enumerate(selector.match_expressions):
        yield from _requirement(f"{path}.matchExpressions[{index}]", requirement)


def selector_values(path: str, operator: str, values: Sequence[str]) -> Iterator[FieldError]:
    """Whether an operator of a label or node selector goes with so many values."""
    if operator in {"In", "NotIn"} and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    if operator in {"Exists", "DoesNotExist"} and values:
        yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")


def _requirement(path: str, requirement: LabelSelectorRequirement) -> Iterator[FieldError]:
    if requirement.operator in {"In", "NotIn", "Exists", "DoesNotExist"}:
        yield from selector_values(path, requirement.operator, requirement.values)
    else:
        yield invalid(f"{path}.operator", requirement.operator, "not a valid selector operator")
    yield from format_errors(f"{path}.key", requirement.key, qualified_name_errors)
    for index, value in enumerate(requirement.values):
        yield from format_errors(f"{path}.values[{index}]", value, label_value_errors)
