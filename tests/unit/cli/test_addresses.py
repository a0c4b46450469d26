import socket
from collections.abc import Iterator

import pytest

from petset.cli.addresses import choose_address, parse_address, url_of
from petset.cli.failure import Failure


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("text", "address"), [("127.0.0.1:6443", ("127.0.0.1", 6443)), ("[::1]:0", ("::1", 0)), ("host:1", ("host", 1))]
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "6443", ":6443", "host:", "host:port", "::1:6443", "host:65536"])
def test_other_texts_are_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"ADDR:PORT|brackets"):
        parse_address(text)


def test_a_wanted_address_that_is_taken_is_a_failure(taken: str) -> None:
    with pytest.raises(Failure, match=f"cannot listen on {taken}: another program listens there"):
        choose_address(taken, [])


def test_a_host_that_is_not_of_this_machine_is_a_failure() -> None:
    with pytest.raises(Failure, match=r"cannot listen on 192\.0\.2\.1:6443"):
        choose_address("192.0.2.1:6443", [])


def test_without_a_wish_the_first_free_address_is_taken(taken: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert choose_address("", ["damaged", taken, f"127.0.0.1:{port}"]) == ("127.0.0.1", port)


def test_without_a_wish_any_free_port_is_better_than_none(taken: str) -> None:
    assert choose_address("", [taken]) == ("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:6443", "https://127.0.0.1:6443"),
        ("0.0.0.0:6443", "https://127.0.0.1:6443"),
        ("[::]:6443", "https://[::1]:6443"),
        ("192.0.2.7:443", "https://192.0.2.7:443"),
    ],
)
def test_clients_on_this_machine_reach_a_server_on_all_addresses_by_the_loopback(address: str, url: str) -> None:
    assert url_of(address) == url
