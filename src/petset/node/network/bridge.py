"""The pods' network on Linux: a bridge, a pair of interfaces per pod, addresses given here. Needs root."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from petset.node.network.addresses import check_address, hardware_address, interface_name, next_address
from petset.node.network.interface import DEFAULT_CONFIG, Attachment, NetworkConfig, NetworkError

if TYPE_CHECKING:
    from petset.node.network.kernel import Kernel

T = TypeVar("T")


class BridgeNetwork:
    """Implements `PodNetwork`.

    All work is done by one thread of its own, in the order of the calls: netlink blocks, and the addresses in use need
    no other protection. A call that is cancelled takes effect nevertheless; the kernel stays the truth.
    """

    def __init__(self, config: NetworkConfig = DEFAULT_CONFIG) -> None:
        self._config = config
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="petset-network")
        self._kernel: Kernel | None = None
        self._attached: dict[str, Attachment] = {}
        self._last: str | None = None

    async def start(self) -> None:
        """Makes bridge, routes and outbound translation, or takes them over. Raises NetworkError."""
        await self._run(self._start)

    async def attach(self, netns: str, pod_uid: str, *, address: str | None = None) -> Attachment:
        """Connects the namespace at the path `netns`; about 5 ms. Raises NetworkError and its kinds."""
        return await self._run(lambda: self._attach(netns, pod_uid, address))

    async def detach(self, pod_uid: str) -> None:
        """Removes the pod's interfaces and frees its address."""
        await self._run(lambda: self._detach(pod_uid))

    async def attachments(self) -> Mapping[str, Attachment]:
        """The pods on the bridge, read from the kernel."""
        return await self._run(lambda: {found.pod_uid: found for found in self._open().attachments()})

    async def close(self) -> None:
        """Ends the thread; bridge and pods stay as they are."""
        if self._kernel is not None:
            await self._run(self._kernel.close)
            self._kernel = None
        self._thread.shutdown(wait=False)

    async def destroy(self) -> None:
        """Removes bridge, interfaces, routes and rules. `net.ipv4.ip_forward` is left: others may rely on it by now."""
        await self._run(self._destroy)

    async def _run(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, action)

    # in the thread ----------------------------------------------------------------------------------------------

    def _open(self) -> Kernel:
        if self._kernel is None:
            # Loaded late: a start without root, or with a simulated network, does not pay for it.
            from petset.node.network.kernel import Kernel  # noqa: PLC0415

            self._kernel = Kernel(self._config)
        return self._kernel

    def _start(self) -> None:
        from petset.node.network.firewall import install  # noqa: PLC0415

        if os.geteuid() != 0:
            raise NetworkError("a network for pods needs root")
        kernel = self._open()
        kernel.ensure_network()
        install(self._config)
        self._attached = {found.pod_uid: found for found in kernel.attachments()}

    def _attach(self, netns: str, pod_uid: str, address: str | None) -> Attachment:
        kernel = self._open()
        present = self._attached.get(pod_uid)
        with opened(netns) as namespace:
            if present is not None:
                if address in (None, present.ip) and kernel.is_connected(namespace, present):
                    return present
                kernel.disconnect(present.interface)
            used = {other.ip for uid, other in self._attached.items() if uid != pod_uid}
            if address is not None:
                check_address(self._config.pod_cidr, used, address)
            elif present is not None:
                address = present.ip
            else:
                address = self._last = next_address(self._config.pod_cidr, used, self._last)
            wanted = Attachment(pod_uid, address, interface_name(pod_uid), hardware_address(address))
            kernel.connect(namespace, wanted)
        self._attached[pod_uid] = wanted
        return wanted

    def _detach(self, pod_uid: str) -> None:
        self._open().disconnect(interface_name(pod_uid))
        self._attached.pop(pod_uid, None)

    def _destroy(self) -> None:
        from petset.node.network.firewall import uninstall  # noqa: PLC0415

        self._open().remove_network()
        uninstall(self._config)
        self._attached.clear()


@contextmanager
def opened(netns: str) -> Iterator[int]:
    """The namespace as an open file: it stays the same one even if the path comes to mean another."""
    try:
        descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NetworkError(f"network namespace {netns}: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
