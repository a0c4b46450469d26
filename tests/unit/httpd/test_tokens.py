"""Bearer tokens on the wire: given, taken, refused, and checked by others."""

import json
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from petset.apiserver.authentication.signing import read_payload
from tests.unit.httpd.wire import Door, Reply, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"
CONFIGURATION = "/.well-known/openid-configuration"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with opened(tmp_path_factory.mktemp("pki")) as door:
        yield door


async def token(door: Door) -> str:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    reply = await door.ask("POST", TOKEN, json.dumps(body).encode(), JSON)
    assert reply.status == 201, reply.body
    return str(reply.tree["status"]["token"])


async def ask_with(door: Door, given: str) -> Reply:
    async with door.open(anonymous=True) as wire:
        return await wire.ask("GET", CONFIGURATION, headers={"Authorization": f"Bearer {given}"})


async def test_a_token_opens_the_door(door: Door) -> None:
    assert (await ask_with(door, await token(door))).status == 200


@pytest.mark.parametrize("given", ["nonsense", "a.b.c", "\x80\xff"])
async def test_what_is_no_token_does_not(door: Door, given: str) -> None:
    reply = await ask_with(door, given)
    assert (reply.status, reply.message) == (401, "Unauthorized")


async def test_a_changed_token_does_not(door: Door) -> None:
    header, payload, signature = (await token(door)).split(".")
    assert (await ask_with(door, f"{header}.{payload}.{signature[::-1]}")).status == 401


async def test_tokens_are_not_written_to_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    given = await token(door)
    await ask_with(door, given)
    await ask_with(door, f"{given}x")
    async with door.open(anonymous=True) as wire:
        await wire.send(f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {given}\x01\r\n\r\n".encode())
        assert given not in (await wire.reply()).message
    assert "no request from" in caplog.text
    assert given not in caplog.text
    assert given.rpartition(".")[2] not in caplog.text


async def test_others_find_the_keys_by_the_issuer_in_the_token(door: Door) -> None:
    said = json.loads(read_payload(await token(door)))
    configuration = await door.ask("GET", CONFIGURATION)
    assert configuration.tree == {
        "issuer": said["iss"],
        "jwks_uri": f"{said['iss']}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
    keys = await door.ask("GET", "/openid/v1/jwks")
    assert keys.headers["content-type"] == "application/jwk-set+json"
    assert [(key["kty"], key["crv"], key["alg"]) for key in keys.tree["keys"]] == [("EC", "P-256", "ES256")]
    assert "d" not in keys.tree["keys"][0]
