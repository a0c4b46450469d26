from ipaddress import ip_address
from pathlib import Path

from petset.node.machine import read_machine


def test_this_machine_has_a_name_an_address_and_resources(tmp_path: Path) -> None:
    machine = read_machine(tmp_path)
    assert machine.hostname
    assert machine.hostname == machine.hostname.lower()
    assert ip_address(machine.address).version == 4
    assert machine.cpus > 0
    assert machine.memory > 1 << 20
    assert machine.storage > 0
    assert machine.architecture in {"amd64", "arm64"} or "_" not in machine.architecture
