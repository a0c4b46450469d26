"""Changes and deletions that are none: which status, reason and words they are refused with."""

import pytest

from tests.conformance.api import (
    APPLY,
    MERGE,
    PATCH,
    STRATEGIC,
    Api,
    merged,
    pod,
    refused,
    stateful_set,
)
from tests.conformance.cases import Case, Request, named, option

SETS = "statefulsets"

PATCHES = [
    Case("an end too early", Request("PATCH", f"{SETS}/web", "{", type_=MERGE), 400, "BadRequest"),
    Case("a merge patch that is a list", Request("PATCH", f"{SETS}/web", "[]", type_=MERGE), 400, "BadRequest"),
    Case("a JSON patch that is no list", Request("PATCH", f"{SETS}/web", "{}", type_=PATCH), 400, "BadRequest"),
    Case(
        "an unknown operation",
        Request("PATCH", f"{SETS}/web", [{"op": "x", "path": "/a"}], type_=PATCH),
        422,
        "Invalid",
    ),
    Case(
        "a test that fails",
        Request("PATCH", f"{SETS}/web", [{"op": "test", "path": "/spec/replicas", "value": 7}], type_=PATCH),
        422,
        "Invalid",
    ),
    Case(
        "the removal of nothing",
        Request("PATCH", f"{SETS}/web", [{"op": "remove", "path": "/metadata/frog"}], type_=PATCH),
        422,
        "Invalid",
    ),
    Case(
        "too many operations",
        Request(
            "PATCH", f"{SETS}/web", [{"op": "test", "path": "/kind", "value": "StatefulSet"}] * 10_001, type_=PATCH
        ),
        413,
        "RequestEntityTooLarge",
    ),
    *(
        Case(
            f"{rule}, by a strategic patch",
            Request("PATCH", f"{SETS}/web", change, type_=STRATEGIC),
            422,
            "Invalid",
            f' "" is invalid: patch: Invalid value: "{shown}": {why}',
        )
        for rule, change, shown, why in (
            (
                "a word for a map",
                {"metadata": {"labels": "x"}},
                "map[metadata:map[labels:x]]",
                "cannot restore map from string",
            ),
            ("a word for an object", {"metadata": "x"}, "map[metadata:x]", "cannot restore struct from: string"),
            (
                "a map for a list",
                {"metadata": {"finalizers": {"a": [1, True]}}},
                "map[metadata:map[finalizers:map[a:[1 true]]]]",
                "cannot restore slice from map",
            ),
            (
                "a number for a word",
                {"metadata": {"labels": {"b": 5, "a": "x"}}},
                "map[metadata:map[labels:map[a:x b:5]]]",
                "cannot convert int64 to string",
            ),
            (
                "a word for a number",
                {"spec": {"replicas": "x"}},
                "map[spec:map[replicas:x]]",
                "unrecognized type: int32",
            ),
        )
    ),
    *(
        Case(
            f"{rule}, by a JSON patch",
            Request("PATCH", f"{SETS}/web", [operation], type_=PATCH),
            422,
            "Invalid",
            "the server rejected our request due to an error in our request…",
        )
        for rule, operation in (
            ("a field of nothing", {"op": "add", "path": "/frog/a", "value": 1}),
            ("a path that is none", {"op": "add", "path": "frog", "value": 1}),
            ("no operation", {"path": "/frog"}),
        )
    ),
    Case(
        "an operation that is none",
        Request("PATCH", f"{SETS}/web", [5], type_=PATCH),
        400,
        "BadRequest",
        "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp",
    ),
    *(
        Case(
            f"{rule}, by a patch of the scale",
            Request("PATCH", f"{SETS}/web/scale", change, query, MERGE),
            422,
            "Invalid",
            ' "" is invalid: patch: Invalid value: …',
        )
        for rule, change, query in (
            ("a word for a number", {"spec": {"replicas": "x"}}, ""),
            ("an unknown field that is not to be there", {"spec": {"frog": 1}}, "fieldValidation=Strict"),
        )
    ),
    Case(
        "finalizers that are none, by patch",
        Request("PATCH", f"{SETS}/web", {"metadata": {"finalizers": ["/"]}}, type_=MERGE),
        422,
        "Invalid",
        causes=[
            'metadata.finalizers: Invalid value: "/": prefix part must be non-empty',
            'metadata.finalizers: Invalid value: "/": name part must be non-empty',
            'metadata.finalizers: Invalid value: "/": name part must consist of alphanumeric characters, …',
        ],
    ),
    *(
        Case(
            f"{rule} by patch",
            Request("PATCH", f"{SETS}/web", change, query, type_),
            422,
            "Invalid",
            ' "" is invalid: patch: Invalid value: …',
        )
        for rule, change, query, type_ in (
            ("a word for a number", {"spec": {"replicas": "x"}}, "", MERGE),
            ("a word for a number, strategically,", {"spec": {"replicas": "x"}}, "", STRATEGIC),
            ("another kind", {"kind": "Pod"}, "", MERGE),
            ("an unknown field that is not to be there", {"spec": {"frog": 1}}, "fieldValidation=Strict", MERGE),
            ("a field twice", '{"spec":{"replicas":1,"replicas":0}}', "fieldValidation=Strict", MERGE),
        )
    ),
    Case(
        "another name by patch",
        Request("PATCH", f"{SETS}/web", {"metadata": {"name": "y"}}, type_=MERGE),
        400,
        "BadRequest",
        "the name of the object (y) does not match the name on the URL (web)",
    ),
    Case(
        "another namespace by patch",
        Request("PATCH", f"{SETS}/web", {"metadata": {"namespace": "other"}}, type_=MERGE),
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    ),
    Case(
        "another uid by patch",
        Request("PATCH", f"{SETS}/web", {"metadata": {"uid": "x"}}, type_=MERGE),
        422,
        "Invalid",
        causes=['metadata.uid: Invalid value: "x": field is immutable'],
    ),
    Case(
        "an old revision by patch",
        Request("PATCH", f"{SETS}/web", {"metadata": {"resourceVersion": "1"}}, type_=MERGE),
        409,
        "Conflict",
        'Operation cannot be fulfilled on statefulsets.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again",
    ),
    Case(
        "a deletion by patch",
        Request("PATCH", f"{SETS}/web", {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}}, type_=MERGE),
        422,
        "Invalid",
        causes=['metadata.deletionTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable'],
    ),
    Case(
        "everything deleted by patch",
        Request("PATCH", f"{SETS}/web", {"$patch": "delete"}, type_=STRATEGIC),
        400,
        "BadRequest",
        "the name of the object (web based on URL) was undeterminable: name must be provided",
    ),
    Case(
        "another kind applied",
        Request("PATCH", f"{SETS}/web", pod(), "fieldManager=a", APPLY),
        400,
        "BadRequest",
        "invalid object type: /v1, Kind=Pod",
    ),
    Case(
        "applied owners",
        Request(
            "PATCH",
            f"{SETS}/web",
            merged(stateful_set(), {"metadata": {"managedFields": [{"manager": "x"}]}}),
            "fieldManager=a",
            APPLY,
        ),
        400,
        "BadRequest",
        "metadata.managedFields must be nil",
    ),
    Case(
        "a deletion that is none",
        Request("DELETE", f"{SETS}/web", "{"),
        400,
        "BadRequest",
        "couldn't get version/kind; json parse error: unexpected end of JSON input",
    ),
    Case(
        "a deletion by another kind",
        Request("DELETE", f"{SETS}/web", pod()),
        400,
        "BadRequest",
        'no kind "Pod" is registered for…',
    ),
    Case(
        "a deletion in words",
        Request("DELETE", f"{SETS}/web", {"gracePeriodSeconds": "x"}),
        400,
        "BadRequest",
        "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
    ),
    Case(
        "an unknown propagation",
        Request("DELETE", f"{SETS}/web", {"propagationPolicy": "x"}),
        422,
        "Invalid",
        option(
            "DeleteOptions",
            'propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil"',
        ),
    ),
    Case(
        "propagation said twice",
        Request("DELETE", f"{SETS}/web", {"propagationPolicy": "Orphan", "orphanDependents": True}),
        422,
        "Invalid",
    ),
    Case(
        "a deletion of another object of the name",
        Request("DELETE", f"{SETS}/web", {"preconditions": {"uid": "x"}}),
        409,
        "Conflict",
        'Operation cannot be fulfilled on StatefulSet.apps "web": the UID in the precondition (x) does not match…',
    ),
    Case(
        "a deletion of another revision",
        Request("DELETE", f"{SETS}/web", {"preconditions": {"resourceVersion": "1"}}),
        409,
        "Conflict",
        'Operation cannot be fulfilled on StatefulSet.apps "web": the ResourceVersion in the precondition (1) …',
    ),
    Case(
        "a creation again",
        Request("POST", SETS, stateful_set()),
        409,
        "AlreadyExists",
        'statefulsets.apps "web" already exists',
    ),
    Case(
        "a PUT of another name",
        Request("PUT", f"{SETS}/web", merged(stateful_set(), {"metadata": {"name": "y"}})),
        400,
        "BadRequest",
        "the name of the object (y) does not match the name on the URL (web)",
    ),
    Case(
        "a PUT of an old revision",
        Request("PUT", f"{SETS}/web", merged(stateful_set(), {"metadata": {"resourceVersion": "1"}})),
        409,
        "Conflict",
        'Operation cannot be fulfilled on statefulsets.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again",
    ),
    Case(
        "a PUT of another object of the name",
        Request("PUT", f"{SETS}/web", merged(stateful_set(), {"metadata": {"uid": "x"}})),
        409,
        "Conflict",
        'Operation cannot be fulfilled on statefulsets.apps "web": StorageError: invalid object, Code: 4, Key: …',
    ),
]


@pytest.mark.parametrize("case", named(PATCHES))
async def test_of_what_is_there_is_refused(there: Api, case: Case) -> None:
    request = case.request
    reply = await there.ask(request.method, request.place, request.body, query=request.query, type_=request.type_)
    refused(reply, case.status, case.reason, case.message, case.causes)
    after = (await there.get(f"{SETS}/web")).done()
    assert "deletionTimestamp" not in after["metadata"]
    assert after["metadata"]["generation"] == 1
