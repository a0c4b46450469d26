import socket
from pathlib import Path

import pytest

from petset.api.types import HostPathVolumeSource
from petset.node.volumes.errors import SetUpFailed
from petset.node.volumes.host_path import set_up


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("directory", ""),
        ("file", ""),
        ("directory", "Directory"),
        ("directory", "DirectoryOrCreate"),
        ("file", "File"),
        ("file", "FileOrCreate"),
    ],
)
def test_what_is_there_is_taken_as_it_is(host: Path, name: str, kind: str) -> None:
    assert set_up(HostPathVolumeSource(path=str(host / name), type=kind)) == host / name


@pytest.mark.parametrize(
    ("name", "kind", "noun"),
    [
        ("file", "Directory", "directory"),
        ("file", "DirectoryOrCreate", "directory"),
        ("directory", "File", "file"),
        ("directory", "FileOrCreate", "file"),
        ("absent", "Directory", "directory"),
        ("absent", "File", "file"),
        ("file", "Socket", "socket file"),
        ("file", "CharDevice", "character device"),
        ("file", "BlockDevice", "block device"),
    ],
)
def test_what_is_of_another_type_is_refused(host: Path, name: str, kind: str, noun: str) -> None:
    with pytest.raises(SetUpFailed) as refused:
        set_up(HostPathVolumeSource(path=str(host / name), type=kind))
    assert str(refused.value) == f"hostPath type check failed: {host / name} is not a {noun}"


@pytest.mark.parametrize("kind", ["", "DirectoryOrCreate"])
def test_a_missing_directory_is_made(host: Path, kind: str) -> None:
    made = set_up(HostPathVolumeSource(path=str(host / "a" / "b"), type=kind))
    assert made.is_dir()


def test_a_missing_file_is_made_but_not_its_directory(host: Path) -> None:
    assert set_up(HostPathVolumeSource(path=str(host / "new"), type="FileOrCreate")).is_file()
    with pytest.raises(FileNotFoundError):
        set_up(HostPathVolumeSource(path=str(host / "a" / "new"), type="FileOrCreate"))


def test_sockets_and_devices_are_told_apart(host: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(host / "s"))
        assert set_up(HostPathVolumeSource(path=str(host / "s"), type="Socket")) == host / "s"
    assert set_up(HostPathVolumeSource(path="/dev/null", type="CharDevice")) == Path("/dev/null")
