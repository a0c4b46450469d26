"""get and list: bytes as they are stored, decoded only when a view needs it.

A list that is read in pages is one list: the token carries the revision of the first page, as of which all others are,
and the name to go on after. It expires when history does not reach back that far any more.
"""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from petset.api import field
from petset.api.documents import check_json
from petset.api.errors import BadRequest, Expired, Invalid, NotFound, Timeout
from petset.api.field import FieldError
from petset.api.resources import Resource
from petset.apiserver import selection
from petset.apiserver.past import Past, more_then, past_of, restored
from petset.apiserver.registry import Registry
from petset.apiserver.request import Listing, ListOptions, Target
from petset.apiserver.selection import Selection
from petset.store.interface import Compacted, Record, Snapshot

_MOST_DIGITS = 20
"""Of a number of 64 bits."""
_NOW = 0
"""The revision in a token that leads on whatever has changed."""
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def get(registry: Registry, target: Target) -> Record:
    """The durable state of one object. Raises NotFound."""
    resource = target.resource
    record = registry.store.read(registry.collection(resource), resource.key(target.namespace, target.name))
    if record is None:
        raise NotFound.of(resource.group, resource.plural, target.name)
    return registry.shown(resource, record)


def check_revision(registry: Registry, text: str) -> None:
    """Who asks for what is not older than a revision is told when that is still to come. Raises BadRequest, Timeout."""
    asked, present = parse_revision(text), registry.store.revision
    if asked > present:
        raise future(asked, present)


class PageExpired(Expired):
    """A page that cannot be shown as it was; `continue_` leads on as things are now."""

    def __init__(self, continue_: str) -> None:
        super().__init__(_TOO_OLD)
        self.continue_ = continue_

    def status(self) -> dict[str, Any]:
        """With the token among the metadata, where clients look for it."""
        return {**super().status(), "metadata": {"continue": self.continue_}}


def list_(registry: Registry, target: Target, options: ListOptions) -> Listing:
    """The durable records that the options select. Raises BadRequest, Invalid, Expired, Timeout."""
    _check_options(options)
    resource = target.resource
    wanted = selection.parse(registry, resource, options.label_selector, options.field_selector)
    place = _place(options, registry.store.revision)
    past = _past(registry, target, place)
    if options.limit > 0 and wanted.everything and resource.view is None:
        return _page_of_all(registry, target, place, past, options.limit)
    records = _snapshot(registry, target, wanted).records
    if past:
        records = tuple(restored(records, past))
    if place.after:
        records = records[bisect_right(records, place.after, key=lambda record: record.name) :]
    records = tuple(registry.shown(resource, record) for record in records) if resource.view else records
    if not wanted.everything:
        records = wanted.select(records)
    return _page(resource, records, place.revision, options.limit, counted=wanted.everything)


def _snapshot(registry: Registry, target: Target, wanted: Selection) -> Snapshot:
    """The records to select from; a selector by name, as clients that wait for one object use, reads only that."""
    resource, name = target.resource, wanted.name
    if name is None or (resource.namespaced and not target.namespace):
        return registry.store.list(registry.collection(resource), prefix_of(target), wanted.labels.equal)
    record = registry.store.read(registry.collection(resource), resource.key(target.namespace, name))
    return Snapshot((record,) if record else (), registry.store.revision)


def prefix_of(target: Target) -> str:
    """What the names of the records of a request start with."""
    return f"{target.namespace}/" if target.resource.namespaced and target.namespace else ""


class _Place(NamedTuple):
    """Where a page begins: after a name, of a list as of a revision."""

    revision: int
    after: str = ""


def _place(options: ListOptions, present: int) -> _Place:
    """Of what the options ask for a part. Raises BadRequest, Expired, Timeout."""
    asked = parse_revision(options.resource_version)
    if asked > present:
        raise future(asked, present)
    if options.continue_:
        place = _read_token(options.continue_, present)
        if asked:
            raise BadRequest("specifying resource version is not allowed when using continue")
        return place
    exactly = options.resource_version_match == "Exact" or _begins_pages_of(options, asked)
    return _Place(asked if exactly else present)


