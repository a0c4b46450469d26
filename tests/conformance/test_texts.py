"""Texts: what a body says that is not quite JSON, or more than one document, or no YAML."""

import json

import pytest

from tests.conformance.api import APPLY, MERGE, PATCH, STRATEGIC, Api, pod, refused

YAML = "application/yaml"
HALVES = [
    (rb"\ud800", "\ufffd"),
    (rb"a\uDFFFb", "a\ufffdb"),
    (rb"\ud800\ud800", "\ufffd\ufffd"),
    (rb"\ud800\u0041", "\ufffdA"),
    (rb"\udc00\ud83d\ude00", "\ufffd\U0001f600"),
    (rb"\\ud800", "\\ud800"),
    (b"\xff\xfe", "\ufffd\ufffd"),
    (b"\xf0\x9f\x98", "\ufffd\ufffd\ufffd"),
    (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
]
"""What is no text in JSON, and what it is taken for."""


@pytest.mark.parametrize(("text", "taken"), HALVES)
async def test_what_is_no_character_is_replaced(api: Api, text: bytes, taken: str) -> None:
    body = b'{"metadata":{"name":"c","annotations":{"a":"%b"}},"data":{"k":"%b"},"frog":"%b"}' % (text, text, text)
    made = await api.ask("POST", "configmaps", body)
    assert made.done(201)["data"] == {"k": taken}
    assert made.warnings == ('unknown field "frog"',)
    for type_ in (MERGE, STRATEGIC):
        changed = await api.ask("PATCH", "configmaps/c", b'{"data":{"l":"%b"}}' % text, type_=type_)
        assert changed.done()["data"]["l"] == taken
    operation = b'[{"op":"add","path":"/data/m","value":"%b"}]' % text
    assert (await api.ask("PATCH", "configmaps/c", operation, type_=PATCH)).done()["data"]["m"] == taken


async def test_what_is_no_character_is_replaced_in_a_spec(api: Api) -> None:
    body = json.dumps(pod(nodeSelector={"a": "b"})).replace('"nginx:1.27"', r'"nginx\ud800"')
    assert (await api.ask("POST", "pods", body)).done(201)["spec"]["containers"][0]["image"] == "nginx\ufffd"


DOCUMENT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1'}\n"


@pytest.mark.parametrize("rest", ["---\n", "...\n", f"---\n{DOCUMENT}".replace("'1'", "'2'"), "---\n{", "---\n\ta: ["])
@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
async def test_of_several_documents_the_first_counts(api: Api, rest: str, validation: str) -> None:
    query = f"fieldValidation={validation}"
    made = await api.ask("POST", "configmaps", DOCUMENT + rest, type_=YAML, query=query)
    assert made.done(201)["data"] == {"a": "1"}
    applied = await api.ask("PATCH", "configmaps/c", DOCUMENT + rest, type_=APPLY, query=f"{query}&fieldManager=m")
    assert applied.done()["data"] == {"a": "1"}


async def test_nothing_before_the_first_document_mark_is_a_document(api: Api) -> None:
    reply = await api.ask("PATCH", "configmaps/c", f"---\n---\n{DOCUMENT}", type_=APPLY, query="fieldManager=m")
    refused(reply, 400, "BadRequest", "invalid object type: /, Kind=")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "line 1: did not find expected node content"),
        ("a: 'x", "found unexpected end of stream"),
        ("a: b\n c: d", "line 2: mapping values are not allowed in this context"),
        (r'a: "\ud800"', "found invalid Unicode character escape code"),
        (DOCUMENT + "}", "line 4: did not find expected key"),
    ],
)
async def test_yaml_that_is_none(api: Api, text: str, problem: str) -> None:
    reply = await api.ask("PATCH", "configmaps/c", text, type_=APPLY, query="fieldManager=m")
    refused(reply, 400, "BadRequest", f"error decoding YAML: error converting YAML to JSON: yaml: {problem}")
    reply = await api.ask("POST", "configmaps", text, type_=YAML)
    refused(
        reply, 400, "BadRequest", f"the object provided is unrecognized (must be of type ConfigMap): yaml: {problem} (…"
    )
