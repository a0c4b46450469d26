"""Connections to ports inside pods: made on the pod's own loopback, as the kubelet's runtimes do, so that also what
listens only there is reached."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

from petset.api.errors import NotFound, ServiceUnavailable, StatusError
from petset.api.types import Pod
from petset.node.network.namespaces import run_in_namespace
from petset.node.runtimes.errors import ContainerNotFound, ContainerRuntimeError
from petset.node.runtimes.interface import Runtime

CHUNK = 64 * 1024
CONNECT_SECONDS = 10.0
LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class PodConnection:
    """Implements `petset.client.interface.PortConnection`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """What came; empty once the pod has ended its half, or the connection is broken."""
        try:
            return await self._reader.read(CHUNK)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        """Sends. Quietly does nothing once the pod no longer reads."""
        with suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def close_write(self) -> None:
        """Ends our half."""
        with suppress(OSError):
            self._writer.write_eof()


@asynccontextmanager
async def connected(runtime: Runtime, pod: Pod, port: int) -> AsyncIterator[PodConnection]:
    """A connection to a port of a pod, until the block is left. Raises NotFound, ServiceUnavailable."""
    if runtime.name == "simulated":
        raise ServiceUnavailable("this node is simulated: nothing runs in its pods, so nothing listens there")
    sock = await _connect(await _namespace(runtime, pod), port)
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        yield PodConnection(reader, writer)
    finally:
        writer.close()


async def _namespace(runtime: Runtime, pod: Pod) -> Path:
    """The pod's network namespace, by the sandbox that lives."""
    uid = pod.metadata.uid
    try:
        for sandbox in await runtime.list_sandboxes():
            if sandbox.pod_uid == uid and sandbox.ready:
                return await runtime.sandbox_netns(sandbox.id)
    except ContainerNotFound as error:
        raise _not_running(pod) from error
    except ContainerRuntimeError as error:
        raise ServiceUnavailable(str(error)) from error
    raise _not_running(pod)


def _not_running(pod: Pod) -> StatusError:
    return NotFound(f"pod {pod.metadata.name} is not running")


async def _connect(namespace: Path, port: int) -> socket.socket:
    """A connected socket that belongs to the namespace; IPv4 is tried before IPv6."""
    problems = []
    for family, address in LOOPBACKS:
        try:
            with ExitStack() as closing:
                sock = closing.enter_context(await asyncio.to_thread(_socket_in, namespace, family))
                async with asyncio.timeout(CONNECT_SECONDS):
                    await asyncio.get_running_loop().sock_connect(sock, (address, port))
                closing.pop_all()
                return sock
        except OSError as error:
            problems.append(_reason(error))
    text = f"IPv4: {problems[0]} IPv6: {problems[1]}"
    raise ServiceUnavailable(f"failed to connect to localhost:{port} inside the pod's network: {text}")


def _reason(error: OSError) -> str:
    """A timeout has no number."""
    return os.strerror(error.errno).lower() if error.errno else "connection timed out"


def _socket_in(namespace: Path, family: socket.AddressFamily) -> socket.socket:
    """A socket of another network namespace: it stays there, whoever uses it. Blocking."""
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sock = run_in_namespace(descriptor, lambda: socket.socket(family, socket.SOCK_STREAM))
    finally:
        os.close(descriptor)
    sock.setblocking(False)
    return sock
