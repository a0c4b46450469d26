"""Tokens as they are asked for, given, and recognized again."""

import base64
from pathlib import Path
from typing import Any

import pytest

from petset.api.errors import BadRequest, Conflict, Invalid, NotFound, StatusError
from petset.api.types import (
    BoundObjectReference,
    ConfigMap,
    DeleteOptions,
    Node,
    ObjectMeta,
    Pod,
    Secret,
    ServiceAccount,
    TokenRequest,
    TokenRequestSpec,
    TokenReview,
    TokenReviewSpec,
    TokenReviewStatus,
)
from petset.apiserver.authentication.claims import InvalidToken
from petset.apiserver.authentication.signing import SigningKey
from petset.apiserver.pipeline import ApiServer, Settings
from petset.apiserver.request import Body
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, PLAINLY, create, decoded, pod, target

ISSUER = "https://kubernetes.default.svc.cluster.local"
NAME = "system:serviceaccount:default:robot"


@pytest.fixture
async def account(server: ApiServer) -> ServiceAccount:
    return await create(server, ServiceAccount(metadata=ObjectMeta(name="robot")))


async def ask(server: ApiServer, request: TokenRequest | None = None, name: str = "robot") -> TokenRequest:
    answer = await server.create(ME, target(ServiceAccount, name, "token"), request or TokenRequest(), PLAINLY)
    assert answer.code == 201
    return decoded(answer, TokenRequest)


async def ask_for(server: ApiServer, reference: BoundObjectReference) -> TokenRequest:
    return await ask(server, TokenRequest(spec=TokenRequestSpec(bound_object_ref=reference)))


async def robots_pod(server: ApiServer) -> Pod:
    wanted = pod()
    wanted.spec.service_account_name = "robot"
    return await create(server, wanted)


def bound(kind: str, name: str, uid: str | None = None) -> BoundObjectReference:
    return BoundObjectReference(api_version="v1", kind=kind, name=name, uid=uid)


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_the_answer_is_the_request_filled_in(server: ApiServer, account: ServiceAccount) -> None:
    given = await ask(server)
    assert (given.metadata.name, given.metadata.namespace) == ("robot", "default")
    assert (given.metadata.uid, given.metadata.creation_timestamp) == (account.metadata.uid, "2026-01-01T00:00:00Z")
    assert (given.spec.audiences, given.spec.expiration_seconds) == ([ISSUER], 3600)
    assert given.status.expiration_timestamp == "2026-01-01T01:00:00Z"
    assert given.status.token.count(".") == 2


async def test_a_token_that_lives_longer_still_tells_the_time_that_was_asked_for(
    server: ApiServer, account: ServiceAccount
) -> None:
    await robots_pod(server)
    spec = TokenRequestSpec(bound_object_ref=bound("Pod", "web-0"), expiration_seconds=3607)
    given = await ask(server, TokenRequest(spec=spec))
    assert given.status.expiration_timestamp == "2026-01-01T01:00:07Z"


