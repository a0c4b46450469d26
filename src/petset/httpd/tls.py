"""TLS for the connections of a server. What is sent to many at once is encrypted and sent by several threads.

Encryption and the kernel's copying are most of what it costs to tell a thousand watchers the same, and need no lock of
Python's. The loop that serves everything takes part and then waits for the others, so nothing else happens to a
connection meanwhile, and it waits for less than if it did all alone (docs/decisions/0020-several-threads-encrypt.md).
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import choice
from typing import Any, cast

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 60.0
"""How long a client may take to agree on keys."""
GOODBYE_SECONDS = 30.0
"""How long a client may take for what is left, and to hang up, after the server said that nothing more will come."""
MOST_THREADS = 4
WORTH_THREADS = 512 * 1024
"""Bytes that one thread encrypts and sends in about the time that it takes to wake up another one."""
RECEIVED = 17 * 1024
"""Bytes that are taken from the kernel at a time, a whole record at least: so many of new keys, each of which costs 50
µs and more, keep others waiting for some 40 ms."""
AT_ONCE = 64 * 1024
"""Bytes that are encrypted at a time: the memory in which their records come about is kept."""
LARGEST_RECORD = 16 * 1024
"""Bytes that one record of TLS has at most."""
MOST_ANSWERS = 1024
"""Bytes that TLS itself has to say to what is received at a time, about 40 records: more is asked for by nobody but one
who wants to keep the server busy with new keys. Go's TLS takes 16 records in a row that hold nothing."""
NO_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
"""Go's words, and so kube-apiserver's, for those who leave out the `s` of https."""

MakeProtocol = Callable[[], asyncio.Protocol]


class Lane:
    """Connections that one thread at a time serves, and whose records come about in the same memory.

    That memory stays in the processor's cache; memory of its own for each connection does not.
    """

    def __init__(self) -> None:
        self.records = ssl.MemoryBIO()
        self.waiting: list[TlsConnection] = []
        """Who has something to be sent."""

    def send(self) -> None:
        """In any thread, while the loop's waits."""
        for connection in self.waiting:
            connection.send_held()


