"""The way out: pods' packets leave with the machine's address, and pass a firewall that forwards nothing by default.

The translation is one nftables table of our own, written over netlink, so no program has to be installed for it. A
kernel without nftables costs the pods their way out and a line in the log, never the network.
"""

import logging
import shutil
import subprocess
from ipaddress import IPv4Network

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.expressions import genex, masq
from pyroute2.nftables.main import NFTables

from petset.node.network.interface import NetworkConfig
from petset.node.network.kernel import write_setting

log = logging.getLogger(__name__)

SOURCE, DESTINATION = 12, 16  # offsets of the addresses in an IPv4 header
EQUAL, UNEQUAL = 0, 1
AFTER_ROUTING_PRIORITY = 100  # where the kernel expects source translation
Expression = dict[str, object]


def install(config: NetworkConfig) -> None:
    """Puts the rules in place, replacing those of an earlier process."""
    for rule in _wanted_rules(config):
        if not _iptables("-C", *rule):
            _iptables("-I", *rule)
    try:
        _replace_table(config)
    except (NetlinkError, OSError) as error:
        log.warning("pods cannot reach addresses outside this machine: nftables refused (%s)", error)
    else:
        write_setting("ipv4/ip_forward", "1")


def uninstall(config: NetworkConfig) -> None:
    """Removes the rules of this network; it does not matter which of them are there."""
    try:
        with NFTables() as nft:
            nft.begin()
            nft.table("add", name=config.bridge)
            nft.table("del", name=config.bridge)
            nft.commit()
    except (NetlinkError, OSError) as error:
        log.debug("no table to remove: %s", error)
    for rule in accepting_rules(config):
        while _iptables("-D", *rule):
            pass


def _replace_table(config: NetworkConfig) -> None:
    table, pods = config.bridge, config.pod_cidr
    expressions = (address_matches(SOURCE, pods, EQUAL), address_matches(DESTINATION, pods, UNEQUAL), masq())
    with NFTables() as nft:
        nft.begin()
        nft.table("add", name=table)  # so that the removal below finds one
        nft.table("del", name=table)
        nft.table("add", name=table)
        nft.chain("add", table=table, name="out", type="nat", hook="postrouting", priority=AFTER_ROUTING_PRIORITY)
        nft.rule("add", table=table, chain="out", expressions=expressions)
        nft.commit()


def address_matches(offset: int, network: IPv4Network, operator: int) -> list[Expression]:
    """nftables expressions: the packet's address at `offset` lies (EQUAL) or does not lie (UNEQUAL) in the network."""
    load = {"dreg": 1, "base": 1, "offset": offset, "len": 4}
    mask = {"sreg": 1, "dreg": 1, "len": 4, "mask": _value(network.netmask.packed), "xor": _value(bytes(4))}
    compare = {"sreg": 1, "op": operator, "data": _value(network.network_address.packed)}
    return [genex("payload", load), genex("bitwise", mask), genex("cmp", compare)]


def _value(raw: bytes) -> dict[str, object]:
    return {"attrs": [("NFTA_DATA_VALUE", raw)]}


def accepting_rules(config: NetworkConfig) -> list[list[str]]:
    """iptables rules, chain first, that let pods' packets and the answers to them pass."""
    comment = ["-m", "comment", "--comment", f"petset {config.bridge}", "-j", "ACCEPT"]
    return [
        ["FORWARD", "-i", config.bridge, *comment],
        ["FORWARD", "-o", config.bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", *comment],
        ["INPUT", "-i", config.bridge, "-d", str(config.service_cidr), *comment],
    ]


def _wanted_rules(config: NetworkConfig) -> list[list[str]]:
    """Those whose chain drops what no rule accepts: Docker sets FORWARD so, ufw INPUT."""
    dropping = {chain for chain in ("FORWARD", "INPUT") if f"-P {chain} DROP" in _iptables_output("-S", chain)}
    return [rule for rule in accepting_rules(config) if rule[0] in dropping]


def _iptables(*arguments: str) -> bool:
    program = shutil.which("iptables")
    if program is None:
        return False
    return subprocess.run([program, "-w", *arguments], capture_output=True, check=False).returncode == 0


def _iptables_output(*arguments: str) -> str:
    program = shutil.which("iptables")
    if program is None:
        return ""
    return subprocess.run([program, "-w", *arguments], capture_output=True, check=False, text=True).stdout
