"""URLs to what they mean. Pure: a path and its query in, a `Target` and options out; unknown paths are NotFound."""

import re
from collections.abc import Mapping
from typing import Final, get_args

import msgspec

from petset.api.errors import BadRequest, Invalid, NotFound
from petset.api.field import not_supported, shown
from petset.api.resources import Catalogue
from petset.api.types import DeleteOptions, Preconditions
from petset.apiserver.pipeline import LONGEST_MANAGER
from petset.apiserver.request import ListOptions, Target, WatchOptions, WriteOptions
from petset.client.interface import FieldValidation

_NO_NAMESPACE = re.compile("(?<!/namespaces)/namespaces//+(?=[^/])")
_INTEGER = re.compile("[-+]?[0-9]+")
_MOST_DIGITS = 40
"""Of a number that is read at all."""
_LARGEST_INTEGER = 2**63 - 1
_FIELD_VALIDATIONS: Final[tuple[FieldValidation, ...]] = get_args(FieldValidation)
_DURATION = re.compile(r"([0-9]*\.?[0-9]*)([^0-9.]*)")
_UNITS: Final = frozenset({"ns", "us", "µs", "μs", "ms", "s", "m", "h"})
_DOCUMENTS: Final = frozenset({"status", "scale"})

OPTIONS: Final = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
"""The kind of the options of each method that writes."""


class Route(msgspec.Struct, frozen=True):
    """A URL of the resource API. `watches` marks the older `/watch/` form of the path."""

    target: Target
    watches: bool = False


def parse_path(catalogue: Catalogue, path: str) -> Route:
    """The resource behind `/api/v1/...` or `/apis/<group>/<version>/...`. Raises NotFound."""
    parts = parts_of(path)
    if parts[:1] == ["api"]:
        group, version, rest = "", parts[1] if len(parts) > 1 else "", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise NotFound.path()
    watches = rest[:1] == ["watch"]
    target = _target(catalogue, (group, version), rest[1:] if watches else rest)
    if watches and target.subresource:
        raise NotFound.path()  # no subresource can be watched: exec under that name is a hole, not a watch
    return Route(target, watches)


def parts_of(path: str) -> list[str]:
    """The names in a path. A namespace without a name means all of them, as clients ask that fill in nothing."""
    if "//" in path:
        path = _NO_NAMESPACE.sub("/", path, count=1)
    return [part for part in path.split("/") if part]


def has_table(target: Target) -> bool:
    """Whether answers can be a Table: not those to questions, and not those of a subresource that is an action."""
    if target.subresource:
        return target.subresource in _DOCUMENTS
    return "get" in target.resource.verbs


def asks_for_watch(route: Route, query: Mapping[str, str]) -> bool:
    """Whether a GET is a watch; a parameter makes one only of a list, as for whoever decides what it may do."""
    return route.watches or (not route.target.name and flag(query, "watch"))


def _target(catalogue: Catalogue, place: tuple[str, str], rest: list[str]) -> Target:
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and catalogue.at(*place, rest[2]) is not None:
        namespace, rest = rest[1], rest[2:]
    resource = catalogue.at(*place, rest[0]) if rest else None
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        raise NotFound.path()
    name, subresource = (*rest[1:], "", "")[:2]
    if name and resource.namespaced and not namespace:
        raise NotFound.path()
    if subresource and subresource not in subresources(resource.status is not None, resource.scale is not None) | {
        sub.name for sub in resource.subresources
    }:
        raise NotFound.path()
    return Target(resource, namespace, name, subresource)


def subresources(has_status: bool, has_scale: bool) -> set[str]:  # noqa: FBT001 - two facts of one resource
    """The subresources that every resource of that shape has."""
    return ({"status"} if has_status else set()) | ({"scale"} if has_scale else set())


