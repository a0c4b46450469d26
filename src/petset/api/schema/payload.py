"""Bytes that stand in JSON as base64 text: what of it Go reads, and in which form it writes it."""

import binascii
from base64 import b64decode

from petset.api.schema.errors import BytesError

_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_PADDING = ord("=")


def canonical_bytes(text: str) -> str:
    """The text without its line breaks.

    Raises:
        BytesError: it is no base64.
    """
    if _is_base64(text):
        return text
    plain = text.replace("\r", "").replace("\n", "")
    if _is_base64(plain):
        return plain
    raise BytesError(f"illegal base64 data at input byte {_first_wrong(text.encode())}")


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(text) % 4 == 0 and "=" not in text.rstrip("=") and not text.endswith("===")


def _first_wrong(raw: bytes) -> int:
    """Where Go gives up: at a character, at the beginning of what is left over, or behind the end."""
    taken, padding = 0, 0
    for index, byte in enumerate(raw):
        if byte in b"\r\n":
            continue
        if byte == _PADDING and taken % 4 >= 2 and padding < 4 - taken % 4:
            padding += 1
        elif byte == _PADDING or byte not in _ALPHABET or padding:
            return index
        else:
            taken += 1
    return len(raw) if padding else len(raw) - taken % 4
