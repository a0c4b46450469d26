"""What a token says, and whom it stands for."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from petset.apiserver.authentication.claims import (
    EXTENDED_SECONDS,
    Binding,
    Claims,
    Grant,
    InvalidToken,
    Reference,
    check_times,
    common_audiences,
    identity_of,
)

ISSUER = "https://kubernetes.default.svc.cluster.local"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = int(NOW.timestamp())
ACCOUNT = Binding("default", serviceaccount=Reference("robot", "uid-r"))
IN_POD = msgspec.structs.replace(ACCOUNT, pod=Reference("web-0", "uid-p"), node=Reference("node-1", "uid-n"))


def claims(binding: Binding = ACCOUNT, seconds: int = 3600, *audiences: str) -> Claims:
    return Grant(audiences or (ISSUER,), seconds, binding).claims(ISSUER, NOW, "id-1")


def test_the_claims_are_spelled_as_upstream() -> None:
    assert msgspec.to_builtins(claims(IN_POD)) == {
        "aud": [ISSUER],
        "exp": SECOND + 3600,
        "iat": SECOND,
        "iss": ISSUER,
        "jti": "id-1",
        "kubernetes.io": {
            "namespace": "default",
            "node": {"name": "node-1", "uid": "uid-n"},
            "pod": {"name": "web-0", "uid": "uid-p"},
            "serviceaccount": {"name": "robot", "uid": "uid-r"},
        },
        "nbf": SECOND,
        "sub": "system:serviceaccount:default:robot",
    }


@pytest.mark.parametrize(
    ("given", "seconds", "warned"),
    [
        (claims(IN_POD, 3607), EXTENDED_SECONDS, True),
        (claims(IN_POD, 3600), 3600, False),
        (claims(ACCOUNT, 3607), 3607, False),
        (claims(IN_POD, 3607, "vault"), 3607, False),
        (claims(IN_POD, 3607, ISSUER, "vault"), 3607, False),
    ],
    ids=["mounted", "another life", "not a pod's", "for somebody else", "for somebody else, too"],
)
def test_only_what_is_mounted_into_pods_lives_longer_than_it_asks(given: Claims, seconds: int, warned: bool) -> None:
    assert given.exp - given.iat == seconds
    assert given.kubernetes.warnafter == (SECOND + 3607 if warned else None)


def test_a_token_stands_for_the_user_that_its_account_is() -> None:
    user = identity_of(claims())
    assert (user.name, user.uid) == ("system:serviceaccount:default:robot", "uid-r")
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
    assert user.extra == {"authentication.kubernetes.io/credential-id": ("JTI=id-1",)}


def test_a_pods_token_tells_the_pod_and_its_node() -> None:
    facts = "authentication.kubernetes.io"
    assert identity_of(claims(IN_POD)).extra == {
        f"{facts}/credential-id": ("JTI=id-1",),
        f"{facts}/node-name": ("node-1",),
        f"{facts}/node-uid": ("uid-n",),
        f"{facts}/pod-name": ("web-0",),
        f"{facts}/pod-uid": ("uid-p",),
    }


@pytest.mark.parametrize("offset", [-60, 0, 3600, 3660])
def test_times_are_taken_with_a_minutes_leeway(offset: int) -> None:
    found = claims()
    check_times(found, NOW + timedelta(seconds=offset))
    assert found.exp == SECOND + 3600


@pytest.mark.parametrize(("offset", "why"), [(-61, "is not valid yet"), (3661, "has expired")])
def test_outside_its_time_a_token_stands_for_nobody(offset: int, why: str) -> None:
    with pytest.raises(InvalidToken, match=f"service account token {why}"):
        check_times(claims(), NOW + timedelta(seconds=offset))


def test_a_token_that_is_issued_later_stands_for_nobody() -> None:
    early = msgspec.structs.replace(claims(), nbf=0)
    with pytest.raises(InvalidToken, match="is issued in the future"):
        check_times(early, NOW - timedelta(seconds=61))


def test_what_is_for_several_is_for_those_who_were_asked_about() -> None:
    assert common_audiences(claims(ACCOUNT, 3600, "vault", "store", "mail"), ["mail", "vault", "?"]) == [
        "vault",
        "mail",
    ]


def test_what_is_for_somebody_else_is_refused() -> None:
    with pytest.raises(InvalidToken) as refusal:
        common_audiences(claims(ACCOUNT, 3600, "vault"), [ISSUER])
    assert str(refusal.value) == f'token audiences ["vault"] is invalid for the target audiences ["{ISSUER}"]'
