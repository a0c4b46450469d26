"""Files that survive: what is on the disk, and when."""

import os
from pathlib import Path

import pytest

from petset.aio.files import write_durably


def test_a_file_is_written_whole_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "pki" / "sa.key"
    for content in (b"first", b"second"):
        write_durably(file, content)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (content, 0o600)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["sa.key"]
    write_durably(file, b"open", 0o644)
    assert file.stat().st_mode & 0o777 == 0o644


def test_what_a_crash_left_half_written_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "sa.key.new").write_bytes(b"hal")
    write_durably(tmp_path / "sa.key", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["sa.key"]


def test_the_disk_has_the_content_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, synced, fsync = tmp_path / "pki" / "sa.key", [], os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        synced.append((Path(f"/proc/self/fd/{descriptor}").resolve(), file.exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_durably(file, b"whole")
    assert synced == [(file.with_name("sa.key.new"), False), (file.parent, True), (tmp_path, True)]
