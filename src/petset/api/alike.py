"""What was found out about one value holds for all that are equal to it: specs are like those of many other objects."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

R = TypeVar("R")

LONGEST_REMEMBERED = 16 * 1024
"""Bytes of a value; larger ones take more memory than they save time."""
_REMEMBERED = 128

_encode = msgspec.json.Encoder().encode


def once_for_text(look: Callable[..., R]) -> Callable[..., R]:
    """The same pure function of a text, and of more that can be hashed; what it found in short texts is kept.

    Whoever gets an answer shares it: it must not be changed.
    """
    known = lru_cache(_REMEMBERED)(look)

    def looked(text: bytes, *more: Any) -> R:
        return known(text, *more) if len(text) <= LONGEST_REMEMBERED else look(text, *more)

    return looked


def once_for_equal(look: Callable[..., R]) -> Callable[..., R]:
    """The same of a JSON tree instead of a text."""
    known = once_for_text(lambda encoded, *more: look(msgspec.json.decode(encoded), *more))

    def looked(value: Any, *more: Any) -> R:
        return known(_encode(value), *more)

    return looked
