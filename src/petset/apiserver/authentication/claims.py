"""What a ServiceAccount token says: its claims, and the user whom they stand for. Pure.

Names and rules are those of upstream's `pkg/serviceaccount/claims.go` and apiserver's `authentication/serviceaccount`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from petset.apiserver.request import Identity

ACCOUNTS_GROUP = "system:serviceaccounts"
AUTHENTICATED = "system:authenticated"
LEEWAY_SECONDS = 60
"""How far the clock of another machine may be off."""
MOUNTED_SECONDS = 3607
"""The life of the tokens that are mounted into every pod. Their number marks them, as upstream."""
EXTENDED_SECONDS = 365 * 24 * 3600
"""What those are good for in truth, for programs that read their token only once."""

_FACTS = "authentication.kubernetes.io/"

UNKNOWN = "invalid bearer token"
"""What is said of a token that is not this server's."""


class InvalidToken(Exception):
    """The token stands for nobody. The message says why, and nothing of the token."""


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """An object that a token belongs to."""

    name: str = ""
    uid: str = ""


class Binding(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of the claims that is Kubernetes' own. A token is bound to a pod, a secret, a node, or to nothing."""

    namespace: str = ""
    node: Reference | None = None
    pod: Reference | None = None
    secret: Reference | None = None
    serviceaccount: Reference = Reference()
    warnafter: int | None = None


class Claims(msgspec.Struct, frozen=True):
    """The claims of a token. Times are seconds since 1970."""

    aud: list[str]
    exp: int
    iat: int
    iss: str
    jti: str
    kubernetes: Binding = msgspec.field(name="kubernetes.io")
    nbf: int
    sub: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new token is to be good for."""

    audiences: Sequence[str]
    seconds: int
    binding: Binding

    def claims(self, issuer: str, now: datetime, token_id: str) -> Claims:
        """The claims, from now on. Those of a pod that asks for the usual life get a longer one."""
        second, bound, seconds = int(now.timestamp()), self.binding, self.seconds
        if bound.pod is not None and seconds == MOUNTED_SECONDS and set(self.audiences) == {issuer}:
            bound = msgspec.structs.replace(bound, warnafter=second + seconds)
            seconds = EXTENDED_SECONDS
        return Claims(
            aud=list(self.audiences),
            exp=second + seconds,
            iat=second,
            iss=issuer,
            jti=token_id,
            kubernetes=bound,
            nbf=second,
            sub=account_user(bound.namespace, bound.serviceaccount.name),
        )


def account_user(namespace: str, name: str) -> str:
    """The name of the user that a ServiceAccount is."""
    return f"system:serviceaccount:{namespace}:{name}"


def account_groups(namespace: str) -> tuple[str, ...]:
    """The groups of every ServiceAccount of a namespace."""
    return (ACCOUNTS_GROUP, f"{ACCOUNTS_GROUP}:{namespace}", AUTHENTICATED)


def common_audiences(claims: Claims, wanted: Iterable[str]) -> list[str]:
    """For whom of `wanted` the token is. Raises InvalidToken when it is for none of them."""
    asked = list(wanted)
    common = [audience for audience in claims.aud if audience in asked]
    if not common:
        texts = (" ".join(f'"{name}"' for name in names) for names in (claims.aud, asked))
        raise InvalidToken("token audiences [{}] is invalid for the target audiences [{}]".format(*texts))
    return common


def check_times(claims: Claims, now: datetime) -> None:
    """Raises InvalidToken when the token is good no more, or not yet."""
    second = now.timestamp()
    if second - LEEWAY_SECONDS > claims.exp:
        raise InvalidToken("service account token has expired")
    if second + LEEWAY_SECONDS < claims.nbf:
        raise InvalidToken("service account token is not valid yet")
    if second + LEEWAY_SECONDS < claims.iat:
        raise InvalidToken("service account token is issued in the future")


def identity_of(claims: Claims) -> Identity:
    """The user whom the claims stand for."""
    bound = claims.kubernetes
    extra = {f"{_FACTS}credential-id": (f"JTI={claims.jti}",)}
    if bound.node is not None:
        extra[f"{_FACTS}node-name"] = (bound.node.name,)
        if bound.node.uid:
            extra[f"{_FACTS}node-uid"] = (bound.node.uid,)
    if bound.pod is not None:
        extra[f"{_FACTS}pod-name"] = (bound.pod.name,)
        extra[f"{_FACTS}pod-uid"] = (bound.pod.uid,)
    account = bound.serviceaccount
    name = account_user(bound.namespace, account.name)
    return Identity(name, account_groups(bound.namespace), account.uid, extra)
