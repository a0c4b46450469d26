from pathlib import Path

import pytest

from petset.node.subpaths import SubPathFailed, prepare_subpath


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    volume = tmp_path / "volume"
    (volume / "there" / "deep").mkdir(parents=True)
    (volume / "file").write_text("x")
    (volume / "inner").symlink_to("there/deep")
    (volume / "absolute").symlink_to(volume / "there")
    (volume / "escape").symlink_to("/etc")
    (volume / "climb").symlink_to("../..")
    (volume / "there" / "up").symlink_to("../../outside")
    (tmp_path / "outside").mkdir()
    return volume


@pytest.mark.parametrize(
    ("sub_path", "shown"),
    [
        ("there", "there"),
        ("there/deep", "there/deep"),
        ("./there//deep/", "there/deep"),
        ("file", "file"),
        ("inner", "there/deep"),
        ("absolute/deep", "there/deep"),
        ("new/er", "new/er"),
        ("inner/new", "there/deep/new"),
    ],
)
def test_a_part_of_a_volume_is_shown_and_made_when_missing(volume: Path, sub_path: str, shown: str) -> None:
    found = prepare_subpath(volume, sub_path, volume.parent / "target", mounts=False)
    assert found == volume / shown
    assert found.exists()


@pytest.mark.parametrize("sub_path", ["escape", "escape/passwd", "climb/x", "there/up", "there/up/new", "../x", "/etc"])
def test_nothing_outside_the_volume_is_shown_or_made(volume: Path, sub_path: str) -> None:
    before = sorted(volume.parent.rglob("*"))
    with pytest.raises(SubPathFailed):
        prepare_subpath(volume, sub_path, volume.parent / "target", mounts=False)
    assert sorted(volume.parent.rglob("*")) == before


def test_made_directories_have_the_volumes_mode(volume: Path) -> None:
    volume.chmod(0o2775)
    made = prepare_subpath(volume, "a/b", volume.parent / "target", mounts=False)
    assert made.stat().st_mode & 0o7777 == 0o2775
    assert made.parent.stat().st_mode & 0o7777 == 0o2775


def test_a_file_in_the_way_is_an_error(volume: Path) -> None:
    with pytest.raises(SubPathFailed, match="subPath 'file/below'"):
        prepare_subpath(volume, "file/below", volume.parent / "target", mounts=False)
