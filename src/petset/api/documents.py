"""Texts in JSON and YAML to JSON trees, whatever somebody sends.

YAML is read as sigs.k8s.io/yaml reads it: keys become text, and so does what YAML 1.1 takes for times or for numbers
to base sixty. Both are bounded: nesting that would exhaust the stack, and aliases that would exhaust the memory, are
errors like any other.
"""

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate
from typing import Any, Final

import msgspec
import yaml

DEEPEST: Final = 200
"""Levels of nesting. No kind of Kubernetes needs more than twenty."""
LARGEST: Final = 3 * 1024 * 1024
"""Bytes of a document, also when its aliases are written out: what the API server takes as a body."""

_LONGEST_INTEGER = 64
_HALVES = re.compile(
    rb"""\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)""",
    re.DOTALL,
)
"""What a backslash begins in JSON: a pair of surrogates, half of one, or something else."""
_ESCAPED_BYTES = re.compile("[\udc80-\udcff]")
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEPS = [1 if byte in b"[{" else -1 for byte in range(256)]


class DocumentError(ValueError):
    """The text is not what it should be; the message says where."""


# --- JSON -------------------------------------------------------------------------------------------------------------


def read_json(raw: bytes) -> Any:
    """The tree of a JSON text, in which Go's replacement stands for what is no character. Raises DocumentError."""
    raw = readable(raw)
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        whole = with_whole_characters(raw)
        if whole == raw:
            raise DocumentError(str(error)) from error
    return _read_json_alone(whole)


def readable(raw: bytes) -> bytes:
    """A JSON text with a replacement for each byte that is no UTF-8. Raises DocumentError for bottomless nesting."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        raw = _ESCAPED_BYTES.sub("\ufffd", raw.decode(errors="surrogateescape")).encode()
    _check_depth(raw)
    return raw


def with_whole_characters(raw: bytes) -> bytes:
    """A JSON text with a replacement for each half of a pair of surrogates, on which other readers stumble."""
    return _HALVES.sub(lambda found: rb"\ufffd" if found["half"] else found[0], raw)


def _read_json_alone(raw: bytes) -> Any:
    check_json(raw)
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise DocumentError(str(error)) from error


def check_json(raw: bytes) -> None:
    """Raises DocumentError for what no reader of JSON should be given: broken UTF-8, bottomless nesting."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise DocumentError(f"invalid UTF-8 at byte {error.start}") from error
    _check_depth(raw)


def _check_depth(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return
    brackets = _STRINGS.sub(b"", raw).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > DEEPEST:
        raise _too_deep()


def check_tree(tree: Any) -> None:
    """Raises DocumentError for a tree, made by some operation, that is deeper or larger than a document may be."""
    try:
        raw = msgspec.json.encode(tree)
    except RecursionError:
        raise _too_deep() from None
    check_json(raw)
    if len(raw) > LARGEST:
        raise DocumentError(f"the document is larger than {LARGEST} bytes")


def _too_deep() -> DocumentError:
    return DocumentError(f"exceeded max depth of {DEEPEST}")


# --- YAML -------------------------------------------------------------------------------------------------------------


def read_yaml(raw: bytes) -> Any:
    """The tree of the first YAML document of a text; JSON is such a text. Raises DocumentError, in Go's words.

    What follows the first document is not looked at.
    """
    try:
        return _read_json_alone(raw)
    except DocumentError:
        pass  # YAML knows more
    try:
        _Bounds().check(raw, first=True)
        loader = _Loader(raw)
        try:
            return _plain(loader.get_data() if loader.check_data() else None)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, LookupError) as error:
        raise DocumentError(_in_words_of_go(error)) from error


def _in_words_of_go(error: Exception) -> str:
    """The line is that where the construct began that is broken, unless it began in the first one."""
    match error:
        case yaml.scanner.ScannerError() | yaml.parser.ParserError():
            marks = (mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None)
            line = next(filter(None, marks), 0)
            line += bool(line) and isinstance(error, yaml.scanner.ScannerError)
            return f"yaml: {f'line {line}: ' if line else ''}{error.problem}"
        case yaml.reader.ReaderError():
            return f"yaml: {error.reason}"
    return str(error)


def read_yaml_documents(raw: bytes) -> list[Any]:
    """The trees of all YAML documents of a text, None for an empty one. Raises DocumentError."""
    try:
        _Bounds().check(raw)
        return [_plain(document) for document in yaml.load_all(raw, Loader=_Loader)]
    except (yaml.YAMLError, ValueError, LookupError) as error:
        raise DocumentError(str(error)) from error


