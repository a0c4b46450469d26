"""Who asks: certificates, bearer tokens, nobody."""

import asyncio
import ssl

import pytest
from aiohttp.test_utils import make_mocked_request

from petset.api.errors import Unauthorized
from petset.apiserver.request import Identity
from petset.httpd.authentication import ANONYMOUS, Authenticator, bearer_token

JANE = Identity("jane", ("devs", "system:authenticated"))


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("  Bearer abc  ", "abc"),
        ("Bearer abc def", "abc"),
        ("Bearer ", ""),
        ("Bearer", ""),
        ("Basic abc", ""),
        ("", ""),
    ],
)
def test_a_bearer_token_is_the_word_after_its_scheme(header: str, token: str) -> None:
    assert bearer_token(header) == token


def tokens(token: str) -> Identity | None:
    return JANE if token == "good" else None


def test_a_token_names_its_user() -> None:
    request = make_mocked_request("GET", "/api", headers={"Authorization": "Bearer good"})
    assert Authenticator(tokens).identify(request) is JANE


def test_a_token_that_nobody_knows_is_refused_and_not_taken_for_none() -> None:
    request = make_mocked_request("GET", "/api", headers={"Authorization": "Bearer bad"})
    with pytest.raises(Unauthorized):
        Authenticator(tokens).identify(request)


def test_without_credentials_a_request_is_anonymous() -> None:
    assert Authenticator(tokens).identify(make_mocked_request("GET", "/api")) is ANONYMOUS


def test_of_who_talks_nonsense_after_a_request_nobody_knows_who_asked() -> None:
    class Broken(asyncio.Transport):
        """A connection without keys, as those have none any more whose TLS has failed."""

        def get_extra_info(self, name: str, default: object = None) -> object:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            keyless = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
            return keyless if name == "ssl_object" else default

    request = make_mocked_request("GET", "/api", headers={"Authorization": "Bearer good"}, transport=Broken())
    with pytest.raises(ConnectionResetError):
        Authenticator(tokens).identify(request)
