"""create and update: from what a client sent to a committed record.

The order follows upstream's generic registry: decode, default, admit, fill in metadata, the strategy's reset and
validation, allocate, track ownership, commit. Nothing is awaited before the commit is accepted, so nobody else's write
can come between the state a decision was made on and the decision.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from petset.api import field
from petset.api.errors import AlreadyExists, BadRequest, Conflict, Invalid, MethodNotAllowed, NotFound, StatusError
from petset.api.field import FieldError
from petset.api.patch.managed_fields import Writer
from petset.api.resources import Resource, Strategy
from petset.api.types import Object, ObjectMeta
from petset.apiserver import admission, decoding, metadata, ownership
from petset.apiserver.allocation import Allocations
from petset.apiserver.authentication.tokens import ServiceAccountTokens
from petset.apiserver.authorization.attributes import forbidden, on
from petset.apiserver.authorization.authorizer import Authorizer
from petset.apiserver.registry import Acceptance, Registry, modified
from petset.apiserver.request import Answer, Content, Identity, Target, WriteOptions
from petset.store.interface import Record

_NAME_ATTEMPTS = 8
_UNCONDITIONAL = frozenset({"", "0"})
"""The versions that stand for any."""


class Server(msgspec.Struct, frozen=True):
    """What every write works with."""

    registry: Registry
    allocations: Allocations
    tokens: ServiceAccountTokens
    authorizer: Authorizer


class Change(msgspec.Struct, frozen=True):
    """A write on its way: who does it, where and how."""

    server: Server
    identity: Identity
    target: Target
    options: WriteOptions
    warnings: list[str] = msgspec.field(default_factory=list)
    """What is told beside the answer, also when that is an error."""

    @property
    def resource(self) -> Resource[Any]:
        """The resource of the target."""
        return self.target.resource

    @property
    def registry(self) -> Registry:
        """The stored objects."""
        return self.server.registry

    @property
    def strategy(self) -> Strategy[Any]:
        """The rules of the endpoint: of `/status` for the status, of the object itself for everything else."""
        if self.target.subresource != "status":
            return self.resource.strategy
        if self.resource.status is None:
            raise NotFound.path()
        return self.resource.status

    def newest(self) -> Record:
        """The state to decide against. Raises NotFound."""
        record = self.registry.newest(self.resource, self.target.namespace, self.target.name)
        if record is None:
            raise NotFound.of(self.resource.group, self.resource.plural, self.target.name)
        return record

    def writer(self) -> Writer:
        """Whose the fields become."""
        return ownership.writer(self.resource, self.options, self.target.subresource, self.registry.time())

    def attributes(self, obj: Object) -> admission.Attributes:
        """What admission sees."""
        return admission.Attributes(self.registry, self.identity, self.resource, obj, self.server.authorizer)


async def create(change: Change, content: Content) -> Answer:
    """Creates what `content` says. Raises BadRequest, NotFound, Forbidden, Invalid, AlreadyExists."""
    if change.target.subresource:
        raise MethodNotAllowed
    return await begin(change, read(change, content))


def read(change: Change, content: Content, kind: type[Object] | None = None, group_version: str = "") -> Any:
    """A private object of the resource's type, or of another that may be no resource (Scale, Binding).

    Raises BadRequest, UnsupportedMediaType.
    """
    resource = change.target.resource
    wanted, version = kind or resource.type, group_version or resource.group_version
    obj, warnings = decoding.read(content, wanted, version, change.options.field_validation)
    change.warnings.extend(warnings)
    return obj


async def begin(change: Change, obj: Any, *, owned: bool = False) -> Answer:
    """Creates a decoded object that nobody else holds. `owned`: its managedFields tell already who wrote it."""
    accepted = await accept(change, obj, owned=owned)
    record = accepted if isinstance(accepted, Record) else await accepted
    return Answer(record, change.resource, 201)


async def accept(change: Change, obj: Any, *, owned: bool = False) -> Acceptance | Record:
    """The same, but for the wait until the object is durable. A dry run has its record at once."""
    resource, registry, meta = change.resource, change.registry, obj.metadata
    metadata.place(resource, obj, change.target.namespace)
    if change.target.name:
        meta.name = change.target.name
    attributes = change.attributes(obj)
    if admission.waits_for_account(attributes):
        await admission.until_account(attributes)
    resource.strategy.default(obj)
    if not owned:  # what admission and allocation add is nobody's
        meta.managed_fields = []
        owned = _track(change, obj, None)
    admission.admit_create(attributes)
    _name(change, obj)
    metadata.begin(meta, registry.time())
    resource.strategy.prepare_create(obj)
    errors, warnings = resource.strategy.judge(obj)
    refuse_invalid(resource, obj, metadata.errors_of(resource, meta) + errors)
    change.warnings.extend(warnings)
    admission.check_create(attributes)
    if not change.options.may_create:
        raise forbidden(on(change.identity, "create", resource, meta.namespace, meta.name))
    admission.complete_create(attributes)
    undo = change.server.allocations.take(resource, obj, None)
    try:
        _refuse_taken(change, obj)
        if not change.options.dry_run:
            return registry.write(resource, obj, None, disowned=owned and not meta.managed_fields)
    except StatusError:
        undo()
        raise
    undo()
    return registry.rehearsed(resource, obj)


async def update(change: Change, content: Content) -> Answer:
    """Replaces the object of the target. Raises BadRequest, NotFound, Conflict, Invalid."""
    resource, target, strategy = change.resource, change.target, change.strategy
    obj = read(change, content)
    metadata.place(resource, obj, target.namespace)
    check_name(change, obj)
    if _creates(change):
        check_uid(resource, obj, resource.type(metadata=ObjectMeta(name=target.name, namespace=target.namespace)))
        obj.metadata.resource_version = ""  # of what is not there any more
        return await begin(change, obj)
    record = change.newest()
    old = change.registry.shared(resource, record)
    check_uid(resource, obj, old)
    if obj.metadata.resource_version in _UNCONDITIONAL and not strategy.allow_unconditional_update:
        # upstream shows the number that an absent version is for it, and names the resource, not the kind
        error = field.invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise Invalid.of(resource.group, resource.plural, obj.metadata.name, [error])
    return await put(change, obj, record)


async def put(change: Change, obj: Any, record: Record, *, owned: bool = False) -> Answer:
    """Makes a decoded object, that nobody else holds, the successor of `record`.

    A resourceVersion in it is a precondition. What changes nothing is not written. `owned` is as in `begin`.
    """
    resource, registry, strategy, meta = change.resource, change.registry, change.strategy, obj.metadata
    old = registry.shared(resource, record)
    if meta.resource_version not in _UNCONDITIONAL and meta.resource_version != old.metadata.resource_version:
        raise modified(resource, old.metadata.name)
    metadata.carry_over(meta, old.metadata)
    strategy.default(obj)
    strategy.prepare_update(obj, old)
    attributes = change.attributes(obj)
    admission.admit_update(attributes)
    errors = metadata.update_errors(resource, meta, old.metadata)
    refuse_invalid(resource, obj, errors + strategy.validate_update(obj, old))
    change.warnings.extend(strategy.update_warnings(obj, old))
    if not change.target.subresource:
        admission.check_update(attributes)
    return await succeed(change, obj, old, record, owned=owned)


async def succeed(change: Change, obj: Any, old: Any, record: Record, *, owned: bool = False) -> Answer:
    """Writes a state that keeps all rules: `old` is the decoded `record`, `obj` what comes after it."""
    resource, registry, meta = change.resource, change.registry, obj.metadata
    undo = change.server.allocations.take(resource, obj, old)
    disowned = registry.is_disowned(record)
    if not owned:
        meta.managed_fields = meta.managed_fields or old.metadata.managed_fields
        if disowned and not ownership.tells_owners(obj, change.target.subresource):
            meta.managed_fields, owned = [], True
    # a state that is not durable yet must not be acknowledged as if it were
    if record.revision <= registry.store.revision and ownership.unchanged(obj, old):
        return Answer(registry.shown(resource, record), resource)
    if not owned:
        disowned |= _track(change, obj, old)
    if change.options.dry_run:
        undo()
        return Answer(registry.rehearsed(resource, obj), resource)
    if metadata.ends_with_update(meta, old.metadata) and not admission.is_held(obj):
        return Answer(await end(change, obj, record), resource)
    try:
        disowned |= bool(old.metadata.managed_fields)
        accepted = registry.write(resource, obj, record.revision, disowned=disowned and not meta.managed_fields)
    except StatusError:
        undo()
        raise
    return Answer(await accepted, resource)


async def end(change: Change, obj: Any, record: Record) -> Record:
    """Removes an object whose newest state is `record`, with `obj` as its last state."""
    change.server.allocations.release(change.resource, obj)
    return await change.registry.remove(change.resource, obj, record.revision)


def refuse_invalid(resource: Resource[Any], obj: Object, errors: Iterable[FieldError]) -> None:
    """Raises Invalid when there are errors."""
    found = list(errors)
    if found:
        # upstream names the kind of what it stores
        group = resource.group if resource.view is None else resource.view.stored().api_version.rpartition("/")[0]
        raise Invalid.of(group, resource.kind, obj.metadata.name, found)


def _track(change: Change, obj: Object, old: Object | None) -> bool:
    """Notes whose the fields become, where that is noted at all; whether it is."""
    tracks = ownership.tracks(obj, change.options, change.target.subresource)
    if tracks:
        ownership.track(obj, old, change.writer(), has_status=change.resource.status is not None)
    return tracks


def _creates(change: Change) -> bool:
    """Whether a PUT finds nothing and may create it."""
    if change.target.subresource or not change.strategy.allow_create_on_update:
        return False
    return change.registry.newest(change.resource, change.target.namespace, change.target.name) is None


def _name(change: Change, obj: Object) -> None:
    """A generated name that is free, for a new object that has none."""
    meta = obj.metadata
    if meta.name or not meta.generate_name:
        return
    for _ in range(_NAME_ATTEMPTS):
        metadata.generate_name(meta)
        if change.registry.newest(change.resource, meta.namespace, meta.name) is None:
            return


def _refuse_taken(change: Change, obj: Object) -> None:
    """Raises AlreadyExists, and BadRequest for an object that says it was stored before; a dry run stores nothing."""
    resource, meta = change.resource, obj.metadata
    version = meta.resource_version
    if version.isdecimal() and int(version) and not change.options.dry_run:
        raise BadRequest("resourceVersion should not be set on objects to be created")
    record = change.registry.newest(resource, meta.namespace, meta.name)
    if record is not None:
        deleted = change.registry.shared(resource, record).metadata.deletion_timestamp is not None
        raise AlreadyExists.of(resource.group, resource.plural, meta.name, deleted=deleted)


def check_name(change: Change, obj: Object) -> None:
    """Raises BadRequest unless the object has the name that the URL says."""
    refuse_other_name(change.target, obj.metadata.name)


def refuse_other_name(target: Target, found: Any) -> None:
    """Raises BadRequest unless a name is the one that the URL says."""
    if not found:
        found = f"{target.name} based on URL"
        raise BadRequest(f"the name of the object ({found}) was undeterminable: name must be provided")
    if found != target.name:
        raise BadRequest(f"the name of the object ({found}) does not match the name on the URL ({target.name})")


def check_uid(resource: Resource[Any], obj: Object, old: Object) -> None:
    """A uid in what is written is a precondition. Raises Conflict."""
    wanted, found = obj.metadata.uid, old.metadata.uid
    if wanted and wanted != found:
        raise unmet(resource, old, precondition_failed("UID", wanted, found))


def precondition_failed(what: str, wanted: str, found: str) -> str:
    """What upstream's storage says of a write that means another object, or another state of it."""
    return f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"


def unmet(resource: Resource[Any], old: Object, failed: str) -> Conflict:
    """The refusal of a write that means another object, or another state of it, in the words of upstream's storage."""
    name = old.metadata.name
    key = f"/registry/{resource.plural}/{resource.key(old.metadata.namespace, name)}"
    why = f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
    return Conflict.of(resource.group, resource.plural, name, f"{why}{failed}")
