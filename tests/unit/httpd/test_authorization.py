"""What a request asks to be allowed, by its method and URL."""

from dataclasses import astuple

import pytest
from aiohttp.test_utils import make_mocked_request

from petset.apiserver.request import Identity
from petset.httpd.authorization import attributes_of

JANE = Identity("jane")
PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(
    ("method", "url", "asked"),
    [
        ("GET", "/api/v1/pods", ("list", "", "pods", "", "", "")),
        ("HEAD", "/api/v1/pods", ("list", "", "pods", "", "", "")),
        ("GET", PODS, ("list", "", "pods", "", "default", "")),
        ("GET", f"{PODS}/", ("list", "", "pods", "", "default", "")),
        ("GET", "/api//v1//namespaces/default//pods", ("list", "", "pods", "", "default", "")),
        ("GET", "/api/v1/namespaces//pods", ("list", "", "pods", "", "", "")),
        ("DELETE", "/api/v1/namespaces///pods", ("deletecollection", "", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces//", ("list", "", "namespaces", "", "", "")),
        ("GET", "/api/v1/namespaces/namespaces//pods", ("list", "", "pods", "", "namespaces", "")),
        ("GET", f"{PODS}?watch=true", ("watch", "", "pods", "", "default", "")),
        ("GET", f"{PODS}?watch=false", ("list", "", "pods", "", "default", "")),
        ("GET", f"{PODS}?watch=perhaps", ("watch", "", "pods", "", "default", "")),
        ("GET", f"{PODS}?fieldSelector=metadata.name%3Dweb-0", ("list", "", "pods", "", "default", "web-0")),
        ("GET", f"{PODS}?watch=1&fieldSelector=metadata.name%3Da,a%3Db", ("watch", "", "pods", "", "default", "a")),
        ("GET", f"{PODS}?fieldSelector=metadata.name!%3Da", ("list", "", "pods", "", "default", "")),
        ("GET", f"{PODS}?fieldSelector=metadata.name%3Da/b", ("list", "", "pods", "", "default", "")),
        ("GET", f"{PODS}?fieldSelector=metadata.name", ("list", "", "pods", "", "default", "")),
        ("GET", "/api/v1/watch/pods", ("watch", "", "pods", "", "", "")),
        ("GET", "/api/v1/watch/namespaces/default/pods/web-0", ("watch", "", "pods", "", "default", "web-0")),
        ("POST", "/api/v1/watch/namespaces/default/pods", ("create", "", "pods", "", "default", "")),
        ("GET", f"{PODS}/web-0", ("get", "", "pods", "", "default", "web-0")),
        ("GET", f"{PODS}/web-0/log?follow=1", ("get", "", "pods", "log", "default", "web-0")),
        ("POST", f"{PODS}/web-0/exec", ("create", "", "pods", "exec", "default", "web-0")),
        ("POST", PODS, ("create", "", "pods", "", "default", "")),
        ("PUT", f"{PODS}/web-0/status", ("update", "", "pods", "status", "default", "web-0")),
        ("PATCH", f"{PODS}/web-0", ("patch", "", "pods", "", "default", "web-0")),
        ("DELETE", f"{PODS}/web-0", ("delete", "", "pods", "", "default", "web-0")),
        ("DELETE", PODS, ("deletecollection", "", "pods", "", "default", "")),
        ("GET", "/api/v1/namespaces", ("list", "", "namespaces", "", "", "")),
        ("GET", "/api/v1/namespaces/ci", ("get", "", "namespaces", "", "ci", "ci")),
        ("PUT", "/api/v1/namespaces/ci/finalize", ("update", "", "namespaces", "finalize", "ci", "ci")),
        ("GET", "/api/v1/namespaces/ci/status", ("get", "", "namespaces", "status", "ci", "ci")),
        (
            "GET",
            "/apis/apps/v1/namespaces/ci/statefulsets/web/scale",
            ("get", "apps", "statefulsets", "scale", "ci", "web"),
        ),
        ("GET", "/apis/games/v7/chess", ("list", "games", "chess", "", "", "")),
        ("OPTIONS", PODS, ("", "", "pods", "", "default", "")),
    ],
)
def test_a_url_is_about_a_resource(method: str, url: str, asked: tuple[str, ...]) -> None:
    """Verb, group, resource, subresource, namespace, name."""
    found = attributes_of(JANE, make_mocked_request(method, url))
    assert astuple(found)[1:] == (*asked, None)


@pytest.mark.parametrize(
    ("method", "path", "verb"),
    [
        ("GET", "/", "get"),
        ("GET", "/api", "get"),
        ("GET", "/api/v1", "get"),
        ("GET", "/apis/apps", "get"),
        ("GET", "/apis/apps/v1", "get"),
        ("GET", "/openapi/v3/apis/apps/v1", "get"),
        ("HEAD", "/version", "head"),
        ("POST", "/livez/ping", "post"),
    ],
)
def test_a_url_is_about_itself(method: str, path: str, verb: str) -> None:
    found = attributes_of(JANE, make_mocked_request(method, path))
    assert (found.verb, found.path, found.resource) == (verb, path, "")
