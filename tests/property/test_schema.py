"""Requests that follow from the OpenAPI documents are answered or refused, never with a 5xx; the documents are whole.

What the documents say of a field is its type: so these bodies are right in every type and wrong in every meaning.
`PETSET_FUZZ` is as in `test_http`; without it the kinds whose schema is small are tried, a few times each.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core import NotSet
from schemathesis.core.result import Ok

from petset.apiserver.openapi import OpenApi
from petset.kinds import CATALOGUE
from tests.property.hall import SEED, SERIES, Hall, opened_hall
from tests.property.requests import Request

OPENAPI = OpenApi(CATALOGUE)
PLACES = sorted(json.loads(OPENAPI.v3_index.body)["paths"])
METHODS = ("get", "post", "put", "patch", "delete")
LARGE = ("/pods", "/statefulsets", "/nodes", "/persistentvolume", "/eviction", "/horizontalpodautoscalers")
"""Whose bodies take seconds to invent."""


@cache
def document(place: str) -> dict[str, Any]:
    found = OPENAPI.v3(place)
    assert found is not None
    tree: dict[str, Any] = json.loads(found.body)
    return tree


@cache
def schema(place: str) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(document(place))


def operations() -> Iterator[tuple[str, str, str]]:
    """Every operation by document, path and method."""
    for place in PLACES:
        for path, methods in document(place)["paths"].items():
            large = any(name in path for name in LARGE)
            for method in METHODS:
                if method in methods and (SERIES or not (large and method in ("post", "put", "patch"))):
                    yield place, path, method


OPERATIONS = list(operations())


@cache
def cases(place: str, path: str, method: str) -> st.SearchStrategy[Any]:
    return schema(place)[path][method].as_strategy()


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request that the documents allow, mostly about something that is there."""
    place, path, method = draw(st.sampled_from(OPERATIONS))
    case = draw(cases(place, path, method))
    if draw(st.integers(0, 3)):
        case.path_parameters = {"namespace": "default", "name": "one"}
    sent = case.as_transport_kwargs(base_url="https://petset")
    return as_request(case, sent)


def as_request(case: Any, sent: dict[str, Any]) -> Request:
    """The request as it goes over the wire. Watches end at once."""
    from requests import PreparedRequest  # noqa: PLC0415 - a library of the generator, needed here only

    prepared = PreparedRequest()
    params = {**sent.get("params", {}), "timeoutSeconds": "-1"}
    prepared.prepare(method=sent["method"], url=sent["url"], params=params)
    body = b"" if isinstance(case.body, NotSet) else json.dumps(case.body).encode(errors="surrogatepass")
    headers = {"Content-Type": case.media_type} if body and case.media_type else {}
    return Request("", case.method.upper(), prepared.path_url, body, headers)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with opened_hall(tmp_path_factory.mktemp("pki")) as hall:
        yield hall


@settings(
    max_examples=SERIES or 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.reuse, Phase.generate],
    print_blob=True,
)
@seed(SEED)
@given(st.lists(requests(), min_size=1, max_size=6))
@pytest.mark.timeout(max(120, 20 * SERIES))
def test_requests_that_the_documents_allow(hall: Hall, series: list[Request]) -> None:
    hall.ask(series)


@pytest.mark.parametrize("place", PLACES)
def test_a_document_is_one_that_others_can_read(place: str) -> None:
    results = [*schema(place).get_all_operations()]
    assert results
    assert [result for result in results if not isinstance(result, Ok)] == []
