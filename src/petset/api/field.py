"""Errors of single fields, in the words Kubernetes clients know.

A validator returns a list of `FieldError`; the pipeline folds them into one `errors.Invalid`. Paths are JSON paths such
as `spec.template.spec.containers[0].name`. Wording follows apimachinery's `field` package, for users and tools match on
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field: `reason` is the cause's reason on the wire, `body` the text after the path."""

    reason: str
    path: str
    body: str

    def __str__(self) -> str:
        return f"{self.path}: {self.body}"


def shown(value: Any) -> str:
    """The value as an error message prints it: strings quoted as Go does, scalars bare, everything else as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    quoted = msgspec.json.encode(value).decode()
    return quoted if (quoted.isprintable() and "\\u" not in quoted) or not isinstance(value, str) else _quoted(value)


def _quoted(text: str) -> str:
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None or character.isprintable():
        return known or character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _with_detail(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head


def required(path: str, detail: str = "") -> FieldError:
    """A field that must be there is not."""
    return FieldError("FieldValueRequired", path, _with_detail("Required value", detail))


def invalid(path: str, value: Any, detail: str) -> FieldError:
    """A value breaks a rule."""
    return FieldError("FieldValueInvalid", path, _with_detail(f"Invalid value: {shown(value)}", detail))


def type_invalid(path: str, value: Any, detail: str) -> FieldError:
    """A value has the wrong type."""
    return FieldError("FieldValueTypeInvalid", path, _with_detail(f"Invalid value: {shown(value)}", detail))


def not_supported(path: str, value: Any, supported: Iterable[str]) -> FieldError:
    """A value is none of an enumeration; a sequence is told in its order, a set sorted."""
    listed = supported if isinstance(supported, Sequence) else sorted(supported)
    names = ", ".join(shown(name) for name in listed)
    return FieldError("FieldValueNotSupported", path, f"Unsupported value: {shown(value)}: supported values: {names}")


def forbidden(path: str, detail: str) -> FieldError:
    """A field may not be set or changed here."""
    return FieldError("FieldValueForbidden", path, _with_detail("Forbidden", detail))


def duplicate(path: str, value: Any) -> FieldError:
    """A value that must be unique appears twice."""
    return FieldError("FieldValueDuplicate", path, f"Duplicate value: {shown(value)}")


def not_found(path: str, value: Any, detail: str = "") -> FieldError:
    """A value refers to something that is not there."""
    return FieldError("FieldValueNotFound", path, _with_detail(f"Not found: {shown(value)}", detail))


def too_long(path: str, limit: int) -> FieldError:
    """A value is longer than `limit` bytes."""
    return FieldError("FieldValueTooLong", path, f"Too long: may not be more than {limit} bytes")


def too_many(path: str, actual: int, limit: int) -> FieldError:
    """A list has more than `limit` items."""
    return FieldError("FieldValueTooMany", path, f"Too many: {actual}: must have at most {limit} items")
