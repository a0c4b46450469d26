"""Asking containers: an HTTP request, a connection, a command. Messages are those that people know from the kubelet."""

import asyncio
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
from multidict import CIMultiDict

from petset.aio.clock import Clock
from petset.api.types import Container, HTTPGetAction, LifecycleHandler, Pod, Probe, TCPSocketAction
from petset.node.probes.results import Outcome
from petset.node.runtimes.errors import ContainerRuntimeError, ExecFailed
from petset.node.runtimes.interface import Runtime

LONGEST_OUTPUT = 10 * 1024
MOST_REDIRECTS = 10
_DEFAULT_HEADERS = {"User-Agent": "kube-probe/1.37", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Target:
    """The container that is asked: its id, its pod's address, the numbers of its named ports."""

    container_id: str
    address: str
    ports: Mapping[str, int]


def target_of(container: Container, container_id: str, address: str) -> Target:
    """The target that a container is."""
    ports = {port.name: port.container_port for port in container.ports if port.name}
    return Target(container_id, address, ports)


class Prober(Protocol):
    """Asks once."""

    async def probe(self, target: Target, probe: Probe) -> Outcome:
        """The answer; never raises for anything that the container may do."""
        ...


class ContainerProber:
    """Asks containers from the machine: their addresses, and commands in them through the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def probe(self, target: Target, probe: Probe) -> Outcome:
        """Asks within timeoutSeconds."""
        timeout = float(probe.timeout_seconds or 1)
        try:
            if probe.exec is not None:
                return await run_command(self._runtime, target, probe.exec.command, timeout)
            if probe.http_get is not None:
                return await http_get(target, probe.http_get, timeout)
            if probe.tcp_socket is not None:
                return await connect(target, probe.tcp_socket, timeout)
        except UnknownPort as error:
            return Outcome(success=False, message=str(error), errored=True)
        kind = "gRPC probes are not supported" if probe.grpc is not None else "missing probe handler"
        return Outcome(success=False, message=kind, errored=True)


class ContainerHooks:
    """Runs postStart and preStop."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock

    async def run(self, pod: Pod, container_id: str, address: str, container: Container, hook: LifecycleHandler) -> str:
        """Runs the hook to its end; why it failed, "" when it did not."""
        target = target_of(container, container_id, address)
        try:
            if hook.sleep is not None:
                await self._clock.sleep(hook.sleep.seconds)
                return ""
            if hook.exec is not None:
                outcome = await run_command(self._runtime, target, hook.exec.command, 0)
            elif hook.http_get is not None:
                outcome = await http_get(target, hook.http_get, 0)
            elif hook.tcp_socket is not None:
                outcome = await connect(target, hook.tcp_socket, 0)
            else:
                return "invalid handler"
        except UnknownPort as error:
            return str(error)
        return "" if outcome.success else outcome.message


class UnknownPort(Exception):
    """The container has no port of that name."""


def port_number(target: Target, port: int | str) -> int:
    """The number of a port. Raises UnknownPort."""
    if isinstance(port, int):
        return port
    number = target.ports.get(port) or (int(port) if port.isdecimal() else 0)
    if not number:
        raise UnknownPort(f"couldn't find port: {port}")
    return number


# --- exec -------------------------------------------------------------------------------------------------------------


async def run_command(runtime: Runtime, target: Target, command: list[str], timeout: float) -> Outcome:  # noqa: ASYNC109 - seconds, 0 = none
    """Runs a command in the container; its exit code is the answer."""
    try:
        result = await runtime.exec_sync(target.container_id, command, timeout)
    except TimeoutError:
        message = f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s'
        return Outcome(success=False, message=message)
    except ExecFailed as error:
        return Outcome(success=error.exit_code not in {126, 127}, message=str(error), errored=False)
    except ContainerRuntimeError as error:
        return Outcome(success=False, message=str(error), errored=True)
    text = result.output[:LONGEST_OUTPUT].decode(errors="replace")
    return Outcome(success=result.exit_code == 0, message=text or f"command exited with {result.exit_code}")


# --- TCP --------------------------------------------------------------------------------------------------------------


async def connect(target: Target, action: TCPSocketAction, timeout: float) -> Outcome:  # noqa: ASYNC109
    """Opens a connection and closes it."""
    host, port = action.host or target.address, port_number(target, action.port)
    where = f"dial tcp {host_port(host, port)}"
    try:
        async with asyncio.timeout(timeout or None):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Outcome(success=False, message=f"{where}: i/o timeout")
    except OSError as error:
        return Outcome(success=False, message=f"{where}: {reason_of(error)}")
    writer.close()
    return Outcome(success=True)


def host_port(host: str, port: int) -> str:
    """`10.244.0.5:80`, `[fd00::5]:80`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason_of(error: OSError) -> str:
    """`connect: connection refused`."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    number = inner.errno
    if number is None or number not in errno.errorcode:
        return str(inner)
    return f"connect: {os.strerror(number).lower()}"


# --- HTTP -------------------------------------------------------------------------------------------------------------


async def http_get(target: Target, action: HTTPGetAction, timeout: float) -> Outcome:  # noqa: ASYNC109
    """Requests a page; every status from 200 to 399 is a success. Certificates are not verified.

    Redirects are followed on the same host only; one that leads elsewhere is a success with a warning.
    """
    scheme = (action.scheme or "HTTP").lower()
    host, port = action.host or target.address, port_number(target, action.port)
    path = action.path or "/"
    url = f"{scheme}://{host_port(host, port)}{path if path.startswith('/') else '/' + path}"
    headers = CIMultiDict(_DEFAULT_HEADERS)
    for name in {header.name for header in action.http_headers}:
        headers.popall(name, None)
    for header in action.http_headers:
        if header.value or header.name.lower() not in {"user-agent", "accept"}:
            headers.add(header.name, header.value)
    try:
        return await _follow(url, headers, aiohttp.ClientTimeout(total=timeout or None))
    except TimeoutError:
        text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Outcome(success=False, message=f'Get "{url}": {text}')
    except aiohttp.ClientConnectorError as error:
        return Outcome(success=False, message=f'Get "{url}": dial tcp {host_port(host, port)}: {reason_of(error)}')
    except (aiohttp.ClientError, ValueError) as error:
        return Outcome(success=False, message=f'Get "{url}": {str(error) or type(error).__name__}')


async def _follow(url: str, headers: CIMultiDict[str], timeout: aiohttp.ClientTimeout) -> Outcome:  # noqa: ASYNC109
    first = urlsplit(url)
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        for _ in range(MOST_REDIRECTS):
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status not in {301, 302, 303, 307, 308} or not location:
                    return _judge(response.status)
                url = urljoin(url, location)
            if urlsplit(url).hostname != first.hostname:
                return Outcome(success=True, message=f"Probe terminated redirects, Location: {location}", warning=True)
    return Outcome(success=False, message=f'Get "{url}": stopped after {MOST_REDIRECTS} redirects')


def _judge(status: int) -> Outcome:
    if 200 <= status < 400:
        return Outcome(success=True, message=f"HTTP {status}")
    return Outcome(success=False, message=f"HTTP probe failed with statuscode: {status}")