def _begins_pages_of(options: ListOptions, asked: int) -> bool:
    """Whether the first page is of the revision itself: upstream's rule from before there was a match to say so."""
    return asked > 0 and options.limit > 0 and not options.resource_version_match


def _past(registry: Registry, target: Target, place: _Place) -> Past:
    """What has changed since the place was true. Raises Expired."""
    collection = registry.collection(target.resource)
    try:
        return past_of(registry.store, collection, prefix_of(target), place.revision)
    except Compacted as error:
        if place.after:
            raise PageExpired(_token(_NOW, place.after)) from error
        why = f"The resourceVersion for the provided list is too old: {place.revision} ({error.oldest})"
        raise Expired(why) from error


def _page_of_all(registry: Registry, target: Target, place: _Place, past: Past, limit: int) -> Listing:
    """A page without a selector costs what it shows and what has changed since, however much follows."""
    resource, prefix, store = target.resource, prefix_of(target), registry.store
    collection = registry.collection(resource)
    page = tuple(islice(restored(store.scan(collection, prefix, place.after), past, place.after), limit))
    last = page[-1].name if page else ""
    remaining = store.count(collection, prefix, last) + more_then(store, collection, past, last) if page else 0
    if not remaining:
        return Listing(resource, page, place.revision)
    return Listing(resource, page, place.revision, _token(place.revision, page[-1].name), remaining)


def _page(resource: Resource[Any], records: tuple[Record, ...], revision: int, limit: int, *, counted: bool) -> Listing:
    if limit <= 0 or len(records) <= limit:
        return Listing(resource, records, revision)
    page = records[:limit]
    remaining = len(records) - limit if counted else None
    return Listing(resource, page, revision, _token(revision, page[-1].name), remaining)


def _token(revision: int, after: str) -> str:
    tree = {"v": "petset/v1", "rv": revision, "after": after}
    return base64.urlsafe_b64encode(msgspec.json.encode(tree)).decode().rstrip("=")


class _Token(msgspec.Struct):
    v: str
    rv: int
    after: str


def _read_token(token: str, present: int) -> _Place:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        check_json(raw)
        read = msgspec.json.decode(raw, type=_Token)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise BadRequest(f"invalid continue token: continue key is not valid: {error}") from error
    if read.v != "petset/v1" or read.rv > present:
        raise Expired(_TOO_OLD)
    return _Place(present if read.rv == _NOW else read.rv, read.after)


def parse_revision(text: str) -> int:
    """A resourceVersion parameter; "" counts as 0. Raises BadRequest."""
    if not text:
        return 0
    if not text.isascii() or not text.isdecimal():
        raise _unparsable(text, "invalid syntax")
    if len(text) > _MOST_DIGITS:
        raise _unparsable(text, "value out of range")
    return int(text)


def _unparsable(text: str, why: str) -> BadRequest:
    problem = field.invalid("resourceVersion", text, f"strconv.ParseUint: parsing {field.shown(text)}: {why}")
    return BadRequest(f"invalid resource version: {problem}")


def future(revision: int, present: int) -> Timeout:
    """The refusal of a revision that has not happened; clients then list anew, without one."""
    return Timeout(
        f"Timeout: Too large resource version: {revision}, current: {present}",
        {
            "retryAfterSeconds": 1,
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        },
    )


def _check_options(options: ListOptions) -> None:
    """Follows apimachinery's `internalversion/validation`."""
    errors = list(_match_errors(options)) if options.resource_version_match else []
    if options.send_initial_events is not None:
        errors.append(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if errors:
        raise Invalid.of("meta.k8s.io", "ListOptions", "", errors)


def _match_errors(options: ListOptions) -> Iterator[FieldError]:
    path, match = "resourceVersionMatch", options.resource_version_match
    if not options.resource_version:
        yield field.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if options.continue_:
        yield field.forbidden(path, "resourceVersionMatch is forbidden when continue is provided")
    if match not in {"Exact", "NotOlderThan"}:
        yield field.not_supported(path, match, ["Exact", "NotOlderThan", ""])
    if match == "Exact" and options.resource_version == "0":
        yield field.forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
