"""Gives ServiceAccounts their tokens and recognizes them again, as upstream's `registry/core/serviceaccount/storage`
and `pkg/serviceaccount` do."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from petset.aio.identity import new_uid
from petset.api import field
from petset.api.errors import BadRequest, Conflict, Invalid, NotFound
from petset.api.meta import format_time, parse_time
from petset.api.types import (
    BoundObjectReference,
    Node,
    Object,
    Pod,
    Secret,
    ServiceAccount,
    TokenRequest,
    TokenRequestStatus,
)
from petset.apiserver.authentication.claims import (
    LEEWAY_SECONDS,
    UNKNOWN,
    Binding,
    Claims,
    Grant,
    InvalidToken,
    Reference,
    check_times,
    common_audiences,
    identity_of,
)
from petset.apiserver.authentication.signing import BadSignature, SigningKey, read_payload
from petset.apiserver.registry import Registry
from petset.apiserver.request import Identity

GROUP = "authentication.k8s.io"
SHORTEST_SECONDS, LONGEST_SECONDS = 600, 1 << 32
DEFAULT_SECONDS = 3600
MOST_REMEMBERED = 4096
"""Tokens whose signature was found good; checking one takes longer than answering most requests."""


class _Issuer(msgspec.Struct):
    iss: str = ""


class _Meta(msgspec.Struct, rename="camel"):
    uid: str = ""
    deletion_timestamp: str | None = None


class _Life(msgspec.Struct):
    metadata: _Meta


_read_issuer = msgspec.json.Decoder(_Issuer).decode
_read_claims = msgspec.json.Decoder(Claims).decode
_read_life = msgspec.json.Decoder(_Life).decode
_encode = msgspec.json.Encoder().encode


class ServiceAccountTokens:
    """The tokens of one server. `issuer` is its name in them, and the audience that means the server itself."""

    def __init__(self, registry: Registry, key: SigningKey, issuer: str) -> None:
        self._registry = registry
        self.key = key
        self.issuer = issuer
        self._checked: dict[bytes, Claims] = {}

    # --- giving -------------------------------------------------------------------------------------------------------

    def issue(self, namespace: str, name: str, request: TokenRequest) -> TokenRequest:
        """Fills in a request and gives it its token. Raises NotFound, BadRequest, Conflict, Invalid."""
        _check_name(name, request)
        account = self._registry.find(ServiceAccount, namespace, name)
        if account is None:
            raise NotFound.of("", "serviceaccounts", name)
        uid, spec, meta = account.metadata.uid, request.spec, request.metadata
        if meta.uid not in {"", uid}:
            why = f"the UID in the token request ({meta.uid}) does not match the UID of the service account ({uid})"
            raise Conflict.of(GROUP, "TokenRequest", name, why)
        now = self._registry.clock.now()
        default_request(request)
        seconds = spec.expiration_seconds or 0
        _check_seconds(seconds)
        spec.audiences = spec.audiences or [self.issuer]
        meta.name, meta.namespace, meta.uid, meta.creation_timestamp = name, namespace, uid, format_time(now)
        bound = Binding(namespace, serviceaccount=Reference(name, uid))
        if spec.bound_object_ref is not None:
            bound = self._bound(bound, spec.bound_object_ref)
        claims = Grant(spec.audiences, seconds, bound).claims(self.issuer, now, new_uid())
        expires = format_time(now + timedelta(seconds=seconds))
        request.status = TokenRequestStatus(token=self.key.sign(_encode(claims)), expiration_timestamp=expires)
        return request

    def _bound(self, bound: Binding, wanted: BoundObjectReference) -> Binding:
        """The binding to the object that a request names, which has to be there."""
        name, namespace = wanted.name or "", bound.namespace
        group, _, version = (wanted.api_version or "").rpartition("/")
        match group, wanted.kind:
            case "", "Pod":
                pod = self._existing(Pod, namespace, name)
                account = bound.serviceaccount.name
                if pod.spec.service_account_name != account:
                    text = f'cannot bind token for serviceaccount "{account}" to pod running with different'
                    raise BadRequest(f"{text} serviceaccount name.")
                reference = _same(wanted, pod)
                return msgspec.structs.replace(bound, pod=reference, node=self._node_of(pod))
            case "", "Node":
                return msgspec.structs.replace(bound, node=_same(wanted, self._existing(Node, "", name)))
            case "", "Secret":
                return msgspec.structs.replace(bound, secret=_same(wanted, self._existing(Secret, namespace, name)))
        raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={wanted.kind or ''}")

    def _existing(self, kind: type[Any], namespace: str, name: str) -> Any:
        found = self._registry.find(kind, namespace, name)
        if found is None:
            raise NotFound.of("", self._registry.catalogue.of(kind).plural, name)
        return found

    def _node_of(self, pod: Pod) -> Reference | None:
        name = pod.spec.node_name
        if not name:
            return None
        node = self._registry.find(Node, "", name)
        return Reference(name, node.metadata.uid if node is not None else "")

    # --- recognizing --------------------------------------------------------------------------------------------------

    def user(self, token: str) -> Identity | None:
        """Who uses the token to speak to this server; None when it is not, or no longer, good for that."""
        try:
            return self.review(token, ())[0]
        except InvalidToken:
            return None

    def review(self, token: str, audiences: Sequence[str]) -> tuple[Identity, list[str]]:
        """Whom a token stands for, and for whom of `audiences` (none: this server) it is. Raises InvalidToken."""
        claims = self._opened(token)
        common = common_audiences(claims, audiences or [self.issuer])
        check_times(claims, self._registry.clock.now())
        self._check_objects(claims.kubernetes)
        return identity_of(claims), common

    def _opened(self, token: str) -> Claims:
        """What a token says, once its signature was found good."""
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        known = self._checked.get(digest)
        if known is not None:
            return known
        try:
            if _read_issuer(read_payload(token)).iss != self.issuer:
                raise InvalidToken(UNKNOWN)
            claims = _read_claims(self.key.open(token))
        except BadSignature as error:
            raise InvalidToken(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidToken(UNKNOWN) from error
        if len(self._checked) >= MOST_REMEMBERED:
            del self._checked[next(iter(self._checked))]
        self._checked[digest] = claims
        return claims

    def _check_objects(self, bound: Binding) -> None:
        """The account and what the token is bound to must still be there, and the same ones."""
        namespace, account = bound.namespace, bound.serviceaccount
        found = self._life(ServiceAccount, namespace, account.name)
        if found is None:
            raise InvalidToken(f'serviceaccounts "{account.name}" not found')
        if found.uid != account.uid:
            raise InvalidToken(f"service account UID ({found.uid}) does not match claim ({account.uid})")
        if self._ended(found):
            raise InvalidToken(f"service account {namespace}/{account.name} has been deleted")
        if bound.secret is not None:
            self._check_object(Secret, namespace, bound.secret)
        if bound.pod is not None:
            self._check_object(Pod, namespace, bound.pod)
        elif bound.node is not None:
            self._check_object(Node, "", bound.node)

    def _check_object(self, kind: type[Object], namespace: str, reference: Reference) -> None:
        found = self._life(kind, namespace, reference.name)
        if found is not None and found.uid != reference.uid:
            word = kind.__name__
            claim = f"does not match service account {word.lower()} ref claim ({reference.uid})"
            raise InvalidToken(f"{word.lower() if kind is Secret else word} UID ({found.uid}) {claim}")
        if found is None or self._ended(found):
            raise InvalidToken("service account token has been invalidated")

    def _life(self, kind: type[Object], namespace: str, name: str) -> _Meta | None:
        record = self._registry.newest(self._registry.catalogue.of(kind), namespace, name)
        return _read_life(record.value).metadata if record is not None else None

    def _ended(self, found: _Meta) -> bool:
        """Whether an object that is still there should have gone by now."""
        if found.deletion_timestamp is None:
            return False
        leeway = timedelta(seconds=LEEWAY_SECONDS)
        return parse_time(found.deletion_timestamp) < self._registry.clock.now() - leeway


def default_request(request: TokenRequest) -> None:
    """Fills in what a request says when it says nothing."""
    if request.spec.expiration_seconds is None:
        request.spec.expiration_seconds = DEFAULT_SECONDS


def _check_name(name: str, request: TokenRequest) -> None:
    if request.metadata.name not in {"", name}:
        text = "must match the service account name if specified"
        error = field.invalid("metadata.name", request.metadata.name, text)
        raise Invalid.of(GROUP, "TokenRequest", name, [error])


def _check_seconds(seconds: int) -> None:
    errors = []
    if seconds < SHORTEST_SECONDS:
        text = "may not specify a duration less than 10 minutes"
        errors.append(field.invalid("spec.expirationSeconds", seconds, text))
    if seconds > LONGEST_SECONDS:
        text = "may not specify a duration larger than 2^32 seconds"
        errors.append(field.invalid("spec.expirationSeconds", seconds, text))
    if errors:
        raise Invalid.of(GROUP, "TokenRequest", "", errors)


def _same(wanted: BoundObjectReference, found: Object) -> Reference:
    """The object as a token names it. Raises Conflict when another one of its name was meant."""
    uid = found.metadata.uid
    if wanted.uid not in {None, "", uid}:
        text = f"the UID in the bound object reference ({wanted.uid}) does not match the UID in record. "
        why = f"{text}The object might have been deleted and then recreated"
        raise Conflict.of("", wanted.kind or "", wanted.name or "", why)
    return Reference(found.metadata.name, uid)
