from ipaddress import IPv4Network

import pytest

from petset.node.network.firewall import DESTINATION, EQUAL, SOURCE, UNEQUAL, accepting_rules, address_matches
from petset.node.network.interface import DEFAULT_CONFIG


@pytest.mark.parametrize(
    ("network", "mask"),
    [
        ("10.244.0.0/16", b"\xff\xff\x00\x00"),
        ("10.244.0.0/22", b"\xff\xff\xfc\x00"),
        ("10.244.1.128/25", b"\xff\xff\xff\x80"),
    ],
)
def test_masks_are_in_network_order(network: str, mask: bytes) -> None:
    _, bitwise, _ = address_matches(SOURCE, IPv4Network(network), EQUAL)
    assert f"'NFTA_BITWISE_MASK', {{'attrs': [('NFTA_DATA_VALUE', {mask!r})]}}" in str(bitwise)


def test_the_comparison_is_with_the_networks_address() -> None:
    load, _, compare = address_matches(DESTINATION, IPv4Network("10.244.0.0/22"), UNEQUAL)
    assert "('NFTA_PAYLOAD_OFFSET', 16)" in str(load)
    assert "('NFTA_CMP_OP', 1)" in str(compare)
    assert f"('NFTA_DATA_VALUE', {bytes([10, 244, 0, 0])!r})" in str(compare)


def test_every_rule_carries_the_networks_name() -> None:
    rules = [" ".join(rule) for rule in accepting_rules(DEFAULT_CONFIG)]
    assert [rule.split()[0] for rule in rules] == ["FORWARD", "FORWARD", "INPUT"]
    assert all("petset0" in rule and rule.endswith("--comment petset petset0 -j ACCEPT") for rule in rules)
