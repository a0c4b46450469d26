"""Who may do what, as a client finds out over TLS."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.unit.httpd.wire import Door, Reply, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with opened(tmp_path_factory.mktemp("pki")) as door:
        await grant(
            door, "Role", "reader", "jane", [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
        )
        yield door


async def send(door: Door, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """`send(door, "GET", "/api", impersonate_user="jane")`, as the administrator."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    content = b"" if body is None else json.dumps(body).encode()
    return await door.ask(method, path, content, {**JSON, **sent} if content else sent)


async def grant(door: Door, kind: str, name: str, user: str, rules: list[dict[str, Any]]) -> None:
    """A role, and its binding to a user: in the namespace `default` for a Role, else everywhere."""
    place = f"{RBAC}/namespaces/default" if kind == "Role" else RBAC
    role = {"metadata": {"name": name}, "rules": rules}
    subjects = [{"kind": "User", "name": user}]
    binding = {"metadata": {"name": name}, "roleRef": {"kind": kind, "name": name}, "subjects": subjects}
    assert (await send(door, "POST", f"{place}/{kind.lower()}s", role)).status == 201
    assert (await send(door, "POST", f"{place}/{kind.lower()}bindings", binding)).status == 201


def refused(reply: Reply, message: str, **details: str) -> None:
    assert (reply.status, reply.tree["reason"], reply.message) == (403, "Forbidden", message)
    assert reply.tree["details"] == details


