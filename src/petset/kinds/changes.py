"""What differs between two states of an object, as lines a person can read under a refusal."""

from collections.abc import Iterator
from typing import Any

import msgspec

from petset.api.field import shown

_MISSING = object()


def describe_changes(path: str, old: Any, new: Any) -> str:
    """One `-` line for every value that went and one `+` line for every value that came, each with its path."""
    lines = _lines(path, msgspec.to_builtins(old), msgspec.to_builtins(new))
    return "\n".join(lines)


def _lines(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _lines(f"{path}.{key}", old.get(key, _MISSING), new.get(key, _MISSING))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from _lines(f"{path}[{index}]", *pair)
    else:
        if old is not _MISSING:
            yield f"- {path}: {shown(old)}"
        if new is not _MISSING:
            yield f"+ {path}: {shown(new)}"
