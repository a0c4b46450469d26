"""Bodies in protobuf, as Go clients send them for built-in kinds, DeleteOptions included."""

import pytest

from tests.conformance.api import Api, refused

PROTOBUF = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"


def varint(number: int) -> bytes:
    digits = []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def envelope(version: str, kind: str, raw: bytes) -> bytes:
    """runtime.Unknown: the type, then the message."""
    return MAGIC + field(1, field(1, version) + field(2, kind)) + field(2, raw)


METADATA = field(1, "c") + field(11, field(1, "app") + field(2, "web"))
CONFIG_MAP = envelope("v1", "ConfigMap", field(1, METADATA) + field(2, field(1, "key") + field(2, "value")))


async def test_an_object_is_read(api: Api) -> None:
    made = (await api.ask("POST", "configmaps", CONFIG_MAP, type_=PROTOBUF)).done(201)
    assert (made["metadata"]["name"], made["metadata"]["labels"]) == ("c", {"app": "web"})
    assert made["data"] == {"key": "value"}


async def test_options_of_a_deletion_are_read(api: Api) -> None:
    (await api.ask("POST", "configmaps", CONFIG_MAP, type_=PROTOBUF)).done(201)
    background = envelope("v1", "DeleteOptions", field(4, "Background") + field(2, field(1, "other")))
    reply = await api.ask("DELETE", "configmaps/c", background, type_=PROTOBUF)
    refused(reply, 409, "Conflict")
    (await api.ask("DELETE", "configmaps/c", envelope("v1", "DeleteOptions", field(1, 0)), type_=PROTOBUF)).done()
    refused(await api.get("configmaps/c"), 404, "NotFound")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", MAGIC, MAGIC + b"\xff" * 8, envelope("v1", "ConfigMap", b"\xff"), CONFIG_MAP[:-3]],
    ids=["nothing", "JSON", "no type", "garbage", "a message of garbage", "an end too early"],
)
async def test_what_cannot_be_read_is_refused(there: Api, body: bytes) -> None:
    reply = await there.ask("POST", "configmaps", body, type_=PROTOBUF, query="dryRun=All")
    refused(reply, 400, "BadRequest")
