"""From what a client sent to a typed object: formats, kind check, field validation, and the words of each refusal."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from petset.api import documents, protobuf
from petset.api.documents import DocumentError
from petset.api.errors import BadRequest, UnsupportedMediaType
from petset.api.resources import Resource
from petset.api.schema import schema_of
from petset.api.schema.decode import DecodeError, decode
from petset.api.schema.strict import duplicate_fields, unknown_fields
from petset.api.types import Object, Struct
from petset.apiserver.registry import encode
from petset.apiserver.request import Body, Content, FieldValidation

S = TypeVar("S", bound=Struct)
T = TypeVar("T", bound=Object)

JSON = "application/json"
YAML = "application/yaml"


class _Kind(msgspec.Struct, rename="camel"):
    api_version: str | None = None
    kind: str | None = None


_read_kind = msgspec.json.Decoder(_Kind).decode


def read(content: Content, resource: Resource[T], validation: FieldValidation) -> tuple[T, tuple[str, ...]]:
    """A private object of the resource's type, and the warnings of field validation `Warn`.

    Raises BadRequest, UnsupportedMediaType.
    """
    return read_as(content, resource.type, resource.group_version, validation)


def read_as(
    content: Content, kind: type[T], group_version: str, validation: FieldValidation
) -> tuple[T, tuple[str, ...]]:
    """As `read`, for a type that may be no resource (Scale, Binding)."""
    if not isinstance(content, Body):
        return _copied(content, kind), ()
    raw = to_json(content)
    _check_kind(raw, kind, group_version)
    obj = _decoded(raw, kind)
    obj.api_version, obj.kind = group_version, kind().kind
    return obj, field_warnings(raw, kind, validation)


def read_struct(content: Body, kind: type[S]) -> S:
    """A struct that is no object with metadata (DeleteOptions). An empty body is an empty struct."""
    return decode_or_refuse(lambda: decode(to_json(content), kind), kind.__name__) if content.raw else kind()


def to_json(body: Body) -> bytes:
    """The body as JSON. Raises UnsupportedMediaType, BadRequest."""
    if body.media_type in {JSON, ""}:
        return _checked(body.raw)
    if body.media_type == YAML:
        return msgspec.json.encode(read_yaml(body.raw))
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


def read_yaml(raw: bytes) -> Any:
    """The tree of a YAML (or JSON) text. Raises BadRequest."""
    try:
        return documents.read_yaml(raw)
    except DocumentError as error:
        raise BadRequest(f"error converting YAML to JSON: {error}") from error


def _checked(raw: bytes) -> bytes:
    try:
        documents.check_json(raw)
    except DocumentError as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error
    return raw


def field_warnings(raw: bytes, kind: type[Object], validation: FieldValidation) -> tuple[str, ...]:
    """Unknown and duplicate fields: refused when Strict, told when Warn (the default), dropped when Ignore."""
    if validation == "Ignore":
        return ()
    problems = [f'unknown field "{path}"' for path in unknown_fields(_tree(raw), schema_of(kind))]
    problems += [f'duplicate field "{path}"' for path in duplicate_fields(raw)]
    if problems and validation == "Strict":
        raise BadRequest(f"strict decoding error: {', '.join(problems)}")
    return tuple(problems)


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
        version = group_version.rpartition("/")[2]
        text = f'{kind} in version "{version}" cannot be handled as a {kind}: {error.message}'
        raise BadRequest(text) from error


def _decoded(raw: bytes, kind: type[T]) -> T:
    sample = kind()
    return decode_or_refuse(lambda: decode(raw, kind), sample.kind, sample.api_version)


def _copied(obj: Object, kind: type[T]) -> T:
    """Through bytes, so that the caller's object stays the caller's, and is as canonical as one from the wire."""
    if not isinstance(obj, kind):
        raise BadRequest(f"{type(obj).__name__} cannot be handled as a {kind.__name__}")
    return _decoded(encode(obj), kind)


def _check_kind(raw: bytes, kind: type[Object], group_version: str) -> None:
    try:
        found = _read_kind(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error
    if found.api_version and found.api_version != group_version:
        expected = f"does not match the expected API version ({group_version})"
        raise BadRequest(f"the API version in the data ({found.api_version}) {expected}")
    wanted = kind().kind
    if found.kind and found.kind != wanted:
        version = group_version.rpartition("/")[2]
        text = f'{found.kind} in version "{version}" cannot be handled as a {wanted}: the kinds do not match'
        raise BadRequest(text)
