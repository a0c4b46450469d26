"""Two petsets on one machine do not share a network."""

from collections.abc import Collection
from pathlib import Path

import pytest

from petset.node.network.choice import NETWORKS, candidate, choose_network


@pytest.mark.parametrize(
    ("taken", "bridge", "pods", "services"),
    [
        ((), "petset0", "10.244.0.0/16", "10.96.0.0/16"),
        (("petset0",), "petset1", "10.243.0.0/16", "10.97.0.0/16"),
        (("petset0", "petset1"), "petset2", "10.242.0.0/16", "10.98.0.0/16"),
        (tuple(candidate(number)[0] for number in range(NETWORKS)), "petset0", "10.244.0.0/16", "10.96.0.0/16"),
    ],
)
def test_the_first_free_network_is_chosen(
    tmp_path: Path, taken: Collection[str], bridge: str, pods: str, services: str
) -> None:
    chosen = choose_network(tmp_path, lambda name: name in taken)
    assert (chosen.bridge, str(chosen.pod_cidr), str(chosen.service_cidr)) == (bridge, pods, services)
    assert chosen.owner == str(tmp_path)


def test_a_choice_is_kept_whatever_becomes_of_the_machine(tmp_path: Path) -> None:
    first = choose_network(tmp_path, lambda _: False)
    assert choose_network(tmp_path, lambda _: True) == first


def test_a_file_that_says_nothing_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "network.json").write_text("{")
    assert choose_network(tmp_path, lambda _: False).bridge == "petset0"


def test_no_two_networks_overlap() -> None:
    ranges = [range_ for number in range(NETWORKS) for range_ in candidate(number)[1:]]
    assert len(set(ranges)) == 2 * NETWORKS
