"""Images as docker-archive files."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from petset.node.runtimes.archive import ImageArchive, ImageConfig


def make(tmp_path: Path, name: str = "image.tar") -> Path:
    (tmp_path / "program").write_bytes(b"\x7fELF")
    archive = ImageArchive()
    archive.add_symlink("bin/sh", "/bin/busybox")
    archive.add_file("/etc/passwd", b"root:x:0:0\n")
    archive.add_file("bin/busybox", tmp_path / "program", 0o755)
    archive.add_directory("tmp", 0o1777)
    config = ImageConfig(command=("sh",), stop_signal="SIGQUIT", exposed_ports=("80/tcp",), labels={"a": "b"})
    archive.write(tmp_path / name, "localhost/x:1", config, "amd64")
    return tmp_path / name


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar.getmembers()}


def content(path: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    with tarfile.open(path) as tar:

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        [manifest] = json.loads(read("manifest.json"))
        return manifest, json.loads(read(manifest["Config"])), read(manifest["Layers"][0])


def test_the_manifest_names_config_and_layer_by_their_digests(tmp_path: Path) -> None:
    manifest, config, layer = content(make(tmp_path))
    assert manifest["RepoTags"] == ["localhost/x:1"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"] == {
        "Cmd": ["sh"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "StopSignal": "SIGQUIT",
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"a": "b"},
    }


def test_files_links_and_parents_are_in_the_layer_owned_by_root(tmp_path: Path) -> None:
    _, _, layer = content(make(tmp_path))
    found = members(layer)
    assert list(found) == ["bin", "bin/busybox", "bin/sh", "etc", "etc/passwd", "tmp"]
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(0, 0, 0)}
    assert (found["bin/busybox"].mode, found["tmp"].mode) == (0o755, 0o1777)
    assert (found["bin/sh"].issym(), found["bin/sh"].linkname) == (True, "/bin/busybox")


def test_the_same_input_makes_the_same_image(tmp_path: Path) -> None:
    assert make(tmp_path, "a.tar").read_bytes() == make(tmp_path, "b.tar").read_bytes()
