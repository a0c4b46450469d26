"""The client's end of SPDY/3.1, as kubectl speaks it."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from petset.httpd.spdy import DICTIONARY


@dataclass(frozen=True)
class Received:
    """A frame of the server: `data` and its `ends`, or the type of a control frame with what follows the number."""

    kind: str
    number: int
    data: bytes = b""
    ends: bool = False


class SpdyClient:
    """Makes frames and reads those of the server."""

    def __init__(self) -> None:
        self._pack = zlib.compressobj(zdict=DICTIONARY)
        self._buffer = b""

    def packed(self, headers: Mapping[str, str]) -> bytes:
        return self._pack.compress(header_block(headers)) + self._pack.flush(zlib.Z_SYNC_FLUSH)

    def open(self, stream: int, headers: Mapping[str, str], *, ends: bool = False) -> bytes:
        return control(1, stream.to_bytes(4, "big") + bytes(6) + self.packed(headers), flags=int(ends))

    def raw_open(self, stream: int, block: bytes) -> bytes:
        packed = self._pack.compress(block) + self._pack.flush(zlib.Z_SYNC_FLUSH)
        return control(1, stream.to_bytes(4, "big") + bytes(6) + packed)

    def data(self, stream: int, data: bytes, *, ends: bool = False) -> bytes:
        return stream.to_bytes(4, "big") + (int(ends) << 24 | len(data)).to_bytes(4, "big") + data

    def reset(self, stream: int) -> bytes:
        return control(3, stream.to_bytes(4, "big") + (5).to_bytes(4, "big"))

    def ping(self, number: int) -> bytes:
        return control(6, number.to_bytes(4, "big"))

    def go_away(self) -> bytes:
        return control(7, bytes(8))

    def read(self, data: bytes) -> Iterator[Received]:
        """The frames of the server that are complete by now."""
        self._buffer += data
        while len(self._buffer) >= 8:
            word, size = (int.from_bytes(self._buffer[at : at + 4], "big") for at in (0, 4))
            ends, size = bool(size >> 24), size & 0xFFFFFF
            if len(self._buffer) < 8 + size:
                return
            body, self._buffer = self._buffer[8 : 8 + size], self._buffer[8 + size :]
            if word < 0x8000_0000:
                yield Received("data", word, body, ends)
            else:
                name = {2: "accepted", 3: "reset", 6: "ping", 7: "go away"}[word & 0xFFFF]
                yield Received(name, int.from_bytes(body[:4], "big"))


def control(kind: int, body: bytes, flags: int = 0) -> bytes:
    return (0x8003_0000 | kind).to_bytes(4, "big") + (flags << 24 | len(body)).to_bytes(4, "big") + body


def header_block(headers: Mapping[str, str]) -> bytes:
    texts = [text.encode() for pair in headers.items() for text in pair]
    return len(headers).to_bytes(4, "big") + b"".join(len(text).to_bytes(4, "big") + text for text in texts)
