"""The key that signs tokens, and the compact form of a signed token (RFC 7515, ES256). Knows nothing of claims.

The library behind it takes a start 0.06 s: it is loaded when the first token is made or checked.
"""

import base64
import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from petset.aio.files import write_durably

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALGORITHM = "ES256"
_SIZE = 32
"""Bytes of each half of a signature, and of each coordinate of the public key."""


class BadSignature(Exception):
    """The text is no token of this key."""


class _Header(msgspec.Struct):
    alg: str
    kid: str = ""


_read_header = msgspec.json.Decoder(_Header).decode


class SigningKey:
    """A key pair, kept in `file` with mode 0600 and made when it is first needed; without a file, only in memory."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def sign(self, payload: bytes) -> str:
        """The token that says `payload`."""
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - see the module's docstring
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415

        header = msgspec.json.encode({"alg": ALGORITHM, "kid": self.id})
        text = f"{_encode(header)}.{_encode(payload)}"
        halves = decode_dss_signature(self._key.sign(text.encode(), ECDSA(hashes.SHA256())))
        return f"{text}.{_encode(b''.join(half.to_bytes(_SIZE, 'big') for half in halves))}"

    def open(self, token: str) -> bytes:
        """What a token says. Raises BadSignature."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see the module's docstring
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415

        signed, _, signature = token.rpartition(".")
        header, payload, raw = _parts(signed, signature)
        if header.alg != ALGORITHM or header.kid not in {"", self.id} or len(raw) != 2 * _SIZE:
            raise BadSignature("invalid signature, no keys found")
        halves = (int.from_bytes(raw[:_SIZE], "big"), int.from_bytes(raw[_SIZE:], "big"))
        try:
            self._key.public_key().verify(encode_dss_signature(*halves), signed.encode(), ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise BadSignature("invalid signature") from error
        return payload

    @cached_property
    def id(self) -> str:
        """The name of the key in tokens: a digest of its public half, as upstream."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return _encode(hashlib.sha256(public).digest())

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JSON Web Key."""
        numbers = self._key.public_key().public_numbers()
        x, y = (_encode(number.to_bytes(_SIZE, "big")) for number in (numbers.x, numbers.y))
        return {"use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": ALGORITHM, "x": x, "y": y}

    @cached_property
    def _key(self) -> "EllipticCurvePrivateKey":
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - see the module's docstring
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        if self._file is None:
            return ec.generate_private_key(ec.SECP256R1())
        if not self._file.exists():
            _store(self._file, ec.generate_private_key(ec.SECP256R1()))
        key = load_pem_private_key(self._file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise TypeError(f"{self._file} holds no key on the curve P-256")
        return key


def _store(file: Path, key: "EllipticCurvePrivateKey") -> None:
    """Before the first token is given: a key that is lost takes all tokens with it."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    write_durably(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def read_payload(token: str) -> bytes:
    """What a token says, unchecked: nothing of it is to be trusted. Raises BadSignature when it is no token."""
    signed, _, signature = token.rpartition(".")
    return _parts(signed, signature)[1]


def _parts(signed: str, signature: str) -> tuple[_Header, bytes, bytes]:
    header, separator, payload = signed.partition(".")
    if not separator or "." in payload:
        raise BadSignature("invalid bearer token")
    try:
        return _read_header(_decode(header)), _decode(payload), _decode(signature)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise BadSignature("invalid bearer token") from error


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Raises ValueError, also for anything but the one spelling that `_encode` gives."""
    raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _encode(raw) != text:
        raise ValueError("not in base64url")
    return raw
