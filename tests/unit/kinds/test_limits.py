"""Limit ranges and quotas: defaults, rules, what may change, and the lines kubectl prints."""

from datetime import UTC, datetime

import pytest

from petset.api.types import LimitRange, LimitRangeItem, ResourceQuota
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged, update_errors

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def limits(*items: Tree) -> Tree:
    return {"metadata": {"name": "limits", "namespace": "default"}, "spec": {"limits": list(items)}}


def container(change: Tree) -> Tree:
    return limits({"type": "Container", **change})


def only_item(tree: Tree) -> LimitRangeItem:
    items = created(LimitRange, tree).spec.limits
    assert items is not None
    (item,) = items
    return item


def quota(hard: Tree, **spec: object) -> Tree:
    return {"metadata": {"name": "quota", "namespace": "default"}, "spec": {"hard": hard, **spec}}


@pytest.mark.parametrize(
    ("item", "limit", "usual_request"),
    [
        ({"max": {"cpu": "2"}}, {"cpu": "2"}, {"cpu": "2"}),
        ({"max": {"cpu": "2"}, "default": {"cpu": "1"}}, {"cpu": "1"}, {"cpu": "1"}),
        ({"default": {"cpu": "1"}, "defaultRequest": {"cpu": "0.5"}}, {"cpu": "1"}, {"cpu": "500m"}),
        ({"min": {"cpu": "100m"}}, {}, {"cpu": "100m"}),
        ({"min": {"cpu": "100m"}, "max": {"cpu": "1"}}, {"cpu": "1"}, {"cpu": "1"}),
    ],
)
def test_the_usual_amounts_of_containers_follow_from_the_others(item: Tree, limit: Tree, usual_request: Tree) -> None:
    found_item = only_item(container(item))
    assert (found_item.default, found_item.default_request) == (limit, usual_request)


@pytest.mark.parametrize("kind", ["Pod", "PersistentVolumeClaim"])
def test_nothing_else_has_usual_amounts(kind: str) -> None:
    item = only_item(limits({"type": kind, "max": {"storage": "1Gi"}}))
    assert (item.default, item.default_request) == ({}, {})


