"""Bytes that stand in JSON as base64 text: values of Secrets, binaryData of ConfigMaps."""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Iterator

from petset.api.field import FieldError, invalid


def base64_errors(path: str, text: str) -> Iterator[FieldError]:
    """Text that is no base64."""
    try:
        b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        yield invalid(path, "<redacted>", "illegal base64 data")


def decoded_size(texts: Iterable[str]) -> int:
    """How many bytes some base64 texts stand for."""
    return sum(len(text) * 3 // 4 - text[-2:].count("=") for text in texts)
