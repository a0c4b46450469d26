"""Manifests: read from files, directories, URLs and standard input, and taken apart into objects."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from petset.api.documents import DocumentError, read_yaml_documents
from petset.cli.failure import Failure

SUFFIXES = (".yaml", ".yml", ".json")
FETCH_SECONDS = 30.0

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object as somebody wrote it, and where: the file, and which of several documents in it."""

    tree: Tree
    origin: str = field(default="", compare=False)


async def read_manifests(sources: Iterable[str]) -> list[Manifest]:
    """The objects of all sources, in their order. Raises Failure for what cannot be read or is no object."""
    objects: list[Manifest] = []
    for source in sources:
        for place, text in await _texts(source):
            objects += objects_in(place, text)
    return objects


async def _texts(source: str) -> list[tuple[str, str]]:
    if source == "-":
        return [("standard input", sys.stdin.read())]
    if source.startswith(("http://", "https://")):
        return [(source, await _fetch(source))]
    return _local(Path(source))


def _local(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        raise Failure(f"the path {str(path)!r} does not exist")
    files = files_of(path) if path.is_dir() else [path]
    if not files:
        raise Failure(f"{path} has no {', '.join(SUFFIXES)} files")
    return [(str(file), _read(file)) for file in files]


def files_of(directory: Path) -> list[Path]:
    """The manifests of a directory, sorted by name; directories in it are not entered."""
    return sorted(path for path in directory.iterdir() if path.suffix in SUFFIXES and path.is_file())


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}") from error


async def _fetch(url: str) -> str:
    limit = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=limit, trust_env=True) as session, session.get(url) as response:
            if response.status != 200:
                raise Failure(f"{url} answered with HTTP status {response.status}")
            return await response.text()
    except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError, ValueError) as error:
        raise Failure(f"{url} cannot be read: {str(error) or type(error).__name__}") from error


def objects_in(place: str, text: str) -> Iterator[Manifest]:
    """The objects of a text: documents of YAML (and so of JSON), the items of Lists one by one. Raises Failure."""
    try:
        documents = read_yaml_documents(text.encode())
    except DocumentError as error:
        raise Failure(f"{place} is not valid YAML: {error}") from error
    several = sum(document is not None for document in documents) > 1
    for number, document in enumerate(documents, 1):
        if document is not None:
            yield from _objects(f"{place}, document {number}" if several else place, document)


def _objects(place: str, document: Any) -> Iterator[Manifest]:
    if not isinstance(document, dict):
        raise Failure(f"{place}: no object but {type(document).__name__}")
    kind = document.get("kind")
    if not isinstance(kind, str) or not isinstance(document.get("apiVersion"), str):
        raise Failure(f"{place}: an object lacks apiVersion or kind")
    if kind.endswith("List") and isinstance(document.get("items"), list):
        for number, item in enumerate(document["items"], 1):
            yield from _objects(f"{place}, item {number}", item)
        return
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise Failure(f"{place}: a {kind} lacks metadata.name")
    yield Manifest(document, place)
