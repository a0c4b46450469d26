"""Sockets on addresses of the Services' range."""

import socket
from contextlib import suppress

IP_FREEBIND = 15  # <linux/in.h>; the socket module names it from Python 3.12 on


def bound_socket(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket bound to an IPv4 address, which need not be on any interface (yet); TCP ones listen.

    Raises OSError when the port is taken or not allowed.
    """
    sock = socket.socket(socket.AF_INET, kind)
    try:
        with suppress(OSError):  # elsewhere than on Linux the address has to be there
            sock.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock
