"""Which address a pod gets, and the names and numbers derived from it. Pure."""

import hashlib
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network
from socket import inet_aton, inet_ntoa

from petset.node.network.interface import AddressesExhausted, AddressTaken


def next_address(network: IPv4Network, used: Collection[str], after: str | None) -> str:
    """The first free address behind `after`, going round the range.

    Going round rather than always taking the lowest keeps an address out of use for as long as possible after its pod
    is gone: a peer that still knows the old pod's address meets nobody instead of somebody else. The network's own
    address, the gateway (the first one) and the broadcast address are never given. Raises AddressesExhausted.
    """
    first, last = int(network.network_address) + 2, int(network.broadcast_address) - 1
    start = int.from_bytes(inet_aton(after)) + 1 if after else first
    if not first <= start <= last:
        start = first
    for span in (range(start, last + 1), range(first, start)):
        for number in span:
            candidate = inet_ntoa(number.to_bytes(4))
            if candidate not in used:
                return candidate
    raise AddressesExhausted(f"all {max(0, last - first + 1)} addresses of {network} are taken")


def check_address(network: IPv4Network, used: Collection[str], address: str) -> str:
    """The address asked for, when it may be given. Raises AddressTaken."""
    try:
        wanted = IPv4Address(address)
    except ValueError:
        raise AddressTaken(f"{address!r} is not an IPv4 address") from None
    reserved = (network.network_address, network.network_address + 1, network.broadcast_address)
    if wanted not in network or wanted in reserved:
        raise AddressTaken(f"{address} is not a pod's address in {network}")
    if address in used:
        raise AddressTaken(f"{address} belongs to another pod")
    return address


def hardware_address(ip: str) -> str:
    """The interface's MAC, derived from its address: neighbours that remember the pair stay right when it is reused."""
    return f"0a:58:{inet_aton(ip).hex(':')}"


INTERFACE_PREFIX = "ps"


def interface_name(pod_uid: str) -> str:
    """The machine's end of the pod's pair. The kernel allows 15 characters: the uid itself does not fit."""
    return INTERFACE_PREFIX + hashlib.sha256(pod_uid.encode()).hexdigest()[:12]


_ALIAS = "petset pod"


def link_alias(pod_uid: str, ip: str) -> str:
    """What is written on the interface, so that the next process knows whose it is. Shown by `ip link`."""
    return f"{_ALIAS} {pod_uid} {ip}"


def parse_link_alias(alias: str | None) -> tuple[str, str] | None:
    """Pod uid and address out of `link_alias`; None for any other text."""
    words = (alias or "").split(" ")
    if len(words) != 4 or " ".join(words[:2]) != _ALIAS:
        return None
    return words[2], words[3]
