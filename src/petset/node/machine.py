"""The machine as a Node shows it: what it is, what it has, and how it is reached."""

import os
import platform
import socket
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_ANY_ADDRESS_OUTSIDE = ("192.0.2.1", 9)  # reserved for documentation: nothing is sent, only a route is looked up


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts that stay while the process runs. Sizes in bytes."""

    hostname: str
    address: str
    cpus: int
    memory: int
    storage: int
    architecture: str
    kernel: str
    os_image: str
    machine_id: str
    system_uuid: str
    boot_id: str


def read_machine(data_directory: Path) -> Machine:
    """Looks at this machine; `storage` is that of the file system with the data directory."""
    storage = os.statvfs(data_directory)
    system = platform.uname()
    machine_id = _text(Path("/etc/machine-id"))
    return Machine(
        hostname=system.node.lower(),
        address=own_address(),
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        storage=storage.f_blocks * storage.f_frsize,
        architecture=_ARCHITECTURES.get(system.machine, system.machine),
        kernel=system.release,
        os_image=_os_image(),
        machine_id=machine_id,
        system_uuid=_text(Path("/sys/class/dmi/id/product_uuid")) or machine_id,
        boot_id=_text(Path("/proc/sys/kernel/random/boot_id")),
    )


def own_address() -> str:
    """The address by which this machine reaches others, 127.0.0.1 when it reaches none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANY_ADDRESS_OUTSIDE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
