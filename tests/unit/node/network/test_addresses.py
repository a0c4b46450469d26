from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petset.node.network.addresses import (
    check_address,
    hardware_address,
    interface_name,
    link_alias,
    next_address,
    parse_link_alias,
)
from petset.node.network.interface import AddressesExhausted, AddressTaken

SMALL = IPv4Network("10.244.0.0/29")  # .1 is the gateway, .2 to .6 are pods', .7 is broadcast


@pytest.mark.parametrize(
    ("used", "after", "expected"),
    [
        ((), None, "10.244.0.2"),
        (("10.244.0.2", "10.244.0.3"), None, "10.244.0.4"),
        ((), "10.244.0.4", "10.244.0.5"),
        (("10.244.0.5",), "10.244.0.4", "10.244.0.6"),
        ((), "10.244.0.6", "10.244.0.2"),
        (("10.244.0.6", "10.244.0.2"), "10.244.0.5", "10.244.0.3"),
        (("10.244.0.2", "10.244.0.3", "10.244.0.5", "10.244.0.6"), "10.244.0.4", "10.244.0.4"),
        ((), "10.9.9.9", "10.244.0.2"),
    ],
)
def test_the_next_free_address_goes_round_the_range(used: tuple[str, ...], after: str | None, expected: str) -> None:
    assert next_address(SMALL, used, after) == expected


@pytest.mark.parametrize("after", [None, "10.244.0.4", "10.244.0.6"])
def test_a_full_range_is_an_error(after: str | None) -> None:
    used = {f"10.244.0.{octet}" for octet in range(2, 7)}
    with pytest.raises(AddressesExhausted, match=r"all 5 addresses of 10\.244\.0\.0/29 are taken"):
        next_address(SMALL, used, after)


@given(st.lists(st.sampled_from(["take", "free"]), max_size=60))
def test_no_address_is_given_twice_or_outside_the_range(steps: list[str]) -> None:
    used: list[str] = []
    last: str | None = None
    for step in steps:
        if step == "free":
            used = used[1:]
        elif len(used) < 5:
            last = next_address(SMALL, used, last)
            assert last not in used
            assert last in {f"10.244.0.{octet}" for octet in range(2, 7)}
            used.append(last)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.244.0.0", "not a pod's address"),
        ("10.244.0.1", "not a pod's address"),
        ("10.244.0.7", "not a pod's address"),
        ("10.245.0.2", "not a pod's address"),
        ("10.244.0.3", "belongs to another pod"),
        ("fd00::1", "not an IPv4 address"),
        ("", "not an IPv4 address"),
    ],
)
def test_an_address_that_may_not_be_given_is_refused_with_the_reason(address: str, reason: str) -> None:
    with pytest.raises(AddressTaken, match=reason):
        check_address(SMALL, {"10.244.0.3"}, address)


def test_a_free_address_is_given_when_asked_for() -> None:
    assert check_address(SMALL, {"10.244.0.3"}, "10.244.0.4") == "10.244.0.4"


def test_the_hardware_address_follows_from_the_address() -> None:
    assert hardware_address("10.244.1.255") == "0a:58:0a:f4:01:ff"


def test_interface_names_fit_the_kernel_and_differ() -> None:
    names = {interface_name(f"8d1c3a0e-0000-4000-8000-{number:012}") for number in range(500)}
    assert len(names) == 500
    assert all(len(name) <= 15 and name.startswith("ps") for name in names)


@pytest.mark.parametrize("alias", [None, "", "petset network", "petset pod uid", "other pod uid 10.0.0.1"])
def test_foreign_aliases_name_no_pod(alias: str | None) -> None:
    assert parse_link_alias(alias) is None


def test_an_alias_names_pod_and_address() -> None:
    assert parse_link_alias(link_alias("uid-1", "10.244.0.2")) == ("uid-1", "10.244.0.2")
