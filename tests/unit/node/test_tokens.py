"""Tokens of pods: asked for once, renewed in time, kept when the server does not answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest

from petset.api.meta import Key
from petset.api.types import Container, DeleteOptions, ObjectMeta, Pod, PodSpec, ServiceAccountTokenProjection
from petset.apiserver.authentication.signing import read_payload
from petset.client.interface import Client
from petset.node.sources import SourceUnavailable
from petset.node.tokens import PodTokens
from petset.testing.clock import VirtualClock
from tests.unit.node.given import cluster

HOURLY = ServiceAccountTokenProjection(path="token", expiration_seconds=3600)


@dataclass
class Given:
    client: Client
    clock: VirtualClock
    tokens: PodTokens
    pod: Pod


@pytest.fixture
async def given() -> AsyncIterator[Given]:
    clock = VirtualClock()
    async with cluster(clock) as (client, _):
        spec = PodSpec(containers=[Container(name="nginx", image="nginx")], node_name="node-1")
        pod = await client.create(Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=spec))
        yield Given(client, clock, PodTokens(client, clock), pod)


async def remove(given: Given) -> None:
    await given.client.delete(Pod, "web-0", "default", DeleteOptions(grace_period_seconds=0))


async def test_a_token_is_bound_to_its_pod(given: Given) -> None:
    said = msgspec.json.decode(read_payload(await given.tokens.token(given.pod, HOURLY)))
    assert said["sub"] == "system:serviceaccount:default:default"
    assert said["kubernetes.io"]["pod"] == {"name": "web-0", "uid": given.pod.metadata.uid}


async def test_a_token_may_be_for_somebody_else(given: Given) -> None:
    wanted = ServiceAccountTokenProjection(path="vault", audience="vault", expiration_seconds=600)
    said = msgspec.json.decode(read_payload(await given.tokens.token(given.pod, wanted)))
    assert (said["aud"], said["exp"] - said["iat"]) == (["vault"], 600)


async def test_a_young_token_is_given_again(given: Given) -> None:
    first = await given.tokens.token(given.pod, HOURLY)
    await given.clock.advance(2879)
    assert list(given.tokens.due()) == []
    assert await given.tokens.token(given.pod, HOURLY) == first


async def test_it_is_renewed_after_four_fifths_of_its_life(given: Given) -> None:
    first = await given.tokens.token(given.pod, HOURLY)
    await given.clock.advance(2880)
    assert list(given.tokens.due()) == [Key("default", "web-0")]
    assert await given.tokens.token(given.pod, HOURLY) != first
    assert list(given.tokens.due()) == []


async def test_it_is_renewed_after_a_day_however_long_it_lives(given: Given) -> None:
    weekly = ServiceAccountTokenProjection(path="token", expiration_seconds=7 * 24 * 3600)
    first = await given.tokens.token(given.pod, weekly)
    await given.clock.advance(24 * 3600 - 1)
    assert await given.tokens.token(given.pod, weekly) == first
    await given.clock.advance(1)
    assert await given.tokens.token(given.pod, weekly) != first


async def test_one_that_cannot_be_renewed_is_used_to_its_end(given: Given) -> None:
    first = await given.tokens.token(given.pod, HOURLY)
    await remove(given)
    await given.clock.advance(3599)
    assert await given.tokens.token(given.pod, HOURLY) == first
    await given.clock.advance(1)
    with pytest.raises(SourceUnavailable, match='failed to fetch token: pods "web-0" not found'):
        await given.tokens.token(given.pod, HOURLY)


async def test_those_of_a_pod_that_has_ended_are_forgotten(given: Given) -> None:
    first = await given.tokens.token(given.pod, HOURLY)
    given.tokens.forget(given.pod.metadata.uid)
    assert await given.tokens.token(given.pod, HOURLY) != first
    given.tokens.forget(given.pod.metadata.uid)
    await given.clock.advance(3600)
    assert list(given.tokens.due()) == []


async def test_what_is_printed_of_them_shows_none(given: Given) -> None:
    text = await given.tokens.token(given.pod, HOURLY)
    assert text not in repr(vars(given.tokens))
