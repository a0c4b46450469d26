"""Asks who answers on an engine's socket."""

from pathlib import Path

import aiohttp

from petset.node.runtimes.interface import RuntimeVersion

_TIMEOUT = aiohttp.ClientTimeout(total=5)


async def ping(socket: Path) -> RuntimeVersion | None:
    """The engine on a Unix socket and the newest API that it speaks; None when none answers.

    By `/_ping`, whose headers tell everything within a millisecond: Podman's `/version` runs other programs to find
    their versions and takes 0.3 s.
    """
    try:
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=_TIMEOUT)
        async with session, session.get("http://engine/_ping") as answer:
            if answer.status != 200:
                return None
            headers = answer.headers
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
    product, _, version = headers.get("Server", "").partition(" ")[0].partition("/")
    name = "podman" if product == "Libpod" or "Libpod-API-Version" in headers else "docker"
    return RuntimeVersion(name, version, headers.get("API-Version", "1.41"))
