"""Writes container images as docker-archive files: what `podman load`, `docker load` and the engines' API read.

One layer, no timestamps and a fixed order, so that the same input always makes the same image id.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

_DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What a container of the image does unless it is told otherwise."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    env: Sequence[str] = (_DEFAULT_PATH,)
    stop_signal: str = ""
    exposed_ports: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def tree(self) -> dict[str, Any]:
        """The `config` object of the image specification, without empty fields."""
        fields: dict[str, Any] = {
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "Env": list(self.env),
            "StopSignal": self.stop_signal,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Labels": dict(self.labels),
        }
        return {key: value for key, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One path of the layer: a directory, a symbolic link (`target`) or a file."""

    mode: int
    content: bytes | Path | None = None
    target: str = ""

    def write(self, tar: tarfile.TarFile, path: str) -> None:
        header = tarfile.TarInfo(path)
        header.mode = self.mode
        if self.target:
            header.type, header.linkname = tarfile.SYMTYPE, self.target
            tar.addfile(header)
        elif self.content is None:
            header.type = tarfile.DIRTYPE
            tar.addfile(header)
        else:
            data = self.content if isinstance(self.content, bytes) else self.content.read_bytes()
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))


class ImageArchive:
    """The files of an image, all owned by root, and the way to write them as an archive."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def __contains__(self, path: str) -> bool:
        return path.strip("/") in self._entries

    def add_directory(self, path: str, mode: int = 0o755) -> None:
        """Add an empty directory."""
        self._add(path, _Entry(mode))

    def add_file(self, path: str, content: bytes | Path, mode: int = 0o644) -> None:
        """Add a file with this content, or that of a file on this machine."""
        self._add(path, _Entry(mode, content))

    def add_symlink(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(path, _Entry(0o777, target=target))

    def write(self, output: Path, reference: str, config: ImageConfig, architecture: str) -> None:
        """Write the archive, replacing the file in one step. `architecture` in Go's words: amd64, arm64."""
        layer = self._layer()
        layer_digest = hashlib.sha256(layer).hexdigest()
        created = "1970-01-01T00:00:00Z"
        image = {
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": config.tree(),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
            "history": [{"created": created, "created_by": "petset"}],
        }
        image_json = json.dumps(image, sort_keys=True).encode()
        image_digest = hashlib.sha256(image_json).hexdigest()
        manifest = {"Config": f"{image_digest}.json", "RepoTags": [reference], "Layers": [f"{layer_digest}/layer.tar"]}
        partial = output.with_name(output.name + ".partial")
        with tarfile.open(partial, "w") as tar:
            _Entry(0o644, layer).write(tar, f"{layer_digest}/layer.tar")
            _Entry(0o644, image_json).write(tar, f"{image_digest}.json")
            _Entry(0o644, json.dumps([manifest]).encode()).write(tar, "manifest.json")
        partial.replace(output)

    def _add(self, path: str, entry: _Entry) -> None:
        pure = PurePosixPath(path.strip("/"))
        for parent in pure.parents:
            if parent.name:
                self._entries.setdefault(str(parent), _Entry(0o755))
        self._entries[str(pure)] = entry

    def _layer(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(self._entries):
                self._entries[path].write(tar, path)
        return buffer.getvalue()
