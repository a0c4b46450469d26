"""Server-side apply of manifests."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from petset.aio.clock import SystemClock
from petset.api.errors import Conflict, NotFound
from petset.api.meta import Key
from petset.api.resources import Resource
from petset.api.types import Namespace, Object, Pod, ServiceAccount
from petset.cli.failure import Failure
from petset.cli.manifests import Manifest, Tree
from petset.cli.references import kind_text
from petset.client.interface import Client, Patch, WriteOptions
from petset.kinds import CATALOGUE

FIELD_MANAGER = "petset"
ACCOUNT_SECONDS = 10.0
ACCOUNT_POLL = 0.05
DEFAULT_NAMESPACE = "default"

_OURSELVES = f'conflict with "{FIELD_MANAGER}"'
_NEEDED_BY_OTHERS = {
    kind: place
    for place, kind in enumerate(
        (
            "Namespace",
            "StorageClass",
            "ServiceAccount",
            "Secret",
            "ConfigMap",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Service",
        )
    )
}


@dataclass(frozen=True, slots=True)
class Target:
    """An object of a manifest: what it is called on the server, its tree with the namespace filled in, its origin."""

    resource: Resource[Any]
    key: Key
    tree: Tree
    origin: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{kind_text(self.resource)}/{self.key.name}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one object; `outcome` is kubectl's word for it."""

    target: Target
    outcome: str
    obj: Object

    def __str__(self) -> str:
        return f"{self.target} {self.outcome}"


def targets_of(manifests: Sequence[Manifest], namespace: str = DEFAULT_NAMESPACE) -> list[Target]:
    """What the manifests mean. Raises Failure for a kind that the server does not have."""
    targets = []
    for manifest in manifests:
        tree = manifest.tree
        resource = CATALOGUE.named(tree["apiVersion"], tree["kind"])
        if resource is None:
            unknown = f'no matches for kind "{tree["kind"]}" in version "{tree["apiVersion"]}"'
            raise Failure(f"{manifest.origin}: {unknown}" if manifest.origin else unknown)
        metadata = dict(tree["metadata"])
        if resource.namespaced:
            metadata["namespace"] = metadata.get("namespace") or namespace
        key = Key(metadata.get("namespace", "") if resource.namespaced else "", metadata["name"])
        targets.append(Target(resource, key, {**tree, "metadata": metadata}, manifest.origin))
    return targets


def in_order_of_need(targets: Sequence[Target]) -> list[Target]:
    """The same objects, so that what others need comes first; otherwise in the order of the manifests."""
    return sorted(targets, key=lambda target: _NEEDED_BY_OTHERS.get(target.resource.kind, len(_NEEDED_BY_OTHERS)))


async def apply(client: Client, target: Target, *, force: bool = False, dry_run: bool = False) -> Applied:
    """Applies one object. Raises StatusError; Conflict when somebody else owns a field and `force` is not set."""
    kind, key = target.resource.type, target.key
    options = WriteOptions(force=force, dry_run=dry_run, field_validation="Strict")
    try:
        before = await client.get(kind, key.name, key.namespace)
    except NotFound:
        before = None
        if kind is Pod and not dry_run:
            await _until_account_is_there(client, key.namespace)
    patch = Patch("apply", target.tree)
    try:
        obj = await client.patch(kind, key.name, key.namespace, patch, options=options)
    except Conflict as error:
        if not only_with_ourselves(error):
            raise
        obj = await client.patch(kind, key.name, key.namespace, patch, options=replace(options, force=True))
    outcome = "created" if before is None else "unchanged" if same_but_for_status(before, obj) else "configured"
    return Applied(target, f"{outcome} (server dry run)" if dry_run else outcome, obj)


async def _until_account_is_there(client: Client, namespace: str) -> None:
    """A controller makes the account by which pods are created a moment after the namespace. Gives up in time."""
    clock = SystemClock()
    with suppress(TimeoutError, NotFound):
        async with asyncio.timeout(ACCOUNT_SECONDS):
            await client.get(Namespace, namespace)
            while "default" not in [account.metadata.name for account in await _accounts(client, namespace)]:
                await clock.sleep(ACCOUNT_POLL)


async def _accounts(client: Client, namespace: str) -> Sequence[ServiceAccount]:
    return (await client.list(ServiceAccount, namespace)).items


def only_with_ourselves(error: Conflict) -> bool:
    """Whether all that stands in the way of an apply was set by petset's own commands, such as `petset scale`.

    The server tells an apply from other writes of one manager; for people it is one hand, and the last word counts.
    """
    causes = error.details.get("causes") or ()
    return bool(causes) and all(str(cause.get("message")).startswith(_OURSELVES) for cause in causes)


def same_but_for_status(one: Object, other: Object) -> bool:
    """Whether an apply changed nothing of an object; what controllers did meanwhile does not count."""
    return _intent(one) == _intent(other)


def _intent(obj: Object) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(obj))
    tree.pop("status", None)
    for name in ("resourceVersion", "managedFields", "generation"):
        tree["metadata"].pop(name, None)
    return tree
