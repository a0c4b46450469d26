"""Bytes that stand in JSON as base64 text: values of Secrets, binaryData of ConfigMaps."""

from collections.abc import Iterable


def decoded_size(texts: Iterable[str]) -> int:
    """How many bytes some base64 texts stand for."""
    return sum(len(text) * 3 // 4 - text[-2:].count("=") for text in texts)
