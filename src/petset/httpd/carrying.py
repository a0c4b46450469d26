"""One forwarded connection: bytes from a client to a port in a pod and back, whatever carries them to the client."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.apiserver.streams import PortOpener
from petset.client.interface import PortConnection

MOST_WAITING = 256 * 1024
"""Bytes of a client that wait for the pod; then the client has to wait, with all that it forwards."""


class Inbox:
    """What a client sent on one connection and the pod has not taken yet."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._closed = False
        self._changed = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, data: bytes) -> None:
        """Adds bytes, and waits while there are too many. What nobody will take is dropped."""
        if self._closed or self._ended:
            return
        self._chunks.append(data)
        self._size += len(data)
        self._changed.set()
        while self._size > MOST_WAITING and not self._closed:
            self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """The client sends no more."""
        self._ended = True
        self._changed.set()

    def close(self) -> None:
        """Nobody takes any more."""
        self._closed = True
        self._chunks.clear()
        self._size = 0
        self._room.set()

    async def get(self) -> bytes:
        """The next bytes; empty at the end."""
        while not self._chunks and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        if not self._chunks:
            return b""
        data = self._chunks.popleft()
        self._size -= len(data)
        self._room.set()
        return data


class Outlet(Protocol):
    """The way to the client for one connection."""

    async def data(self, data: bytes) -> None:
        """Bytes of the pod."""
        ...

    async def fail(self, message: str) -> None:
        """There is no connection, for this reason."""
        ...

    async def end(self) -> None:
        """The pod has ended the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Whose ports are forwarded, and how they are reached."""

    pod: str
    open_port: PortOpener

    async def carry(self, port: int, inbox: Inbox, outlet: Outlet) -> None:
        """Connects, and carries bytes both ways until the pod ends the connection, or this is cancelled.

        The words of a failure are the kubelet's.
        """
        try:
            async with self.open_port(port) as connection, Supervisor("port forward") as tasks:
                tasks.background("input", _feed(inbox, connection))
                while data := await connection.read():
                    await outlet.data(data)
        except StatusError as error:
            await outlet.fail(f"error forwarding port {port} to pod {self.pod}, uid : {error.message}")
        else:
            await outlet.end()
        finally:
            inbox.close()


async def _feed(inbox: Inbox, connection: PortConnection) -> None:
    while data := await inbox.get():
        await connection.write(data)
    await connection.close_write()