# --- options ----------------------------------------------------------------------------------------------------------


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean parameter: whatever it says means true, but for 0 and false, as upstream converts them."""
    return query.get(name, "0").lower() not in {"0", "false"}


def _wish(query: Mapping[str, str], name: str) -> bool | None:
    """A boolean parameter that makes a difference also when it is false."""
    return flag(query, name) if name in query else None


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number; None when absent. Raises BadRequest."""
    text = query.get(name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text):
        raise BadRequest(f"strconv.ParseInt: parsing {shown(text)}: invalid syntax")
    if len(text) > _MOST_DIGITS or abs(int(text)) > _LARGEST_INTEGER:
        raise BadRequest(f"strconv.ParseInt: parsing {shown(text)}: value out of range")
    return int(text)


def check_timeout(text: str) -> None:
    """Raises BadRequest unless it is a duration as Go writes them, such as `1m30s`."""
    problem = _duration_problem(text[1:] if text[:1] in "+-" else text, shown(text))
    if problem:
        raise BadRequest(f"invalid timeout specified in the request URL - time: {problem}")


def _duration_problem(rest: str, text: str) -> str:
    if rest == "0":
        return ""
    while True:
        part = _DURATION.match(rest)
        if part is None or part[1] in ("", "."):
            return f"invalid duration {text}"
        if not part[2]:
            return f"missing unit in duration {text}"
        if part[2] not in _UNITS:
            return f"unknown unit {shown(part[2])} in duration {text}"
        rest = rest[part.end() :]
        if not rest:
            return ""


def list_options(query: Mapping[str, str]) -> ListOptions:
    """The options of a list or a deletecollection. Raises BadRequest."""
    number(query, "timeoutSeconds")  # which counts for watches only
    return ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        limit=number(query, "limit") or 0,
        continue_=query.get("continue", ""),
        send_initial_events=_wish(query, "sendInitialEvents"),
    )


def delete_options(query: Mapping[str, str]) -> DeleteOptions:
    """The options of a deletion that has no body. Raises BadRequest."""
    uid, version = query.get("uid") or None, query.get("resourceVersion") or None
    return DeleteOptions(
        grace_period_seconds=number(query, "gracePeriodSeconds"),
        propagation_policy=query.get("propagationPolicy"),
        orphan_dependents=_wish(query, "orphanDependents"),
        dry_run=[query["dryRun"]] if "dryRun" in query else [],
        preconditions=Preconditions(uid=uid, resource_version=version) if uid or version else None,
    )


def watch_options(query: Mapping[str, str], target: Target) -> WatchOptions:
    """The options of a watch; a watch of one name is a field selector."""
    fields = query.get("fieldSelector", "")
    if target.name:
        fields = ",".join(part for part in (fields, f"metadata.name={target.name}") if part)
    return WatchOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=fields,
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        send_initial_events=_wish(query, "sendInitialEvents"),
        allow_bookmarks=flag(query, "allowWatchBookmarks"),
        timeout_seconds=number(query, "timeoutSeconds") or None,
    )


def write_options(query: Mapping[str, str], agent: str, kind: str) -> WriteOptions:
    """The options of a write. Without a fieldManager the client's own name stands for it, as upstream does.

    Raises Invalid, as being about options of that kind.
    """
    dry_run, asked = query.get("dryRun"), query.get("fieldValidation", "")
    validation = next((known for known in _FIELD_VALIDATIONS if known == asked), None)
    errors = []
    if dry_run not in (None, "All"):
        errors.append(not_supported("dryRun", [dry_run], ["All"]))
    if validation is None:
        errors.append(not_supported("fieldValidation", asked, frozenset(_FIELD_VALIDATIONS)))
    if errors:
        raise Invalid.of("meta.k8s.io", kind, "", errors)
    return WriteOptions(
        field_manager=query.get("fieldManager", "") or _printable(agent.split("/", 1)[0]),
        dry_run=bool(dry_run),
        force=_wish(query, "force"),
        field_validation=validation or "",
    )


def _printable(agent: str) -> str:
    """A name that nobody chose to be one: what cannot stand in one is left out."""
    kept = "".join(character for character in agent if character.isprintable())
    return kept.encode()[:LONGEST_MANAGER].decode(errors="ignore")
