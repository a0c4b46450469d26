"""The verbs of the API, whoever carries the request. All state is in the store; any verb may be called at any time."""

from collections.abc import Awaitable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import lru_cache

from msgspec import structs

from petset.aio.clock import Clock
from petset.api import field
from petset.api.errors import Invalid, MethodNotAllowed, NotFound, StatusError
from petset.api.resources import Catalogue
from petset.api.types import Binding, DeleteOptions, Object, ResourceQuota, Service
from petset.apiserver import delete, read, subresources, watch, write
from petset.apiserver.allocation import SERVICE_CIDR, Allocations, ServiceAllocator
from petset.apiserver.authentication.signing import SigningKey
from petset.apiserver.authentication.tokens import ServiceAccountTokens
from petset.apiserver.authorization.authorizer import Authorizer
from petset.apiserver.authorization.reviews import REVIEWS
from petset.apiserver.quotas import Quotas
from petset.apiserver.registry import Registry
from petset.apiserver.request import (
    Answer,
    Content,
    Identity,
    Listing,
    ListOptions,
    PatchBody,
    Target,
    WatchOptions,
    WriteOptions,
)
from petset.apiserver.stream import Batches, Take, Watches
from petset.apiserver.streams import PodConnections
from petset.apiserver.watch import ChangeFeed
from petset.apiserver.write import Change, Server
from petset.client.interface import PodStreams
from petset.store.interface import Record, Store

_OF_ONE = frozenset({"update", "patch", "delete"})
LONGEST_MANAGER = 128
"""Bytes of the name of a field manager."""
_CARRIED_OUT: dict[type[Object], subresources.Handler] = {**REVIEWS, Binding: subresources.bind_named}
"""What POST does with kinds whose objects are never stored."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What tells one server from another: the range of its Services, and whose tokens it gives and takes."""

    service_cidr: str = SERVICE_CIDR
    issuer: str = "https://kubernetes.default.svc.cluster.local"
    signing_key: SigningKey = attribute(default_factory=SigningKey)


