"""Secrets that ask for a token, through the real controller over the real API server."""

import base64
from collections.abc import AsyncIterator

import pytest

from petset.api.types import Namespace, ObjectMeta, Secret, ServiceAccount
from petset.controllers.tokens.controller import ACCOUNT_NAME, ACCOUNT_UID, TYPE, TokensController
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

ROOT_CA = "-----BEGIN CERTIFICATE-----"


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        cluster.start(TokensController(cluster.client, cluster.informers, cluster.clock, ROOT_CA))
        await cluster.create(ServiceAccount(metadata=ObjectMeta(name="robot", namespace="default")))
        yield cluster


def secret(name: str = "tok", account: str = "robot", **annotations: str) -> Secret:
    annotations = {ACCOUNT_NAME: account, **annotations}
    return Secret(metadata=ObjectMeta(name=name, namespace="default", annotations=annotations), type=TYPE)


def value(made: Secret, key: str) -> str:
    return base64.b64decode(made.data[key]).decode()


def user(cluster: ToyCluster, made: Secret) -> str | None:
    identity = cluster.server.tokens.user(value(made, "token"))
    return identity.name if identity is not None else None


async def test_it_is_filled_with_what_a_client_needs(cluster: ToyCluster) -> None:
    made = await cluster.create(secret())
    account = await cluster.get(ServiceAccount, "robot", "default")
    assert set(made.data) == {"token", "ca.crt", "namespace"}
    assert (value(made, "ca.crt"), value(made, "namespace")) == (ROOT_CA, "default")
    assert made.metadata.annotations[ACCOUNT_UID] == account.metadata.uid
    assert user(cluster, made) == "system:serviceaccount:default:robot"


async def test_its_token_lives_as_long_as_it_does(cluster: ToyCluster) -> None:
    made = await cluster.create(secret())
    await cluster.clock.advance(100 * 365 * 86400)
    assert user(cluster, made) == "system:serviceaccount:default:robot"
    await cluster.delete(Secret, "tok", "default")
    assert user(cluster, made) is None


async def test_what_is_taken_out_comes_back(cluster: ToyCluster) -> None:
    made = await cluster.create(secret())
    kept = made.data["token"]
    del made.data["ca.crt"]
    await cluster.client.update(made)
    await cluster.settle()
    again = await cluster.get(Secret, "tok", "default")
    assert (value(again, "ca.crt"), again.data["token"]) == (ROOT_CA, kept)
    del again.data["token"]
    await cluster.client.update(again)
    await cluster.settle()
    assert user(cluster, await cluster.get(Secret, "tok", "default")) == "system:serviceaccount:default:robot"


async def test_it_goes_with_its_account(cluster: ToyCluster) -> None:
    await cluster.create(secret())
    await cluster.delete(ServiceAccount, "robot", "default")
    assert await cluster.find(Secret, "tok", "default") is None


@pytest.mark.parametrize("wrong", [secret(account="nobody"), secret(**{ACCOUNT_UID: "another"})], ids=["name", "uid"])
async def test_it_does_not_stay_without_its_account(cluster: ToyCluster, wrong: Secret) -> None:
    await cluster.create(wrong)
    assert await cluster.find(Secret, "tok", "default") is None


async def test_other_secrets_are_nobodys_business(cluster: ToyCluster) -> None:
    plain = secret()
    plain.type = "Opaque"
    assert (await cluster.create(plain)).data == {}


async def test_each_namespace_has_its_own_accounts(cluster: ToyCluster) -> None:
    await cluster.create(Namespace(metadata=ObjectMeta(name="other")))
    foreign = secret()
    foreign.metadata.namespace = "other"
    await cluster.create(foreign)
    assert await cluster.find(Secret, "tok", "other") is None