@pytest.mark.parametrize(
    ("request_", "error", "why"),
    [
        (TokenRequest(metadata=ObjectMeta(name="other")), Invalid, "must match the service account name if specified"),
        (
            TokenRequest(metadata=ObjectMeta(namespace="other")),
            BadRequest,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (TokenRequest(metadata=ObjectMeta(uid="other")), Conflict, "does not match the UID of the service account"),
        (
            TokenRequest(spec=TokenRequestSpec(expiration_seconds=599)),
            Invalid,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not',
        ),
        (
            TokenRequest(spec=TokenRequestSpec(expiration_seconds=2**32 + 1)),
            Invalid,
            "may not specify a duration larger than 2\\^32 seconds",
        ),
    ],
)
async def test_what_does_not_fit_the_account_is_refused(
    server: ApiServer, account: ServiceAccount, request_: TokenRequest, error: type[StatusError], why: str
) -> None:
    with pytest.raises(error, match=why):
        await ask(server, request_)


async def test_who_is_not_there_gets_no_token(server: ApiServer) -> None:
    with pytest.raises(NotFound, match='serviceaccounts "nobody" not found'):
        await ask(server, name="nobody")


@pytest.mark.parametrize(
    ("reference", "error", "why"),
    [
        (bound("Pod", "gone"), NotFound, 'pods "gone" not found'),
        (bound("Secret", "gone"), NotFound, 'secrets "gone" not found'),
        (bound("Node", "gone"), NotFound, 'nodes "gone" not found'),
        (bound("Pod", "web-0", "other"), Conflict, "The object might have been deleted and then recreated"),
        (bound("Pod", "web-1"), BadRequest, 'cannot bind token for serviceaccount "robot" to pod running with'),
        (BoundObjectReference(kind="Pod", name="gone"), NotFound, 'pods "gone" not found'),
        (bound("ConfigMap", "c"), BadRequest, "cannot bind token to object of type /v1, Kind=ConfigMap"),
        (
            BoundObjectReference(api_version="apps/v1", kind="Pod", name="web-0"),
            BadRequest,
            "cannot bind token to object of type apps/v1, Kind=Pod",
        ),
    ],
)
async def test_what_it_is_bound_to_has_to_be_there_and_the_accounts_own(
    server: ApiServer, account: ServiceAccount, reference: BoundObjectReference, error: type[StatusError], why: str
) -> None:
    await robots_pod(server)
    await create(server, pod("web-1"))
    with pytest.raises(error, match=why):
        await ask_for(server, reference)


async def test_the_fields_of_a_request_belong_to_who_asks(server: ApiServer, account: ServiceAccount) -> None:
    [entry] = (await ask(server)).metadata.managed_fields
    assert (entry.manager, entry.subresource, entry.api_version) == ("tester", "token", "authentication.k8s.io/v1")
    assert entry.fields_v1 is not None
    assert set(entry.fields_v1) == {"f:spec"}


async def test_a_request_of_another_kind_is_none(server: ApiServer, account: ServiceAccount) -> None:
    body = Body(b'{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1"}')
    with pytest.raises(BadRequest, match="cannot be handled as a TokenRequest"):
        await server.create(ME, target(ServiceAccount, "robot", "token"), body, PLAINLY)


# --- recognizing ------------------------------------------------------------------------------------------------------


async def test_the_user_of_a_token_is_its_account(server: ApiServer, account: ServiceAccount) -> None:
    token = (await ask(server)).status.token
    user = server.tokens.user(token)
    assert user is not None
    assert (user.name, user.uid) == (NAME, account.metadata.uid)
    assert server.tokens.user(token) == user


async def test_a_bound_token_knows_its_pod_and_node(server: ApiServer, account: ServiceAccount) -> None:
    node = await create(server, Node(metadata=ObjectMeta(name="node-1")))
    found = await robots_pod(server)
    user = server.tokens.user((await ask_for(server, bound("Pod", "web-0"))).status.token)
    assert user is not None
    assert user.extra["authentication.kubernetes.io/pod-uid"] == (found.metadata.uid,)
    assert user.extra["authentication.kubernetes.io/node-uid"] == (node.metadata.uid,)


async def test_a_token_for_somebody_else_is_none_here(server: ApiServer, account: ServiceAccount) -> None:
    token = (await ask(server, TokenRequest(spec=TokenRequestSpec(audiences=["vault"])))).status.token
    assert server.tokens.user(token) is None
    user, audiences = server.tokens.review(token, ["mail", "vault"])
    assert (user.name, audiences) == (NAME, ["vault"])


async def test_a_token_ends_with_its_time(server: ApiServer, account: ServiceAccount, clock: VirtualClock) -> None:
    token = (await ask(server)).status.token
    await clock.advance(3600)
    assert server.tokens.user(token) is not None
    await clock.advance(61)
    assert server.tokens.user(token) is None
    with pytest.raises(InvalidToken, match="service account token has expired"):
        server.tokens.review(token, [])


def unsigned(header: bytes, payload: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, b"signature"))


DEEP = b'{"alg":"ES256","x":' + b"[" * 3000 + b"]" * 3000 + b"}"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "a.b.c",
        "e30.e30.e30",
        "\udcff",
        pytest.param(unsigned(b'{"alg":"ES256"}', b'{"iss":"\xff"}'), id="no UTF-8"),
        pytest.param(unsigned(DEEP, b"{}"), id="a deep header"),
        pytest.param(unsigned(b'{"alg":"ES256"}', DEEP), id="a deep payload"),
    ],
)
async def test_what_is_no_token_stands_for_nobody(server: ApiServer, token: str) -> None:
    assert server.tokens.user(token) is None


async def test_a_token_of_another_server_stands_for_nobody(
    server: ApiServer, account: ServiceAccount, clock: VirtualClock
) -> None:
    elsewhere = ApiServer(server.catalogue, server.registry.store, clock)
    token = (await ask(elsewhere)).status.token
    assert server.tokens.user(token) is None


