import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from petset.cli.failure import Failure
from petset.cli.server_record import (
    ServerRecord,
    boot_of,
    is_running,
    read_record,
    running_server,
    start_time,
    this_boot,
    write_record,
)

ME = ServerRecord(os.getpid(), start_time(os.getpid()), "127.0.0.1:6443", "0.1.0", "simulated")


def proc(root: Path, pid: int, name: str, state: str, ticks: int) -> Path:
    """A /proc with one process in it."""
    (root / "self").mkdir(parents=True)
    (root / "self" / "stat").touch()
    (root / "sys/kernel/random").mkdir(parents=True)
    (root / "sys/kernel/random/boot_id").write_text("boot-1\n")
    (root / str(pid)).mkdir()
    fields = [state, *(["0"] * 18), str(ticks), "0"]
    (root / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}")
    return root


def test_a_record_is_read_as_it_was_written_and_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    write_record(path, ME)
    assert read_record(path) == ME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_file_there_is_no_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "server.json") is None


def test_a_damaged_record_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("{")
    with pytest.raises(Failure, match=r"server\.json cannot be read"):
        read_record(tmp_path / "server.json")


def test_this_process_runs() -> None:
    assert ME.running


def test_another_process_with_the_same_pid_is_another_one(tmp_path: Path) -> None:
    root = proc(tmp_path, 7, "petset", "S", 1234)
    assert start_time(7, root) == "boot-1/1234"
    assert is_running(7, "boot-1/1234", root)
    assert not is_running(7, "boot-1/999", root)
    assert not is_running(7, "boot-0/1234", root), "the ticks start anew with every boot"
    assert not is_running(8, "boot-1/1234", root)


def test_a_name_may_contain_anything(tmp_path: Path) -> None:
    assert start_time(7, proc(tmp_path, 7, "a) S 1 (b", "S", 55)) == "boot-1/55"


def test_a_zombie_does_not_run(tmp_path: Path) -> None:
    assert not is_running(7, "boot-1/1234", proc(tmp_path, 7, "petset", "Z", 1234))


def test_a_process_that_has_ended_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        record = ServerRecord(process.pid, start_time(process.pid), "127.0.0.1:1", "0.1.0", "simulated")
        write_record(path, record)
        assert running_server(path) == record
        process.communicate(b"\n")
        assert running_server(path) is None


def test_the_boot_is_part_of_a_start_time() -> None:
    assert boot_of(start_time(os.getpid())) == this_boot()
