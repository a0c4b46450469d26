"""What every answer has, whatever was asked: its headers, and what is told beside it."""

import base64
from typing import Any

import pytest

from tests.conformance.api import (
    APPLY,
    JSON,
    MERGE,
    PATCH,
    STRATEGIC,
    TRY,
    Api,
    Reply,
    config_map,
    refused,
    stateful_set,
)
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
    reply = await _ask(there, asked)
    assert reply.status == status
    assert "Server" not in reply.headers


UNKNOWN = 'unknown field "frog"'
BAD = {"data": {"?": "1"}, "frog": 1}
SCALE = {"apiVersion": "autoscaling/v1", "kind": "Scale"}
TWICE = """{"spec":{"replicas":-1,"replicas":-2}}"""


def _applied(version: str, kind: str, rest: str) -> str:
    return f'{{"apiVersion":"{version}","kind":"{kind}",{rest}}}'


TOLD = [
    ("a refused object", Request("POST", "configmaps", config_map("Upper") | BAD), 422, [UNKNOWN]),
    ("one that is there", Request("POST", "configmaps", config_map("kept") | BAD), 422, [UNKNOWN]),
    ("a name that is taken", Request("POST", "configmaps", config_map("kept") | {"frog": 1}), 409, [UNKNOWN]),
    (
        "a key that is there twice",
        Request("POST", "configmaps", '{"metadata":{"name":"Upper"},"data":{"a":"1","a":"2"},"frog":1}'),
        422,
        ['duplicate field "data.a"', UNKNOWN],
    ),
    (
        "a namespace that is none",
        Request("POST", "/api/v1/namespaces/absent/configmaps", config_map() | BAD),
        404,
        [UNKNOWN],
    ),
    ("an update of nothing", Request("PUT", "configmaps/absent", config_map("absent") | BAD), 404, [UNKNOWN]),
    ("a refused update", Request("PUT", "configmaps/kept", config_map("kept") | BAD), 422, [UNKNOWN]),
    ("an update of another name", Request("PUT", "configmaps/kept", config_map("other") | BAD), 400, [UNKNOWN]),
    (
        "what makes an update a conflict",
        Request("PUT", "configmaps/kept", {"metadata": {"name": "kept", "resourceVersion": "1"}, "frog": 1}),
        409,
        [UNKNOWN],
    ),
    ("a refused patch", Request("PATCH", "configmaps/kept", BAD, type_=MERGE), 422, [UNKNOWN]),
    ("a refused strategic patch", Request("PATCH", "configmaps/kept", BAD, type_=STRATEGIC), 422, [UNKNOWN]),
    (
        "a refused JSON patch",
        Request(
            "PATCH",
            "configmaps/kept",
            [
                {"op": "add", "path": "/data", "value": {"?": "1"}, "zip": 1},
                {"op": "add", "path": "/frog", "value": 1},
            ],
            type_=PATCH,
        ),
        422,
        ['json patch unknown field "[0].zip"', UNKNOWN],
    ),
    (
        "a patch of another name",
        Request("PATCH", "configmaps/kept", {"metadata": {"name": "other"}, "frog": 1}, type_=MERGE),
        400,
        [UNKNOWN],
    ),
    (
        "a patch that makes no object of the kind",
        Request("PATCH", "configmaps/kept", {"data": 5, "frog": 1}, type_=MERGE),
        422,
        [],
    ),
    (
        "a refused configuration",
        Request(
            "PATCH", "configmaps/kept", _applied("v1", "ConfigMap", '"data":{"?":"1","?":"2"}'), "fieldManager=m", APPLY
        ),
        422,
        ['line 1: key "?" already set in map'],
    ),
    (
        "a configuration of something else",
        Request(
            "PATCH",
            "configmaps/absent",
            _applied("v1", "ConfigMap", '"metadata":{"uid":"u"},"data":{"a":"1","a":"2"}'),
            "fieldManager=m",
            APPLY,
        ),
        409,
        ['line 1: key "a" already set in map'],
    ),
    (
        "a strict word about it",
        Request(
            "PATCH",
            "configmaps/absent",
            _applied("v1", "ConfigMap", '"metadata":{"uid":"u"},"data":{"a":"1","a":"2"}'),
            "fieldManager=m&fieldValidation=Strict",
            APPLY,
        ),
        400,
        [],
    ),
    (
        "a scale of nothing",
        Request("PUT", "statefulsets/absent/scale", SCALE | {"metadata": {"name": "absent"}, "frog": 1}),
        404,
        [UNKNOWN],
    ),
    (
        "a refused scale",
        Request("PATCH", "statefulsets/web/scale", {"spec": {"replicas": -1}, "frog": 1}, type_=MERGE),
        422,
        [UNKNOWN],
    ),
    (
        "a refused scale with a key that is there twice",
        Request("PATCH", "statefulsets/web/scale", TWICE, type_=STRATEGIC),
        422,
        ['duplicate field "spec.replicas"'],
    ),
    (
        "a scale of another name",
        Request("PATCH", "statefulsets/web/scale", {"metadata": {"name": "other"}, "frog": 1}, type_=MERGE),
        400,
        [UNKNOWN],
    ),
    (
        "a refused applied scale",
        Request(
            "PATCH",
            "statefulsets/web/scale",
            _applied("autoscaling/v1", "Scale", TWICE[1:-1]),
            "fieldManager=m&force=true",
            APPLY,
        ),
        422,
        ['line 1: key "replicas" already set in map'],
    ),
    (
        "an eviction of nothing",
        Request("POST", "pods/absent/eviction", {"metadata": {"name": "absent"}, "frog": 1}),
        404,
        [UNKNOWN],
    ),
    (
        "a token of nobody",
        Request("POST", "serviceaccounts/absent/token", {"metadata": {"name": "absent"}, "frog": 1}),
        404,
        [UNKNOWN],
    ),
    (
        "a question that is none",
        Request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"frog": 1}),
        422,
        [UNKNOWN],
    ),
    (
        "the end of another namespace",
        Request("PUT", "namespaces/{ns}/finalize", {"metadata": {"name": "b"}, "frog": 1}),
        400,
        [UNKNOWN],
    ),
    ("a body of another kind", Request("POST", "configmaps", {"kind": "Pod", "frog": 1}), 400, []),
    ("a body that cannot be read", Request("POST", "configmaps", {"data": 5, "frog": 1}), 400, []),
]


