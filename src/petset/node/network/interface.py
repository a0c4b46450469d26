"""The port between the node and the pods' network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol


class NetworkError(Exception):
    """The network refused; the message says what a person can do about it."""


class AddressesExhausted(NetworkError):
    """Every address of the pods' range is taken."""


class AddressTaken(NetworkError):
    """The address asked for belongs to another pod, or lies outside the pods' range."""


class RangeTaken(NetworkError):
    """A range of the configuration overlaps one that the machine already uses."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What tells one petset's network from another's on the same machine.

    `bridge` names everything that belongs to this network (at most 15 characters). The ranges of two networks on one
    machine must not overlap. The first address of `pod_cidr` is the machine's own on the bridge. `owner` is written on
    the bridge, for people and so that nobody takes over, or removes, the bridge of another owner.
    """

    bridge: str
    pod_cidr: IPv4Network
    service_cidr: IPv4Network
    owner: str = ""

    @property
    def gateway(self) -> IPv4Address:
        """The machine's address on the bridge: where pods send what is not for other pods."""
        return self.pod_cidr.network_address + 1

    def has(self, address: str) -> bool:
        """Whether an address lies in this network: a pod's, a Service's, or the machine's own here.

        What comes from the machine itself does; what comes from outside cannot, for the answers would stay here.
        """
        try:
            found = IPv4Address(address)
        except ValueError:
            return False
        return found in self.pod_cidr or found in self.service_cidr


DEFAULT_CONFIG = NetworkConfig("petset0", IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16"))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A pod's place in the network. `interface` is the machine's end of the pair; the pod's own is called eth0."""

    pod_uid: str
    ip: str
    interface: str
    mac: str


class PodNetwork(Protocol):
    """Gives pods their addresses. Calls may overlap; they take effect one after the other."""

    async def start(self) -> None:
        """Makes the network, or takes over what an earlier process left. Raises NetworkError; may be repeated."""
        ...

    async def attach(self, netns: str, pod_uid: str, *, address: str | None = None) -> Attachment:
        """Connects the network namespace at the path `netns` (`/proc/<pid>/ns/net`), with `address` or a free one.

        A pod that is already attached there keeps what it has; one attached elsewhere moves, keeping its address
        unless another one is asked for. Raises AddressTaken, AddressesExhausted, NetworkError.
        """
        ...

    async def detach(self, pod_uid: str) -> None:
        """Disconnects the pod and frees its address. Nothing happens for a pod that is not attached."""
        ...

    async def attachments(self) -> Mapping[str, Attachment]:
        """All attached pods by uid, as the system itself has them: also those attached by an earlier process."""
        ...

    async def close(self) -> None:
        """Lets go of the network; pods stay connected."""
        ...

    async def destroy(self) -> None:
        """Removes everything that `start` and `attach` made, also what an earlier process made."""
        ...