ITEM = "spec.limits[0]"


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        (limits({}), f"{ITEM}.type", 'Invalid value: "": name part must be non-empty'),
        (limits({"type": "Node"}), f"{ITEM}.type", 'Invalid value: "Node": must be a standard limit type or fully'),
        (limits({"type": "Pod"}, {"type": "Pod"}), "spec.limits[1].type", 'Duplicate value: "Pod"'),
        (container({"max": {"disk": "1"}}), f"{ITEM}.max[disk]", 'Invalid value: "disk": must be a standard resource'),
        (
            container({"max": {"pods": "1"}}),
            f"{ITEM}.max[pods]",
            'Invalid value: "pods": must be a standard resource for containers',
        ),
        (
            container({"max": {"requests.a.b/c": "1"}}),
            f"{ITEM}.max[requests.a.b/c]",
            'Invalid value: "requests.a.b/c": doesn\'t follow extended resource name standard',
        ),
        (
            limits({"type": "Pod", "default": {"cpu": "1"}}),
            f"{ITEM}.default",
            "Forbidden: may not be specified when `type` is 'Pod'",
        ),
        (
            limits({"type": "Pod", "defaultRequest": {"cpu": "1"}}),
            f"{ITEM}.defaultRequest",
            "Forbidden: may not be specified when `type` is 'Pod'",
        ),
        (
            limits({"type": "PersistentVolumeClaim"}),
            f"{ITEM}.limits",
            "Required value: either minimum or maximum storage value is required, but neither was provided",
        ),
        (
            container({"min": {"cpu": "2"}, "max": {"cpu": "1"}}),
            f"{ITEM}.min[cpu]",
            'Invalid value: "2": min value 2 is greater than max value 1',
        ),
        (
            container({"min": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}}),
            f"{ITEM}.defaultRequest[cpu]",
            'Invalid value: "1": min value 2 is greater than default request value 1',
        ),
        (
            container({"max": {"cpu": "2"}, "defaultRequest": {"cpu": "3"}}),
            f"{ITEM}.defaultRequest[cpu]",
            'Invalid value: "3": default request value 3 is greater than max value 2',
        ),
        (
            container({"default": {"cpu": "2"}, "defaultRequest": {"cpu": "3"}}),
            f"{ITEM}.defaultRequest[cpu]",
            'Invalid value: "3": default request value 3 is greater than default limit value 2',
        ),
        (
            container({"default": {"cpu": "1"}, "min": {"cpu": "2"}}),
            f"{ITEM}.default[cpu]",
            'Invalid value: "2": min value 2 is greater than default value 1',
        ),
        (
            container({"default": {"cpu": "3"}, "max": {"cpu": "2"}}),
            f"{ITEM}.default[cpu]",
            'Invalid value: "2": default value 3 is greater than max value 2',
        ),
        (
            container({"maxLimitRequestRatio": {"cpu": "0.5"}}),
            f"{ITEM}.maxLimitRequestRatio[cpu]",
            'Invalid value: "500m": ratio 500m is less than 1',
        ),
        (
            container({"maxLimitRequestRatio": {"cpu": "3"}, "min": {"cpu": "1"}, "max": {"cpu": "2"}}),
            f"{ITEM}.maxLimitRequestRatio[cpu]",
            'Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
        ),
        (
            container({"default": {"a.b/c": "2"}, "defaultRequest": {"a.b/c": "1"}}),
            f"{ITEM}.defaultRequest[a.b/c]",
            'Invalid value: "1": default value 2 must equal to defaultRequest value 1 in a.b/c',
        ),
    ],
)
def test_refuses_limit_range(tree: Tree, path: str, message: str) -> None:
    errors = create_errors(LimitRange, tree)
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    "tree",
    [
        limits(),
        container({"min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "2"}}),
        container({"max": {"example.com/gpu": "2", "hugepages-2Mi": "4Mi"}}),
        limits({"type": "Pod", "max": {"memory": "1Gi"}}, {"type": "PersistentVolumeClaim", "min": {"storage": "1"}}),
        limits({"type": "example.com/thing", "max": {"cpu": "1"}}),
    ],
)
def test_permits_limit_range(tree: Tree) -> None:
    assert create_errors(LimitRange, tree) == []
    assert update_errors(LimitRange, limits(), tree) == []


def scope(**change: object) -> Tree:
    term = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"], **change}
    return {"matchExpressions": [term]}


TERMS = "spec.scopeSelector.matchExpressions"


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        (quota({"disk": "1"}), "spec.hard[disk]", 'Invalid value: "disk": must be a standard resource type or fully'),
        (quota({"storage": "1"}), "spec.hard[storage]", 'Invalid value: "storage": must be a standard resource for qu'),
        (quota({"a/b/c": "1"}), "spec.hard[a/b/c]", 'Invalid value: "a/b/c": a valid label key'),
        (quota({"pods": "-1"}), "spec.hard[pods]", 'Invalid value: "-1": must be greater than or equal to 0'),
        (quota({"pods": "1.5"}), "spec.hard[pods]", 'Invalid value: "1500m": must be an integer'),
        (quota({"example.com/gpu": "0.5"}), "spec.hard[example.com/gpu]", 'Invalid value: "500m": must be an integer'),
        (quota({}, scopes=["Slow"]), "spec.scopes", 'Invalid value: ["Slow"]: unsupported scope'),
        (
            quota({"cpu": "1"}, scopes=["BestEffort"]),
            "spec.scopes",
            'Invalid value: ["BestEffort"]: unsupported scope applied to resource',
        ),
        (
            quota({}, scopes=["Terminating", "NotTerminating"]),
            "spec.scopes",
            'Invalid value: ["Terminating","NotTerminating"]: conflicting scopes',
        ),
        (
            quota({}, scopeSelector=scope(scopeName="Slow")),
            f"{TERMS}.scopeName",
            'Invalid value: "Slow": unsupported scope',
        ),
        (
            quota({}, scopeSelector=scope(scopeName="BestEffort")),
            f"{TERMS}.operator",
            "Invalid value: \"In\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating",
        ),
        (
            quota({}, scopeSelector=scope(values=[])),
            f"{TERMS}.values",
            "Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
        (
            quota({}, scopeSelector=scope(operator="Exists")),
            f"{TERMS}.values",
            "Invalid value: [\"high\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist'",
        ),
        (
            quota({}, scopeSelector=scope(operator="Is")),
            f"{TERMS}.operator",
            'Invalid value: "Is": not a valid selector operator',
        ),
    ],
)
def test_refuses_quota(tree: Tree, path: str, message: str) -> None:
    errors = create_errors(ResourceQuota, tree)
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    "tree",
    [
        quota({}),
        quota({"pods": "10", "requests.cpu": "1", "limits.memory": "1Gi", "requests.storage": "1Ti"}),
        quota({"count/statefulsets.apps": "3", "count/secrets": "4"}),
        quota({"fast.storageclass.storage.k8s.io/requests.storage": "1Gi", "requests.example.com/gpu": "4"}),
        quota({"requests.hugepages-2Mi": "4Mi", "services.nodeports": "0"}),
        quota({"pods": "1", "cpu": "1"}, scopes=["NotBestEffort"]),
        quota({"pods": "1"}, scopeSelector=scope()),
    ],
)
def test_permits_quota(tree: Tree) -> None:
    assert create_errors(ResourceQuota, tree) == []