@pytest.mark.parametrize(("asked", "status", "told"), [pytest.param(*rest, id=rule) for rule, *rest in TOLD])
async def test_what_is_wrong_is_told_beside_an_error(api: Api, asked: Request, status: int, told: list[str]) -> None:
    (await api.post("configmaps", config_map("kept"))).done(201)
    (await api.post("statefulsets", stateful_set())).done(201)
    reply = await _ask(api, asked)
    assert (reply.status, list(reply.warnings)) == (status, told), reply.body


async def test_what_a_kind_warns_of_is_told_beside_an_error(api: Api) -> None:
    (await api.post("statefulsets", stateful_set())).done(201)
    twice: Any = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    again = stateful_set()
    again["spec"]["template"]["spec"]["containers"][0]["env"] = twice
    reply = await api.post("statefulsets", again | {"frog": 1})
    refused(reply, 409, "AlreadyExists")
    hidden = (
        'spec.template.spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using'
    )
    assert reply.warnings == (UNKNOWN, f"{hidden} apply")


async def _ask(api: Api, asked: Request) -> Reply:
    return await api.ask(
        asked.method, asked.place, asked.body, type_=asked.type_ or JSON, accept=asked.accept, query=asked.query
    )


def _set_of(size: int) -> Any:
    """A set whose template has that many kilobytes of environment."""
    made = stateful_set()
    environment = [{"name": f"E{index}", "value": "v" * 10_000} for index in range(size // 10)]
    made["spec"]["template"]["spec"]["containers"][0]["env"] = environment
    return made


TOO_LARGE = "etcdserver: request is too large"
LARGE_SPEC = _set_of(1600)["spec"]
LARGE = [
    pytest.param(Request("POST", "statefulsets", _set_of(1600) | {"metadata": {"name": "new"}}), id="a new object"),
    pytest.param(Request("PUT", "statefulsets/web", _set_of(1600)), id="an update"),
    pytest.param(Request("PATCH", "statefulsets/web", _set_of(1600), type_=MERGE), id="a merge patch"),
    pytest.param(Request("PATCH", "statefulsets/web", _set_of(1600), type_=STRATEGIC), id="a strategic patch"),
    pytest.param(
        Request(
            "PATCH", "statefulsets/web", [{"op": "add", "path": "/spec", "value": _set_of(1600)["spec"]}], type_=PATCH
        ),
        id="a JSON patch",
    ),
    pytest.param(
        Request("PATCH", "statefulsets/web", _set_of(1600), "fieldManager=m&force=true", APPLY), id="a configuration"
    ),
]


@pytest.mark.parametrize("asked", LARGE)
async def test_an_object_that_is_too_large_is_not_stored(api: Api, asked: Request) -> None:
    made = (await api.post("statefulsets", stateful_set())).done(201)
    refused(await _ask(api, asked), 500, "", TOO_LARGE)
    assert (await api.get("statefulsets/new")).status == 404
    assert (await api.get("statefulsets/web")).done()["spec"] == made["spec"]


async def test_one_that_is_larger_still_is_not_even_sent(api: Api) -> None:
    sent = "rpc error: code = ResourceExhausted desc = trying to send message larger than max (…"
    refused(await api.post("statefulsets", _set_of(2200)), 500, "", sent)


async def test_what_is_large_is_not_told_by_its_text(api: Api) -> None:
    """In JSON these take more than what there is room for."""
    lines = config_map("lines", text="\n" * (1 << 20))
    noted = {"name": "coded", "annotations": {"note": "n" * 200_000}}
    coded = {"metadata": noted, "data": {"bytes": base64.b64encode(bytes(1 << 20)).decode()}}
    (await api.post("configmaps", lines)).done(201)
    (await api.post("secrets", coded)).done(201)
    assert (await api.post("statefulsets", _set_of(1400))).status == 201
    assert (await api.post("statefulsets", _set_of(1600) | {"metadata": {"name": "tried"}}, TRY)).status == 201
