"""Objects as rows, for people."""

from typing import Any

import pytest

from tests.conformance.api import TABLE, Api, Tree, pod
from tests.conformance.objects import claim, service

COLUMNS: list[tuple[str, str, list[str], Any, list[Any]]] = [
    # place, rule, columns (those of wide output in brackets), an object, its first cells
    (
        "pods",
        "",
        ["Name", "Ready", "Status", "Restarts", "Age", "[IP]", "[Node]", "[Nominated Node]", "[Readiness Gates]"],
        pod(),
        ["p", "0/1", "Pending", "0"],
    ),
    (
        "services",
        "",
        ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "[Selector]"],
        service(clusterIP="None", ports=[{"port": 80, "name": "a"}, {"port": 53, "name": "b", "protocol": "UDP"}]),
        ["s", "ClusterIP", "None", "<none>", "80/TCP,53/UDP"],
    ),
    (
        "persistentvolumeclaims",
        "",
        [
            *("Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass", "Age"),
            "[VolumeMode]",
        ],
        claim(storageClassName="none", accessModes=["ReadWriteOnce", "ReadOnlyMany"]),
        ["c", "Pending", "", "", "", "none", "<unset>"],
    ),
    ("configmaps", "", ["Name", "Data", "Age"], {"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}}, ["c", 2]),
    (
        "secrets",
        "",
        ["Name", "Type", "Data", "Age"],
        {"metadata": {"name": "s"}, "stringData": {"a": "1"}},
        ["s", "Opaque", 1],
    ),
    ("serviceaccounts", "", ["Name", "Age"], {"metadata": {"name": "a"}}, ["a"]),
    (
        "leases",
        "",
        ["Name", "Holder", "Age"],
        {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}},
        ["l", "me"],
    ),
]


@pytest.mark.parametrize(
    ("place", "columns", "body", "cells"), [(case[0], *case[2:]) for case in COLUMNS], ids=[case[0] for case in COLUMNS]
)
async def test_rows_have_columns(api: Api, place: str, columns: list[str], body: Tree, cells: list[Any]) -> None:
    (await api.post(place, body)).done(201)
    table = (await api.get(f"{place}/{body['metadata']['name']}", "includeObject=None", accept=TABLE)).done()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    names = [f"[{c['name']}]" if c["priority"] else c["name"] for c in table["columnDefinitions"]]
    assert names == columns
    assert table["rows"][0]["cells"][: len(cells)] == cells
    assert table["rows"][0]["object"] is None
    listed = (await api.get(place, accept=TABLE)).done()
    assert {row["object"]["kind"] for row in listed["rows"]} == {"PartialObjectMetadata"}
    assert len(listed["rows"][0]["cells"]) == len(columns)


async def test_rows_of_a_set(there: Api) -> None:
    table = (await there.get("statefulsets/web", "includeObject=Object", accept=TABLE)).done()
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Ready", "Age", "Containers", "Images"]
    cells = table["rows"][0]["cells"]
    assert (cells[:2], cells[3:]) == (["web", "0/0"], ["nginx,side", "nginx:1.27,side:1"])
    assert table["rows"][0]["object"]["kind"] == "StatefulSet"
