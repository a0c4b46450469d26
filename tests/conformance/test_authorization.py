"""Who may do what: refusals, roles and what they allow, reviews, and that nobody grants what they do not have."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from petset.client.connection import Connection
from tests.conformance.api import APPLY, CLOCK, JSON, MERGE, TRY, Api, Reply, refused

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = f"{RBAC}/namespaces/{{ns}}/roles", f"{RBAC}/namespaces/{{ns}}/rolebindings"
REVIEWS = "/apis/authorization.k8s.io/v1"
ME = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
GROUP = "rbac.authorization.k8s.io"
JANE = "conformance-jane"
SEEN = 10.0
"""Seconds within which a server takes notice of a role or binding."""


def role(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "rules": list(rules)}


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split(), **more}


def binding(name: str, of: str, *users: str, kind: str = "Role") -> dict[str, Any]:
    subjects = [{"kind": "User", "name": user} for user in users]
    return {"metadata": {"name": name}, "roleRef": {"kind": kind, "name": of}, "subjects": subjects}


@pytest.fixture
async def jane(connection: Connection, api: Api) -> AsyncIterator[Api]:
    """Somebody whom nobody has given anything."""
    async with Api.opened(connection, api.namespace, JANE) as jane:
        yield jane


async def grant(api: Api, *rules: dict[str, Any]) -> None:
    """Gives jane these rules in the namespace."""
    (await api.post(ROLES, role("granted", *rules))).done(201)
    (await api.post(BINDINGS, binding("granted", "granted", JANE))).done(201)


async def once_allowed(api: Api, method: str, place: str, body: Any = None, query: str = "") -> Reply:
    """The answer, as soon as it is no refusal any more."""
    for _ in range(int(SEEN / 0.05)):
        reply = await api.ask(method, place, body, query=query)
        if reply.status != 403:
            break
        await CLOCK.sleep(0.05)
    return reply


# --- refusals ---------------------------------------------------------------------------------------------------------

HERE = 'in the namespace "{ns}"'
EVERYWHERE = "at the cluster scope"


def cannot(verb: str, resource: str, group: str = "", *, of: str = "", where: str = HERE) -> str:
    """The refusal of `list pods`, or of one named object."""
    plural = resource.partition("/")[0]
    what = f"{plural}.{group}" if group else plural
    head = f'{what} "{of}"' if of else what
    return f'{head} is forbidden: User "{JANE}" cannot {verb} resource "{resource}" in API group "{group}" {where}'


REFUSALS = [
    ("GET", "pods", cannot("list", "pods")),
    ("GET", "pods?watch=1", cannot("watch", "pods")),
    ("GET", "pods?fieldSelector=metadata.name%3Da", cannot("list", "pods", of="a")),
    ("GET", "/api/v1/pods", cannot("list", "pods", where=EVERYWHERE)),
    ("GET", "pods/a", cannot("get", "pods", of="a")),
    ("GET", "pods/a/log", cannot("get", "pods/log", of="a")),
    ("POST", "pods", cannot("create", "pods")),
    ("PUT", "statefulsets/a/scale", cannot("update", "statefulsets/scale", "apps", of="a")),
    ("PATCH", "leases/a", cannot("patch", "leases", "coordination.k8s.io", of="a")),
    ("DELETE", "pods/a", cannot("delete", "pods", of="a")),
    ("DELETE", "pods", cannot("deletecollection", "pods")),
    ("GET", "nodes", cannot("list", "nodes", where=EVERYWHERE)),
    ("GET", "namespaces/{ns}", cannot("get", "namespaces", of="{ns}")),
    ("GET", "/apis/games.example/v1/chess", cannot("list", "chess", "games.example", where=EVERYWHERE)),
    ("GET", "/metrics", f'forbidden: User "{JANE}" cannot get path "/metrics"'),
    ("GET", "/nothing", f'forbidden: User "{JANE}" cannot get path "/nothing"'),
]


@pytest.mark.parametrize(("method", "place", "message"), REFUSALS)
async def test_a_refusal_says_who_cannot_do_what(jane: Api, method: str, place: str, message: str) -> None:
    path, _, query = place.partition("?")
    reply = await jane.ask(method, path, {} if method in {"POST", "PUT", "PATCH"} else None, query=query)
    refused(reply, 403, "Forbidden", message.replace("{ns}", jane.namespace))


@pytest.mark.parametrize("path", ["/api", "/apis", "/api/v1", "/version", "/healthz", "/openapi/v3"])
async def test_everybody_may_find_out_what_is_served(jane: Api, path: str) -> None:
    assert (await jane.get(path)).status == 200


# --- roles ------------------------------------------------------------------------------------------------------------


async def test_what_a_role_says_may_be_done_in_its_namespace(api: Api, jane: Api) -> None:
    await grant(api, rule("list", "configmaps"), rule("get", "configmaps", resourceNames=["a"]))
    (await once_allowed(jane, "GET", "configmaps")).done()
    assert (await jane.get("configmaps/a")).status == 404
    for place in ("configmaps/b", "/api/v1/configmaps", "secrets"):
        assert (await jane.get(place)).status == 403
    assert (await jane.get("configmaps", "watch=1")).status == 403


async def test_a_write_that_creates_needs_to_be_allowed_to(api: Api, jane: Api) -> None:
    await grant(api, rule("update patch", "leases", "coordination.k8s.io"))
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"}}
    assert (await once_allowed(jane, "PATCH", "leases/none", {})).status in {404, 415}
    message = f'leases.coordination.k8s.io "a" is forbidden: User "{JANE}" cannot create resource "leases" …'
    refused(await jane.put("leases/a", lease), 403, "Forbidden", message)
    refused(await jane.patch("leases/a", lease, APPLY, "fieldManager=m"), 403, "Forbidden", message)
    (await api.post("leases", lease)).done(201)
    (await jane.patch("leases/a", {"metadata": {"labels": {"a": "b"}}}, MERGE)).done()


NOT_HELD = (
    f'user "{JANE}" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
)
ESCALATIONS: list[tuple[str, str, Any, str]] = [
    (
        "a role",
        ROLES,
        role("r", rule("get list", "pods secrets")),
        (
            f'roles.{GROUP} "r" is forbidden: {NOT_HELD}'
            '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
            '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
        ),
    ),
    (
        "a binding",
        BINDINGS,
        binding("b", "cluster-admin", JANE, kind="ClusterRole"),
        f'rolebindings.{GROUP} "b" is forbidden: {NOT_HELD}…',
    ),
    (
        "a binding of nothing",
        BINDINGS,
        binding("b", "none", JANE),
        f'rolebindings.{GROUP} "none" not found',
    ),
]


@pytest.mark.parametrize(("place", "body", "message"), [c[1:] for c in ESCALATIONS], ids=[c[0] for c in ESCALATIONS])
async def test_nobody_grants_what_they_do_not_have(api: Api, jane: Api, place: str, body: Any, message: str) -> None:
    await grant(api, rule("get", "pods"), rule("create", "roles rolebindings", GROUP))
    (await once_allowed(jane, "POST", ROLES, role("fine", rule("get", "pods")))).done(201)
    reply = await jane.post(place, body, TRY)
    missing = message.endswith("not found")
    refused(reply, 404 if missing else 403, "NotFound" if missing else "Forbidden", message)


INVALID: list[tuple[str, str, Any, list[str]]] = [
    (
        "a rule about nothing",
        ROLES,
        role("r", {"verbs": []}),
        [
            "rules[0].verbs: Required value: verbs must contain at least one value",
            "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            "rules[0].resources: Required value: resource rules must supply at least one resource",
        ],
    ),
    (
        "a path in a namespace",
        ROLES,
        role("r", {"verbs": ["get"], "nonResourceURLs": ["/a"]}),
        ['rules[0].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs'],
    ),
    (
        "subjects that there cannot be",
        BINDINGS,
        binding("b", "r") | {"subjects": [{"kind": "User"}, {"kind": "Robot", "name": "r"}]},
        [
            "subjects[0].name: Required value",
            'subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
        ],
    ),
]


@pytest.mark.parametrize(("place", "body", "causes"), [c[1:] for c in INVALID], ids=[c[0] for c in INVALID])
async def test_what_can_grant_nothing_is_invalid(api: Api, place: str, body: Any, causes: list[str]) -> None:
    refused(await api.post(place, body, TRY), 422, "Invalid", causes=causes)


async def test_what_is_bound_cannot_change(api: Api) -> None:
    (await api.post(BINDINGS, binding("b", "r", JANE))).done(201)
    reply = await api.put(f"{BINDINGS}/b", binding("b", "other", JANE))
    shown = f'{{"APIGroup":"{GROUP}","Kind":"Role","Name":"other"}}'
    refused(reply, 422, "Invalid", causes=[f"roleRef: Invalid value: {shown}: cannot change roleRef"])
    (await api.put(f"{BINDINGS}/b", binding("b", "r", "joe"))).done()


async def test_a_put_makes_a_role_that_is_not_there(api: Api) -> None:
    made = (await api.put(f"{ROLES}/r", role("r"))).done(201)
    assert made["rules"] is None


# --- reviews ----------------------------------------------------------------------------------------------------------


async def test_reviews_say_what_may_be_done_and_why(api: Api, jane: Api) -> None:
    await grant(api, rule("list", "configmaps"))
    (await once_allowed(jane, "GET", "configmaps")).done()
    asked = {"verb": "list", "resource": "configmaps", "namespace": api.namespace}
    why = f'RBAC: allowed by RoleBinding "granted/{api.namespace}" of Role "granted" to User "{JANE}"'
    yes, no = {"allowed": True, "reason": why}, {"allowed": False}
    for who, place, spec in (
        (jane, f"{REVIEWS}/selfsubjectaccessreviews", {}),
        (api, f"{REVIEWS}/subjectaccessreviews", {"user": JANE}),
        (api, f"{REVIEWS}/namespaces/{{ns}}/localsubjectaccessreviews", {"user": JANE}),
    ):
        for attributes, status in ((asked, yes), (asked | {"verb": "get"}, no), (asked | {"group": "apps"}, no)):
            tree = (await who.post(place, {"spec": {**spec, "resourceAttributes": attributes}})).done(201)
            assert tree["status"] == status
    tree = (await jane.post(f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": api.namespace}})).done(201)
    assert {"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]} in tree["status"]["resourceRules"]


async def test_a_review_says_who_one_is(jane: Api) -> None:
    tree = (await jane.post(ME, {})).done(201)
    assert tree["status"]["userInfo"] == {"username": JANE, "groups": ["system:authenticated"]}


QUESTIONS = [
    (
        "selfsubjectaccessreviews",
        {},
        (
            "spec.resourceAttributes: Invalid value: null: "
            "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        ),
    ),
    (
        "subjectaccessreviews",
        {"resourceAttributes": {"verb": "get"}},
        'spec.user: Invalid value: "": at least one of user or group must be specified',
    ),
]


@pytest.mark.parametrize(("plural", "spec", "problem"), QUESTIONS)
async def test_a_question_has_to_be_whole(there: Api, plural: str, spec: dict[str, Any], problem: str) -> None:
    reply = await there.post(f"{REVIEWS}/{plural}", {"spec": spec})
    refused(reply, 422, "Invalid", f'.authorization.k8s.io "" is invalid: {problem}')


@pytest.mark.parametrize(
    ("method", "place", "status"),
    [
        ("GET", "subjectaccessreviews", 405),
        ("GET", "subjectaccessreviews/a", 404),
        ("DELETE", "subjectaccessreviews", 405),
    ],
)
async def test_questions_are_only_asked(there: Api, method: str, place: str, status: int) -> None:
    assert (await there.ask(method, f"{REVIEWS}/{place}", type_=JSON)).status == status
