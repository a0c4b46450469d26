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


def once_for_equal(look: Callable[..., R]) -> Callable[..., R]:
    """The same pure function of a JSON tree, and of more that can be hashed; what it found in small trees is kept.

    Whoever gets an answer shares it: it must not be changed.
    """

    @lru_cache(_REMEMBERED)
    def known(encoded: bytes, *more: Any) -> R:
        return look(msgspec.json.decode(encoded), *more)

    def looked(value: Any, *more: Any) -> R:
        encoded = _encode(value)
        return known(encoded, *more) if len(encoded) <= LONGEST_REMEMBERED else look(value, *more)

    return looked
