from pathlib import Path

import pytest

from petset.api.types import Container, EmptyDirVolumeSource, ResourceRequirements
from petset.node.volumes.empty_dir import Memory, set_up, size_in_memory
from petset.node.volumes.errors import SetUpFailed
from tests.unit.node.given import pod

MI = 1 << 20


def limited(*limits: str) -> list[Container]:
    return [
        Container(name=f"c{number}", resources=ResourceRequirements(limits={"memory": limit} if limit else {}))
        for number, limit in enumerate(limits)
    ]


@pytest.mark.parametrize(
    ("size_limit", "limits", "allocatable", "size"),
    [
        (None, [""], 0, 0),
        (None, [""], 100, 100),
        ("1Mi", [""], 0, MI),
        ("1Mi", ["64Mi"], 4096 * MI, MI),
        ("1Gi", ["64Mi"], 4096 * MI, 64 * MI),
        (None, ["64Mi", "64Mi"], 4096 * MI, 128 * MI),
        (None, ["64Mi", ""], 4096 * MI, 4096 * MI),
    ],
)
def test_memory_is_bounded_by_the_least_of_volume_pod_and_node(
    size_limit: str | None, limits: list[str], allocatable: int, size: int
) -> None:
    source = EmptyDirVolumeSource(medium="Memory", size_limit=size_limit)
    assert size_in_memory(pod(*limited(*limits)), source, allocatable) == size


def test_anybody_may_write_into_an_empty_dir_unless_it_says_otherwise(tmp_path: Path) -> None:
    disk = Memory(mounts=False)
    set_up(tmp_path / "a", pod(), EmptyDirVolumeSource(), disk)
    set_up(tmp_path / "b", pod(), EmptyDirVolumeSource(mode=0o1770), disk)
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o777
    assert (tmp_path / "b").stat().st_mode & 0o7777 == 0o1770


def test_content_outlives_another_set_up(tmp_path: Path) -> None:
    for _ in range(2):
        set_up(tmp_path / "a", pod(), EmptyDirVolumeSource(medium="Memory"), Memory(mounts=False))
        (tmp_path / "a" / "file").touch()
    assert [entry.name for entry in (tmp_path / "a").iterdir()] == ["file"]


def test_a_crash_before_the_mode_was_set_is_mended(tmp_path: Path) -> None:
    (tmp_path / ".a").mkdir(mode=0o700)
    set_up(tmp_path / "a", pod(), EmptyDirVolumeSource(), Memory(mounts=False))
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o777
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_huge_pages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetUpFailed, match="medium HugePages of emptyDir is not supported"):
        set_up(tmp_path / "a", pod(), EmptyDirVolumeSource(medium="HugePages"), Memory())