def test_the_scopes_of_a_quota_stay() -> None:
    errors = update_errors(ResourceQuota, quota({"pods": "1"}), quota({"pods": "1"}, scopes=["BestEffort"]))
    assert found(errors, "spec.scopes", 'Invalid value: ["BestEffort"]: field is immutable')
    assert update_errors(ResourceQuota, quota({"pods": "1"}), quota({"pods": "2"})) == []


def test_refuses_a_status_of_what_cannot_be_limited() -> None:
    strategy = CATALOGUE.of(ResourceQuota).status
    assert strategy is not None
    old = created(ResourceQuota, quota({"pods": "1"}))
    new = defaulted(ResourceQuota, merged(quota({}), {"status": {"hard": {"disk": "1"}, "used": {"pods": "0.5"}}}))
    strategy.prepare_update(new, old)
    assert [error.path for error in strategy.validate_update(new, old)] == ["status.hard[disk]"] * 2 + [
        "status.used[pods]"
    ]


@pytest.mark.parametrize(
    ("hard", "warnings"),
    [
        ({"cpu": "2", "limits.cpu": "1"}, ["ResourceQuota cpu (2) should be less than limits.cpu (1)"]),
        (
            {"requests.memory": "2Gi", "memory": "1", "limits.memory": "1Gi"},
            ["ResourceQuota requests.memory (2Gi) should be less than limits.memory (1Gi)"],
        ),
        ({"requests.cpu": "1", "limits.cpu": "1"}, []),
        ({"requests.storage": "1"}, []),
    ],
)
def test_a_quota_warns_of_requests_above_limits(hard: Tree, warnings: list[str]) -> None:
    assert CATALOGUE.of(ResourceQuota).strategy.warnings(created(ResourceQuota, quota(hard))) == warnings


def test_lines_of_kubectl() -> None:
    hard = {"pods": "10", "limits.cpu": "2", "cpu": "1"}
    tree = merged(quota(hard), {"status": {"hard": hard, "used": {"pods": "3", "limits.cpu": "500m"}}})
    columns = CATALOGUE.of(ResourceQuota).columns
    cells = [column.cell(defaulted(ResourceQuota, tree), NOW) for column in columns]
    assert cells[:3] == ["quota", "cpu: 0/1, pods: 3/10", "limits.cpu: 500m/2"]
    obj = created(LimitRange, limits())
    obj.metadata.creation_timestamp = "2026-11-23T05:00:00Z"
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(LimitRange).columns] == ["limits", "2026-11-23T05:00:00Z"]
