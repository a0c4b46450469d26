"""Which runtime a data directory's pods run in, as far as no engine is needed to tell."""

from pathlib import Path

import pytest

from petset.node.runtimes.discovery import chosen_sockets, find_runtime
from petset.node.runtimes.interface import RuntimeUnavailable
from petset.testing.clock import VirtualClock


@pytest.mark.parametrize(
    ("environment", "sockets"),
    [
        ({}, []),
        ({"DOCKER_HOST": "unix:///d.sock", "PETSET_ENGINE": "/a.sock"}, ["/a.sock", "/d.sock"]),
        ({"CONTAINER_HOST": "unix:///c.sock", "DOCKER_HOST": "tcp://10.0.0.1:2375"}, ["/c.sock"]),
        ({"DOCKER_HOST": "ssh://somebody@somewhere"}, []),
    ],
)
def test_only_unix_sockets_can_run_our_pods(environment: dict[str, str], sockets: list[str]) -> None:
    assert chosen_sockets(environment) == [Path(socket) for socket in sockets]


async def test_the_simulation_needs_nothing(tmp_path: Path) -> None:
    assert (await find_runtime("simulated", tmp_path, "i", VirtualClock())).name == "simulated"


@pytest.mark.skipif(Path("/var/run/docker.sock").exists(), reason="Docker runs here")
async def test_docker_that_answers_nowhere_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONTAINER_HOST", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PETSET_ENGINE", str(tmp_path / "absent.sock"))
    with pytest.raises(RuntimeUnavailable, match=r"absent\.sock"):
        await find_runtime("docker", tmp_path, "i", VirtualClock())
