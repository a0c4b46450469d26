"""Large bodies that are put together while they are sent, so that no answer is in memory twice, or whole."""

import asyncio
import zlib

from aiohttp import payload
from aiohttp.abc import AbstractStreamWriter

from petset.apiserver.encodings import ListBody

GZIP_LEVEL = 1
_GZIP_FORMAT = 16 + zlib.MAX_WBITS


class Pieces(payload.Payload):
    """A list on its way. `compress` makes it gzip, piece by piece in another thread."""

    def __init__(self, body: ListBody) -> None:
        super().__init__(body, content_type="application/json")
        self._body = body
        self._compressor: zlib._Compress | None = None
        self.whole_size = body.size
        """Bytes before any compression."""

    def compress(self) -> None:
        """From now on the size is not known."""
        self._compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)

    @property
    def size(self) -> int | None:
        """Bytes of what is sent; None while that is not known."""
        return None if self._compressor else self.whole_size

    def whole(self) -> bytes:
        """All of it, before any compression."""
        return b"".join(self._body.pieces())

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text."""
        return self.whole().decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Sends everything; waits for the client in between."""
        compressor = self._compressor
        for piece in self._body.pieces():
            if compressor is None:
                await writer.write(piece)
            elif small := await asyncio.to_thread(compressor.compress, piece):
                await writer.write(small)
        if compressor is not None:
            await writer.write(compressor.flush())
