"""Which bridge and ranges the petset of a data directory uses: chosen once, by what is free then, and kept."""

from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

import msgspec

from petset.node.network.interface import NetworkConfig

FILE = "network.json"
NETWORKS = 16
_FIRST_POD_RANGE, _FIRST_SERVICE_RANGE = 244, 96
_INTERFACES = Path("/sys/class/net")


class _Chosen(msgspec.Struct):
    bridge: str
    pod_cidr: str
    service_cidr: str


def candidate(number: int) -> tuple[str, str, str]:
    """Bridge, pods' range and Services' range of the number-th petset on a machine; the first has the usual ones."""
    pods, services = _FIRST_POD_RANGE - number, _FIRST_SERVICE_RANGE + number
    return f"petset{number}", f"10.{pods}.0.0/16", f"10.{services}.0.0/16"


def interface_exists(name: str) -> bool:
    """Whether the machine has a network interface of that name."""
    return (_INTERFACES / name).exists()


def choose_network(data_dir: Path, exists: Callable[[str], bool] = interface_exists) -> NetworkConfig:
    """The network of a data directory; the first time the first one whose bridge nobody has, or else the first."""
    file = data_dir / FILE
    try:
        chosen = msgspec.json.decode(file.read_bytes(), type=_Chosen)
    except (FileNotFoundError, msgspec.DecodeError):
        free = (found for found in map(candidate, range(NETWORKS)) if not exists(found[0]))
        chosen = _Chosen(*next(free, candidate(0)))
        file.write_bytes(msgspec.json.encode(chosen))
    return NetworkConfig(
        chosen.bridge, IPv4Network(chosen.pod_cidr), IPv4Network(chosen.service_cidr), owner=str(data_dir.resolve())
    )
