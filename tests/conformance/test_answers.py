"""What every answer has, whatever was asked: its headers, and what is told beside it."""

import pytest

from tests.conformance.api import JSON, MERGE, Api, config_map
from tests.conformance.cases import Request

ANY = [
    pytest.param(Request("GET", "configmaps"), 200, id="a list"),
    pytest.param(Request("GET", "configmaps/absent"), 404, id="an error"),
    pytest.param(Request("GET", "/apis"), 200, id="a document"),
    pytest.param(Request("GET", "/healthz"), 200, id="a text"),
    pytest.param(Request("GET", "/frog"), 404, id="a path that leads nowhere"),
    pytest.param(Request("GET", "configmaps", query="watch=1&timeoutSeconds=1"), 200, id="a watch"),
    pytest.param(Request("POST", "configmaps", config_map("Upper")), 422, id="a refusal"),
    pytest.param(Request("PATCH", "configmaps/absent", {}, type_=MERGE), 404, id="a patch"),
]


@pytest.mark.parametrize(("asked", "status"), ANY)
async def test_no_answer_says_what_made_it(there: Api, asked: Request, status: int) -> None:
    reply = await there.ask(
        asked.method, asked.place, asked.body, type_=asked.type_ or JSON, accept=asked.accept, query=asked.query
    )
    assert reply.status == status
    assert "Server" not in reply.headers