async def test_who_reads_everything_runs_nothing(door: Door) -> None:
    """The older form of a watch is a GET as well, and must not be a way around what exec asks for."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]
    await grant(door, "ClusterRole", "auditor", "ada", rules)
    command = "pods/web-0/exec?command=id&stdout=1"
    asked = await send(door, "GET", f"/api/v1/namespaces/default/{command}", impersonate_user="ada")
    assert asked.status == 403
    asked = await send(door, "GET", f"/api/v1/watch/namespaces/default/{command}", impersonate_user="ada")
    assert (asked.status, asked.tree["reason"]) == (404, "NotFound")


async def test_one_may_do_what_a_role_says_and_no_more(door: Door) -> None:
    assert (await send(door, "GET", MAPS, impersonate_user="jane")).status == 200
    refused(
        await send(door, "GET", f"{MAPS}/a", impersonate_user="jane"),
        'configmaps "a" is forbidden: User "jane" cannot get resource "configmaps" in API group "" '
        'in the namespace "default"',
        name="a",
        kind="configmaps",
    )
    refused(
        await send(door, "GET", "/apis/apps/v1/statefulsets", impersonate_user="jane"),
        'statefulsets.apps is forbidden: User "jane" cannot list resource "statefulsets" in API group "apps" '
        "at the cluster scope",
        group="apps",
        kind="statefulsets",
    )
    refused(
        await send(door, "GET", "/metrics", impersonate_user="jane"),
        'forbidden: User "jane" cannot get path "/metrics"',
    )


async def test_whether_something_is_there_is_told_to_those_only_who_may_know(door: Door) -> None:
    for path in ("/apis/games/v1/chess", "/api/v1/namespaces/none/pods", "/nonsense"):
        assert (await send(door, "GET", path, impersonate_user="jane")).status == 403
    assert (await send(door, "GET", "/apis/games/v1/chess")).status == 404


async def test_everybody_who_is_known_may_find_out_what_is_served(door: Door) -> None:
    for path in ("/api", "/apis", "/api/v1", "/openapi/v3", "/version"):
        assert (await send(door, "GET", path, impersonate_user="eve")).status == 200


async def test_the_watch_form_of_a_path_is_for_reading(door: Door) -> None:
    body = {"metadata": {"name": "a"}}
    assert (await send(door, "POST", "/api/v1/watch/namespaces/default/configmaps", body)).status == 405
    assert (await send(door, "DELETE", "/api/v1/watch/namespaces/default/configmaps/a")).status == 405


async def test_a_put_that_creates_needs_to_be_allowed_to(door: Door) -> None:
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["update", "patch"]}
    await grant(door, "Role", "updater", "upd", [leases])
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l"
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
    apply = {"impersonate_user": "upd", "Content_Type": "application/apply-patch+yaml"}
    for reply in (
        await send(door, "PUT", path, body, impersonate_user="upd"),
        await send(door, "PATCH", f"{path}?fieldManager=x", body, **apply),
    ):
        refused(
            reply,
            'leases.coordination.k8s.io "l" is forbidden: User "upd" cannot create resource "leases" '
            'in API group "coordination.k8s.io" in the namespace "default"',
            name="l",
            group="coordination.k8s.io",
            kind="leases",
        )
    assert (await send(door, "PUT", path, body)).status == 201
    assert (await send(door, "PUT", path, body | {"spec": {"holderIdentity": "x"}}, impersonate_user="upd")).status in {
        200,
        422,
    }


async def test_a_websocket_to_a_pod_is_more_than_reading_it(door: Door) -> None:
    getting = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}
    await grant(door, "Role", "getter", "getter", [getting])
    refused(
        await send(door, "GET", f"{PODS}/web-0/exec?command=ls&stdout=1", impersonate_user="getter"),
        'pods "web-0" is forbidden: ',
        name="web-0",
        kind="pods",
    )


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"impersonate_group": "g"}, 'Groups:[]string{"g"}, Extra:map[string][]string(nil)}'),
        ({"impersonate_uid": "7"}, "Groups:[]string(nil), Extra:map[string][]string(nil)}"),
        ({"impersonate_extra_a": "b"}, 'Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}}'),
    ],
)
async def test_half_an_impersonation_is_none(door: Door, headers: Mapping[str, str], shown: str) -> None:
    reply = await send(door, "GET", "/api", **headers)
    assert reply.status == 400
    assert shown in reply.message


async def test_one_who_may_not_act_as_another_does_not(door: Door) -> None:
    users = {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["imp"]}
    await grant(door, "ClusterRole", "imp", "bob", [users])
    body = {"spec": {"token": ""}}
    assert (await send(door, "POST", MAPS, body, impersonate_user="bob")).status == 403


# --- reviews ----------------------------------------------------------------------------------------------------------


async def review(door: Door, kind: str, spec: dict[str, Any], namespace: str = "", **headers: str) -> Reply:
    place = f"{REVIEWS}/namespaces/{namespace}" if namespace else REVIEWS
    return await send(door, "POST", f"{place}/{kind.lower()}s", {"kind": kind, "spec": spec}, **headers)


LISTING = {"verb": "list", "resource": "configmaps", "namespace": "default"}
ALLOWED = 'RBAC: allowed by RoleBinding "reader/default" of Role "reader" to User "jane"'


async def test_may_i(door: Door) -> None:
    kind = "SelfSubjectAccessReview"
    reply = await review(door, kind, {"resourceAttributes": LISTING}, impersonate_user="jane")
    assert (reply.status, reply.tree["status"]) == (201, {"allowed": True, "reason": ALLOWED})
    reply = await review(door, kind, {"resourceAttributes": LISTING | {"verb": "get"}}, impersonate_user="jane")
    assert (reply.status, reply.tree["status"]) == (201, {"allowed": False})
    reply = await review(door, kind, {"nonResourceAttributes": {"path": "/api", "verb": "get"}})
    assert reply.tree["status"] == {"allowed": True}


async def test_may_they(door: Door) -> None:
    spec = {"user": "jane", "resourceAttributes": LISTING}
    for kind, namespace in (("SubjectAccessReview", ""), ("LocalSubjectAccessReview", "default")):
        reply = await review(door, kind, spec, namespace)
        assert (reply.status, reply.tree["status"]) == (201, {"allowed": True, "reason": ALLOWED})
        assert reply.tree["spec"] == spec
        reply = await review(door, kind, spec | {"user": "joe", "groups": ["jane"]}, namespace)
        assert reply.tree["status"] == {"allowed": False}


async def test_what_may_i(door: Door) -> None:
    reply = await review(door, "SelfSubjectRulesReview", {"namespace": "default"}, impersonate_user="jane")
    status = reply.tree["status"]
    assert {"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]} in status["resourceRules"]
    assert any("/version" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
    assert status["incomplete"] is False
    assert (await review(door, "SelfSubjectRulesReview", {})).message == "no namespace on request"


async def test_who_am_i(door: Door) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    info = (await send(door, "POST", path, {})).tree["status"]["userInfo"]
    [credential] = info.pop("extra")["authentication.kubernetes.io/credential-id"]
    assert credential.startswith("X509SHA256=")
    assert info == {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}
    headers = {"impersonate_user": "jane", "impersonate_group": "devs", "impersonate_uid": "7"}
    info = (await send(door, "POST", path, {}, **headers, impersonate_extra_scope="a")).tree["status"]["userInfo"]
    groups = ["devs", "system:authenticated"]
    assert info == {"username": "jane", "uid": "7", "groups": groups, "extra": {"scope": ["a"]}}


@pytest.mark.parametrize(
    ("kind", "namespace", "spec", "message"),
    [
        (
            "SelfSubjectAccessReview",
            "",
            {},
            (
                "spec.resourceAttributes: Invalid value: null: "
                "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            ),
        ),
        (
            "SubjectAccessReview",
            "",
            {"resourceAttributes": LISTING},
            'spec.user: Invalid value: "": at least one of user or group must be specified',
        ),
        (
            "LocalSubjectAccessReview",
            "ci",
            {"user": "jane", "resourceAttributes": LISTING},
            'spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace',
        ),
    ],
)
async def test_a_question_has_to_be_whole(
    door: Door, kind: str, namespace: str, spec: dict[str, Any], message: str
) -> None:
    reply = await review(door, kind, spec, namespace)
    assert (reply.status, reply.message) == (422, f'.authorization.k8s.io "" is invalid: {message}')


async def test_questions_are_only_asked(door: Door) -> None:
    for method, path, status in (
        ("GET", "subjectaccessreviews", 405),
        ("DELETE", "subjectaccessreviews", 405),
        ("GET", "subjectaccessreviews?watch=1", 405),
        ("GET", "subjectaccessreviews/a", 404),
        ("PUT", "subjectaccessreviews/a", 404),
    ):
        assert (await send(door, method, f"{REVIEWS}/{path}")).status == status
