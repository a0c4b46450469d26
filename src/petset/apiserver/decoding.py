"""From what a client sent to a typed object: formats, kind check, field validation, and the words of each refusal."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec

from petset.api import documents, protobuf, types
from petset.api.documents import DocumentError
from petset.api.errors import BadRequest, UnsupportedMediaType
from petset.api.schema import schema_of
from petset.api.schema.decode import DecodeError, decode
from petset.api.schema.regular import read_regular, without_regular_spec
from petset.api.schema.strict import problems, unknown_fields
from petset.api.types import ManagedFieldsEntry, Object, Struct
from petset.apiserver.registry import encode
from petset.apiserver.request import Body, Content, Gift
from petset.client.interface import FieldValidation

S = TypeVar("S", bound=Struct)
T = TypeVar("T", bound=Object)

JSON = "application/json"
YAML = "application/yaml"


class _Owners(msgspec.Struct, rename="camel"):
    managed_fields: list[msgspec.Raw] | None = None


class _Owned(msgspec.Struct):
    metadata: _Owners | None = None


class _Kind(msgspec.Struct, rename="camel"):
    api_version: str | None = None
    kind: str | None = None


_NULL = b"null"
_SUMMARISED = 30
"""Bytes of a body that a refusal shows."""
_read_kind = msgspec.json.Decoder(_Kind).decode
_read_owned = msgspec.json.Decoder(_Owned).decode
_EMPTY, _SPACED = b'"managedFields":[]', b'"managedFields": []'


def read(content: Content, kind: type[T], group_version: str, validation: FieldValidation) -> tuple[T, tuple[str, ...]]:
    """A private object of a type, and the warnings of field validation `Warn`.

    An object of this process comes through bytes, so that it stays its owner's and gets as canonical as one from the
    wire; unless it was given away. Raises BadRequest, UnsupportedMediaType.
    """
    if isinstance(content, Gift):
        return _of_kind(content.obj, kind), ()
    if not isinstance(content, Body):
        return _decoded(encode(_of_kind(content, kind)), kind), ()
    raw = to_json(content, name_of(kind)[1])
    regular = read_regular(raw, kind, group_version) if content.media_type != YAML else None
    if regular is not None:
        return regular, ()
    try:
        return _read(raw, content, kind, group_version, validation)
    except BadRequest:
        whole = documents.with_whole_characters(raw)
        if whole == raw:
            raise
    return _read(whole, content, kind, group_version, validation)


def _read(
    raw: bytes, content: Body, kind: type[T], group_version: str, validation: FieldValidation
) -> tuple[T, tuple[str, ...]]:
    _check_kind(raw, kind, group_version)
    raw = b"{}" if raw == _NULL else raw
    raw, spec = without_regular_spec(raw, kind) or (raw, None)
    obj = _decoded(raw, kind)
    if spec is not None:
        setattr(obj, "spec", spec)  # noqa: B010 - which objects in general need not have
    if _EMPTY in raw or _SPACED in raw:
        obj.metadata.managed_fields = obj.metadata.managed_fields or _forgotten(raw)
    obj.api_version, obj.kind = group_version, name_of(kind)[1]
    if validation == "Ignore":
        return obj, ()
    repeated = repeated_keys(content)
    found = field_problems(raw, kind)
    if validation == "Strict" and (repeated or found):
        raise BadRequest(f"{_cannot_be(kind)}: {strict_error((*in_yaml(repeated), *found))}")
    return obj, repeated + found


def _forgotten(raw: bytes) -> list[ManagedFieldsEntry]:
    """An empty list of an object's own is the wish that nobody owns it; in the object, that is one empty entry."""
    metadata = _read_owned(raw).metadata
    return [ManagedFieldsEntry()] if metadata is not None and metadata.managed_fields == [] else []


