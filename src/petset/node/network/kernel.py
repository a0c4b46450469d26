"""Links, addresses and routes of one network, by netlink. Blocking: one thread at a time calls it.

Importing this module loads pyroute2, which takes a tenth of a second and 20 MB: only the bridge network does so, late.
"""

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from petset.node.network.addresses import INTERFACE_PREFIX, hardware_address, link_alias, parse_link_alias
from petset.node.network.interface import Attachment, NetworkConfig, NetworkError, RangeTaken
from petset.node.network.namespaces import run_in_namespace

log = logging.getLogger(__name__)

POD_INTERFACE = "eth0"
BRIDGE_ALIAS = "petset network"
ROUTE_PROTOCOL = 80  # in the kernel's range for programs; marks the routes made here
UNREACHABLE_METRIC = 4_000_000_000  # behind every other route to the same range
MAIN_TABLE, LOCAL_TABLE = 254, 255
LINK_SCOPE = 253


class Kernel:
    """The network as the kernel has it. Nothing is remembered here: every answer is read anew."""

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        self._ip = IPRoute()
        self._bridge = 0
        self._mtu = 1500

    def close(self) -> None:
        """Closes the netlink socket."""
        self._ip.close()

    # the network ------------------------------------------------------------------------------------------------

    def ensure_network(self) -> None:
        """Bridge, its address and the routes; what is there already stays. Raises NetworkError."""
        config = self._config
        with translated(f"network {config.bridge}"):
            link = self._link(config.bridge)
            if link is not None and not self._is_ours(link):
                owner = link.get_attr("IFLA_IFALIAS") or "not petset's"
                raise NetworkError(f"an interface named {config.bridge} exists and is another's: {owner}")
            self._check_range(config.pod_cidr, link["index"] if link else 0)
            self._check_range(config.service_cidr, link["index"] if link else 0)
            # First of all, so that there is no moment at which a pod's address would leave by the default route.
            self._ip.route(
                "replace",
                type="unreachable",
                dst=str(config.pod_cidr),
                priority=UNREACHABLE_METRIC,
                proto=ROUTE_PROTOCOL,
            )
            self._mtu = self._outbound_mtu()
            self._bridge = link["index"] if link else self._add_bridge()
            self._complete_bridge()

    def _add_bridge(self) -> int:
        # With an address of its own: a bridge otherwise takes its ports' lowest, which changes as pods come and go.
        mac = hardware_address(str(self._config.gateway))
        self._ip.link("add", ifname=self._config.bridge, kind="bridge", address=mac)
        link = self._link(self._config.bridge)
        assert link is not None
        return int(link["index"])

    def _complete_bridge(self) -> None:
        config, index = self._config, self._bridge
        self._ip.link("set", index=index, ifalias=self._alias, mtu=self._mtu)
        # A pod could otherwise announce itself to the machine as an IPv6 router.
        write_setting(f"ipv6/conf/{config.bridge}/disable_ipv6", "1")
        self._ip.link("set", index=index, state="up")
        self._ip.addr(
            "replace",
            index=index,
            address=str(config.gateway),
            prefixlen=config.pod_cidr.prefixlen,
            broadcast=str(config.pod_cidr.broadcast_address),
        )
        # Every address of the Services' range is the machine's own: whoever serves one binds it, all others refuse.
        # The route belongs to the bridge, so it goes with the bridge and is never mistaken for another network's.
        self._ip.route(
            "replace",
            type="local",
            table=LOCAL_TABLE,
            scope=254,
            dst=str(config.service_cidr),
            oif=index,
            proto=ROUTE_PROTOCOL,
        )

    def remove_network(self) -> None:
        """Takes away what `ensure_network` and `connect` made, in this or an earlier process."""
        config = self._config
        with translated(f"network {config.bridge}"):
            bridge = self._link(config.bridge)
            if bridge is not None and self._is_ours(bridge):
                for port in self._ports(bridge["index"]):
                    self._delete_link(port["index"])
                self._delete_link(bridge["index"])
            with ignored(errno.ESRCH):
                self._ip.route(
                    "del",
                    type="unreachable",
                    dst=str(config.pod_cidr),
                    priority=UNREACHABLE_METRIC,
                    proto=ROUTE_PROTOCOL,
                )

    def _is_ours(self, link: Any) -> bool:
        # Without an alias, and without ports: made by a process that was killed in the next moment.
        alias = link.get_attr("IFLA_IFALIAS")
        is_bridge = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") == "bridge"
        return is_bridge and (alias in (self._alias, BRIDGE_ALIAS) or (not alias and not self._ports(link["index"])))

    @property
    def _alias(self) -> str:
        return f"{BRIDGE_ALIAS} of {self._config.owner}" if self._config.owner else BRIDGE_ALIAS

    def _check_range(self, wanted: IPv4Network, bridge: int) -> None:
        for route in self._ip.get_routes(family=socket.AF_INET, table=MAIN_TABLE):
            destination, outgoing = route.get_attr("RTA_DST"), route.get_attr("RTA_OIF")
            if not destination or (bridge and outgoing == bridge):
                continue
            if route["proto"] == ROUTE_PROTOCOL and route.get_attr("RTA_PRIORITY") == UNREACHABLE_METRIC:
                continue
            present = IPv4Network((destination, route["dst_len"]))
            # A wide route through a gateway (a VPN's 10.0.0.0/8) may be narrowed; a network the machine is on may not.
            if present.subnet_of(wanted) or (route["scope"] == LINK_SCOPE and present.overlaps(wanted)):
                holder = f"{present}{self._name(outgoing)}"
                raise RangeTaken(f"the range {wanted} is in use: the machine has a route to {holder}")

    def _name(self, index: int | None) -> str:
        links = self._ip.get_links(index) if index else ()
        return "".join(f" on {link.get_attr('IFLA_IFNAME')}" for link in links)

    def _outbound_mtu(self) -> int:
        """Pods' packets must fit the machine's way out."""
        for route in self._ip.get_default_routes(family=socket.AF_INET, table=MAIN_TABLE):
            for link in self._ip.get_links(route.get_attr("RTA_OIF") or 0):
                return min(1500, int(link.get_attr("IFLA_MTU")))
        return 1500

    # pods -------------------------------------------------------------------------------------------------------

    def attachments(self) -> list[Attachment]:
        """The pods that are connected to the bridge. Half-made connections are removed on the way."""
        found = []
        with translated("attachments"):
            for port in self._ports(self._bridge):
                owner = parse_link_alias(port.get_attr("IFLA_IFALIAS"))
                if owner is None:
                    self._delete_link(port["index"])
                    continue
                found.append(Attachment(owner[0], owner[1], port.get_attr("IFLA_IFNAME"), hardware_address(owner[1])))
        return found

    def connect(self, namespace: int, wanted: Attachment) -> None:
        """Makes the pair, one end on the bridge, the other as eth0 in the open namespace. Raises NetworkError."""
        peer = {"ifname": POD_INTERFACE, "net_ns_fd": namespace, "address": wanted.mac, "mtu": self._mtu}
        with translated(f"pod {wanted.pod_uid}"):
            self._ip.link("add", ifname=wanted.interface, kind="veth", mtu=self._mtu, peer=peer, master=self._bridge)
            try:
                run_in_namespace(namespace, lambda: self._configure_pod(wanted))
                alias = link_alias(wanted.pod_uid, wanted.ip)
                self._ip.link("set", ifname=wanted.interface, state="up", ifalias=alias)
            except (NetlinkError, OSError):
                self.disconnect(wanted.interface)
                raise

    def _configure_pod(self, wanted: Attachment) -> None:
        with IPRoute() as ip:
            index = ip.link_lookup(ifname=POD_INTERFACE)[0]
            network = self._config.pod_cidr
            ip.link("set", index=1, state="up")
            broadcast = str(network.broadcast_address)
            ip.addr("add", index=index, address=wanted.ip, prefixlen=network.prefixlen, broadcast=broadcast)
            ip.link("set", index=index, state="up")
            ip.route("add", dst="default", gateway=str(self._config.gateway), oif=index)

    def is_connected(self, namespace: int, wanted: Attachment) -> bool:
        """Whether exactly this connection is in place, complete, and ends in the open namespace."""
        with translated(f"pod {wanted.pod_uid}"):
            link = self._link(wanted.interface)
            if link is None or parse_link_alias(link.get_attr("IFLA_IFALIAS")) != (wanted.pod_uid, wanted.ip):
                return False
            index: int = link["index"]
            return run_in_namespace(namespace, lambda: peer_index(POD_INTERFACE) == index)

    def disconnect(self, interface: str) -> None:
        """Removes the pair. Nothing happens when it is gone already, as it is soon after its namespace."""
        with translated(f"interface {interface}"):
            link = self._link(interface)
            if link is not None:
                self._delete_link(link["index"])

    def _link(self, name: str) -> Any | None:
        with ignored(errno.ENODEV):
            return next(iter(self._ip.link("get", ifname=name)), None)
        return None

    def _ports(self, bridge: int) -> list[Any]:
        """Our own; an interface that somebody else put on the bridge is not touched."""
        links = self._ip.get_links(master=bridge) if bridge else ()
        return [link for link in links if str(link.get_attr("IFLA_IFNAME")).startswith(INTERFACE_PREFIX)]

    def _delete_link(self, index: int) -> None:
        with ignored(errno.ENODEV):
            self._ip.link("del", index=index)


def peer_index(interface: str) -> int | None:
    """The index, in its own namespace, of the link at the other end of a pair; None when there is no such interface."""
    with IPRoute() as ip:
        for index in ip.link_lookup(ifname=interface):
            for link in ip.get_links(index):
                number: int | None = link.get_attr("IFLA_LINK")
                return number
    return None


def write_setting(name: str, value: str) -> None:
    """Sets a network parameter under /proc/sys/net; one that cannot be set is worth a line in the log, not more."""
    try:
        Path("/proc/sys/net", name).write_text(value)
    except OSError as error:
        log.warning("cannot set net/%s to %s: %s", name, value, error.strerror)


@contextmanager
def ignored(*numbers: int) -> Iterator[None]:
    """Passes over the kernel's answer that there is nothing to do."""
    try:
        yield
    except NetlinkError as error:
        if error.code not in numbers:
            raise


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Turns the kernel's refusals into NetworkError."""
    try:
        yield
    except (NetlinkError, OSError) as error:
        reason = error.args[1] if len(error.args) > 1 else str(error)
        raise NetworkError(f"{subject}: {reason}") from error
