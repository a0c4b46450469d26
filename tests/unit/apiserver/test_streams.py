"""Logs, exec and attach: which container is meant, and what is refused before the node is asked."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from petset.api.errors import BadRequest, NotFound, ServiceUnavailable, StatusError
from petset.api.types import Container, Pod
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.client.interface import ExecOptions, LogOptions, PortConnection, StreamSession
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import create, pod, target


class EchoingNode:
    """A node whose logs tell what was asked of it."""

    @asynccontextmanager
    async def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[AsyncIterator[bytes]]:
        async def lines() -> AsyncIterator[bytes]:
            yield f"{namespace}/{pod}/{options.container} {options.tail_lines}\n".encode()

        yield lines()

    def exec(self, namespace: str, pod: str, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        raise BadRequest(f"exec {namespace}/{pod}/{options.container} {' '.join(options.command)}")

    def attach(self, namespace: str, pod: str, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        raise BadRequest(f"attach {namespace}/{pod}/{options.container}")

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[PortConnection]:
        raise BadRequest(f"port {namespace}/{pod}:{port}")


@pytest.fixture
async def serving(clock: VirtualClock) -> ApiServer:
    server = ApiServer(CATALOGUE, MemoryStore(), clock, EchoingNode())
    await create_system_objects(server, 6443)
    return server


def two_containers() -> Pod:
    given = pod()
    given.spec.containers.append(Container(name="sidecar", image="nginx"))
    return given


async def test_the_only_container_needs_no_name(serving: ApiServer) -> None:
    await create(serving, pod())
    async with serving.pods.logs(target(Pod, "web-0", "log"), LogOptions(tail_lines=5)) as lines:
        assert [line async for line in lines] == [b"default/web-0/nginx 5\n"]


@pytest.mark.parametrize(
    ("given", "container", "error", "message"),
    [
        (None, "", NotFound, 'pods "web-0" not found'),
        (pod(), "other", BadRequest, "container other is not valid for pod web-0"),
        (
            two_containers(),
            "",
            BadRequest,
            r"a container name must be specified for pod web-0, choose one of: \[nginx sidecar\]",
        ),
        (pod(node=None), "", BadRequest, "pod web-0 does not have a host assigned"),
    ],
)
async def test_what_cannot_be_meant(
    serving: ApiServer, given: Pod | None, container: str, error: type[StatusError], message: str
) -> None:
    if given is not None:
        await create(serving, given)
    with pytest.raises(error, match=message):
        serving.pods.logs(target(Pod, "web-0", "log"), LogOptions(container=container))


async def test_commands_reach_the_named_container(serving: ApiServer) -> None:
    await create(serving, two_containers())
    with pytest.raises(BadRequest, match="exec default/web-0/sidecar ls -l"):
        serving.pods.exec(target(Pod, "web-0", "exec"), ExecOptions(container="sidecar", command=("ls", "-l")))
    with pytest.raises(BadRequest, match="attach default/web-0/nginx"):
        serving.pods.attach(target(Pod, "web-0", "attach"), ExecOptions(container="nginx"))


async def test_exec_needs_a_command(serving: ApiServer) -> None:
    await create(serving, pod())
    with pytest.raises(BadRequest, match="at least one command"):
        serving.pods.exec(target(Pod, "web-0", "exec"), ExecOptions())


async def test_a_server_without_a_node_says_so(server: ApiServer) -> None:
    await create(server, pod())
    with pytest.raises(ServiceUnavailable, match="no node of this server runs pods"):
        server.pods.logs(target(Pod, "web-0", "log"), LogOptions())


async def test_ports_belong_to_a_pod_that_is_there_and_has_a_node(serving: ApiServer) -> None:
    with pytest.raises(NotFound, match='pods "web-0" not found'):
        serving.pods.ports(target(Pod, "web-0", "portforward"))
    await create(serving, pod(node=None))
    with pytest.raises(BadRequest, match="pod web-0 does not have a host assigned"):
        serving.pods.ports(target(Pod, "web-0", "portforward"))
    await create(serving, pod("web-1"))
    with pytest.raises(BadRequest, match="port default/web-1:80"):
        serving.pods.ports(target(Pod, "web-1", "portforward"))(80)