def version_of(content: Body, wanted: str) -> str:
    """The apiVersion that a body says; "" when it says none, or is broken, which shows when it is read as `wanted`."""
    try:
        return _read_kind(to_json(content, wanted)).api_version or ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def read_options(content: Body, kind: type[S]) -> S:
    """Options of a verb (DeleteOptions), which belong to every version of every group. Raises BadRequest."""
    raw = to_json(content, kind.__name__)
    if raw == _NULL:
        return kind()
    try:
        named = _read_kind(raw).kind
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {go_words(error)}") from error
    if named and named != kind.__name__:
        raise BadRequest(f'no kind "{named}" is registered for the options of this verb: they are {kind.__name__}')
    try:
        return decode(raw, kind)
    except DecodeError as error:
        raise BadRequest(error.message) from error


def to_json(body: Body, wanted: str) -> bytes:
    """The body, of the wanted kind, as JSON. Raises UnsupportedMediaType, BadRequest."""
    if body.media_type in {JSON, ""}:
        return _checked(body.raw)
    if body.media_type == YAML:
        return msgspec.json.encode(_read_yaml(body.raw, wanted), order="sorted")  # as what is wrong with it is told
    if body.media_type == protobuf.MEDIA_TYPE:
        return _checked(msgspec.json.encode(read_protobuf(body.raw)))
    known = f"accepted media types include: {JSON}, {YAML}, {protobuf.MEDIA_TYPE}"
    raise UnsupportedMediaType(f"the body of the request was in an unknown format - {known}")


def read_protobuf(raw: bytes) -> dict[str, Any]:
    """The tree of a body in Kubernetes' protobuf. Raises BadRequest."""
    try:
        return protobuf.to_tree(raw)
    except protobuf.ProtobufError as error:
        raise BadRequest(f"error decoding protobuf: {error}") from error


def _read_yaml(raw: bytes, wanted: str) -> Any:
    try:
        return documents.read_yaml(raw)
    except DocumentError as error:
        raise _unrecognized(raw, wanted, str(error)) from error


def _unrecognized(raw: bytes, wanted: str, why: str) -> BadRequest:
    """The refusal of a body that nobody can tell what it is."""
    return BadRequest(f"the object provided is unrecognized (must be of type {wanted}): {why} ({_summary(raw)})")


def _checked(raw: bytes) -> bytes:
    try:
        return documents.readable(raw)
    except DocumentError as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error


def repeated_keys(content: Body) -> tuple[str, ...]:
    """The keys that a YAML body has more than once, as warnings name them; those of JSON are among its problems."""
    return tuple(documents.repeated_keys(content.raw)) if content.media_type == YAML else ()


def in_yaml(repeated: Iterable[str]) -> tuple[str, ...]:
    """The same as the one error that the stock server's reader of YAML makes of them."""
    lines = "".join(f"\n  {text}" for text in repeated)
    return (f"yaml: unmarshal errors:{lines}",) if lines else ()


def field_problems(raw: bytes, kind: type[Object]) -> tuple[str, ...]:
    """The unknown and the duplicate fields of a body, in its order, as warnings name them."""
    return tuple(problems(raw, _tree(raw), schema_of(kind)))


def unknown_problems(tree: Any, kind: type[Object]) -> tuple[str, ...]:
    """The unknown fields of an object, as warnings name them."""
    return tuple(f'unknown field "{path}"' for path in unknown_fields(tree, schema_of(kind)))


def repeated_fields(raw: bytes, tree: Any) -> tuple[str, ...]:
    """The duplicate fields of a body, of which `tree` was read, as warnings name them."""
    return tuple(problems(raw, tree, None))


def strict_error(problems: Iterable[str]) -> str:
    """What strict field validation says."""
    return f"strict decoding error: {', '.join(problems)}"


def _tree(raw: bytes) -> Any:
    """Of a body that was read already; what was read past may still be a number that is out of all range."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error


def decode_or_refuse(decoded: Callable[[], S], kind: str, group_version: str = "v1") -> S:
    """Runs a decoding, and refuses in the stock server's words what it cannot read."""
    try:
        return decoded()
    except DecodeError as error:
        raise BadRequest(f"{_handled(kind, group_version, kind)}: {error.message}") from error


