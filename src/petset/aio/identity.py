"""What must be unique or unguessable: object uids, generated name suffixes, secrets."""

import secrets
import uuid

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def new_uid() -> str:
    """A random (version 4) UUID in text form."""
    return str(uuid.uuid4())


def name_suffix(length: int = 5) -> str:
    """A random suffix in Kubernetes' alphabet: no vowels (no words by accident), no digits that look like letters."""
    return "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(length))


def new_secret(size: int = 32) -> str:
    """A URL-safe secret from `size` random bytes."""
    return secrets.token_urlsafe(size)