async def test_a_token_outlives_its_server(server: ApiServer, account: ServiceAccount, tmp_path: Path) -> None:
    store, clock = server.registry.store, server.registry.clock
    first, second = (
        ApiServer(server.catalogue, store, clock, settings=Settings(signing_key=SigningKey(tmp_path / "sa.key")))
        for _ in range(2)
    )
    user = second.tokens.user((await ask(first)).status.token)
    assert user is not None
    assert user.name == NAME


async def remove(server: ApiServer, kind: type[Any], name: str) -> None:
    await server.delete(ME, target(kind, name), DeleteOptions(grace_period_seconds=0))


async def test_a_token_ends_with_its_account_even_when_another_takes_the_name(
    server: ApiServer, account: ServiceAccount
) -> None:
    token = (await ask(server)).status.token
    await remove(server, ServiceAccount, "robot")
    with pytest.raises(InvalidToken, match='serviceaccounts "robot" not found'):
        server.tokens.review(token, [])
    await create(server, ServiceAccount(metadata=ObjectMeta(name="robot")))
    with pytest.raises(InvalidToken, match="does not match claim"):
        server.tokens.review(token, [])


@pytest.mark.parametrize("kind", [Pod, Secret, Node])
async def test_a_token_ends_with_what_it_is_bound_to(
    server: ApiServer, account: ServiceAccount, kind: type[Any]
) -> None:
    async def made() -> Any:
        return await (robots_pod(server) if kind is Pod else create(server, kind(metadata=ObjectMeta(name="web-0"))))

    await made()
    token = (await ask_for(server, bound(kind.__name__, "web-0"))).status.token
    assert server.tokens.user(token) is not None
    await remove(server, kind, "web-0")
    with pytest.raises(InvalidToken, match="service account token has been invalidated"):
        server.tokens.review(token, [])
    await made()
    with pytest.raises(InvalidToken, match=r"does not match service account .* ref claim"):
        server.tokens.review(token, [])


async def test_a_token_outlives_the_beginning_of_the_end_by_a_minute_only(
    server: ApiServer, account: ServiceAccount, clock: VirtualClock
) -> None:
    """A pod that is being deleted may need the API to say goodbye, for as long as its grace and a little more."""
    await robots_pod(server)
    token = (await ask_for(server, bound("Pod", "web-0"))).status.token
    await server.delete(ME, target(Pod, "web-0"), DeleteOptions(grace_period_seconds=30))
    await clock.advance(90)
    assert server.tokens.user(token) is not None
    await clock.advance(1)
    assert server.tokens.user(token) is None


async def test_a_config_map_is_no_token(server: ApiServer) -> None:
    with pytest.raises(NotFound):
        await server.create(ME, target(ConfigMap, "c", "token"), TokenRequest(), PLAINLY)


# --- reviews ----------------------------------------------------------------------------------------------------------


async def review(server: ApiServer, token: str, *audiences: str) -> TokenReviewStatus:
    asked = TokenReview(spec=TokenReviewSpec(token=token, audiences=list(audiences)))
    return decoded(await server.create(ME, target(TokenReview), asked, PLAINLY), TokenReview).status


async def test_a_review_tells_whom_a_token_stands_for(server: ApiServer, account: ServiceAccount) -> None:
    status = await review(server, (await ask(server)).status.token)
    assert (status.authenticated, status.error, status.audiences) == (True, None, [ISSUER])
    assert (status.user.username, status.user.uid) == (NAME, account.metadata.uid)
    groups = ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
    assert status.user.groups == groups
    assert list(status.user.extra) == ["authentication.kubernetes.io/credential-id"]


async def test_a_review_is_about_those_who_ask(server: ApiServer, account: ServiceAccount) -> None:
    token = (await ask(server, TokenRequest(spec=TokenRequestSpec(audiences=["vault"])))).status.token
    assert (await review(server, token, "mail", "vault")).audiences == ["vault"]
    refused = await review(server, token)
    assert refused == TokenReviewStatus(
        error=f'[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["{ISSUER}"]]'
    )


async def test_a_review_of_no_token_says_why(server: ApiServer) -> None:
    assert await review(server, "nonsense") == TokenReviewStatus(error="invalid bearer token")
    with pytest.raises(BadRequest, match="token is required for TokenReview in authentication"):
        await review(server, "")
