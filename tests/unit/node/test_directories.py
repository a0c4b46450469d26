from pathlib import Path

from petset.node.directories import Directories


def test_everything_of_a_pod_is_below_its_uid(tmp_path: Path) -> None:
    directories = Directories(tmp_path)
    pod = tmp_path / "pods" / "u1"
    assert directories.etc("u1", "hosts") == pod / "etc" / "hosts"
    assert directories.volume("u1", "www") == pod / "volumes" / "www"
    assert directories.subpath("u1", "nginx", 2) == pod / "volume-subpaths" / "nginx" / "2"
    logs = {directories.termination_log("u1", "nginx", attempt) for attempt in range(2)}
    assert len(logs) == 2
    assert all(log.is_relative_to(pod) for log in logs)


def test_pods_with_a_directory_are_found_again(tmp_path: Path) -> None:
    directories = Directories(tmp_path)
    assert directories.pod_uids() == []
    for uid in ("u2", "u1"):
        directories.pod(uid).mkdir(parents=True)
    assert directories.pod_uids() == ["u1", "u2"]
    assert directories.has_pod("u1")
    assert not directories.has_pod("u3")
