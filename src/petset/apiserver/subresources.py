"""The subresources that are more than a part of their object: scale, binding, eviction, finalize, token.

`/status` goes the way of the object itself, with the status strategy (`write.Change.strategy`).
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import structs

from petset.aio.clock import Clock
from petset.api import field, meta
from petset.api.errors import BadRequest, Conflict, Invalid, MethodNotAllowed, NotFound
from petset.api.patch.managed_fields import entries_of
from petset.api.patch.trees import Tree
from petset.api.resources import Resource
from petset.api.schema.decode import convert
from petset.api.types import (
    Binding,
    Object,
    ObjectMeta,
    Pod,
    PodCondition,
    Scale,
    ScaleSpec,
    ScaleStatus,
    ServiceAccount,
    TokenRequest,
)
from petset.apiserver import metadata, ownership, patch, read, write
from petset.apiserver.authentication.tokens import GROUP, default_request
from petset.apiserver.eviction import evict
from petset.apiserver.registry import Registry, encode, modified
from petset.apiserver.request import Answer, Content, PatchBody, Target
from petset.apiserver.write import Change, put, refuse_invalid, succeed
from petset.store.interface import Record

_SCALE_VERSION = "autoscaling/v1"

Handler = Callable[[Change, Content], Awaitable[Answer]]


def refuse_unknown(resource: Resource[Any], subresource: str) -> None:
    """Raises NotFound for a subresource that a resource does not have."""
    known = {"status": resource.status is not None, "scale": resource.scale is not None}
    if not known.get(subresource, False) and all(other.name != subresource for other in resource.subresources):
        raise NotFound.path()


def get(registry: Registry, target: Target) -> Answer:
    """GET of a subresource. Raises NotFound, MethodNotAllowed."""
    refuse_unknown(target.resource, target.subresource)
    if target.subresource == "status":
        return Answer(read.get(registry, target), target.resource)
    if target.subresource != "scale":
        raise MethodNotAllowed
    return _scale_answer(registry, target, Answer(_scaled_record(registry, target, durable=True), target.resource))


async def create(change: Change, content: Content) -> Answer:
    """POST to a subresource. Raises NotFound, MethodNotAllowed and what the subresource says."""
    handler = _CREATE.get((change.resource.type, change.target.subresource))
    if handler is None:
        refuse_unknown(change.resource, change.target.subresource)
        raise MethodNotAllowed
    return await handler(change, content)


async def update_scale(change: Change, content: Content) -> Answer:
    """PUT of a Scale: only replicas count, and the resourceVersion as a precondition."""
    refuse_unknown(change.resource, "scale")
    scale: Scale = write.read(change, content, Scale, _SCALE_VERSION)
    write.check_name(change, scale)
    metadata.place(change.resource, scale, change.target.namespace)
    return await _rescale(change, scale, _scaled_record(change.registry, change.target))


async def patch_scale(change: Change, body: PatchBody) -> Answer:
    """PATCH of a Scale."""
    refuse_unknown(change.resource, "scale")
    patch.check_options(change, body)
    record = _scaled_record(change.registry, change.target)
    if body.type == "apply":
        return await _apply_scale(change, body, record)
    scale = _scale_of(change.resource, change.registry.decode(change.resource, record.value))
    document = patch.read_document(body)
    tree = patch.patch_tree(body, document, msgspec.to_builtins(scale), Scale)
    patched: Scale = patch.read_made(change, body, document, patch.Made(Scale, tree, lambda: tree))
    metadata.place(change.resource, patched, change.target.namespace)
    write.check_name(change, patched)
    if patched.metadata.resource_version == scale.metadata.resource_version:
        patched.metadata.resource_version = ""
    return await _rescale(change, patched, record)


async def _apply_scale(change: Change, body: PatchBody, record: Record) -> Answer:
    """An applied Scale owns the replicas of the object itself, as its writer's own by way of this subresource.

    As in upstream's `managedfields/scalehandler.go` a conflict is one of the Scale, and of an object without owners
    only the replicas get one.
    """
    resource = change.resource
    config = patch.checked_config(change, patch.read_document(body), _SCALE_VERSION, "Scale")
    patch.check_typed(config, Scale)
    head = {"apiVersion": resource.group_version, "kind": resource.kind, "metadata": {"name": change.target.name}}
    replicas = (config.get("spec") or {}).get("replicas") or 0
    live = change.registry.tree(resource, record.value)
    writer = structs.replace(change.writer(), api_version=_SCALE_VERSION)
    seen = _owned_through(live, _SCALE_VERSION) if live["metadata"].get("managedFields") else _only_replicas(live)
    scaled = patch.merge_applied(change, {**head, "spec": {"replicas": replicas}}, seen, writer)
    patch.check_repeated(change, body)
    _check_replicas(change, replicas)
    entries = _owned_through(scaled, resource.group_version)["metadata"]["managedFields"]
    described = {**live["metadata"], "managedFields": entries}
    merged = {**live, "metadata": described, "spec": {**live["spec"], "replicas": replicas}}
    answer = await put(change, convert(merged, resource.type), record, owned=True)
    return _scale_answer(change.registry, change.target, answer)


def _owned_through(tree: Tree, group_version: str) -> Tree:
    """The tree with all entries of its managedFields in one version."""
    entries = [{**entry, "apiVersion": group_version} for entry in entries_of(tree)]
    return {**tree, "metadata": {**tree.get("metadata", {}), "managedFields": entries}}


def _only_replicas(tree: Tree) -> Tree:
    """What a Scale shows of the wishes in an object; none at all are no field."""
    replicas = tree["spec"].get("replicas")
    return {"spec": {"replicas": replicas} if replicas else {}}


async def finalize(change: Change, content: Content) -> Answer:
    """PUT of `/finalize`: only spec.finalizers of a namespace change; the last one gone, so is the namespace."""
    refuse_unknown(change.resource, "finalize")
    sent = write.read(change, content)
    write.check_name(change, sent)
    record = change.newest()
    old = change.registry.shared(change.resource, record)
    obj = change.registry.decode(change.resource, record.value)
    if sent.metadata.resource_version not in {"", old.metadata.resource_version}:
        raise modified(change.resource, change.target.name)
    obj.spec.finalizers = sent.spec.finalizers
    return await succeed(change, obj, old, record)


def _scaled_record(registry: Registry, target: Target, *, durable: bool = False) -> Record:
    resource = target.resource
    key = resource.key(target.namespace, target.name)
    look_up = registry.store.read if durable else registry.store.newest
    record = look_up(resource.collection, key)
    if record is None:
        raise NotFound.of(resource.group, resource.plural, target.name)
    return record


def _scale_of(resource: Resource[Any], obj: Object) -> Scale:
    assert resource.scale is not None
    desired, actual, selector = resource.scale.read(obj)
    source = obj.metadata
    shown = ObjectMeta(
        name=source.name,
        namespace=source.namespace,
        uid=source.uid,
        resource_version=source.resource_version,
        creation_timestamp=source.creation_timestamp,
    )
    spec = ScaleSpec(replicas=desired or None)
    return Scale(metadata=shown, spec=spec, status=ScaleStatus(replicas=actual, selector=selector or None))


def _scale_answer(registry: Registry, target: Target, answer: Answer) -> Answer:
    scale = _scale_of(target.resource, registry.decode(target.resource, answer.record.value))
    return Answer(structs.replace(answer.record, value=encode(scale)), None, answer.code)


async def _rescale(change: Change, scale: Scale, record: Record) -> Answer:
    resource = change.resource
    assert resource.scale is not None
    replicas = scale.spec.replicas or 0
    _check_replicas(change, replicas)
    obj = change.registry.decode(resource, record.value)
    write.check_uid(resource, scale, obj)
    resource.scale.write(obj, replicas)
    obj.metadata.resource_version = scale.metadata.resource_version
    return _scale_answer(change.registry, change.target, await put(change, obj, record))


def _check_replicas(change: Change, replicas: int) -> None:
    if replicas < 0:
        error = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise Invalid.of("autoscaling", "Scale", change.target.name, [error])


async def bind_named(change: Change, content: Content) -> Answer:
    """POST to the collection of bindings, which means the pod of the same name (upstream's `LegacyBindingREST`)."""
    binding = write.read(change, content)
    metadata.place(change.resource, binding, change.target.namespace)
    if not binding.metadata.name:
        raise BadRequest("Name parameter required.")
    pods = change.registry.catalogue.of(Pod)
    target = Target(pods, change.target.namespace, binding.metadata.name, "binding")
    return await _carry_out(structs.replace(change, target=target), binding)


async def _bind(change: Change, content: Content) -> Answer:
    binding: Binding = write.read(change, content, Binding, "v1")
    if binding.metadata.name != change.target.name:
        raise BadRequest("name in URL does not match name in Binding object")
    metadata.place(change.resource, binding, change.target.namespace)
    return await _carry_out(change, binding)


async def _carry_out(change: Change, binding: Binding) -> Answer:
    """Gives a pod its node, once (upstream's `BindingREST`)."""
    refuse_invalid(change.resource, binding, _binding_errors(binding))
    record = change.newest()
    pod = change.registry.shared(change.resource, record)
    _check_same(change.resource, binding, pod)
    if pod.metadata.deletion_timestamp is not None:
        why = f"pod {pod.metadata.name} is being deleted, cannot be assigned to a host"
        raise Conflict.of("", "pods/binding", pod.metadata.name, why)
    if pod.spec.node_name:
        why = f'pod {pod.metadata.name} is already assigned to node "{pod.spec.node_name}"'
        raise Conflict.of("", "pods/binding", pod.metadata.name, why)
    answer = await succeed(change, _assigned(pod, binding, change.registry.clock), pod, record)
    return _success(answer)


def _check_same(resource: Resource[Any], binding: Binding, pod: Pod) -> None:
    """Raises Conflict when a binding means another pod, or another state of it."""
    write.check_uid(resource, binding, pod)
    wanted, found = binding.metadata.resource_version, pod.metadata.resource_version
    if wanted and wanted != found:
        raise write.unmet(resource, pod, write.precondition_failed("ResourceVersion", wanted, found))


def _binding_errors(binding: Binding) -> list[field.FieldError]:
    errors = []
    if binding.target.kind not in {None, "", "Node"}:
        errors.append(field.not_supported("target.kind", binding.target.kind, ["Node", "<empty>"]))
    if not binding.target.name:
        errors.append(field.required("target.name"))
    return errors


def _assigned(pod: Pod, binding: Binding, clock: Clock) -> Pod:
    """The pod on its node. What a binding does not change is shared with the pod that waits for one."""
    conditions = list(pod.status.conditions)
    meta.set_condition(conditions, PodCondition(type="PodScheduled", status="True"), clock.now())
    return structs.replace(
        pod,
        metadata=structs.replace(pod.metadata, annotations=pod.metadata.annotations | binding.metadata.annotations),
        spec=structs.replace(pod.spec, node_name=binding.target.name),
        status=structs.replace(pod.status, conditions=conditions),
    )


async def _evict(change: Change, content: Content) -> Answer:
    return _success(await evict(change, content))


async def _give_token(change: Change, content: Content) -> Answer:
    """Makes a token for a ServiceAccount; nothing of it is stored."""
    namespace, name, version = change.target.namespace, change.target.name, f"{GROUP}/v1"
    request: TokenRequest = write.read(change, content, TokenRequest, version)
    metadata.place(change.resource, request, namespace)
    default_request(request)
    request.metadata.managed_fields = []
    if ownership.tracks(request, change.options, "token"):
        who = structs.replace(change.writer(), api_version=version)
        ownership.track(request, None, who, has_status=True)
    given = change.server.tokens.issue(namespace, name, request)
    return Answer(Record(name, 0, encode(given), {}, {}), None, 201)


def _success(answer: Answer) -> Answer:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return Answer(structs.replace(answer.record, value=msgspec.json.encode(status)), None, 201)


_CREATE: dict[tuple[type[Object], str], Handler] = {
    (Pod, "binding"): _bind,
    (Pod, "eviction"): _evict,
    (ServiceAccount, "token"): _give_token,
}
UPDATE: dict[str, Handler] = {
    "": write.update,
    "status": write.update,
    "scale": update_scale,
    "finalize": finalize,
}
"""What PUT does, by subresource."""
PATCH: dict[str, Callable[[Change, PatchBody], Awaitable[Answer]]] = {
    "": patch.patch,
    "status": patch.patch,
    "scale": patch_scale,
}
"""What PATCH does, by subresource."""