class Encryption:
    """What all connections of a server have in common. One loop runs them."""

    def __init__(self, context: ssl.SSLContext, threads: int | None = None) -> None:
        count = min(len(os.sched_getaffinity(0)), MOST_THREADS) if threads is None else threads
        self.context = context
        self.received = memoryview(bytearray(RECEIVED))
        self._lanes = [Lane() for _ in range(count)]
        self._threads = ThreadPoolExecutor(max(1, count - 1), thread_name_prefix="tls")
        self._held = 0

    def connection(self, make_protocol: MakeProtocol) -> "TlsConnection":
        """The protocol of a new TCP connection; `make_protocol` gives that which is spoken inside of it.

        Clients open their connections in patterns, of which a lane must know nothing.
        """
        return TlsConnection(self, choice(self._lanes), make_protocol)  # noqa: S311 - no secret

    def hold(self, size: int) -> None:
        """So many bytes more are to be sent at the end of this turn of the loop."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._send)
        self._held += size

    def stop(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False)

    def _send(self) -> None:
        lanes = [lane for lane in self._lanes if lane.waiting]
        held, self._held = self._held, 0
        alone = lanes if held < WORTH_THREADS else lanes[:1]
        others = [self._threads.submit(lane.send) for lane in lanes[len(alone) :]]
        for lane in alone:
            lane.send()
        for other in others:
            other.result()
        for lane in lanes:
            waiting, lane.waiting = lane.waiting, []
            for connection in waiting:
                connection.after_held()


class TlsConnection(asyncio.BufferedProtocol, asyncio.Transport):
    """The protocol of a TCP connection, and the transport of what is spoken inside of it."""

    def __init__(self, shared: Encryption, lane: Lane, make_protocol: MakeProtocol) -> None:
        super().__init__()
        self.lane = lane
        self._shared = shared
        self._make_protocol = make_protocol
        self._incoming = ssl.MemoryBIO()
        self._tls = shared.context.wrap_bio(self._incoming, lane.records, server_side=True)
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] = []
        """What `write_soon` was given."""
        self._held_size = 0
        self._unsent = b""
        """Records of it that the kernel did not take."""
        self._error: ssl.SSLError | None = None
        """Why it could not be encrypted."""
        self._tcp: asyncio.Transport
        self._descriptor = -1
        self._protocol: asyncio.Protocol | None = None
        """None until the handshake is done."""
        self._closing = False
        self._reading = True
        self._most_unwritten = 64 * 1024
        self._tcp_full = False
        self._writing_paused = False
        self._deadline: asyncio.TimerHandle

    # --- the protocol of the TCP connection ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client has connected, and is to begin the handshake."""
        self._tcp = cast("asyncio.Transport", transport)
        self._descriptor = transport.get_extra_info("socket").fileno()
        self._deadline = self._loop.call_later(HANDSHAKE_SECONDS, self._tcp.abort)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where bytes are received: one place for all, for they are taken from there at once."""
        return self._shared.received

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come. After the server's goodbye they mean nothing."""
        if self._closing:
            return
        self._incoming.write(self._shared.received[:nbytes])
        if self._protocol is not None:
            self._read()
        else:
            self._shake_hands()

    def eof_received(self) -> bool:
        """The client has left, with or without a goodbye."""
        if self._protocol is not None and not self._closing:
            self._protocol.eof_received()
        self._closing = True
        self._wait_for_end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._closing = True
        self._held.clear()
        self._deadline.cancel()
        if self._protocol is not None:
            self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """More records wait for the client than there is room for."""
        self._tcp_full = True
        self._control_writing()

    def resume_writing(self) -> None:
        """The client has taken most of them."""
        self._tcp_full = False
        self._control_writing()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._break(error)
            return
        self._flush()
        self._deadline.cancel()
        self._protocol = self._make_protocol()
        self._protocol.connection_made(self)
        self._read()

    def _read(self) -> None:
        if self._protocol is None or self._closing or not self._reading:
            return
        chunks = []
        try:
            while self._incoming.pending:
                chunks.append(self._tls.read(LARGEST_RECORD))
                if not chunks[-1]:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._break(error)
            return
        if (answers := self.lane.records.read()) and not self._answer(answers):
            return
        if chunks and (data := chunks[0] if len(chunks) == 1 else b"".join(chunks)):
            self._protocol.data_received(data)
        if chunks and not chunks[-1]:  # the client's goodbye
            self._protocol.eof_received()
            self.close()

    def _answer(self, answers: bytes) -> bool:
        """Sends what TLS itself has to say, within reason."""
        if len(answers) > MOST_ANSWERS:
            log.debug("%s asks for new keys all the time", self._tcp.get_extra_info("peername"))
            self.abort()
            return False
        self._tcp.write(answers)
        return True

    def _flush(self) -> None:
        if records := self.lane.records.read():
            self._tcp.write(records)

    def _break(self, error: ssl.SSLError) -> None:
        """Ends what is no TLS, with the alert that says so."""
        log.debug("no TLS with %s: %s", self._tcp.get_extra_info("peername"), error)
        alert = self.lane.records.read()
        self._end(NO_TLS if error.reason == "HTTP_REQUEST" else alert)

    def _end(self, last: bytes) -> None:
        """Says nothing more than this, and waits until the client has read it, and hangs up."""
        self._closing = True
        if self._tcp.is_closing():
            return
        if last:
            self._tcp.write(last)
        try:
            self._tcp.write_eof()
        except OSError:  # the client has left already
            self._tcp.abort()
            return
        self._tcp.resume_reading()
        self._wait_for_end()

    def _wait_for_end(self) -> None:
        self._deadline.cancel()
        self._deadline = self._loop.call_later(GOODBYE_SECONDS, self._tcp.abort)

    # --- the transport of what is spoken inside -----------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends bytes, after all that were given before."""
        if self._closing or not data:
            return
        if self._held:
            self._hold(bytes(data))
            return
        if len(data) > AT_ONCE:
            view = memoryview(data)
            for start in range(0, len(data), AT_ONCE):
                if self._tcp.is_closing():
                    return
                self.write(view[start : start + AT_ONCE])
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self._break(error)
        else:
            self._tcp.write(self.lane.records.read())

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Sends all of them as one."""
        self.write(b"".join(list_of_data))

    def write_soon(self, data: bytes) -> None:
        """Sends bytes at the end of this turn of the loop, with what others get then: for what many get at once."""
        if data and not self._closing:
            self._hold(data)

    def _hold(self, data: bytes) -> None:
        self._shared.hold(len(data))
        if not self._held:
            self.lane.waiting.append(self)
        self._held.append(data)
        self._held_size += len(data)
        self._control_writing()

    def send_held(self) -> None:
        """Encrypts what is held, and sends what the kernel takes of it. In any thread, while the loop's waits."""
        if self._tcp.is_closing():  # and the descriptor perhaps someone else's already
            return
        try:
            for data in self._held:
                self._tls.write(data)
        except ssl.SSLError as error:
            self._error = error
        self._unsent = self.lane.records.read()
        if not self._tcp.get_write_buffer_size():
            with suppress(OSError):  # whatever keeps it from being sent will be met when it is tried again
                self._unsent = self._unsent[os.write(self._descriptor, self._unsent) :]

    def after_held(self) -> None:
        """What was held is encrypted. In the loop's thread."""
        unsent, self._unsent = self._unsent, b""
        self._held.clear()
        self._held_size = 0
        if self._tcp.is_closing():
            return
        if self._error is not None:
            self._break(self._error)
            return
        if unsent:
            self._tcp.write(unsent)
        self._control_writing()
        if self._closing:
            self._say_goodbye()

    def close(self) -> None:
        """Sends what is left, and says goodbye."""
        if self._closing:
            return
        self._closing = True
        if not self._held:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        with suppress(ssl.SSLError):  # the client has not said it yet, or has said something else
            self._tls.unwrap()
        self._end(self.lane.records.read())

    def abort(self) -> None:
        """Drops the connection, and what was not sent yet."""
        self._closing = True
        self._held.clear()
        self._tcp.abort()

    def is_closing(self) -> bool:
        """Whether anything written would be dropped."""
        return self._closing or self._tcp.is_closing()

    def pause_reading(self) -> None:
        """What the client says is left with the kernel. After the server's goodbye only its end is of interest."""
        self._reading = False
        if not self._closing:
            self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Goes on with what the client says."""
        if self._reading or self._tcp.is_closing():
            return
        self._reading = True
        self._tcp.resume_reading()
        self._loop.call_soon(self._read)

    def is_reading(self) -> bool:
        """Whether what the client says is passed on."""
        return self._reading and not self._closing

    def can_write_eof(self) -> bool:
        """TLS ends in both directions at once."""
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How many bytes may wait for the client until what is spoken inside is to pause."""
        self._tcp.set_write_buffer_limits(high, low)
        if high is not None:
            self._most_unwritten = high

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the client."""
        return self._held_size + self._tcp.get_write_buffer_size()

    def _control_writing(self) -> None:
        paused = self._tcp_full or self._held_size >= self._most_unwritten
        if self._protocol is None or paused == self._writing_paused:
            return
        self._writing_paused = paused
        if paused:
            self._protocol.pause_writing()
        else:
            self._protocol.resume_writing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`ssl_object` and `sslcontext`, and what is known about the TCP connection."""
        if name == "ssl_object":
            return self._tls
        if name == "sslcontext":
            return self._shared.context
        return self._tcp.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Something else is spoken from now on."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """What is spoken inside. Raises RuntimeError before the handshake is done."""
        if self._protocol is None:
            raise RuntimeError("the handshake is not done")
        return self._protocol
