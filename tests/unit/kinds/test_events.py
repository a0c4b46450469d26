"""Events in both of their shapes."""

from datetime import UTC, datetime

import msgspec
import pytest

from petset.api.types import Event, EventsV1Event
from petset.kinds import CATALOGUE
from petset.kinds.events_v1 import from_stored, to_stored
from tests.unit.kinds.samples import Tree, create_errors, defaulted, found, merged, update_errors

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
CORE: Tree = {
    "metadata": {"name": "web.1", "namespace": "default"},
    "involvedObject": {
        "kind": "StatefulSet",
        "namespace": "default",
        "name": "web",
        "uid": "u",
        "apiVersion": "apps/v1",
    },
    "reason": "SuccessfulCreate",
    "message": "create Pod web-0 in StatefulSet web successful\n",
    "source": {"component": "statefulset-controller"},
    "reportingComponent": "statefulset-controller",
    "type": "Normal",
    "count": 2,
    "firstTimestamp": "2026-11-23T05:50:00Z",
    "lastTimestamp": "2026-11-23T05:59:30Z",
}
NEW: Tree = {
    "metadata": {"name": "web.2", "namespace": "default"},
    "regarding": {"kind": "Pod", "namespace": "default", "name": "web-0"},
    "eventTime": "2026-11-23T05:58:00.000000Z",
    "reportingController": "petset.dev/node",
    "reportingInstance": "n",
    "action": "Binding",
    "reason": "Scheduled",
    "note": "assigned",
    "type": "Normal",
    "series": {"count": 4, "lastObservedTime": "2026-11-23T05:59:00.000000Z"},
}


def test_the_newer_shape_holds_the_same_event() -> None:
    core, new = defaulted(Event, CORE), defaulted(EventsV1Event, NEW)
    assert to_stored(from_stored(core)) == core
    assert from_stored(to_stored(new)) == new
    assert msgspec.to_builtins(from_stored(core))["deprecatedSource"] == {"component": "statefulset-controller"}
    assert CATALOGUE.stored(CATALOGUE.of(EventsV1Event)) is CATALOGUE.of(Event)


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"eventTime": None}, "eventTime", "Required value"),
        ({"reportingController": None}, "reportingController", "Required value"),
        ({"reportingInstance": "x" * 129}, "reportingInstance", 'Invalid value: "": can have at most 128 characters'),
        ({"action": None}, "action", "Required value"),
        ({"reason": None}, "reason", "Required value"),
        ({"note": "x" * 1025}, "message", 'Invalid value: "": can have at most 1024 characters'),
        ({"type": "Info"}, "type", 'Invalid value: "": has invalid value: Info'),
    ],
)
def test_refuses_newer_event(change: Tree, path: str, message: str) -> None:
    errors = create_errors(EventsV1Event, merged(NEW, change))
    assert found(errors, path, message), errors


def test_an_event_of_the_core_group_may_be_recounted_through_the_newer_one() -> None:
    before = merged(NEW, {"eventTime": None, "action": None})
    again = {"series": {"count": 2, "lastObservedTime": "2026-11-23T05:12:00.000000Z"}}
    assert update_errors(EventsV1Event, before, merged(before, again)) == []


@pytest.mark.parametrize(
    ("namespace", "involved", "accepted"),
    [
        ("default", "default", True),
        ("default", None, True),
        ("kube-system", None, False),
        ("team", None, False),
        ("team", "other", False),
    ],
)
def test_an_event_lives_beside_its_object(namespace: str, involved: str | None, accepted: bool) -> None:
    tree = merged(CORE, {"metadata": {"namespace": namespace}, "involvedObject": {"namespace": involved}})
    assert (create_errors(Event, tree) == []) is accepted
    assert (update_errors(Event, tree, tree) == []) is accepted


def test_columns() -> None:
    shown = [
        "30s",
        "Normal",
        "SuccessfulCreate",
        "statefulset/web",
        "",
        "statefulset-controller",
        "create Pod web-0 in StatefulSet web successful",
        "10m",
        2,
        "web.1",
    ]
    core = defaulted(Event, CORE)
    assert [column.cell(core, NOW) for column in CATALOGUE.of(Event).columns] == shown


def test_columns_of_a_series() -> None:
    shown = ["60s", "Normal", "Scheduled", "pod/web-0", "", "petset.dev/node, n", "assigned", "2m", 4, "web.2"]
    new = defaulted(EventsV1Event, NEW)
    assert [column.cell(new, NOW) for column in CATALOGUE.of(EventsV1Event).columns] == shown


def test_selectable_fields() -> None:
    assert CATALOGUE.of(Event).fields(defaulted(Event, CORE)) == {
        "involvedObject.kind": "StatefulSet",
        "involvedObject.namespace": "default",
        "involvedObject.name": "web",
        "involvedObject.uid": "u",
        "involvedObject.apiVersion": "apps/v1",
        "involvedObject.resourceVersion": "",
        "involvedObject.fieldPath": "",
        "reason": "SuccessfulCreate",
        "reportingComponent": "statefulset-controller",
        "source": "statefulset-controller",
        "type": "Normal",
    }
    assert CATALOGUE.of(EventsV1Event).fields(defaulted(EventsV1Event, NEW))["regarding.name"] == "web-0"
