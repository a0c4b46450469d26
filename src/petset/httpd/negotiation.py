"""What form of an answer the client accepts. Pure.

The server writes JSON, or YAML made of it, but for one document; a client that lists protobuf first also lists JSON or
anything.
What `Accept` decides is the form: the object itself, a Table for people, or metadata alone; for discovery, the
aggregated form.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import get_args

from petset.api.errors import BadRequest, NotAcceptable
from petset.api.field import invalid
from petset.api.table import IncludeObject
from petset.apiserver.encodings import PLAIN, Form, FormName

YAML = "application/yaml"
_JSON_TYPES = frozenset({"*/*", "application/*", "application/json"})
_OBJECT_TYPES = _JSON_TYPES | {YAML}
_FORMS: dict[str, FormName] = {
    "Table": "Table",
    "PartialObjectMetadata": "PartialObjectMetadata",
    "PartialObjectMetadataList": "PartialObjectMetadata",
}
MOST_CLAUSES = 64
"""Of an Accept header that are looked at: to bring thousands into order took seconds."""
_TRANSFORMING = frozenset({"as", "g", "v"})
_META_GROUP, _META_VERSIONS = "meta.k8s.io", ("v1", "v1beta1")
_DISCOVERY_GROUP, _DISCOVERY_VERSIONS = "apidiscovery.k8s.io", ("v2", "v2beta1")


def accepted_form(accept: str, include_object: str = "", *, has_table: bool = True) -> Form:
    """The first form in an Accept header that this server can give. Raises NotAcceptable when there is none.

    `include_object` is the query parameter of that name: what a row of a Table carries.
    `has_table` tells whether there is one at all.
    """
    for parameters in _clauses(accept, _OBJECT_TYPES):
        if _TRANSFORMING.isdisjoint(parameters):
            return PLAIN
        wanted = parameters.get("as", "")
        known = parameters.get("g") == _META_GROUP and parameters.get("v") in _META_VERSIONS
        if known and wanted in _FORMS and (has_table or wanted != "Table"):
            include = _include(include_object) if wanted == "Table" else "Metadata"
            return Form(_FORMS[wanted], parameters["v"], include)
    if not accept:
        return PLAIN
    raise NotAcceptable(f"only the following media types are accepted: application/json, {YAML}")


def accepted_discovery(accept: str) -> str:
    """The version of aggregated discovery a client prefers, or "" for the plain form, which is never refused."""
    for parameters in _clauses(accept, _JSON_TYPES):
        if not parameters.get("as"):
            return ""
        if parameters["as"] == "APIGroupDiscoveryList" and parameters.get("g") == _DISCOVERY_GROUP:
            version = parameters.get("v", "")
            if version in _DISCOVERY_VERSIONS:
                return version
    return ""


def accepts_json(accept: str) -> bool:
    """Whether JSON will do, in whatever form."""
    return not accept or any(True for _ in _clauses(accept, _JSON_TYPES))


def prefers(accept: str, media_types: Collection[str]) -> bool:
    """Whether one of these media types comes before JSON."""
    for media_type, _ in _preferred(accept):
        if media_type in media_types or media_type in _JSON_TYPES:
            return media_type in media_types
    return False


def _clauses(accept: str, media_types: Collection[str]) -> Iterator[dict[str, str]]:
    """The parameters of every clause that means one of these, what the client prefers first."""
    for media_type, parameters in _preferred(accept) if accept else ():
        if media_type in media_types:
            yield parameters


@lru_cache(128)
def _preferred(accept: str) -> list[tuple[str, dict[str, str]]]:
    """The media types of an Accept header with their parameters, which nobody may change.

    The order is that of the library upstream uses, for whose rule there is no order: what precedes what is decided as
    it comes, by weight or by being less general.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for clause in accept.split(",", MOST_CLAUSES)[:MOST_CLAUSES]:
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        place = len(found)
        new = media_type, dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        while place and _precedes(new, found[place - 1]):
            place -= 1
        found.insert(place, new)
    return found


def _precedes(one: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]]) -> bool:
    (type_, _, subtype), (other_type, _, other_subtype) = one[0].partition("/"), other[0].partition("/")
    if _weight(one[1]) > _weight(other[1]):
        return True
    return (type_ != "*" and other_type == "*") or (subtype != "*" and other_subtype == "*")


def _weight(parameters: dict[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0


def _include(text: str) -> IncludeObject:
    known: tuple[IncludeObject, ...] = get_args(IncludeObject)
    for value in known:
        if text == value:
            return value
    if text:
        problem = invalid("includeObject", text, "must be 'Metadata', 'Object', 'None', or empty")
        raise BadRequest(f"Unable to convert to Table as requested: {problem}")
    return "Metadata"
