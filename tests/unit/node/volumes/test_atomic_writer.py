from datetime import UTC, datetime
from pathlib import Path

import pytest

from petset.node.volumes.atomic_writer import write
from petset.node.volumes.payload import File, Payload

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def show(directory: Path, payload: Payload) -> bool:
    return write(directory, payload, NOW, lambda _: None)


def content(directory: Path) -> dict[str, str]:
    """What a container sees: names that begin with two dots are the mechanism."""
    found: dict[str, str] = {}
    for top in sorted(entry for entry in directory.iterdir() if not entry.name.startswith("..")):
        files = [top] if top.is_file() else [path for path in top.rglob("*") if path.is_file()]
        found |= {str(path.relative_to(directory)): path.read_text() for path in files}
    return found


def versions(directory: Path) -> list[Path]:
    return [entry for entry in directory.iterdir() if entry.name.startswith("..") and not entry.is_symlink()]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"a": "1"}),
        ({"a": "1"}, {"a": "2"}),
        ({"a": "1"}, {}),
        ({"a": "1", "b": "2"}, {"b": "2", "c": "3"}),
        ({"dir/a": "1"}, {"dir/b": "2"}),
        ({"dir/a": "1"}, {"dir": "now a file"}),
        ({"x/y/z": "1", "x/w": "2"}, {"x/y/z": "3"}),
    ],
)
def test_the_directory_shows_the_new_content_and_nothing_else(
    tmp_path: Path, old: dict[str, str], new: dict[str, str]
) -> None:
    for step in (old, new):
        show(tmp_path, {path: File(text.encode()) for path, text in step.items()})
        assert content(tmp_path) == step
        assert len(versions(tmp_path)) == 1


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    payload = {"a": File(b"1"), "dir/b": File(b"2")}
    assert show(tmp_path, payload)
    before = (tmp_path / "..data").readlink()
    assert not show(tmp_path, payload)
    assert (tmp_path / "..data").readlink() == before


def test_an_open_directory_handle_sees_all_of_the_change_at_once(tmp_path: Path) -> None:
    show(tmp_path, {"a": File(b"old"), "b": File(b"old")})
    seen: list[dict[str, str]] = []
    write(tmp_path, {"a": File(b"new"), "b": File(b"new")}, NOW, lambda _: seen.append(content(tmp_path)))
    assert seen == [{"a": "old", "b": "old"}]
    assert content(tmp_path) == {"a": "new", "b": "new"}


def test_files_have_their_modes_whatever_the_umask(tmp_path: Path) -> None:
    show(tmp_path, {"secret": File(b"x", 0o400), "open/file": File(b"y", 0o666)})
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "open" / "file").stat().st_mode & 0o777 == 0o666
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o755


def test_a_crash_between_the_steps_is_mended_by_the_next_write(tmp_path: Path) -> None:
    payload = {"a": File(b"1"), "b": File(b"2")}
    show(tmp_path, payload)
    (tmp_path / "b").unlink()  # killed before it was linked
    (tmp_path / "stale").symlink_to("..data/stale")  # killed before it was unlinked
    (tmp_path / "..2026_11_22_left").mkdir()  # killed before it was removed
    (tmp_path / "..data_tmp").symlink_to("..2026_11_22_left")  # killed before it was renamed
    show(tmp_path, payload)
    assert content(tmp_path) == {"a": "1", "b": "2"}
    assert len(versions(tmp_path)) == 1
    show(tmp_path, {"a": File(b"3")})
    assert content(tmp_path) == {"a": "3"}
