"""The directories of volumes on a real file system: made for everybody, removed only where they were made."""

import stat
from pathlib import Path

import pytest

from petset.controllers.volumes.directories import LocalDirectories, mounted_below


@pytest.fixture
def directories(tmp_path: Path) -> LocalDirectories:
    return LocalDirectories(tmp_path / "volumes")


def place(directories: LocalDirectories) -> Path:
    return directories.root / "default" / "www-web-0-1a2b3c4d"


async def make(directories: LocalDirectories) -> Path:
    path = place(directories)
    await directories.create(path, directories.root)
    return path


async def test_a_directory_is_writable_for_every_user_and_may_be_made_twice(directories: LocalDirectories) -> None:
    path = await make(directories)
    (path / "index.html").write_text("hello")
    await make(directories)
    assert stat.S_IMODE(path.stat().st_mode) == 0o777
    assert (path / "index.html").read_text() == "hello"


async def test_a_directory_goes_with_everything_in_it_and_may_go_twice(directories: LocalDirectories) -> None:
    path = await make(directories)
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "b" / "file").write_text("x")
    await directories.delete(path, directories.root)
    await directories.delete(path, directories.root)
    assert list(directories.root.iterdir()) == [], "the namespace's directory goes once it is empty"


async def test_other_volumes_of_the_namespace_stay(directories: LocalDirectories) -> None:
    path = await make(directories)
    other = path.with_name("www-web-1-5e6f7a8b")
    await directories.create(other, directories.root)
    await directories.delete(path, directories.root)
    assert other.is_dir()


@pytest.mark.parametrize(
    "path",
    ["/etc/default/x", "default/x", "{root}", "{root}/default", "{root}/default/a/b", "{root}/../x/y", "{root}/x/.."],
)
async def test_nothing_but_a_volume_below_the_root_is_made_or_removed(directories: LocalDirectories, path: str) -> None:
    await make(directories)
    outside = Path(path.format(root=directories.root))
    with pytest.raises(PermissionError):
        await directories.delete(outside, directories.root)
    with pytest.raises(PermissionError):
        await directories.create(outside, directories.root)
    assert place(directories).is_dir()


async def test_links_in_a_volume_are_removed_and_not_followed(directories: LocalDirectories, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    path = await make(directories)
    (path / "link").symlink_to(precious)
    await directories.delete(path, directories.root)
    assert (precious / "file").read_text() == "keep"


@pytest.mark.parametrize("level", ["volume", "namespace"])
async def test_a_link_in_the_place_of_a_volume_is_refused(
    directories: LocalDirectories, tmp_path: Path, level: str
) -> None:
    precious = tmp_path / "precious" / "www-web-0-1a2b3c4d"
    precious.mkdir(parents=True)
    path = place(directories)
    if level == "volume":
        path.parent.mkdir(parents=True)
        path.symlink_to(precious)
    else:
        directories.root.mkdir()
        path.parent.symlink_to(precious.parent)
    for refused in (directories.delete, directories.create):
        with pytest.raises(PermissionError):
            await refused(path, directories.root)
    assert precious.is_dir()


@pytest.mark.parametrize(
    ("point", "found"),
    [
        ("/volumes/default/www", True),
        ("/volumes/default/www/data", True),
        (r"/volumes/default/www/with\040space", True),
        ("/volumes/default/www-2", False),
        ("/volumes", False),
    ],
)
def test_what_is_mounted_in_a_volume_is_found(point: str, *, found: bool) -> None:
    mountinfo = f"21 1 0:20 / /proc rw - proc proc rw\n36 35 0:32 / {point} rw,noatime - tmpfs tmpfs rw\n"
    mounted = mounted_below(Path("/volumes/default/www"), mountinfo)
    assert mounted == (point.replace(r"\040", " ") if found else None)