class ApiServer:
    """One method a verb. Each raises `petset.api.errors.StatusError`s only.

    `store` has to be open, since the addresses of the Services in it are counted at once. `node` gives logs and exec.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        clock: Clock,
        node: PodStreams | None = None,
        settings: Settings | None = None,
    ) -> None:
        settings = settings or Settings()
        self.registry = Registry(catalogue, store, clock)
        self.catalogue = catalogue
        self.pods = PodConnections(self.registry, node)
        self.tokens = ServiceAccountTokens(self.registry, settings.signing_key, settings.issuer)
        self.authorizer = Authorizer(self.registry)
        addresses = ServiceAllocator(self.registry, settings.service_cidr)
        self._quotas = Quotas(self.registry)
        allocations = Allocations(store, {Service: addresses}, self._quotas)
        self._server = Server(self.registry, allocations, self.tokens, self.authorizer)
        self._watches = Watches(self.registry)

    async def get(self, target: Target) -> Answer:
        """One object, or the subresource of one. Raises NotFound."""
        _need(target, "get")
        if target.subresource:
            return subresources.get(self.registry, target)
        return Answer(read.get(self.registry, target), target.resource)

    async def list(self, target: Target, options: ListOptions) -> Listing:
        """The selected objects of a collection. Raises BadRequest, Invalid, Expired, Timeout."""
        _need(target, "list")
        return read.list_(self.registry, target, options)

    async def create(self, identity: Identity, target: Target, content: Content, options: WriteOptions) -> Answer:
        """POST to a collection, or to a subresource of an object: binding, eviction.

        Raises BadRequest, NotFound (also of the namespace), Forbidden, Invalid, AlreadyExists, Conflict.
        """
        _need(target, "create")
        if target.name and not target.subresource:
            raise MethodNotAllowed
        _check_manager(options.field_manager, "CreateOptions")
        if target.resource.type is ResourceQuota:
            await self._quotas.count_ahead(target.namespace)
        change = Change(self._server, identity, target, options)
        carry_out = subresources.create if target.subresource else _CARRIED_OUT.get(target.resource.type, write.create)
        return await _told(change, carry_out(change, content))

    async def create_all(
        self, identity: Identity, objects: Iterable[Object], options: WriteOptions
    ) -> Sequence[Record | StatusError]:
        """Creates objects of this process that are given away, all at once: of each its record, or what is wrong."""
        accepted = [await self._accept(identity, obj, options) for obj in objects]
        return [await _outcome(write) for write in accepted]

    async def _accept(
        self, identity: Identity, obj: Object, options: WriteOptions
    ) -> Record | Awaitable[Record] | StatusError:
        target = Target(self.catalogue.of(type(obj)), obj.metadata.namespace)
        change = Change(self._server, identity, target, options)
        try:
            return await write.accept(change, obj)
        except StatusError as error:
            return error

    async def update(self, identity: Identity, target: Target, content: Content, options: WriteOptions) -> Answer:
        """PUT. Raises BadRequest, NotFound, Conflict, Invalid."""
        _need(target, "update")
        _check_manager(options.field_manager, "UpdateOptions")
        put = subresources.UPDATE.get(target.subresource)
        if put is None:
            raise _no_method(target)
        if target.resource.type is ResourceQuota:
            await self._quotas.count_ahead(target.namespace)
        change = Change(self._server, identity, target, options)
        return await _told(change, put(change, content))

    async def patch(self, identity: Identity, target: Target, body: PatchBody, options: WriteOptions) -> Answer:
        """PATCH; an apply patch creates what is not there. Raises BadRequest, NotFound, Conflict, Invalid."""
        _need(target, "patch")
        _check_manager(options.field_manager, "PatchOptions")
        carry_out = subresources.PATCH.get(target.subresource)
        if carry_out is None:
            raise _no_method(target)
        if target.resource.type is ResourceQuota:
            await self._quotas.count_ahead(target.namespace)
        change = Change(self._server, identity, target, options)
        return await _told(change, carry_out(change, body))

    async def delete(self, identity: Identity, target: Target, options: DeleteOptions) -> Answer:
        """DELETE of one object. Raises NotFound, Conflict (preconditions), Invalid, Forbidden."""
        _need(target, "delete")
        if target.subresource:
            raise MethodNotAllowed
        return await delete.delete(Change(self._server, identity, target, WriteOptions()), options)

    async def delete_collection(
        self, identity: Identity, target: Target, listed: ListOptions, options: DeleteOptions
    ) -> Listing:
        """DELETE of everything that a list with the same options shows. Answers with what was there."""
        _need(target, "deletecollection")
        return await delete.delete_collection(Change(self._server, identity, target, WriteOptions()), listed, options)

    def watch(self, target: Target, options: WatchOptions) -> AbstractAsyncContextManager[ChangeFeed]:
        """Changes, for as long as the block lasts. Raises on entry as `list` does; iterating may raise Expired."""
        _need(target, "watch")
        return watch.open_feed(self.registry, target, options)

    def stream(
        self, target: Target, options: WatchOptions, watches: Watches | None = None, take: Take | None = None
    ) -> AbstractAsyncContextManager[Batches]:
        """A watch in batches, with its bookmarks and its timeout, as one of those `watches`; raises as `watch`."""
        _need(target, "watch")
        return (watches or self._watches).open(target, options, take)


async def _told(change: Change, outcome: Awaitable[Answer]) -> Answer:
    """The outcome of a write, be it an error, with what is told beside it."""
    try:
        answer = await outcome
    except StatusError as error:
        error.warnings = (*change.warnings, *error.warnings)
        raise
    return structs.replace(answer, warnings=tuple(change.warnings)) if change.warnings else answer


async def _outcome(accepted: Record | Awaitable[Record] | StatusError) -> Record | StatusError:
    if isinstance(accepted, Record | StatusError):
        return accepted
    try:
        return await accepted
    except StatusError as error:
        return error


def _no_method(target: Target) -> MethodNotAllowed:
    """The refusal of a verb that a subresource does not know. Raises NotFound when there is no such subresource."""
    subresources.refuse_unknown(target.resource, target.subresource)
    return MethodNotAllowed()


def _need(target: Target, verb: str) -> None:
    if not target.subresource and verb not in target.resource.verbs:
        if target.name and "get" not in target.resource.verbs:
            raise NotFound.path()
        raise MethodNotAllowed
    if verb in _OF_ONE and not target.name:
        raise MethodNotAllowed
    if verb == "create" and target.resource.namespaced and not target.namespace:
        raise MethodNotAllowed


@lru_cache(256)
def _check_manager(manager: str, kind: str) -> None:
    """Follows apimachinery's `ValidateFieldManager`. Raises Invalid."""
    errors = []
    if len(manager.encode(errors="replace")) > LONGEST_MANAGER:
        errors.append(field.too_long("fieldManager", LONGEST_MANAGER))
    for index, character in enumerate(manager):
        if not character.isprintable():
            place = f"(at position {len(manager[:index].encode(errors='replace'))})"
            errors.append(field.invalid("fieldManager", manager, f"invalid character U+{ord(character):04X} {place}"))
    if errors:
        raise Invalid.of("meta.k8s.io", kind, "", errors)
