"""How the objects of a StatefulSet are called. Pure."""

import re
from collections.abc import Iterator
from typing import Final

POD_NAME_LABEL: Final = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL: Final = "apps.kubernetes.io/pod-index"
REVISION_LABEL: Final = "controller-revision-hash"
REVISION_HASH_LABEL: Final = "controller.kubernetes.io/hash"

_ORDINAL = re.compile(r"(.*)-([0-9]+)")
_LARGEST_ORDINAL = 2**31 - 1
_HASH_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_REVISION_PREFIX = 223
_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619


def pod_name(set_name: str, ordinal: int) -> str:
    """`web-0`."""
    return f"{set_name}-{ordinal}"


def claim_name(template_name: str, set_name: str, ordinal: int) -> str:
    """`www-web-0`."""
    return f"{template_name}-{set_name}-{ordinal}"


def is_member(set_name: str, name: str) -> bool:
    """Whether a pod's name is the set's, a dash and digits."""
    match = _ORDINAL.fullmatch(name)
    return match is not None and match[1] == set_name


def set_name_of(name: str) -> str | None:
    """The name of the set that a pod of this name could belong to, or None when the name has no number at its end."""
    match = _ORDINAL.fullmatch(name)
    return match[1] if match is not None else None


def ordinal_of(set_name: str, name: str) -> int | None:
    """The ordinal in a pod's name, or None when the name is not one of this set's or the number has over 31 bits."""
    match = _ORDINAL.fullmatch(name)
    if match is None or match[1] != set_name:
        return None
    ordinal = int(match[2])
    return ordinal if ordinal <= _LARGEST_ORDINAL else None


def claim_may_belong_to(claim: str) -> Iterator[tuple[str, str]]:
    """All ways to read a claim's name as `<template>-<set>-<ordinal>`: pairs of template and set."""
    match = _ORDINAL.fullmatch(claim)
    if match is None:
        return
    stem = match[1]
    for dash in (place for place, letter in enumerate(stem) if letter == "-"):
        yield stem[:dash], stem[dash + 1 :]


def revision_hash(data: bytes, collision_count: int) -> str:
    """The hash in a ControllerRevision's name: FNV-1 (32 bit) over the data and the collision count.

    The same template gives the same hash as in Kubernetes (controller history's HashControllerRevision), so that
    revisions keep their names when a set moves to a real cluster.
    """
    digest = _FNV_OFFSET
    for byte in data + str(collision_count).encode():
        digest = (digest * _FNV_PRIME) & 0xFFFFFFFF ^ byte
    return "".join(_HASH_ALPHABET[ord(digit) % len(_HASH_ALPHABET)] for digit in str(digest))


def revision_name(set_name: str, hash_text: str) -> str:
    """`web-6c5c8bb895`; long set names are cut."""
    return f"{set_name[:_LONGEST_REVISION_PREFIX]}-{hash_text}"
