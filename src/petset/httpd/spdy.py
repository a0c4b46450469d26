"""SPDY/3.1 as kubectl speaks it: many streams of bytes over one. Pure: bytes in, frames out, and back.

kubectl carries it in a WebSocket to forward ports. Of the protocol only that is here which its library (spdystream)
uses: streams, their ends, pings; no settings, no windows. The server opens no streams.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

LARGEST_CONTROL = 64 * 1024
"""Bytes of a frame that is not data."""
LARGEST_HEADERS = 64 * 1024
"""Bytes of a stream's headers, unpacked."""

_VERSION = 3
_CONTROL = 0x8000_0000
_NUMBER = 0x7FFF_FFFF
_FIN = 1


class Kind(IntEnum):
    """The types of control frames."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class Status(IntEnum):
    """Why a stream is reset."""

    PROTOCOL_ERROR = 1
    REFUSED_STREAM = 3
    CANCEL = 5


class SpdyError(Exception):
    """What came is not SPDY/3.1; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Open:
    """The client opens a stream. `ends`: it will send nothing on it."""

    stream: int
    headers: Mapping[str, str]
    ends: bool


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes on a stream; a frame may come in several pieces. `ends`: the client sends no more on it."""

    stream: int
    data: bytes
    ends: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """The client has no use for a stream any more."""

    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life, to be sent back as it is."""

    number: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The client opens no more streams."""


Frame: TypeAlias = Open | Data | Reset | Ping | GoAway


class Decoder:
    """Turns what the client sends, in pieces of any size, into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._unpack = zlib.decompressobj(zdict=DICTIONARY)
        self._left = 0
        self._stream = 0
        self._ends = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete by now. Raises SpdyError."""
        self._buffer += data
        while True:
            if self._left:
                if not self._buffer:
                    return
                yield self._piece()
                continue
            if len(self._buffer) < 8:
                return
            word, size = (int.from_bytes(self._buffer[at : at + 4], "big") for at in (0, 4))
            flags, size = size >> 24, size & 0xFF_FFFF
            if not word & _CONTROL:
                del self._buffer[:8]
                self._stream, self._left, self._ends = word, size, bool(flags & _FIN)
                if not size:
                    yield Data(word, b"", self._ends)
                continue
            if size > LARGEST_CONTROL:
                raise SpdyError(f"a control frame of {size} bytes")
            if len(self._buffer) < 8 + size:
                return
            body = bytes(self._buffer[8 : 8 + size])
            del self._buffer[: 8 + size]
            frame = self._control(word, flags, body)
            if frame is not None:
                yield frame

    def _piece(self) -> Data:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        return Data(self._stream, piece, self._ends and not self._left)

    def _control(self, word: int, flags: int, body: bytes) -> Frame | None:
        """A control frame; None for one that changes nothing here."""
        version, kind = (word & ~_CONTROL) >> 16, word & 0xFFFF
        if version != _VERSION:
            raise SpdyError(f"a frame of version {version}")
        numbers = [int.from_bytes(body[at : at + 4], "big") for at in range(0, min(len(body), 8), 4)]
        match kind, numbers:
            case Kind.SYN_STREAM, [stream, _] if len(body) >= 10:
                return Open(stream & _NUMBER, self._headers(body[10:]), bool(flags & _FIN))
            case Kind.RST_STREAM, [stream, _]:
                return Reset(stream & _NUMBER)
            case Kind.PING, [number]:
                return Ping(number)
            case Kind.GOAWAY, _:
                return GoAway()
            case Kind.HEADERS, [_, *_]:
                self._headers(body[4:])  # the state of the unpacking goes on through all frames
                return None
            case ((Kind.SYN_STREAM | Kind.SYN_REPLY | Kind.RST_STREAM | Kind.PING | Kind.HEADERS), _):
                raise SpdyError(f"a broken frame of type {kind}")
        return None

    def _headers(self, packed: bytes) -> Mapping[str, str]:
        try:
            raw = self._unpack.decompress(packed, LARGEST_HEADERS)
        except zlib.error as error:
            raise SpdyError(f"headers that cannot be unpacked: {error}") from error
        if self._unpack.unconsumed_tail:
            raise SpdyError(f"headers of more than {LARGEST_HEADERS} bytes")
        texts = list(_texts(raw))
        return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=True)}


def _texts(raw: bytes) -> Iterator[str]:
    """Names and values, one after the other."""
    count, at = int.from_bytes(raw[:4], "big"), 4
    if len(raw) < 4 or count > len(raw):
        raise SpdyError("broken headers")
    for _ in range(2 * count):
        size = int.from_bytes(raw[at : at + 4], "big")
        text = raw[at + 4 : at + 4 + size]
        if len(text) != size or len(raw) < at + 4:
            raise SpdyError("broken headers")
        at += 4 + size
        yield text.decode("latin-1")


class Encoder:
    """Makes the frames that the server sends; they have to be sent in the order in which they are made."""

    def __init__(self) -> None:
        self._pack = zlib.compressobj(zdict=DICTIONARY)

    def accept(self, stream: int) -> bytes:
        """The answer to a stream that was opened; without headers."""
        headers = self._pack.compress(bytes(4)) + self._pack.flush(zlib.Z_SYNC_FLUSH)
        return _control(Kind.SYN_REPLY, _number(stream) + headers)

    def data(self, stream: int, data: bytes, *, ends: bool = False) -> bytes:
        """Bytes on a stream, less than 16 MiB; with `ends` the last ones."""
        return _number(stream) + ((_FIN if ends else 0) << 24 | len(data)).to_bytes(4, "big") + data

    def reset(self, stream: int, status: Status) -> bytes:
        """The end of a stream in both directions."""
        return _control(Kind.RST_STREAM, _number(stream) + _number(status))

    def ping(self, number: int) -> bytes:
        """A ping, or the answer to one."""
        return _control(Kind.PING, _number(number))

    def go_away(self, last: int) -> bytes:
        """The farewell: streams after `last` were not looked at."""
        return _control(Kind.GOAWAY, _number(last) + _number(0))


def _control(kind: Kind, body: bytes) -> bytes:
    return (_CONTROL | _VERSION << 16 | kind).to_bytes(4, "big") + len(body).to_bytes(4, "big") + body


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_REST = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _entry(word: str) -> bytes:
    return _number(len(word)) + word.replace("_", " ").encode()


DICTIONARY = b"".join(map(_entry, _WORDS.split())) + _REST.encode()
"""What the packing of headers starts from: the dictionary of SPDY/3's specification."""
