"""The network of pods that exist on paper only: addresses are given and freed, nothing is connected."""

from collections.abc import Mapping

from petset.node.network.addresses import check_address, hardware_address, interface_name, next_address
from petset.node.network.interface import DEFAULT_CONFIG, Attachment, NetworkConfig


class SimulatedNetwork:
    """Passes the contract of `PodNetwork` without touching the machine. The namespace's path is not looked at."""

    def __init__(self, config: NetworkConfig = DEFAULT_CONFIG) -> None:
        self._config = config
        self._attached: dict[str, Attachment] = {}
        self._used: set[str] = set()
        self._last: str | None = None

    async def start(self) -> None:
        """Nothing to make."""

    async def attach(self, netns: str, pod_uid: str, *, address: str | None = None) -> Attachment:
        """Gives the pod its address."""
        present = self._attached.get(pod_uid)
        if present is not None and address in (None, present.ip):
            return present
        network = self._config.pod_cidr
        if address is None:
            address = self._last = next_address(network, self._used, self._last)
        else:
            check_address(network, self._used, address)
        await self.detach(pod_uid)
        self._used.add(address)
        attachment = Attachment(pod_uid, address, interface_name(pod_uid), hardware_address(address))
        self._attached[pod_uid] = attachment
        return attachment

    async def detach(self, pod_uid: str) -> None:
        """Frees the pod's address."""
        gone = self._attached.pop(pod_uid, None)
        if gone is not None:
            self._used.discard(gone.ip)

    async def attachments(self) -> Mapping[str, Attachment]:
        """All pods that have an address."""
        return dict(self._attached)

    async def close(self) -> None:
        """Nothing to let go of."""

    async def destroy(self) -> None:
        """Forgets every pod."""
        self._attached.clear()
        self._used.clear()
