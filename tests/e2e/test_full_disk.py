"""A data directory that is full: what the server refuses, what it says, and that it recovers by itself."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from petset.cli.server_record import read_record
from tests.e2e.test_cli import WEB, Petset, happened

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root"),
]

SIZE = 16 << 20


@pytest.fixture
def petset(tmp_path: Path) -> Iterator[Petset]:
    """petset on a disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "petset-test", disk], check=True)
    made = Petset(disk / "data")
    try:
        yield made
    finally:
        made.kill()
        subprocess.run(["umount", "--lazy", disk], check=True)


class Filling:
    """A file that takes all the room there is."""

    def __init__(self, petset: Petset) -> None:
        self._path = petset.data.parent / "filling"

    def __enter__(self) -> None:
        with self._path.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                while True:
                    try:
                        file.write(b"x" * size)
                    except OSError:
                        break

    def __exit__(self, *_: object) -> None:
        self._path.unlink()


def config_map(number: int) -> str:
    return f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: map-{number}}}, data: {{text: {'x' * 900_000}}}}}"


def refused(petset: Petset) -> str:
    """Writes until nothing is accepted any more: the database has some room of its own."""
    for number in range(100):
        with petset.start("apply", "-f", "-") as process:
            _, errors = process.communicate(config_map(number), 40)
        assert "Traceback" not in errors
        if process.returncode:
            return errors
    raise AssertionError("the disk is not full")


def test_a_server_recovers_from_a_full_disk_by_itself(petset: Petset) -> None:
    petset.up("-f", WEB)
    with Filling(petset):
        happened(refused(petset), "Error from server", "the disk is full")
        before = petset.run("get", "configmaps", "-o", "name")
        happened(petset.run("get", "pods"), "web-0", "web-1", "web-2")
        happened(petset.run("delete", "pod", "web-0", code=1), "the disk is full")
    assert petset.run("get", "configmaps", "-o", "name") == before, "what was acknowledged is there, and nothing else"
    assert petset.run("apply", "-f", "-", stdin=config_map(1000)) == "configmap/map-1000 created\n"
    petset.run("delete", "pod", "web-0")
    petset.run("rollout", "status", "sts/web", "--timeout", "30s")
    happened(petset.run("down"), "web-2 gone", "web-1 gone", "web-0 gone", "petset has ended")


def test_down_says_what_it_waits_for_and_goes_on_when_there_is_room(petset: Petset) -> None:
    petset.up("-f", WEB)
    with Filling(petset):
        refused(petset)
        with petset.start("down", "--timeout", "5s") as down:
            output, errors = down.communicate(timeout=60)
        assert down.returncode == 1
        happened(
            output, "pods that have to end: 3", "the server cannot go on: the disk is full", "web-2: is told to end"
        )
        happened(errors, "not ended after 5.00 s", "the server goes on trying")
    happened(petset.run("down"), "petset has ended|petset is not running")  # it may have been quick
    assert read_record(petset.data / "server.json") is None, "it has ended its pods"


def test_a_start_on_a_full_disk_says_so(petset: Petset) -> None:
    with Filling(petset):
        assert "No space left on device" in petset.up(code=1)
    happened(petset.up(), "kubeconfig: ")