def _decoded(raw: bytes, kind: type[T]) -> T:
    version, name = name_of(kind)
    return decode_or_refuse(lambda: decode(raw, kind), name, version)


@cache
def name_of(kind: type[Object]) -> tuple[str, str]:
    """The apiVersion and the kind of a type."""
    sample = kind()
    return sample.api_version, sample.kind


def _of_kind(obj: Object, kind: type[T]) -> T:
    if not isinstance(obj, kind):
        raise BadRequest(f"{type(obj).__name__} cannot be handled as a {kind.__name__}")
    return obj


def _check_kind(raw: bytes, kind: type[Object], group_version: str) -> None:
    """Raises BadRequest for a body that says it is something else."""
    wanted = name_of(kind)[1]
    if raw == _NULL:
        return
    try:
        found = _read_kind(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = f"couldn't get version/kind; json parse error: {go_words(error)}"
        raise _unrecognized(raw, wanted, why) from error
    named, version = found.kind or wanted, found.api_version or group_version
    if (named, version) == (wanted, group_version):
        return
    if named == wanted and _is_registered(named, version):
        expected = f"does not match the expected API version ({group_version})"
        raise BadRequest(f"the API version in the data ({version}) {expected}")
    why = unregistered(named, version)
    if _is_registered(named.removesuffix("List") or named, version) or (named, version) == ("List", "v1"):
        package = group_version.partition(".")[0].partition("/")[0] if "/" in group_version else "core"
        why = f"converting ({version.rpartition('/')[2]}.{named}) to ({package}.{wanted}): unknown conversion"
    raise BadRequest(f"{_handled(named, version, wanted)}: {why}")


def unregistered(kind: str, group_version: str) -> str:
    """Why a kind cannot be read, in upstream's words, which tell where it keeps its kinds."""
    why = f'no kind "{kind}" is registered for version "{group_version}" in scheme'
    return f'{why} "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'


def _is_registered(kind: str, group_version: str) -> bool:
    """Whether a kind is known in that version; Events are in that of their older group too."""
    known = getattr(types, kind, None)
    if not (isinstance(known, type) and issubclass(known, Object)):
        return False
    return group_version == name_of(known)[0] or (kind == "Event" and group_version in {"v1", "events.k8s.io/v1"})


def _cannot_be(kind: type[Object]) -> str:
    version, name = name_of(kind)
    return _handled(name, version, name)


def _handled(found: str, group_version: str, wanted: str) -> str:
    version = group_version.rpartition("/")[2]
    return f'{found} in version "{version}" cannot be handled as a {wanted}'


_GO_TYPES = {"array": "array", "str": "string", "int": "number", "float": "number", "bool": "bool"}
_NO_TEXT = re.compile(r"Expected `str \| null`, got `(\w+)` - at `\$(\.\w+)`")
_HEAD = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'


def go_words(error: Exception) -> str:
    """What the stock server's decoder says of the same text, as far as people look for it."""
    text = str(error)
    if text == "Input data was truncated":
        return "unexpected end of JSON input"
    no_text = _NO_TEXT.fullmatch(text)
    if no_text:
        sent = _GO_TYPES.get(no_text[1], no_text[1])
        return f"json: cannot unmarshal {sent} into Go struct field {no_text[2]} of type string"
    found = _GO_TYPES.get(text.removeprefix("Expected `object`, got `").removesuffix("`"))
    return f"json: cannot unmarshal {found} into Go value of type {_HEAD}" if found else text


def _summary(raw: bytes) -> str:
    """The beginning of a body, as text where it looks like JSON."""
    if not raw:
        return "<empty>"
    shown = raw[:_SUMMARISED].decode(errors="replace") if raw.startswith(b"{") else raw[:_SUMMARISED].hex()
    return f"{shown} ..." if len(raw) > _SUMMARISED else shown
