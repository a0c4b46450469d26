"""LimitRange: the least, the most and the usual that containers, pods and claims of a namespace ask for."""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from petset.api.field import FieldError, duplicate, forbidden, invalid, required
from petset.api.names import qualified_name_errors
from petset.api.quantity import Quantity, parse
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import LimitRange, LimitRangeItem
from petset.kinds.columns import NAME
from petset.kinds.quantities import canonicalize
from petset.kinds.resourcenames import can_be_overcommitted, container_resource_errors, resource_name_errors

CONTAINER, POD, CLAIM = "Container", "Pod", "PersistentVolumeClaim"


class LimitRangeStrategy(Strategy[LimitRange]):
    """Everything may change; what exists already is not judged again."""

    allow_create_on_update = True

    def default(self, obj: LimitRange) -> None:
        """For containers, the usual limit is the most and the usual request the limit, unless said otherwise."""
        for item in obj.spec.limits or ():
            for amounts in (item.max, item.min, item.default, item.default_request, item.max_limit_request_ratio):
                canonicalize(amounts)
            if item.type == CONTAINER:
                item.default = {**item.max, **item.default}
                item.default_request = {**item.min, **item.default, **item.default_request}

    def validate_create(self, obj: LimitRange) -> list[FieldError]:
        """Every item: known resources, and amounts that can be true together."""
        return list(_errors(obj))

    def validate_update(self, obj: LimitRange, old: LimitRange) -> list[FieldError]:
        """As on creation."""
        return list(_errors(obj))


def _errors(obj: LimitRange) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, item in enumerate(obj.spec.limits or ()):
        path = f"spec.limits[{index}]"
        yield from _type_errors(f"{path}.type", item.type)
        if item.type in seen:
            yield duplicate(f"{path}.type", item.type)
        seen.add(item.type)
        yield from _names_errors(path, item)
        yield from _kind_errors(path, item)
        yield from _amounts_errors(path, item)


def _type_errors(path: str, name: str) -> Iterator[FieldError]:
    messages = qualified_name_errors(name)
    for message in messages:
        yield invalid(path, name, message)
    if not messages and "/" not in name and name not in (CONTAINER, POD, CLAIM):
        yield invalid(path, name, "must be a standard limit type or fully qualified")


def _amounts(item: LimitRangeItem) -> dict[str, dict[str, str]]:
    """The amounts by the field they stand in; pods have no usual ones."""
    found = {"max": item.max, "min": item.min}
    if item.type != POD:
        found |= {"default": item.default, "defaultRequest": item.default_request}
    return {**found, "maxLimitRequestRatio": item.max_limit_request_ratio}


def _names_errors(path: str, item: LimitRangeItem) -> Iterator[FieldError]:
    check = container_resource_errors if item.type in (CONTAINER, POD) else resource_name_errors
    for place, amounts in _amounts(item).items():
        for name in amounts:
            yield from check(f"{path}.{place}[{name}]", name)


def _kind_errors(path: str, item: LimitRangeItem) -> Iterator[FieldError]:
    if item.type == POD:
        for place, amounts in (("default", item.default), ("defaultRequest", item.default_request)):
            if amounts:
                yield forbidden(f"{path}.{place}", "may not be specified when `type` is 'Pod'")
    if item.type == CLAIM and "storage" not in item.min and "storage" not in item.max:
        text = "either minimum or maximum storage value is required, but neither was provided"
        yield required(f"{path}.limits", text)


def _amounts_errors(path: str, item: LimitRangeItem) -> Iterator[FieldError]:
    amounts = _amounts(item)
    for name in dict.fromkeys(name for listed in amounts.values() for name in listed):
        values = {place: parse(listed[name]) for place, listed in amounts.items() if name in listed}
        yield from _order_errors(path, name, values)
        yield from _ratio_errors(f"{path}.maxLimitRequestRatio[{name}]", values)
        usual, request = values.get("default"), values.get("defaultRequest")
        if usual is not None and request is not None and usual != request and not can_be_overcommitted(name):
            text = f"default value {usual} must equal to defaultRequest value {request} in {name}"
            yield invalid(f"{path}.defaultRequest[{name}]", str(request), text)


_ORDER = (
    # the smaller, the greater, the field at fault, the value that is shown, the words
    ("min", "max", "min", "min", "min value {0} is greater than max value {1}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {0} is greater than default request value {1}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than max value {1}",
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than default limit value {1}",
    ),
    ("min", "default", "default", "min", "min value {0} is greater than default value {1}"),
    ("default", "max", "default", "max", "default value {0} is greater than max value {1}"),
)


def _order_errors(path: str, name: str, values: dict[str, Quantity]) -> Iterator[FieldError]:
    for smaller, greater, field, shown, words in _ORDER:
        low, high = values.get(smaller), values.get(greater)
        if low is not None and high is not None and low > high:
            yield invalid(f"{path}.{field}[{name}]", str(values[shown]), words.format(low, high))


def _ratio_errors(path: str, values: dict[str, Quantity]) -> Iterator[FieldError]:
    ratio, least, most = (values.get(place) for place in ("maxLimitRequestRatio", "min", "max"))
    if ratio is None:
        return
    if ratio.amount < 1:
        yield invalid(path, str(ratio), f"ratio {ratio} is less than 1")
    if least is None or most is None or not least:
        return
    limit = Fraction(most.milli_value(), least.milli_value())
    if ratio.amount > limit:
        yield invalid(path, str(ratio), f"ratio {ratio} is greater than max/min = {float(limit):f}")


def _created(obj: LimitRange, _: datetime) -> str | None:
    return obj.metadata.creation_timestamp


RESOURCE = Resource(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    type=LimitRange,
    namespaced=True,
    strategy=LimitRangeStrategy(),
    short_names=("limits",),
    columns=(NAME, Column("Created At", _created, type="date")),
)
