"""The key and the compact form of tokens."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from petset.apiserver.authentication.signing import BadSignature, SigningKey, read_payload

PAYLOAD = b'{"sub":"somebody"}'


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey()


def encoded(tree: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(tree).encode()).rstrip(b"=").decode()


def test_what_was_signed_can_be_opened(key: SigningKey) -> None:
    token = key.sign(PAYLOAD)
    assert key.open(token) == PAYLOAD
    assert read_payload(token) == PAYLOAD
    header = msgspec.json.decode(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header == {"alg": "ES256", "kid": key.id}


def test_another_key_opens_nothing(key: SigningKey) -> None:
    with pytest.raises(BadSignature):
        SigningKey().open(key.sign(PAYLOAD))


def test_a_changed_part_is_seen(key: SigningKey) -> None:
    header, payload, signature = key.sign(PAYLOAD).split(".")
    other = encoded({"sub": "somebody else"})
    swapped = key.sign(b"{}").split(".")[2]
    for token in (f"{header}.{other}.{signature}", f"{header}.{payload}.{swapped}"):
        with pytest.raises(BadSignature, match="invalid signature"):
            key.open(token)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES384", ""])
def test_only_our_own_algorithm_counts(key: SigningKey, algorithm: str) -> None:
    _, payload, signature = key.sign(PAYLOAD).split(".")
    with pytest.raises(BadSignature):
        key.open(f"{encoded({'alg': algorithm, 'kid': key.id})}.{payload}.{signature}")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30.e30", "e30.e30.", "é.é.é", "\udcff.a.b", "{}.{}.{}", "A" * 5000],
)
def test_what_is_no_token_is_said_to_be_none(key: SigningKey, token: str) -> None:
    with pytest.raises(BadSignature):
        key.open(token)


def test_a_second_spelling_of_a_token_is_none(key: SigningKey) -> None:
    """The last letter of a signature carries bits that mean nothing."""
    token = key.sign(PAYLOAD)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    for other in (twin, f"{token}=", f"{token} "):
        with pytest.raises(BadSignature):
            key.open(other)


def test_the_key_stays_in_its_file_which_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "pki" / "sa.key"
    token = SigningKey(file).sign(PAYLOAD)
    assert SigningKey(file).open(token) == PAYLOAD
    assert file.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in file.parent.iterdir()] == ["sa.key"]


def test_a_key_of_another_kind_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "sa.key"
    other = ec.generate_private_key(ec.SECP384R1())
    file.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(TypeError, match="holds no key on the curve P-256"):
        SigningKey(file).sign(PAYLOAD)


def test_the_public_half_can_be_used_by_others(key: SigningKey) -> None:
    jwk = key.public_jwk
    numbers = [int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "="), "big") for name in "xy"]
    assert ec.EllipticCurvePublicNumbers(numbers[0], numbers[1], ec.SECP256R1()).public_key().key_size == 256
    assert (jwk["kid"], jwk["alg"], jwk["use"]) == (key.id, "ES256", "sig")
