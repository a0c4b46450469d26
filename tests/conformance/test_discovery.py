"""What a server says it serves: kubectl and every dynamic client begin with that."""

import pytest

from tests.conformance.api import JSON, Api

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
KINDS: dict[str, list[tuple[str, str, bool, list[str], list[str]]]] = {
    # place: name, kind, namespaced, short names, categories
    "/api/v1": [
        ("configmaps", "ConfigMap", True, ["cm"], []),
        ("endpoints", "Endpoints", True, ["ep"], []),
        ("events", "Event", True, ["ev"], []),
        ("namespaces", "Namespace", False, ["ns"], []),
        ("nodes", "Node", False, ["no"], []),
        ("persistentvolumeclaims", "PersistentVolumeClaim", True, ["pvc"], []),
        ("persistentvolumes", "PersistentVolume", False, ["pv"], []),
        ("pods", "Pod", True, ["po"], ["all"]),
        ("bindings", "Binding", True, [], []),
        ("pods/binding", "Binding", True, [], []),
        ("pods/eviction", "Eviction", True, [], []),
        ("pods/exec", "PodExecOptions", True, [], []),
        ("pods/log", "Pod", True, [], []),
        ("pods/status", "Pod", True, [], []),
        ("secrets", "Secret", True, [], []),
        ("serviceaccounts", "ServiceAccount", True, ["sa"], []),
        ("serviceaccounts/token", "TokenRequest", True, [], []),
        ("services", "Service", True, ["svc"], ["all"]),
    ],
    "/apis/apps/v1": [
        ("controllerrevisions", "ControllerRevision", True, [], []),
        ("statefulsets", "StatefulSet", True, ["sts"], ["all"]),
        ("statefulsets/scale", "Scale", True, [], []),
        ("statefulsets/status", "StatefulSet", True, [], []),
    ],
    "/apis/storage.k8s.io/v1": [("storageclasses", "StorageClass", False, ["sc"], [])],
    "/apis/coordination.k8s.io/v1": [("leases", "Lease", True, [], [])],
    "/apis/discovery.k8s.io/v1": [("endpointslices", "EndpointSlice", True, [], [])],
}
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@pytest.mark.parametrize("place", KINDS)
async def test_a_version_lists_its_resources(there: Api, place: str) -> None:
    tree = (await there.get(place)).done()
    assert (tree["kind"], tree["groupVersion"]) == (
        "APIResourceList",
        place.removeprefix("/apis/").removeprefix("/api/"),
    )
    found = {item["name"]: item for item in tree["resources"]}
    for name, kind, namespaced, short_names, categories in KINDS[place]:
        item = found[name]
        assert (item["kind"], item["namespaced"]) == (kind, namespaced)
        assert (item.get("shortNames", []), item.get("categories", [])) == (short_names, categories)
        if "/" not in name:
            assert item["singularName"] == kind.lower()
            wanted = [verb for verb in VERBS if verb != "deletecollection" or name != "namespaces"]
            assert sorted(item["verbs"]) == (["create"] if name == "bindings" else wanted)


async def test_the_root_says_what_there_is(there: Api) -> None:
    paths = (await there.get("/")).done()["paths"]
    assert paths == sorted(paths)
    wanted = {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/metrics", "/openapi/v2"}
    assert {*wanted, "/livez", "/openapi/v3", "/openid/v1/jwks", "/readyz", "/version"} <= set(paths)


async def test_the_core_group_says_where_the_server_is(there: Api) -> None:
    (reached,) = (await there.get("/api")).done()["serverAddressByClientCIDRs"]
    assert reached["clientCIDR"] == "0.0.0.0/0"
    assert ":" in reached["serverAddress"]


async def test_the_form_in_which_objects_are_stored_has_a_name(there: Api) -> None:
    core, events = (await there.get("/api/v1")).done(), (await there.get("/apis/events.k8s.io/v1")).done()
    assert "apiVersion" not in core
    hashes = {item["name"]: item.get("storageVersionHash") for item in core["resources"]}
    assert (hashes["configmaps"], hashes["pods"], hashes["pods/status"]) == ("qFsyl6wFWjQ=", "xPOwRZ+Yhw8=", None)
    assert [item.get("storageVersionHash") for item in events["resources"]] == [hashes["events"]]


async def test_groups_have_versions(there: Api) -> None:
    tree = (await there.get("/apis")).done()
    assert tree["kind"] == "APIGroupList"
    apps = next(group for group in tree["groups"] if group["name"] == "apps")
    version = {"groupVersion": "apps/v1", "version": "v1"}
    assert (version in apps["versions"], apps["preferredVersion"]) == (True, version)
    assert (await there.get("/apis/apps")).done() == {"kind": "APIGroup", "apiVersion": "v1", **apps}
    assert (await there.get("/api")).done()["versions"] == ["v1"]


@pytest.mark.parametrize("place", ["/api", "/apis"])
async def test_all_of_it_comes_at_once_for_who_asks(there: Api, place: str) -> None:
    reply = await there.get(place, accept=f"{AGGREGATED},application/json")
    assert reply.headers["Content-Type"] == AGGREGATED
    tree = reply.done()
    assert (tree["kind"], tree["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    for group in tree["items"]:
        for version in group["versions"]:
            for resource in version["resources"]:
                assert {"resource", "responseKind", "scope", "singularResource", "verbs"} <= set(resource)
    if place == "/api":
        pods = next(r for r in tree["items"][0]["versions"][0]["resources"] if r["resource"] == "pods")
        assert (pods["responseKind"]["kind"], pods["scope"], pods["shortNames"]) == ("Pod", "Namespaced", ["po"])
        assert {"status", "log", "exec"} <= {part["subresource"] for part in pods["subresources"]}


async def test_who_asks_for_an_unknown_form_gets_the_plain_one(there: Api) -> None:
    reply = await there.get("/apis", accept=f"application/json;g=apidiscovery.k8s.io;v=v9;as=Frogs,{JSON}")
    assert reply.done()["kind"] == "APIGroupList"


async def test_a_server_has_a_version(there: Api) -> None:
    assert {"major", "minor", "gitVersion", "platform"} <= set((await there.get("/version")).done())


@pytest.mark.parametrize("place", ["/livez", "/readyz", "/healthz"])
async def test_a_server_is_well(there: Api, place: str) -> None:
    reply = await there.get(place, accept="*/*")
    assert (reply.status, reply.body) == (200, b"ok")
    checks = (await there.get(place, "verbose", accept="*/*")).body.decode()
    assert checks.startswith("[+]ping ok\n")
    assert checks.endswith(f"{place.strip('/')} check passed\n")


async def test_the_schema_is_served(there: Api) -> None:
    index = (await there.get("/openapi/v3")).done()["paths"]
    url = index["apis/apps/v1"]["serverRelativeURL"]
    place, _, query = url.partition("?")
    schemas = (await there.get(place, query)).done()["components"]["schemas"]
    set_ = schemas["io.k8s.api.apps.v1.StatefulSet"]
    assert set_["x-kubernetes-group-version-kind"] == [{"group": "apps", "version": "v1", "kind": "StatefulSet"}]
    assert {"metadata", "spec", "status"} <= set(set_["properties"])
    definitions = (await there.get("/openapi/v2")).done()["definitions"]
    assert "io.k8s.api.core.v1.Pod" in definitions
