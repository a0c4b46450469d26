"""Requests that are none: which status, reason and words they are refused with."""

from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.conformance.api import (
    APPLY,
    JSON,
    MERGE,
    PATCH,
    TRY,
    Api,
    config_map,
    merged,
    pod,
    refused,
    stateful_set,
)
from tests.conformance.cases import Case, Request, named, option

SETS = "statefulsets"
YAML = "application/yaml"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
ACCESS = "/apis/authorization.k8s.io/v1"

NOWHERE = "the server could not find the requested resource"
NO_METHOD = "the server does not allow this method on the requested resource"
HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
SCHEMELESS = [
    "metadata.name: Required value: name or generateName is required",
    "spec.selector: Required value",
    "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
    "spec.template.spec.containers: Required value",
]


ABSENT = merged(stateful_set(), {"metadata": {"name": "absent"}})


def unrecognized(why: str, shown: str) -> str:
    parse = f"couldn't get version/kind; json parse error: {why}"
    return f"the object provided is unrecognized (must be of type StatefulSet): {parse} ({shown})"


def post(body: Any, query: str = TRY, **changes: Any) -> Request:
    return Request("POST", SETS, body, query, **changes)


PLACES = [
    Case("an unknown version is nowhere", Request("GET", "/api/v2"), 404, "NotFound", NOWHERE),
    Case("an unknown kind is nowhere", Request("GET", "/apis/apps/v1/frogs"), 404, "NotFound", NOWHERE),
    Case("an unknown subresource is nowhere", Request("GET", "pods/p/frog"), 404, "NotFound", NOWHERE),
    Case("what is below a subresource is nowhere", Request("GET", "pods/p/log/x"), 404, "NotFound", NOWHERE),
    Case("an absent object is named", Request("GET", "pods/p"), 404, "NotFound", 'pods "p" not found'),
    Case("with its group", Request("GET", f"{SETS}/w"), 404, "NotFound", 'statefulsets.apps "w" not found'),
    Case("also for its scale", Request("GET", f"{SETS}/w/scale"), 404, "NotFound", 'statefulsets.apps "w" not found'),
    Case("also for its status", Request("GET", f"{SETS}/w/status"), 404, "NotFound", 'statefulsets.apps "w" not found'),
    Case("and to delete it", Request("DELETE", f"{SETS}/w"), 404, "NotFound", 'statefulsets.apps "w" not found'),
    Case(
        "a PUT does not create",
        Request("PUT", f"{SETS}/absent", ABSENT),
        404,
        "NotFound",
    ),
    Case("nor does a patch", Request("PATCH", f"{SETS}/w", {}, type_=MERGE), 404, "NotFound"),
    Case(
        "an applied object that is to be made has a name",
        Request("PATCH", "configmaps/c", {"apiVersion": "v1", "kind": "ConfigMap"}, "fieldManager=a", APPLY),
        400,
        "BadRequest",
        "the name of the object (c based on URL) was undeterminable: name must be provided",
    ),
    Case("an absent namespace", Request("POST", "/api/v1/namespaces/absent/configmaps", config_map()), 404, "NotFound"),
]
METHODS = [
    Case(f"{rule} is not allowed", request, 405, "MethodNotAllowed", NO_METHOD)
    for rule, request in (
        ("a POST to a name", Request("POST", f"{SETS}/w", stateful_set())),
        ("a PUT to a collection", Request("PUT", SETS, stateful_set())),
        ("a PATCH of a collection", Request("PATCH", SETS, {}, type_=MERGE)),
        ("a POST to a status", Request("POST", f"{SETS}/w/status", stateful_set())),
        ("a DELETE of a status", Request("DELETE", f"{SETS}/w/status")),
        ("a PATCH of an eviction", Request("PATCH", "pods/p/eviction", {}, type_=MERGE)),
        ("a PUT of a token", Request("PUT", "serviceaccounts/default/token", {})),
        ("a PATCH of what ends a namespace", Request("PATCH", "namespaces/{ns}/finalize", {}, type_=MERGE)),
        ("a POST to all namespaces", Request("POST", "/apis/apps/v1/statefulsets", stateful_set())),
    )
]
BODIES = [
    Case("an end too early", post("{"), 400, "BadRequest", unrecognized("unexpected end of JSON input", "{")),
    Case("no body at all", post(""), 400, "BadRequest", unrecognized("unexpected end of JSON input", "<empty>")),
    *(
        Case(
            f"a version that is of the type {type_}",
            post(f'{{"apiVersion": {text}}}'),
            400,
            "BadRequest",
            unrecognized(
                f"json: cannot unmarshal {type_} into Go struct field .apiVersion of type string",
                f'{{"apiVersion": {text}}}',
            ),
        )
        for type_, text in (("number", "5"), ("bool", "true"), ("array", "[]"), ("object", "{}"))
    ),
    Case(
        "a list",
        post("[]"),
        400,
        "BadRequest",
        unrecognized(f"json: cannot unmarshal array into Go value of type {HEAD}", "5b5d"),
    ),
    Case(
        "a number",
        post("5"),
        400,
        "BadRequest",
        unrecognized(f"json: cannot unmarshal number into Go value of type {HEAD}", "35"),
    ),
    Case("null is an object without fields", post("null"), 422, "Invalid", causes=SCHEMELESS),
    Case("an object without fields", post({}), 422, "Invalid", causes=SCHEMELESS),
    Case(
        "another kind",
        post(pod()),
        400,
        "BadRequest",
        'Pod in version "v1" cannot be handled as a StatefulSet: '
        "converting (v1.Pod) to (apps.StatefulSet): unknown conversion",
    ),
    Case(
        "an unknown kind",
        post(merged(stateful_set(), {"kind": "Frog"})),
        400,
        "BadRequest",
        'Frog in version "v1" cannot be handled as a StatefulSet: no kind "Frog" is registered for version "apps/v1"…',
    ),
    Case(
        "an unknown version",
        post(merged(stateful_set(), {"apiVersion": "apps/v2"})),
        400,
        "BadRequest",
        'StatefulSet in version "v2" cannot be handled as a StatefulSet: '
        'no kind "StatefulSet" is registered for version "apps/v2"…',
    ),
    Case(
        "a word for a number",
        post(stateful_set(replicas="3")),
        400,
        "BadRequest",
        'StatefulSet in version "v1" cannot be handled as a StatefulSet: json: cannot unmarshal string into Go struct '
        "field StatefulSetSpec.spec.replicas of type int32",
    ),
    Case(
        "a fraction for a whole number",
        post(stateful_set(replicas=3.5)),
        400,
        "BadRequest",
        'StatefulSet in version "v1" cannot be handled as a StatefulSet: json: cannot unmarshal number 3.5 into Go '
        "struct field StatefulSetSpec.spec.replicas of type int32",
    ),
    Case(
        "a number that is too large",
        post(stateful_set(replicas=2**31)),
        400,
        "BadRequest",
        'StatefulSet in version "v1" cannot be handled as a StatefulSet: json: cannot unmarshal number 2147483648 into '
        "Go struct field StatefulSetSpec.spec.replicas of type int32",
    ),
    Case("a body of an unknown type", post(stateful_set(), type_="text/plain"), 415, "UnsupportedMediaType"),
    Case("an unknown type of patch", Request("PATCH", f"{SETS}/w", {}, type_=JSON), 415, "UnsupportedMediaType"),
    Case("an answer of an unknown type", Request("GET", SETS, accept="text/plain"), 406, "NotAcceptable"),
    Case(
        "an answer of an unknown form",
        Request("GET", SETS, accept="application/json;as=Frog;g=meta.k8s.io;v=v1"),
        406,
        "NotAcceptable",
    ),
    Case(
        "an answer of no form at all",
        Request("GET", "configmaps", accept=f"{JSON};g=meta.k8s.io;v=v1"),
        406,
        "NotAcceptable",
    ),
    Case(
        "rows that carry what nobody knows",
        Request("GET", "configmaps", query="includeObject=Frog", accept=TABLE),
        400,
        "BadRequest",
        'Unable to convert to Table as requested: includeObject: Invalid value: "Frog": '
        "must be 'Metadata', 'Object', 'None', or empty",
    ),
    *(
        Case(f"a Table of {rule}", Request("POST", place, {"spec": {}}, accept=TABLE), 406, "NotAcceptable")
        for rule, place in (
            ("an answer to a question", f"{ACCESS}/selfsubjectaccessreviews"),
            ("what an action did", "serviceaccounts/default/token"),
        )
    ),
    Case(
        "a namespace other than the URL's",
        post(merged(stateful_set(), {"metadata": {"namespace": "other"}})),
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    ),
    Case(
        "unknown and duplicate fields, when they are not to be there",
        post(merged(stateful_set(frog=1), {"bird": 2}), f"{TRY}&fieldValidation=Strict"),
        400,
        "BadRequest",
        'StatefulSet in version "v1" cannot be handled as a StatefulSet: strict decoding error: '
        'unknown field "spec.frog", unknown field "bird"',
    ),
    Case(
        "a field given twice, when it is not to be",
        post('{"metadata":{"name":"x","name":"y"},"spec":{"replicas":1,"replicas":2}}', "fieldValidation=Strict"),
        400,
        "BadRequest",
        'StatefulSet in version "v1" cannot be handled as a StatefulSet: strict decoding error: '
        'duplicate field "metadata.name", duplicate field "spec.replicas"',
    ),
]
OPTIONS = [
    Case(
        "the export of earlier times",
        Request("GET", "/api/v1/namespaces/default", query="export=true"),
        400,
        "BadRequest",
        "the export parameter, deprecated since v1.14, is no longer supported",
    ),
    *(
        Case(
            f"a timeout of {timeout}",
            Request("GET", place, query=f"timeout={timeout}"),
            400,
            "BadRequest",
            f"invalid timeout specified in the request URL - time: {problem}",
        )
        for timeout, place, problem in (
            ("frog", "/version", 'invalid duration "frog"'),
            ("5", "configmaps", 'missing unit in duration "5"'),
            ("1h2frogs", "configmaps/c", 'unknown unit "frogs" in duration "1h2frogs"'),
            ("-", "pods", 'invalid duration "-"'),
        )
    ),
    Case(
        "a fieldValidation nobody knows",
        post(stateful_set(), "fieldValidation=Frog"),
        422,
        "Invalid",
        option(
            "CreateOptions",
            'fieldValidation: Unsupported value: "Frog": supported values: "", "Ignore", "Strict", "Warn"',
        ),
    ),
    Case(
        "a dryRun nobody knows",
        post(stateful_set(), "dryRun=Frog"),
        422,
        "Invalid",
        option("CreateOptions", 'dryRun: Unsupported value: ["Frog"]: supported values: "All"'),
    ),
    Case(
        "a dryRun nobody knows, of a patch",
        Request("PATCH", f"{SETS}/w", {}, "dryRun=Frog", MERGE),
        422,
        "Invalid",
        option("PatchOptions", 'dryRun: Unsupported value: ["Frog"]: supported values: "All"'),
    ),
    Case(
        "a long fieldManager",
        post(stateful_set(), f"fieldManager={'x' * 129}"),
        422,
        "Invalid",
        option("CreateOptions", "fieldManager: Too long: may not be more than 128 bytes"),
    ),
    Case(
        "force without apply",
        Request("PATCH", f"{SETS}/w", {}, "force=true", MERGE),
        422,
        "Invalid",
        option("PatchOptions", "force: Forbidden: may not be specified for non-apply patch"),
    ),
    Case(
        "an apply of nobody",
        Request("PATCH", f"{SETS}/web", stateful_set(), "", APPLY),
        422,
        "Invalid",
        option("PatchOptions", "fieldManager: Required value: is required for apply patch"),
    ),
    *(
        Case(f"{rule}, in a list", Request("GET", "pods", query=query), status, reason, message)
        for rule, query, status, reason, message in (
            ("a limit of words", "limit=x", 400, "BadRequest", 'strconv.ParseInt: parsing "x": invalid syntax'),
            (
                "a revision of words",
                "resourceVersion=x",
                400,
                "BadRequest",
                (
                    'invalid resource version: resourceVersion: Invalid value: "x": '
                    'strconv.ParseUint: parsing "x": invalid syntax'
                ),
            ),
            (
                "a token that is none",
                "continue=abc",
                400,
                "BadRequest",
                "invalid continue token: continue key is not valid…",
            ),
            (
                "a revision that has not come",
                "resourceVersion=99999999999",
                504,
                "Timeout",
                "Timeout: Too large resource version: 99999999999, current: …",
            ),
            (
                "a match without revision",
                "resourceVersionMatch=Exact",
                422,
                "Invalid",
                option(
                    "ListOptions",
                    "resourceVersionMatch: Forbidden: "
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ),
            ),
            (
                "an unknown match",
                "resourceVersion=1&resourceVersionMatch=Frog",
                422,
                "Invalid",
                option(
                    "ListOptions",
                    'resourceVersionMatch: Unsupported value: "Frog": supported values: "Exact", "NotOlderThan", ""',
                ),
            ),
            (
                "an exact match of any revision",
                "resourceVersion=0&resourceVersionMatch=Exact",
                422,
                "Invalid",
                option(
                    "ListOptions",
                    'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden '
                    'for resourceVersion "0"',
                ),
            ),
            (
                "initial events",
                "sendInitialEvents=true",
                422,
                "Invalid",
                option("ListOptions", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
            ),
            (
                "an unknown field",
                "fieldSelector=spec.frog%3D1",
                400,
                "BadRequest",
                "field label not supported: spec.frog",
            ),
            (
                "a field selector without a comparison",
                "fieldSelector=frog",
                400,
                "BadRequest",
                "invalid selector: 'frog'; can't understand 'frog'",
            ),
            ("a label selector that ends", "labelSelector=a%20in", 400, "BadRequest", ""),
            ("a label that is none", "labelSelector=-a%3Db", 400, "BadRequest", ""),
        )
    ),
    *(
        Case(
            f"{rule}, in a watch",
            Request("GET", "pods", query=f"watch=1&timeoutSeconds=1&{query}"),
            422,
            "Invalid",
            message,
        )
        for rule, query, message in (
            (
                "initial events of any age",
                "sendInitialEvents=true",
                option(
                    "ListOptions",
                    "resourceVersionMatch: Forbidden: "
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                ),
            ),
            (
                "a match without initial events",
                "resourceVersion=1&resourceVersionMatch=NotOlderThan",
                option(
                    "ListOptions",
                    "resourceVersionMatch: Forbidden: "
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                ),
            ),
        )
    ),
]


@pytest.mark.parametrize("place", ["/frog", "/apis/frogs", "/apis/x.y/v1/z", "/healthz/frog", "/openapi/frog", "/apix"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_place_below_which_nothing_is_has_no_status(there: Api, method: str, place: str) -> None:
    reply = await there.ask(method, place)
    assert (reply.status, reply.body) == (404, b"404 page not found\n")


async def test_an_object_of_the_future_is_waited_for_in_vain(there: Api) -> None:
    reply = await there.get("configmaps/absent?resourceVersion=99999999999")
    assert (reply.status, reply.reason) == (504, "Timeout")
    assert reply.message.startswith("Timeout: Too large resource version: 99999999999, current: ")
    assert reply.causes == [": Too large resource version"]
    assert (await there.get("configmaps/absent?resourceVersion=1")).status == 404


@pytest.mark.parametrize("case", named(PLACES + METHODS + BODIES + OPTIONS))
async def test_is_refused(there: Api, case: Case) -> None:
    request = case.request
    reply = await there.ask(
        request.method,
        request.place,
        request.body,
        query=request.query,
        type_=request.type_,
        accept=request.accept,
    )
    refused(reply, case.status, case.reason, case.message, case.causes)


async def test_a_body_of_more_than_three_mebibytes_is_too_large(api: Api) -> None:
    refused(await api.post("configmaps", config_map(a="x" * 3 * 2**20)), 413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    ("query", "told"),
    [("", True), ("fieldValidation=Warn", True), ("fieldValidation=Ignore", False)],
    ids=["by default", "when they are to be told", "not when they are to be passed over"],
)
async def test_unknown_fields_are_told(api: Api, query: str, told: bool) -> None:
    reply = await api.post(SETS, merged(stateful_set(frog=1), {"bird": 2}), f"{TRY}&{query}")
    assert set(reply.done(201)) <= {"apiVersion", "kind", "metadata", "spec", "status"}
    assert reply.warnings == (('unknown field "spec.frog"', 'unknown field "bird"') if told else ())


TWICE = """{"apiVersion": "v1", "kind": "ConfigMap",
 "metadata": {"name": "c", "frog": 1, "name": "c"},
 "bird": 1, "data": {"a": "1", "a": "2"}, "bird": 2}"""
IN_ORDER = (
    'unknown field "metadata.frog"',
    'duplicate field "metadata.name"',
    'unknown field "bird"',
    'duplicate field "data.a"',
)
WITH_LINES = (
    'line 2: key "name" already set in map',
    'line 3: key "a" already set in map',
    'line 3: key "bird" already set in map',
)
SORTED = ('unknown field "bird"', 'unknown field "metadata.frog"')
OPERATIONS = """[{"op": "add", "path": "/data/b", "value": "1", "frog": 1},
 {"op": "add", "path": "/data/c", "path": "/data/d", "value": "1"},
 {"op": "add", "path": "/bird", "value": 1}]"""
OF_OPERATIONS = ('json patch unknown field "[0].frog"', 'json patch duplicate field "[1].path"', 'unknown field "bird"')


@pytest.mark.parametrize(
    ("rule", "request_", "warnings", "error"),
    [
        ("JSON in its order", Request("POST", "configmaps", TWICE), IN_ORDER, ", ".join(IN_ORDER)),
        (
            "YAML with its lines",
            Request("POST", "configmaps", TWICE, type_=YAML),
            WITH_LINES + SORTED,
            ", ".join(("yaml: unmarshal errors:" + "".join(f"\n  {line}" for line in WITH_LINES), *SORTED)),
        ),
        (
            "a JSON patch by its operations",
            Request("PATCH", "configmaps/old", OPERATIONS, type_=PATCH),
            OF_OPERATIONS,
            ", ".join(OF_OPERATIONS),
        ),
    ],
)
async def test_what_is_wrong_is_told(
    api: Api, rule: str, request_: Request, warnings: tuple[str, ...], error: str
) -> None:
    (await api.post("configmaps", config_map("old", a="1"))).done(201)
    place, body = request_.place, request_.body
    strict = await api.ask(request_.method, place, body, type_=request_.type_, query="fieldValidation=Strict")
    assert strict.status in {400, 422}, rule
    assert f"strict decoding error: {error}" in strict.message, rule
    assert strict.warnings == (), rule
    ignored = await api.ask(request_.method, place, body, type_=request_.type_, query=f"fieldValidation=Ignore&{TRY}")
    assert (ignored.status // 100, ignored.warnings) == (2, ()), rule
    told = await api.ask(request_.method, place, body, type_=request_.type_)
    assert (told.status // 100, told.warnings) == (2, warnings), rule


async def test_keys_that_an_applied_configuration_has_twice_are_told_with_their_lines(api: Api) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: '1'\n  a: '2'\n"
    line = 'line 5: key "a" already set in map'
    why = f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {line}"
    who = "fieldManager=me"
    strict = await api.ask("PATCH", "configmaps/c", text, type_=APPLY, query=f"{who}&fieldValidation=Strict")
    refused(strict, 400, "BadRequest", why)
    for query, warnings in (("", (line,)), ("&fieldValidation=Ignore", ())):
        reply = await api.ask(
            "PATCH",
            "configmaps/c",
            text.replace("data", "metadata: {name: c}\ndata"),
            type_=APPLY,
            query=f"{who}{query}",
        )
        assert (reply.status // 100, reply.warnings) == (2, tuple(w.replace("5", "6") for w in warnings))


async def test_a_dry_run_answers_and_stores_nothing(api: Api) -> None:
    tried = (await api.post("configmaps", config_map(), TRY)).done(201)
    assert {"uid", "creationTimestamp"} <= set(tried["metadata"])
    assert "resourceVersion" not in tried["metadata"]
    refused(await api.get("configmaps/c"), 404, "NotFound")
    made = (await api.post("configmaps", config_map())).done(201)
    tried = (await api.patch("configmaps/c", {"data": {"a": "1"}}, query=TRY)).done()
    assert (tried["data"], tried["metadata"]["resourceVersion"]) == ({"a": "1"}, made["metadata"]["resourceVersion"])
    (await api.delete("configmaps/c", query=TRY)).done()
    assert (await api.get("configmaps/c")).done() == made


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json, */*", "application/vnd.kubernetes.protobuf,application/json"]
)
async def test_who_takes_json_gets_json(api: Api, accept: str) -> None:
    reply = await api.get("configmaps", accept=accept)
    if reply.headers["Content-Type"] == JSON:
        assert reply.done()["kind"] == "ConfigMapList"
    else:  # a server that writes protobuf may do so for who puts it first
        assert accept.startswith(reply.headers["Content-Type"])


async def test_who_asks_for_endpoints_is_told_of_their_successor(api: Api) -> None:
    told = ("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",)
    made = await api.post("endpoints", {"metadata": {"name": "e"}})
    assert (made.status, made.warnings) == (201, told)
    for query in ("", "labelSelector=a=b", "watch=1&timeoutSeconds=1"):
        assert (await api.get("endpoints", query)).warnings == told
    assert (await api.get("endpoints/e")).warnings == told
    assert (await api.get("configmaps")).warnings == ()
    assert (await api.delete("endpoints/e")).warnings == told


@pytest.mark.parametrize(("query", "indented"), [("", False), ("pretty=true", True), ("pretty=0", False)])
async def test_who_reads_gets_it_indented(there: Api, query: str, indented: bool) -> None:
    reply = await there.get("/apis/apps", query)
    assert reply.body.startswith(b'{\n  "kind": "APIGroup"' if indented else b'{"kind":"APIGroup"')
    reply = await there.get("configmaps/absent", query)
    assert reply.body.startswith(b'{\n  "kind": "Status"' if indented else b'{"kind":"Status"')


async def test_who_asks_for_yaml_gets_it(api: Api) -> None:
    made = (await api.post("configmaps", config_map())).done(201)
    for place in ("configmaps/c", "configmaps/absent", "/apis/apps", "/api"):
        plain, reply = await api.get(place), await api.get(place, accept=YAML)
        assert (reply.status, reply.headers["Content-Type"]) == (plain.status, YAML)
        assert yaml.safe_load(reply.body) == plain.tree
    assert yaml.safe_load((await api.get("configmaps", accept=f"{YAML};as=Table;g=meta.k8s.io;v=v1")).body)["rows"]
    assert yaml.safe_load((await api.get("configmaps", "watch=1", accept=YAML)).body)["code"] == 406
    assert (await api.get("configmaps/c", accept=f"{JSON},{YAML}")).done() == made


async def test_what_cannot_be_answered_is_not_done(api: Api) -> None:
    refused(await api.ask("POST", "configmaps", config_map(), accept="text/plain"), 406, "NotAcceptable")
    refused(await api.get("configmaps/c"), 404, "NotFound")
    made = (await api.post("configmaps", config_map())).done(201)
    change = {"metadata": {"labels": {"a": "b"}}}
    refused(await api.ask("PATCH", "configmaps/c", change, type_=MERGE, accept="text/plain"), 406, "NotAcceptable")
    refused(await api.ask("DELETE", "configmaps/c", accept="text/plain"), 406, "NotAcceptable")
    assert (await api.get("configmaps/c")).done() == made


@pytest.mark.parametrize("duration", ["", "0", "0s", "1h1m1.5s", "+30s", "60000000us", ".5h", "100h"])
async def test_a_timeout_is_a_duration(there: Api, duration: str) -> None:
    assert (await there.get("/version", f"timeout={quote(duration)}")).status == 200


async def test_a_watch_has_seconds_of_its_own(there: Api) -> None:
    assert (await there.get("configmaps", "watch=1&timeoutSeconds=1&timeout=frog")).status == 200
