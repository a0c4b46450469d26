from pathlib import Path

import pytest

from petset.cli.failure import Failure
from petset.cli.server_process import ServerOptions, check_agreement, last_words, missing_for_containers
from petset.cli.server_record import ServerRecord

SERVER = ServerRecord(7, "boot/1", "127.0.0.1:6443", "0.1.0", "simulated", "cluster.local")


@pytest.mark.parametrize(
    "options",
    [
        ServerOptions(),
        ServerOptions(listen="127.0.0.1:6443"),
        ServerOptions(runtime="simulated", cluster_domain="cluster.local"),
        ServerOptions(runtime="auto"),
    ],
)
def test_options_that_say_nothing_else_go_with_a_running_server(options: ServerOptions) -> None:
    check_agreement(SERVER, options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ServerOptions(listen="127.0.0.1:7443"), "with --listen 127.0.0.1:6443, not 127.0.0.1:7443"),
        (ServerOptions(runtime="podman"), "with --runtime simulated, not podman"),
        (ServerOptions(cluster_domain="example.org"), "with --cluster-domain cluster.local, not example.org"),
    ],
)
def test_options_that_contradict_a_running_server_are_refused(options: ServerOptions, message: str) -> None:
    with pytest.raises(Failure, match=message):
        check_agreement(SERVER, options)


@pytest.mark.parametrize(
    ("runtime", "user", "platform", "what"),
    [
        ("simulated", 1000, "darwin", ""),
        ("auto", 0, "linux", ""),
        ("auto", 1000, "linux", "containers need root"),
        ("podman", 1000, "linux", "containers need root"),
        ("auto", 0, "darwin", "containers need Linux"),
    ],
)
def test_what_is_missing_for_containers_is_said_with_the_way_out(
    runtime: str, user: int, platform: str, what: str
) -> None:
    said = missing_for_containers(runtime, user, platform)
    assert said.startswith(what)
    assert bool(said) == ("--runtime simulated" in said)


def test_the_end_of_the_log_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "petset.log"
    log.write_text("\n".join(f"line {number}" for number in range(9)))
    assert last_words(log).splitlines() == ["  line 6", "  line 7", "  line 8", f"the whole log: {log}"]
