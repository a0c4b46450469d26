"""Answers for people: indented for those who read them, as YAML for those who ask for that.

Who reads is told as upstream tells it (`endpoints/handlers/responsewriters`): by the parameter `pretty`, else by the
name of a browser or a program of the command line.
"""

import asyncio
from collections.abc import Callable

import msgspec
from aiohttp import web

from petset.api.errors import NotAcceptable
from petset.httpd.compression import size_of
from petset.httpd.negotiation import YAML, prefers
from petset.httpd.pieces import Pieces

LARGEST_INDENTED = 4 * 1024 * 1024
LARGEST_YAML = 1024 * 1024
"""Bytes of JSON: YAML takes some twenty times as long, and others wait for most of that."""
IN_PLACE = 64 * 1024
"""Bytes that are indented about as quickly as a thread is found for them."""
_READERS = ("curl", "Wget", "Mozilla/5.0")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


async def present(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Rewrites an answer in JSON, before it is sent. Raises NotAcceptable for more YAML than is good."""
    if not isinstance(response, web.Response) or response.content_type != "application/json":
        return
    accept = request.headers.get("Accept", "")
    if YAML in accept and prefers(accept, (YAML,)):
        if size_of(response) > LARGEST_YAML:
            raise NotAcceptable(f"an answer of more than {LARGEST_YAML} bytes is only given as application/json")
        await _rewrite(response, _as_yaml, 0)
        response.content_type = YAML
    elif _reads(request) and size_of(response) <= LARGEST_INDENTED and "ETag" not in response.headers:
        await _rewrite(response, _indented, IN_PLACE)


def _reads(request: web.BaseRequest) -> bool:
    """Whether a person does."""
    asked = request.query.get("pretty", "") if "pretty" in request.query_string else ""
    return asked in _TRUE if asked else request.headers.get("User-Agent", "").startswith(_READERS)


async def _rewrite(response: web.Response, write: Callable[[bytes], bytes], in_place: int) -> None:
    body = response.body
    whole = body.whole() if isinstance(body, Pieces) else body
    if isinstance(whole, bytes):
        response.body = write(whole) if len(whole) <= in_place else await asyncio.to_thread(write, whole)


def _indented(body: bytes) -> bytes:
    return msgspec.json.format(body, indent=2)


def _as_yaml(body: bytes) -> bytes:
    import yaml  # noqa: PLC0415 - takes a start 20 ms, and hardly anybody asks

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(msgspec.json.decode(body), Dumper=dumper, sort_keys=True, allow_unicode=True)
    return str(text).encode()
