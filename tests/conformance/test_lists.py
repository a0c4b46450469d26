"""Lists: what they select, in which order, and page by page."""

import pytest

from tests.conformance.api import MERGE, PARTIAL_LIST, Api, config_map, pod, refused

LABELS = {"a": {"app": "x", "tier": "1"}, "b": {"app": "x", "tier": "2"}, "c": {"app": "y"}, "d": {}}
ALL = ["a", "b", "c", "d"]


async def fill(api: Api) -> None:
    for name in "dbca":
        (await api.post("configmaps", config_map(name, {"set": "1", **LABELS[name]}))).done(201)


SELECTORS = {
    "app=x": ["a", "b"],
    "app==x": ["a", "b"],
    "app!=x": ["c", "d"],
    "app": ["a", "b", "c"],
    "!app": ["d"],
    "app in (x,y)": ["a", "b", "c"],
    "app notin (x)": ["c", "d"],
    "app in (x),tier!=1": ["b"],
    "tier>1": ["b"],
    "tier<2": ["a"],
    "app,!tier": ["c"],
    " app = x , tier ": ["a", "b"],
    "app=": [],
    "": ALL,
}


@pytest.mark.parametrize(("selector", "names"), SELECTORS.items())
async def test_a_label_selector_selects(api: Api, selector: str, names: list[str]) -> None:
    await fill(api)
    query = f"labelSelector=set,{selector}" if selector else "labelSelector=set"
    query = query.replace(" ", "%20").replace(">", "%3E").replace("<", "%3C").replace("+", "%2B")
    assert (await api.get("configmaps", query)).names == names


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("metadata.name=a", ["a"]),
        ("metadata.name!=a", ["b", "c", "d"]),
        ("metadata.name=a,metadata.namespace={ns}", ["a"]),
        ("metadata.namespace=other", []),
    ],
)
async def test_a_field_selector_selects(api: Api, selector: str, names: list[str]) -> None:
    await fill(api)
    assert (await api.get("configmaps", f"labelSelector=set&fieldSelector={selector}")).names == names


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("status.phase=Pending", True),
        ("status.phase!=Pending", False),
        ("spec.nodeName=", True),
        ("spec.nodeName=x", False),
        ("spec.schedulerName=nobody,spec.restartPolicy=Always", True),
        ("spec.serviceAccountName=default", True),
        ("status.podIP=", True),
    ],
)
async def test_pods_are_selected_by_their_fields(api: Api, selector: str, found: bool) -> None:
    (await api.post("pods", pod())).done(201)
    assert (await api.get("pods", f"fieldSelector={selector}")).names == (["p"] if found else [])


async def test_items_say_nothing_of_their_kind(api: Api) -> None:
    """The list says it for all of them."""
    await fill(api)
    tree = (await api.get("configmaps", "labelSelector=set")).done()
    assert (tree["kind"], tree["apiVersion"]) == ("ConfigMapList", "v1")
    assert all({"kind", "apiVersion"}.isdisjoint(item) for item in tree["items"])


async def test_an_empty_list_has_items(api: Api) -> None:
    assert (await api.get("leases")).done()["items"] == []


async def test_a_list_is_read_page_by_page(api: Api) -> None:
    await fill(api)
    first = (await api.get("secrets", "limit=1")).done()
    assert "continue" not in first["metadata"] or first["items"]
    names, token, revisions = [], "", set()
    while True:
        reply = await api.get("configmaps", f"labelSelector=set&limit=3&continue={token}")
        names += reply.names
        metadata = reply.tree["metadata"]
        revisions.add(metadata["resourceVersion"])
        token = metadata.get("continue", "")
        assert "remainingItemCount" not in metadata  # nobody knows with a selector
        if not token:
            break
    assert (names, len(revisions)) == (ALL, 1)


async def test_the_rest_of_a_whole_list_is_counted(api: Api) -> None:
    for number in range(3):
        (await api.post("services", {"metadata": {"name": f"s{number}"}, "spec": {"clusterIP": "None"}})).done(201)
    page = (await api.get("services", "limit=2")).done()
    assert page["metadata"]["remainingItemCount"] == 1
    rest = await api.get("services", f"limit=2&continue={page['metadata']['continue']}")
    assert rest.names == ["s2"]
    assert {"continue", "remainingItemCount"}.isdisjoint(rest.tree["metadata"])
    assert (await api.get("services", "limit=3")).tree["metadata"].keys() == {"resourceVersion"}


async def test_pages_are_of_one_moment(api: Api) -> None:
    await fill(api)
    first = (await api.get("configmaps", "labelSelector=set&limit=1")).done()
    revision, token = first["metadata"]["resourceVersion"], first["metadata"]["continue"]
    await api.delete("configmaps/b")
    change = {"metadata": {"labels": {"set": None, "later": "1"}}}
    (await api.ask("PATCH", "configmaps/c", change, type_=MERGE)).done()
    (await api.post("configmaps", config_map("e", {"set": "1"}))).done(201)
    rest = (await api.get("configmaps", f"labelSelector=set&limit=9&continue={token}")).done()
    assert ([item["metadata"]["name"] for item in rest["items"]], rest["metadata"]["resourceVersion"]) == (
        ["b", "c", "d"],
        revision,
    )
    assert "later" not in rest["items"][1]["metadata"]["labels"]
    exactly = f"labelSelector=set&resourceVersion={revision}&resourceVersionMatch=Exact"
    assert (await api.get("configmaps", exactly)).names == ALL
    assert (await api.get("configmaps", "labelSelector=set")).names == ["a", "d", "e"]


async def test_a_page_of_any_revision_does_not_go_with_a_token(api: Api) -> None:
    await fill(api)
    token = (await api.get("configmaps", "limit=1")).tree["metadata"]["continue"]
    reply = await api.get("configmaps", f"limit=1&continue={token}&resourceVersion=1&resourceVersionMatch=NotOlderThan")
    refused(reply, 422, "Invalid")


@pytest.mark.parametrize("query", ["resourceVersion=0", "resourceVersion={rv}&resourceVersionMatch=NotOlderThan"])
async def test_a_list_may_be_of_a_revision_or_newer(api: Api, query: str) -> None:
    made = (await api.post("configmaps", config_map("new"))).done(201)
    revision = made["metadata"]["resourceVersion"]
    if query == "resourceVersion=0":
        assert (await api.get("configmaps", query)).status == 200
    else:
        assert "new" in (await api.get("configmaps", query.replace("{rv}", revision))).names


async def test_a_list_of_metadata_has_nothing_else(api: Api) -> None:
    await fill(api)
    tree = (await api.get("configmaps", "labelSelector=set", accept=PARTIAL_LIST)).done()
    assert (tree["kind"], tree["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert {frozenset(item) for item in tree["items"]} == {frozenset({"kind", "apiVersion", "metadata"})}
    assert {item["kind"] for item in tree["items"]} == {"PartialObjectMetadata"}


async def test_a_collection_is_deleted_as_it_is_listed(api: Api) -> None:
    await fill(api)
    reply = await api.delete("configmaps", query="labelSelector=app%3Dx")
    assert reply.done()["kind"] in {"ConfigMapList", "Status"}
    assert (await api.get("configmaps", "labelSelector=set")).names == ["c", "d"]
