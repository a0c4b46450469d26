"""JSON to typed objects, as tolerant and as strict as Kubernetes' own decoding.

A null anywhere means unset, quantities may be numbers, the zero of an optional value is the same as nothing, unknown
fields are dropped (`strict` finds them), and a value of the wrong type is an error that names its field.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from petset.api.schema.errors import DecodeError
from petset.api.schema.go_words import Told, unmarshalled
from petset.api.schema.node import object_node
from petset.api.schema.normal_form import NOT_NORMAL, normalise, unset_zeros
from petset.api.schema.repair import repaired
from petset.api.types import Struct

__all__ = ["DecodeError", "convert", "decode"]

T = TypeVar("T", bound=Struct)
_UNFIT = (msgspec.ValidationError, *NOT_NORMAL)


def decode(raw: bytes, type_: type[T]) -> T:
    """The object a JSON document holds.

    Raises:
        DecodeError: the text is not JSON, or a value has the wrong type or form.
    """
    try:
        obj = cast(T, _decoder(type_)(raw))
        if _may_hold_zeros(raw):
            unset_zeros(obj)
        normalise(obj)
    except _UNFIT:
        return _converted_repaired(_tree(raw), type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError("", str(error)) from error
    return obj


def convert(tree: Any, type_: type[T], told: Told = unmarshalled) -> T:
    """The object a JSON tree of dicts, lists and scalars stands for.

    The tree is not changed; parts the schema leaves open (`ControllerRevision.data`) are shared with it. `told` gives
    the words for a value that does not fit.

    Raises:
        DecodeError: a value has the wrong type or form.
    """
    try:
        obj = msgspec.convert(tree, type_)
        normalise(obj)
    except _UNFIT:
        return _converted_repaired(tree, type_, told)
    unset_zeros(obj)
    return obj


def _tree(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise DecodeError("", str(error)) from error


def _may_hold_zeros(raw: bytes) -> bool:
    return b'""' in raw or b"false" in raw or b":0" in raw or b": 0" in raw


@cache
def _decoder(type_: type[Struct]) -> Callable[[bytes], Struct]:
    return msgspec.json.Decoder(type_).decode


def _converted_repaired(tree: Any, type_: type[T], told: Told = unmarshalled) -> T:
    try:
        obj = msgspec.convert(repaired(tree, object_node(type_.__name__), told), type_)
    except msgspec.ValidationError as error:
        raise DecodeError("", str(error)) from error
    normalise(obj)
    unset_zeros(obj)
    return obj
