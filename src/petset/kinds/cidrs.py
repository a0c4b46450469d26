"""Blocks of addresses in CIDR notation, judged as upstream judges its older fields.

The source is apimachinery's `util/validation/ip.go` with the gate StrictIPCIDRValidation, on since 1.36.
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network

Network = IPv4Network | IPv6Network


def cidr_errors(text: str) -> list[str]:
    """What is wrong with a block: no block at all, or one that programs may read in different ways."""
    network = lenient_network(text)
    if network is None:
        return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    address, _, length = text.partition("/")
    if length != str(network.prefixlen) or not _is_address(address):
        return ["must not have leading 0s in IP or prefix length"]
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return ["must not have an IPv4-mapped IPv6 address"]
    return [] if parsed == network.network_address else ["must not have bits set beyond the prefix length"]


def cidr_warnings(path: str, text: str) -> list[str]:
    """A valid IPv6 block in another form than the usual one."""
    network = lenient_network(text)
    if not isinstance(network, IPv6Network) or cidr_errors(text) or str(network) == text:
        return []
    return [f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{network}")']


def lenient_network(text: str) -> Network | None:
    """The block a text means; leading zeros are passed over, so are bits beyond the prefix. None when it means none."""
    address, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdecimal():
        return None
    if ":" not in address:
        address = ".".join(part.lstrip("0") or "0" if part else "" for part in address.split("."))
    try:
        return ip_network(ip_interface(f"{address}/{int(length)}").network)
    except ValueError:
        return None


def is_strictly_within(inner: Network, outer: Network) -> bool:
    """Whether `inner` is a part of `outer`, and not all of it."""
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer) and inner != outer
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer) and inner != outer
    return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
