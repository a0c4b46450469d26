"""What must be unique or unguessable: object uids, generated name suffixes, secrets."""

import random
import secrets

_random = random.Random(secrets.randbits(256))  # noqa: S311 - uids and names have to be unique, not unguessable
_VARIANTS = "89ab"
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def new_uid() -> str:
    """A random (version 4) UUID in text form. Costs no system call: there are a dozen in the life of a pod."""
    digits = f"{_random.getrandbits(128):032x}"
    variant = _VARIANTS[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def name_suffix(length: int = 5) -> str:
    """A random suffix in Kubernetes' alphabet: no vowels (no words by accident), no digits that look like letters."""
    return "".join(_random.choices(_SUFFIX_ALPHABET, k=length))


def new_secret(size: int = 32) -> str:
    """A URL-safe secret from `size` random bytes."""
    return secrets.token_urlsafe(size)
