"""One TCP connection after another: what may be said on them, and what is answered to those who speak no HTTP.

The limits of time are those of upstream's secure serving (apiserver's `server/secure_serving.go`). A client that does
not take what is sent to it is cut off, whatever it asked for: what waits for it is what its connection's buffer holds.
"""

import asyncio
import contextlib
import fcntl
import logging
import socket
import termios
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from petset.aio.memory import give_back
from petset.api.errors import BadRequest, InternalError, RequestEntityTooLarge, StatusError
from petset.httpd.answers import error_response

log = logging.getLogger(__name__)

LONGEST_LINE = 256 * 1024
"""Bytes of a URL: selectors and continue tokens may be long."""
LONGEST_HEADER = 32 * 1024
IDLE_SECONDS = 90.0
"""How long a connection may be without a request, or take for the head of one."""
VANISHED_SECONDS = 60
"""How long a client's machine may be silent until it is asked for signs of life."""
SIGN_SECONDS, SIGNS = 15, 4
LONGEST_WRITE = 30.0
"""Seconds a client may take nothing of what is sent to it. One that watches is cut off then, and watches anew."""
FIRST_LOOK = 1 / 30
"""Of these seconds: what a client has not taken yet is counted so much later, for most have taken it by then."""
LONGEST_PAUSE = 4 * 3600.0
"""The same for logs, exec, attach and forwarded ports, behind which people stop an output to read it: the kubelet's
`streamingConnectionIdleTimeout`."""
LOOK_SECONDS = 15.0
"""How often it is looked whether the client of a conversation has left: while a process takes none of its input, nobody
reads what the client says, nor that it is gone."""
MOST_UNWRITTEN = 128 * 1024
"""Bytes that may wait for a client before what makes them waits, too."""
MANY_CLOSED = 200
"""Connections after whose end their memory is given back: fewer are not worth it, more would take long."""
FREED_SECONDS = 0.05
"""How long after its end a connection has no memory any more."""
_ESTABLISHED = 1
"""A connection's state in `TCP_INFO` (linux/tcp.h)."""

Admits = Callable[[str], bool]
"""Whether somebody at this address may connect."""


class ConnectionHandler(web.RequestHandler):
    """Speaks HTTP on one connection."""

    __slots__ = ("_held_back", "_longest_pause", "_next_look")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._longest_pause: float | None = None
        self._held_back: asyncio.TimerHandle | None = None
        self._next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Makes the kernel notice clients that vanish without closing: a watch may have nothing to write for long."""
        super().connection_made(transport)
        if not self._listener.lets_in(transport):
            self.force_close()
            return
        cast("asyncio.WriteTransport", transport).set_write_buffer_limits(MOST_UNWRITTEN)
        connection = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # it may be closed again already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, VANISHED_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SIGN_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, SIGNS)

    def pause_writing(self) -> None:
        """More waits for the client than its buffer is for."""
        super().pause_writing()
        self._look_at_client(self._longest_wait * FIRST_LOOK)

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        super().resume_writing()
        self._wait_no_more()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client has left, or was cut off."""
        self._wait_no_more()
        super().connection_lost(exc)

    @property
    def _longest_wait(self) -> float:
        return LONGEST_WRITE if self._longest_pause is None else self._longest_pause

    def _look_at_client(self, after: float, before: int | None = None) -> None:
        """Cuts the client off when then as much is untaken as `before`; None: it is looked at for the first time."""
        self._held_back = asyncio.get_running_loop().call_later(after, self._judge_client, before)

    def _wait_no_more(self) -> None:
        if self._held_back is not None:
            self._held_back.cancel()
            self._held_back = None

    def _judge_client(self, before: int | None) -> None:
        if self.transport is None:
            return
        untaken = _untaken(self.transport)
        if before is None or untaken < before:
            self._look_at_client(self._longest_wait, untaken)
        else:
            self.transport.abort()

    @contextlib.contextmanager
    def conversation(self) -> Iterator[None]:
        """For as long as the block lasts, the client may pause for long, and that it has left is noticed anyway."""
        self._longest_pause = LONGEST_PAUSE
        self._look_later()
        try:
            yield
        finally:
            self._longest_pause = None
            if self._next_look is not None:
                self._next_look.cancel()

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        if self.transport is not None and _has_left(self.transport):
            self.transport.abort()
        else:
            self._look_later()

    @property
    def _listener(self) -> "Listener":
        assert isinstance(self._manager, Listener)
        return self._manager

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A body that breaks was answered; that its rest cannot be passed over either is no news."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to what is no request, after which the connection is closed."""
        log.debug("no request from %s: %s", request.remote, _reason(exc, message))
        if request.writer.output_size > 0:
            raise ConnectionResetError("the answer has begun already")
        response = error_response(_refusal(status, exc, message))
        response.force_close()
        return response


def conversation(request: web.BaseRequest) -> contextlib.AbstractContextManager[None]:
    """That of the connection on which a request came."""
    handler = request.protocol
    assert isinstance(handler, ConnectionHandler)
    return handler.conversation()


def _untaken(transport: asyncio.Transport) -> int:
    """Bytes that the client's machine has not taken yet. Some MB of them the kernel keeps, and they move first."""
    unsent = array("i", [0])
    with contextlib.suppress(OSError):
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, unsent)
    return transport.get_write_buffer_size() + unsent[0]


def _has_left(transport: asyncio.Transport) -> bool:
    """Whether the client has closed its end; it is asked of the kernel, since nobody may be reading."""
    connection = transport.get_extra_info("socket")
    try:
        return bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED)
    except OSError:
        return True


def _refusal(status: int, error: BaseException | None, message: str | None) -> StatusError:
    if isinstance(error, LineTooLong):
        return RequestEntityTooLarge(
            f"Request entity too large: limit is {LONGEST_LINE} for the URL and {LONGEST_HEADER} for a header"
        )
    if status >= 500:
        return InternalError("Internal error occurred: see the log of petset")
    return BadRequest(f"the request is no HTTP: {_reason(error, message)}")


def _reason(error: BaseException | None, message: str | None) -> str:
    """The first line says what is wrong; others show what came, which may be a token."""
    return (message or str(error)).partition("\n")[0].rstrip(":")


class Request(web.BaseRequest):
    """One whose answer does not say what made it, as none of upstream's does."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.pop("Server", None)


class Listener(web.Server):
    """Makes a handler for every connection. `gates` says, by the server's own address, who may connect there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_factory = partial(Request, loop=asyncio.get_running_loop())
        self.gates: dict[str, Admits] = {}
        self._closed = 0
        self._ends = False

    def pre_shutdown(self) -> None:
        """From now on nobody comes in, not even those who shake hands already."""
        self._ends = True
        super().pre_shutdown()

    def lets_in(self, transport: asyncio.BaseTransport) -> bool:
        """Whether the one at the other end may connect here. Who has left already may not."""
        if self._ends:
            return False
        here, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        admits = self.gates.get(here[0]) if here else None
        return admits is None or (bool(peer) and admits(peer[0]))

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """One connection less."""
        super().connection_lost(handler, exc)
        self._closed += 1
        if self._closed % MANY_CLOSED == 0:
            asyncio.get_running_loop().call_later(FREED_SECONDS, give_back)

    def __call__(self) -> web.RequestHandler:
        """As asyncio's protocol factory."""
        return ConnectionHandler(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_HEADER,
        )
