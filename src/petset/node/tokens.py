"""The tokens of this node's pods: asked for once, given again while they are young, asked for anew in time.

Rules: upstream's `pkg/kubelet/token`. A token is renewed once four fifths of its life, or a day, are over; until then,
and when the server does not answer, the one that is there is used for as long as it is good.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from petset.aio.clock import Clock
from petset.api.errors import StatusError
from petset.api.meta import Key, parse_time
from petset.api.types import (
    BoundObjectReference,
    Pod,
    ServiceAccount,
    ServiceAccountTokenProjection,
    TokenRequest,
    TokenRequestSpec,
)
from petset.client.interface import Client, ConnectionLost
from petset.node.sources import SourceUnavailable

log = logging.getLogger(__name__)

LONGEST_USE = timedelta(days=1)
PART_OF_LIFE = 0.8
DEFAULT_SECONDS = 3600

_Wanted = tuple[str, int]
"""Audience and life of a token; a pod may have several."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A token. Its text is no part of what is printed."""

    text: str = field(repr=False)
    renew: datetime
    expires: datetime


class PodTokens:
    """The tokens of the pods on one node."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._held: dict[str, dict[_Wanted, _Held]] = {}
        self._keys: dict[str, Key] = {}

    async def token(self, pod: Pod, projection: ServiceAccountTokenProjection) -> str:
        """The token for a projection of a pod's volume. Raises SourceUnavailable."""
        seconds = projection.expiration_seconds or DEFAULT_SECONDS
        wanted = (projection.audience or "", seconds)
        uid, now = pod.metadata.uid, self._clock.now()
        held = self._held.get(uid, {}).get(wanted)
        if held is not None and now < held.renew:
            return held.text
        try:
            new = await self._ask(pod, wanted)
        except (StatusError, ConnectionLost) as error:
            if held is None or now >= held.expires:
                raise SourceUnavailable(f"failed to fetch token: {error}") from error
            log.warning("the token of pod %s stays as it is: %s", pod.metadata.name, error)
            return held.text
        self._held.setdefault(uid, {})[wanted] = new
        self._keys[uid] = Key(pod.metadata.namespace, pod.metadata.name)
        return new.text

    def due(self) -> Iterator[Key]:
        """The pods with a token that should be renewed."""
        now = self._clock.now()
        for uid, tokens in self._held.items():
            if any(now >= held.renew for held in tokens.values()):
                yield self._keys[uid]

    def forget(self, pod_uid: str) -> None:
        """Lets go of the tokens of a pod that has ended."""
        self._held.pop(pod_uid, None)
        self._keys.pop(pod_uid, None)

    async def _ask(self, pod: Pod, wanted: _Wanted) -> _Held:
        meta, (audience, seconds) = pod.metadata, wanted
        reference = BoundObjectReference(api_version="v1", kind="Pod", name=meta.name, uid=meta.uid)
        audiences = [audience] if audience else []
        spec = TokenRequestSpec(audiences=audiences, expiration_seconds=seconds, bound_object_ref=reference)
        account, request = pod.spec.service_account_name or "default", TokenRequest(spec=spec)
        answer = await self._client.create_subresource(ServiceAccount, account, meta.namespace, "token", request)
        expires = parse_time(answer.status.expiration_timestamp or "")
        # the server may give a shorter life than was asked for
        life = timedelta(seconds=answer.spec.expiration_seconds or seconds)
        return _Held(answer.status.token, expires - life + min(life * PART_OF_LIFE, LONGEST_USE), expires)
