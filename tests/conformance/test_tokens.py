"""ServiceAccounts' tokens: asked for, reviewed, used; the volume by which pods have theirs; where ports are refused."""

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from petset.client.connection import Connection
from tests.conformance.api import CLOCK, Api, pod, refused

TOKEN = "serviceaccounts/default/token"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
VERSION = "authentication.k8s.io/v1"
FACTS = "authentication.kubernetes.io"
FILLED = 30.0
"""Seconds within which a Secret gets its token."""
REMEMBERED = 20.0
"""Seconds within which a server forgets that a token was good."""


def request(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": "TokenRequest", "spec": spec}


def bound(kind: str, name: str, **more: str) -> dict[str, Any]:
    return request(boundObjectRef={"apiVersion": "v1", "kind": kind, "name": name, **more})


async def token(api: Api, **spec: Any) -> str:
    return str((await api.post(TOKEN, request(**spec))).done(201)["status"]["token"])


async def review(api: Api, text: str, *audiences: str) -> dict[str, Any]:
    spec = {"token": text, **({"audiences": audiences} if audiences else {})}
    status: dict[str, Any] = (
        await api.post(REVIEWS, {"apiVersion": VERSION, "kind": "TokenReview", "spec": spec})
    ).done(201)["status"]
    return status


def claims(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
    return found


async def test_a_request_is_filled_in(api: Api) -> None:
    reply = (await api.post(TOKEN, request(expirationSeconds=700))).done(201)
    assert (reply["kind"], reply["apiVersion"]) == ("TokenRequest", VERSION)
    account = (await api.get("serviceaccounts/default")).done()["metadata"]
    assert {key: reply["metadata"][key] for key in ("name", "namespace", "uid")} == {
        key: account[key] for key in ("name", "namespace", "uid")
    }
    said = claims(reply["status"]["token"])
    assert (reply["spec"]["audiences"], reply["spec"]["boundObjectRef"]) == (said["aud"], None)
    assert sorted(said) == ["aud", "exp", "iat", "iss", "jti", "kubernetes.io", "nbf", "sub"]
    assert (said["sub"], said["exp"] - said["iat"]) == (f"system:serviceaccount:{api.namespace}:default", 700)
    [entry] = reply["metadata"]["managedFields"]
    assert (entry["subresource"], entry["operation"]) == ("token", "Update")


REFUSALS = [
    (request(expirationSeconds=599), 422, "Invalid", "spec.expirationSeconds: Invalid value: 599: may not specify a …"),
    (request(expirationSeconds=2**32 + 1), 422, "Invalid", "spec.expirationSeconds: Invalid value: 4294967297: may …"),
    (bound("Pod", "gone"), 404, "NotFound", 'pods "gone" not found'),
    (request(boundObjectRef={"kind": "Pod", "name": "gone"}), 404, "NotFound", 'pods "gone" not found'),
    (bound("Secret", "gone"), 404, "NotFound", 'secrets "gone" not found'),
    (bound("Node", "gone"), 404, "NotFound", 'nodes "gone" not found'),
    (bound("ConfigMap", "c"), 400, "BadRequest", "cannot bind token to object of type /v1, Kind=ConfigMap"),
    (
        {**request(), "metadata": {"name": "x"}},
        422,
        "Invalid",
        'metadata.name: Invalid value: "x": must match the service account name if specified',
    ),
    (
        {**request(), "metadata": {"namespace": "x"}},
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    ),
    (
        {**request(), "metadata": {"uid": "x"}},
        409,
        "Conflict",
        (
            'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "default": '
            "the UID in the token request (x) does not match the UID of the service account …"
        ),
    ),
]


@pytest.mark.parametrize(("body", "status", "reason", "text"), REFUSALS)
async def test_a_request_that_does_not_fit_is_refused(
    api: Api, body: dict[str, Any], status: int, reason: str, text: str
) -> None:
    reply = await api.post(TOKEN, body)
    refused(reply, status, reason, "" if reason == "Invalid" else text, [text] if reason == "Invalid" else None)


async def test_a_bound_token_knows_what_it_is_bound_to(api: Api) -> None:
    made = (await api.post("pods", pod())).done(201)["metadata"]
    given = (await api.post(TOKEN, bound("Pod", "p", uid=made["uid"]))).done(201)["status"]["token"]
    assert claims(given)["kubernetes.io"]["pod"] == {"name": "p", "uid": made["uid"]}
    extra = (await review(api, given))["user"]["extra"]
    assert (extra[f"{FACTS}/pod-name"], extra[f"{FACTS}/pod-uid"]) == (["p"], [made["uid"]])
    refused(await api.post(TOKEN, bound("Pod", "p", uid="x")), 409, "Conflict")
    (await api.post("serviceaccounts", {"metadata": {"name": "other"}})).done(201)
    message = 'cannot bind token for serviceaccount "other" to pod running with different serviceaccount name.'
    refused(await api.post("serviceaccounts/other/token", bound("Pod", "p")), 400, "BadRequest", message)


async def test_a_review_tells_whose_a_token_is_and_for_whom(api: Api) -> None:
    found = await review(api, await token(api))
    group = "system:serviceaccounts"
    assert found["authenticated"] is True
    assert found["user"]["username"] == f"system:serviceaccount:{api.namespace}:default"
    assert found["user"]["groups"] == [group, f"{group}:{api.namespace}", "system:authenticated"]
    assert list(found["user"]["extra"]) == [f"{FACTS}/credential-id"]
    elsewhere = await token(api, audiences=["vault"])
    assert (await review(api, elsewhere, "mail", "vault"))["audiences"] == ["vault"]
    unfit = await review(api, elsewhere)
    assert unfit["error"].startswith('[invalid bearer token, token audiences ["vault"] is invalid for the target')
    assert (unfit["user"], unfit.get("authenticated", False)) == ({}, False)


@pytest.mark.parametrize("text", ["abc", "a.b.c", "e30.e30.e30"])
async def test_what_is_no_token_is_nobodys(api: Api, text: str) -> None:
    assert await review(api, text) == {"user": {}, "error": "invalid bearer token"}


async def test_a_review_without_a_token_is_none(api: Api) -> None:
    reply = await api.post(REVIEWS, {"apiVersion": VERSION, "kind": "TokenReview"})
    refused(reply, 400, "BadRequest", "token is required for TokenReview in authentication")


async def test_a_token_ends_with_its_account(api: Api) -> None:
    (await api.post("serviceaccounts", {"metadata": {"name": "short"}})).done(201)
    given = (await api.post("serviceaccounts/short/token", request())).done(201)["status"]["token"]
    assert (await review(api, given))["authenticated"]
    (await api.delete("serviceaccounts/short")).done()
    for _ in range(int(REMEMBERED / 0.2)):
        found = await review(api, given)
        if "error" in found:
            break
        await CLOCK.sleep(0.2)
    assert found["error"] == '[invalid bearer token, serviceaccounts "short" not found]'


async def test_a_token_opens_the_api_and_nothing_in_it(connection: Connection, api: Api) -> None:
    user = replace(connection, client_certificate=b"", client_key=b"", token=await token(api))
    async with Api.opened(user, api.namespace) as robot:
        assert (await robot.get("/.well-known/openid-configuration")).done()["subject_types_supported"] == ["public"]
        keys = await robot.get("/openid/v1/jwks", accept="*/*")
        assert keys.headers["Content-Type"] == "application/jwk-set+json"
        assert all(key["use"] == "sig" and "d" not in key for key in keys.done()["keys"])
        name = f"system:serviceaccount:{api.namespace}:default"
        where = f'in API group "" in the namespace "{api.namespace}"'
        message = f'pods is forbidden: User "{name}" cannot list resource "pods" {where}'
        refused(await robot.get("pods"), 403, "Forbidden", message)
    async with Api.opened(replace(user, token="nonsense"), api.namespace) as nobody:
        refused(await nobody.get("/version"), 401, "Unauthorized", "Unauthorized")


async def test_every_pod_has_the_volume_with_its_token(api: Api) -> None:
    spec = (await api.post("pods", pod())).done(201)["spec"]
    [volume] = spec["volumes"]
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    [mount] = spec["containers"][0]["volumeMounts"]
    assert mount == {"name": volume["name"], "mountPath": place, "readOnly": True}
    assert volume["projected"]["defaultMode"] == 420
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    of_pod = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    assert volume["projected"]["sources"][:3] == [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": authority},
        {"downwardAPI": {"items": [of_pod]}},
    ]


PORTS = [
    ("pods/p/portforward", "", 400, "BadRequest", "pod p does not have a host assigned"),
    ("pods/gone/portforward", "", 404, "NotFound", 'pods "gone" not found'),
    ("pods/p/exec", "command=x&stdout=1", 400, "BadRequest", "pod p does not have a host assigned"),
]


@pytest.mark.parametrize(("place", "query", "status", "reason", "message"), PORTS)
async def test_what_has_no_host_cannot_be_talked_to(
    api: Api, place: str, query: str, status: int, reason: str, message: str
) -> None:
    (await api.post("pods", pod())).done(201)
    refused(await api.get(place, query), status, reason, message)


async def test_a_secret_asks_for_a_token_that_lives_as_long(api: Api) -> None:
    account = (await api.post("serviceaccounts", {"metadata": {"name": "robot"}})).done(201)["metadata"]
    metadata = {"name": "tok", "annotations": {"kubernetes.io/service-account.name": "robot"}}
    (await api.post("secrets", {"metadata": metadata, "type": "kubernetes.io/service-account-token"})).done(201)
    async with asyncio.timeout(FILLED):
        while "token" not in (made := (await api.get("secrets/tok")).done()).get("data", {}):
            await CLOCK.sleep(0.1)
    data = {key: base64.b64decode(value).decode() for key, value in made["data"].items()}
    assert sorted(data) == ["ca.crt", "namespace", "token"]
    assert (data["namespace"], data["ca.crt"][:10]) == (api.namespace, "-----BEGIN")
    assert made["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == account["uid"]
    user = (await review(api, data["token"]))["user"]
    assert (user["username"], user["uid"]) == (f"system:serviceaccount:{api.namespace}:robot", account["uid"])
    (await api.delete("serviceaccounts/robot")).done()
    async with asyncio.timeout(FILLED):
        await api.eventually("secrets/tok", 404)
