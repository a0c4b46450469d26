"""How the objects of a set are called."""

import pytest

from petset.controllers.statefulset.names import (
    claim_may_belong_to,
    claim_name,
    is_member,
    ordinal_of,
    pod_name,
    revision_hash,
    revision_name,
    set_name_of,
)


@pytest.mark.parametrize(
    ("name", "member", "ordinal"),
    [
        ("web-0", True, 0),
        ("web-12", True, 12),
        ("web-007", True, 7),
        ("web-2147483647", True, 2147483647),
        ("web-2147483648", True, None),
        ("web", False, None),
        ("web-", False, None),
        ("web--1", False, None),
        ("web-x", False, None),
        ("web-1-x", False, None),
        ("web-1-2", False, None),
        ("other-1", False, None),
        ("web-\u0663", False, None),
        ("web-1\n", False, None),
    ],
)
def test_a_member_is_named_after_the_set_and_a_number_of_31_bits_is_its_ordinal(
    name: str, member: bool, ordinal: int | None
) -> None:
    assert is_member("web", name) is member
    assert ordinal_of("web", name) == ordinal


@pytest.mark.parametrize(
    ("name", "set_name"),
    [
        ("web-0", "web"),
        ("web-1-0", "web-1"),
        ("web-007", "web"),
        ("-0", ""),
        ("web", None),
        ("web-x", None),
        ("", None),
    ],
)
def test_a_name_with_a_number_at_its_end_may_be_that_of_a_sets_pod(name: str, set_name: str | None) -> None:
    assert set_name_of(name) == set_name


def test_pods_and_claims_carry_the_ordinal() -> None:
    assert pod_name("web", 3) == "web-3"
    assert claim_name("www", "web", 3) == "www-web-3"


@pytest.mark.parametrize(
    ("claim", "readings"),
    [
        ("www-web-0", [("www", "web")]),
        ("a-b-c-1", [("a", "b-c"), ("a-b", "c")]),
        ("web-0", []),
        ("data", []),
        ("www-web-x", []),
    ],
)
def test_a_claims_name_can_be_read_in_several_ways(claim: str, readings: list[tuple[str, str]]) -> None:
    assert list(claim_may_belong_to(claim)) == readings


@pytest.mark.parametrize(("data", "collisions"), [(b"", 0), (b"a", 0), (b"a", 1), (b"a", 12), (b"{}" * 500, 0)])
def test_the_hash_is_fnv_1_of_data_and_collision_count_in_letters_and_digits(data: bytes, collisions: int) -> None:
    value = 0x811C9DC5
    for byte in data + str(collisions).encode():
        value = value * 0x01000193 % 2**32
        value = value ^ byte
    spelling = dict(zip("0123456789", "456789bcdf", strict=True))
    assert revision_hash(data, collisions) == "".join(spelling[digit] for digit in str(value))


def test_a_revisions_name_is_cut_to_what_a_name_may_have() -> None:
    assert revision_name("web", "6c5c8bb895") == "web-6c5c8bb895"
    assert revision_name("w" * 300, "h") == "w" * 223 + "-h"