def repeated_keys(raw: bytes) -> list[str]:
    """The keys that a mapping of a YAML text has once more, as Go's reader tells them: `line 5: key "a" already set …`.

    The text has been read before, perhaps as JSON, of which YAML does not know all.
    """
    found: list[str] = []
    open_: list[_Mapping | None] = []
    for event in _events(raw):
        match event:
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                open_.pop()
            case yaml.NodeEvent():
                mapping = open_[-1] if open_ else None
                keys = mapping.turn() if mapping is not None else None
                if keys is not None and isinstance(event, yaml.ScalarEvent) and event.start_mark is not None:
                    if event.value in keys:
                        found.append(f'line {event.start_mark.line + 1}: key "{event.value}" already set in map')
                    keys.add(event.value)
                if isinstance(event, yaml.CollectionStartEvent):
                    open_.append(_Mapping() if isinstance(event, yaml.MappingStartEvent) else None)
            case yaml.DocumentEndEvent():
                break
    return found


def _events(raw: bytes) -> Iterator[yaml.Event]:
    with suppress(yaml.YAMLError, ValueError):
        yield from yaml.parse(raw, Loader=_Loader)


class _Mapping:
    """A mapping that is being read: keys and values by turns."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._key_is_next = True

    def turn(self) -> set[str] | None:
        """The keys so far when one comes next; None when a value does."""
        is_key, self._key_is_next = self._key_is_next, not self._key_is_next
        return self._keys if is_key else None


class _Bounds:
    """Measures each document by its events, which need no stack, before anything is built from it."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = [(None, 0)]

    def check(self, raw: bytes, *, first: bool = False) -> None:
        """Looks at all documents, or only at the first. Raises DocumentError, yaml.YAMLError."""
        for event in yaml.parse(raw, Loader=_Loader):
            match event:
                case yaml.DocumentStartEvent():
                    self._sizes, self._open = {}, [(None, 0)]
                case yaml.CollectionStartEvent():
                    self._open.append((event.anchor, 2))
                    if len(self._open) > DEEPEST + 1:
                        raise _too_deep()
                case yaml.CollectionEndEvent():
                    self._add(*self._open.pop())
                case yaml.ScalarEvent():
                    self._add(event.anchor, len(event.value) + 1)
                case yaml.AliasEvent():
                    self._add(None, self._size(event.anchor))
                case yaml.DocumentEndEvent() if first:
                    return

    def _add(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._sizes[anchor] = size
        outer, total = self._open[-1]
        self._open[-1] = (outer, total + size)
        if total + size > LARGEST:
            raise DocumentError("document contains excessive aliasing")

    def _size(self, anchor: str | None) -> int:
        if any(anchor == name for name, _ in self._open):
            raise DocumentError(f"anchor '{anchor}' value contains itself")
        return self._sizes.get(anchor or "", 0)  # of one that is unknown the loader speaks


def _plain(value: Any) -> Any:
    """The value in JSON's types."""
    match value:
        case dict():
            return {_key(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case bool() | str() | None:
            return value
        case int():
            return value if value.bit_length() <= _LONGEST_INTEGER else _finite(float(value))
        case float():
            return _finite(value)
    raise DocumentError(f"unsupported value: {value!r}")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise DocumentError(f"unsupported value: {value}")
    return value


def _key(key: Any) -> str:
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
    raise DocumentError(f"unsupported map key of type {type(key).__name__}: {key!r}")


_TAG = "tag:yaml.org,2002:"
_KNOWN = ("null", "bool", "int", "float", "str", "seq", "map")
_NUMBERS = {
    "int": re.compile(r"[-+]?(0b[01][01_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|0[0-7_]*|[1-9][0-9_]*)$"),
    "float": re.compile(
        r"([-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*|(?=[eE])))([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
}


def _resolvers(given: list[tuple[str, re.Pattern[str]]]) -> list[tuple[str, re.Pattern[str]]]:
    """What plain words are taken for, without what JSON does not have."""
    kinds = [(tag.removeprefix(_TAG), tag, pattern) for tag, pattern in given]
    return [(tag, _NUMBERS.get(kind, pattern)) for kind, tag, pattern in kinds if kind in (*_KNOWN, "merge")]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader with JSON's types only, and with Go's idea of which plain words are numbers."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name
        first: _resolvers(given) for first, given in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) in _KNOWN
    }
