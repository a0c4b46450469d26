"""What a request says, whoever carries it: who asks, for what, with which options. Words of the API's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from petset.api.resources import Resource
from petset.api.types import DeleteOptions, Object
from petset.client.interface import FieldValidation, PatchType
from petset.store.interface import Record


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. `extra` is what the one who vouches for the name says beyond it, such as a token's pod."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


class Target(msgspec.Struct, frozen=True):
    """What a URL names: a collection (no name), an object, or a subresource of one.

    `namespace` is empty for cluster-wide resources, and for a list over all namespaces.
    """

    resource: Resource[Any]
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class Body(msgspec.Struct, frozen=True):
    """An object as a client sent it. `media_type` is without parameters."""

    raw: bytes
    media_type: str = "application/json"


class Gift(msgspec.Struct, frozen=True):
    """An object that its maker in this process gives away, in canonical form: the pipeline takes it as it is."""

    obj: Object


Content = Body | Gift | Object
"""What a write brings: bytes from the wire, or an object from within the process, which the pipeline copies."""


class WriteOptions(msgspec.Struct, frozen=True):
    """How a write is carried out. `force` belongs to apply patches; an empty `field_manager` tracks nothing."""

    field_manager: str = ""
    dry_run: bool = False
    force: bool | None = None
    field_validation: FieldValidation = ""
    begins_tracking: bool = True
    """Whether field ownership is tracked for objects that have no managedFields yet."""
    may_create: bool = True
    """Whether a PUT or an apply may create what is not there."""


class ListOptions(msgspec.Struct, frozen=True):
    """What a list selects, and how old the answer may be."""

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    limit: int = 0
    continue_: str = ""
    send_initial_events: bool | None = None
    """Of a watch only; a list that asks for it is refused."""


class WatchOptions(msgspec.Struct, frozen=True):
    """What a watch selects and where it starts. Bookmarks and the timeout are kept by `ApiServer.stream` only."""

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    send_initial_events: bool | None = None
    allow_bookmarks: bool = False
    timeout_seconds: int | None = None


class PatchBody(msgspec.Struct, frozen=True):
    """A patch: bytes from the wire (JSON, and YAML for apply), or the document itself."""

    type: PatchType
    document: Any


class Answer(msgspec.Struct, frozen=True):
    """The outcome of a verb on one object. `record.value` is the body, to be sent as it is.

    `resource` tells which kind the body is, for those who want it as a table; None for a Status, Scale and the like.
    `code` is the HTTP status.
    """

    record: Record
    resource: Resource[Any] | None
    code: int = 200
    warnings: tuple[str, ...] = ()


class Listing(msgspec.Struct, frozen=True):
    """The outcome of a list: records in key order, the revision they show, and the way to the next page."""

    resource: Resource[Any]
    records: tuple[Record, ...]
    revision: int
    continue_: str = ""
    remaining: int | None = None


def dry_runs(options: DeleteOptions) -> bool:
    """Whether a deletion is only to be tried."""
    return bool(options.dry_run)
