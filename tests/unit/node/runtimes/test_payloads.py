"""Specs as the Engine API's requests, and its answers as values."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from petset.node.runtimes import payloads
from petset.node.runtimes.interface import (
    ContainerResources,
    ContainerSpec,
    LogSource,
    Mount,
    SandboxSpec,
    SecurityOptions,
)

SANDBOX_LABELS = {
    payloads.POD_NAME: "web-0",
    payloads.POD_NAMESPACE: "default",
    payloads.POD_UID: "u1",
    payloads.CGROUP_PARENT: "/kubepods/podu1",
}

NOW = datetime(2026, 11, 23, 5, 0, 10, tzinfo=UTC)


def host_config(**overrides: Any) -> dict[str, Any]:
    spec = ContainerSpec(name="main", image="nginx", **overrides)
    body = payloads.container_request("i1", "s1", SANDBOX_LABELS, spec, "k8s-file")
    return dict(body["HostConfig"])


def answer(**state: Any) -> dict[str, Any]:
    return {
        "Id": "c1",
        "Created": "2026-11-23T05:00:00.123456789Z",
        "Image": "abc",
        "LogPath": "/x/ctr.log",
        "Config": {
            "Image": "nginx",
            "Labels": {payloads.SANDBOX: "s1", payloads.CONTAINER_NAME: "main", payloads.ATTEMPT: "2"},
        },
        "State": {"Status": "exited", "Running": False, "Pid": 0, "ExitCode": 0, **state},
    }


class TestSandboxRequest:
    def test_a_sandbox_has_a_network_of_its_own_and_the_pods_host_name(self) -> None:
        spec = SandboxSpec("web-0", "default", "u1", "web-0", sysctls={"net.core.somaxconn": "1"})
        body = payloads.sandbox_request("i1", "pause", spec, "k8s-file")
        assert body["Hostname"] == "web-0"
        assert body["HostConfig"]["NetworkMode"] == "none"
        assert body["HostConfig"]["Sysctls"] == {"net.core.somaxconn": "1"}

    def test_on_the_host_network_the_host_name_is_the_hosts(self) -> None:
        spec = SandboxSpec("web-0", "default", "u1", "web-0", host_network=True, host_pid=True, host_ipc=True)
        body = payloads.sandbox_request("i1", "pause", spec, "k8s-file")
        assert "Hostname" not in body
        host = body["HostConfig"]
        assert {host["NetworkMode"], host["UTSMode"], host["PidMode"], host["IpcMode"]} == {"host"}

    def test_own_labels_win_over_a_pods(self) -> None:
        spec = SandboxSpec("web-0", "default", "u1", "web-0", labels={payloads.INSTANCE: "forged", "app": "x"})
        labels = payloads.sandbox_request("i1", "pause", spec, "k8s-file")["Labels"]
        assert (labels[payloads.INSTANCE], labels[payloads.KIND], labels["app"]) == ("i1", "sandbox", "x")


class TestContainerRequest:
    def test_a_container_joins_the_sandbox_host_name_included(self) -> None:
        host = host_config()
        assert {host["NetworkMode"], host["IpcMode"], host["UTSMode"]} == {"container:s1"}
        assert host["CgroupParent"] == "/kubepods/podu1"
        assert "PidMode" not in host
        assert host_config(share_process_namespace=True)["PidMode"] == "container:s1"

    def test_what_is_not_asked_for_is_not_sent(self) -> None:
        assert set(host_config()) == {
            *("NetworkMode", "IpcMode", "UTSMode", "LogConfig", "RestartPolicy", "CgroupParent")
        }

    def test_recovery_needs_nothing_but_labels(self) -> None:
        spec = ContainerSpec(name="main", image="nginx", attempt=4, labels={"hash": "1"})
        labels = payloads.container_request("i1", "s1", SANDBOX_LABELS, spec, "k8s-file")["Labels"]
        assert labels == SANDBOX_LABELS | {
            "hash": "1",
            payloads.INSTANCE: "i1",
            payloads.KIND: "container",
            payloads.SANDBOX: "s1",
            payloads.ATTEMPT: "4",
            payloads.CONTAINER_NAME: "main",
        }

    @pytest.mark.parametrize(
        ("propagation", "engine"),
        [("None", "rprivate"), ("HostToContainer", "rslave"), ("Bidirectional", "rshared")],
    )
    def test_mounts_keep_colons_and_propagation(self, propagation: Any, engine: str) -> None:
        mount = Mount(Path("/a:b"), "/c", read_only=True, propagation=propagation)
        assert host_config(mounts=[mount])["Mounts"] == [
            {
                "Type": "bind",
                "Source": "/a:b",
                "Target": "/c",
                "ReadOnly": True,
                "BindOptions": {"Propagation": engine},
            }
        ]

    def test_limits_and_security(self) -> None:
        host = host_config(
            resources=ContainerResources(memory_limit_bytes=5, cpu_shares=2, pids_limit=9),
            security=SecurityOptions(
                supplemental_groups=[7], no_new_privileges=True, seccomp_unconfined=True, drop_capabilities=["ALL"]
            ),
        )
        assert (host["Memory"], host["CpuShares"], host["PidsLimit"]) == (5, 2, 9)
        assert (host["GroupAdd"], host["CapDrop"]) == (["7"], ["ALL"])
        assert host["SecurityOpt"] == ["no-new-privileges", "seccomp=unconfined"]

    def test_names_are_unique_per_attempt(self) -> None:
        names = {
            payloads.container_name("i1", SANDBOX_LABELS, ContainerSpec(name="main", image="x", attempt=attempt))
            for attempt in range(3)
        }
        assert len(names) == 3


class TestContainerValue:
    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ({"Status": "created"}, "created"),
            ({"Status": "configured"}, "created"),
            ({"Status": "running", "Running": True}, "running"),
            ({"Status": "paused", "Running": True}, "running"),
            ({"Status": "stopping"}, "running"),
            ({"Status": "stopped"}, "running"),
            ({"Status": "exited"}, "exited"),
            ({"Status": "dead"}, "exited"),
        ],
    )
    def test_states_are_three(self, state: dict[str, Any], expected: str) -> None:
        assert payloads.container_value(answer(**state)).state == expected

    def test_times_are_utc_and_absent_before_they_happen(self) -> None:
        value = payloads.container_value(
            answer(StartedAt="2026-11-23T06:00:00.5+01:00", FinishedAt="0001-01-01T00:00:00Z", ExitCode=3)
        )
        assert value.created_at == datetime(2026, 11, 23, 5, 0, 0, 123456, tzinfo=UTC)
        assert value.started_at == datetime(2026, 11, 23, 5, 0, 0, 500_000, tzinfo=UTC)
        assert value.finished_at is None
        assert (value.exit_code, value.attempt, value.sandbox_id, value.name) == (3, 2, "s1", "main")
        assert value.image_id == "sha256:abc"

    def test_podmans_failed_start_reads_as_a_kubelets(self) -> None:
        value = payloads.container_value(answer(Status="created"), failure="no such command")
        assert (value.state, value.exit_code, value.reason) == ("exited", 128, "StartError")
        assert value.message == "no such command"

    def test_dockers_failed_start_reads_the_same(self) -> None:
        value = payloads.container_value(answer(Error="no such command", ExitCode=127))
        assert (value.state, value.exit_code, value.reason) == ("exited", 128, "StartError")

    @pytest.mark.parametrize(
        ("path", "source"),
        [
            ("/x/ctr.log", LogSource(Path("/x/ctr.log"), "cri")),
            ("/x/abc-json.log", LogSource(Path("/x/abc-json.log"), "json-file")),
            ("", None),
        ],
    )
    def test_the_log_and_its_format(self, path: str, source: LogSource | None) -> None:
        assert payloads.container_value(answer() | {"LogPath": path}).log == source


@pytest.mark.parametrize(
    ("configured", "signal"),
    [(None, "TERM"), ("", "TERM"), ("SIGQUIT", "QUIT"), ("3", "QUIT"), ("9", "KILL"), ("37", "37")],
)
def test_stop_signals_are_names(configured: str | None, signal: str) -> None:
    assert payloads.stop_signal({"Config": {"StopSignal": configured}}) == signal


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.7.9", "docker.io/library/nginx:1.7.9"),
        ("me/app", "docker.io/me/app:latest"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:2", "localhost:5000/app:2"),
        ("example.com/a/b@sha256:00", "example.com/a/b@sha256:00"),
        ("sha256:" + "a" * 64, "sha256:" + "a" * 64),
        ("a" * 64, "a" * 64),
    ],
)
def test_references_get_the_registry_and_tag_that_engines_assume(reference: str, full: str) -> None:
    assert payloads.full_reference(reference) == full


def test_an_inspected_image() -> None:
    image = payloads.image_value(
        "nginx",
        {"Id": "ab", "RepoTags": ["docker.io/library/nginx:1"], "RepoDigests": ["nginx@sha256:1"], "Size": 5}
        | {"Config": {"User": "101", "Labels": None}},
    )
    assert (image.id, image.reference, image.digest) == ("sha256:ab", "docker.io/library/nginx:1", "nginx@sha256:1")
    assert (image.user, image.size, image.labels) == ("101", 5, {})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"Status": "stopped", "FinishedAt": "2026-11-23T05:00:08Z"}, "running"),
        ({"Status": "stopped", "FinishedAt": "2026-11-23T05:00:05Z"}, "exited"),
        ({"Status": "stopped", "FinishedAt": "0001-01-01T00:00:00Z"}, "exited"),
        ({"Status": "stopping", "FinishedAt": "0001-01-01T00:00:00Z"}, "running"),
        ({"Status": "running", "Running": True, "FinishedAt": "0001-01-01T00:00:00Z"}, "running"),
        ({"Status": "created", "FinishedAt": "0001-01-01T00:00:00Z"}, "created"),
        ({"Status": "created", "FinishedAt": "2026-11-23T05:00:09Z"}, "exited"),
    ],
)
def test_a_container_whose_clean_up_never_comes_has_exited(state: dict[str, Any], expected: str) -> None:
    assert payloads.state_of(payloads.settled(answer(**state), NOW)) == expected


def test_of_a_container_that_was_prepared_anew_nobody_knows_how_it_ended() -> None:
    state = {"Status": "created", "ExitCode": 0, "FinishedAt": "2026-11-23T05:00:09Z"}
    container = payloads.container_value(payloads.settled(answer(**state), NOW))
    assert (container.state, container.exit_code) == ("exited", 137)
