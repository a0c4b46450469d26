"""Where the server is to listen."""

import contextlib
import errno
import socket
from collections.abc import Sequence

from petset.cli.failure import Failure

DEFAULT = "127.0.0.1:6443"


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `ADDR:PORT`; an IPv6 address stands in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is no ADDR:PORT, such as {DEFAULT}")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, such as [::1]:6443")
    return host, int(port)


def choose_address(wanted: str, otherwise: Sequence[str]) -> tuple[str, int]:
    """The address to listen on: the wanted one, or without a wish the first free one, at last any port of the last.

    Raises Failure when the wanted address cannot be had.
    """
    if wanted:
        host, port = parse_address(wanted)
        try:
            _try(host, port)
        except OSError as error:
            raise Failure(f"cannot listen on {wanted}: {_reason(error)}") from error
        return host, port
    for candidate in otherwise:
        with contextlib.suppress(OSError, ValueError):
            host, port = parse_address(candidate)
            _try(host, port)
            return host, port
    return parse_address(otherwise[-1])[0], 0


def _try(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        # two sockets may be bound to one address as long as none listens
        probe.listen(1)


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there; choose another address with --listen"
    if isinstance(error, socket.gaierror):
        return f"unknown host ({error.strerror})"
    return error.strerror or str(error)


def url_of(address: str) -> str:
    """The URL for clients on this machine: a server on all addresses is reached on the loopback."""
    host, port = parse_address(address)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
