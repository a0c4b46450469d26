import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from petset.api import meta
from petset.api.types import (
    ConfigMap,
    Container,
    EmptyDirVolumeSource,
    NamespaceCondition,
    ObjectMeta,
    OwnerReference,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
    StatefulSet,
    Volume,
)

NOW = datetime(2026, 11, 23, 5, 12, 0, tzinfo=UTC)


def pod_with_ready(status: str, since: str | None, phase: str = "Running") -> Pod:
    condition = PodCondition(type="Ready", status=status, last_transition_time=since)
    return Pod(status=PodStatus(phase=phase, conditions=[condition]))


def test_a_copy_equals_and_shares_nothing() -> None:
    pod = Pod(
        metadata=ObjectMeta(name="web-0", labels={"app": "nginx"}),
        spec=PodSpec(
            containers=[Container(name="nginx")], volumes=[Volume(name="v", empty_dir=EmptyDirVolumeSource())]
        ),
    )
    copied = meta.copy(pod)
    assert copied == pod
    copied.metadata.labels["app"] = "other"
    copied.spec.containers[0].name = "other"
    assert pod.metadata.labels == {"app": "nginx"}
    assert pod.spec.containers[0].name == "nginx"
    assert copied.spec.volumes[0].empty_dir == EmptyDirVolumeSource()


@pytest.mark.parametrize(
    ("metadata", "key", "text"),
    [
        (ObjectMeta(name="web-0", namespace="default"), ("default", "web-0"), "default/web-0"),
        (ObjectMeta(name="node-1"), ("", "node-1"), "node-1"),
    ],
)
def test_key_is_namespace_and_name(metadata: ObjectMeta, key: tuple[str, str], text: str) -> None:
    found = meta.key_of(Pod(metadata=metadata))
    assert found == key
    assert str(found) == text


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (PodStatus(phase=None), PodStatus(phase=""), True),
        (
            PodSpec(containers=[Container(name="a", image=None)]),
            PodSpec(containers=[Container(name="a", image="")]),
            True,
        ),
        (PodSpec(containers=[Container(name="a")]), PodSpec(containers=[Container(name="b")]), False),
        (PodSpec(containers=[Container(name="a")]), PodSpec(containers=[]), False),
        (Volume(name="v", empty_dir=EmptyDirVolumeSource()), Volume(name="v"), False),
        (ConfigMap(data={"a": ""}), ConfigMap(data={}), False),
        (ConfigMap(data={"a": "1"}), ConfigMap(data={"a": "2"}), False),
        ({"a": None, "b": []}, {"a": "", "b": None}, True),
        (None, [], True),
        (0, None, False),
        (False, None, False),
        (PodStatus(), PodSpec(), False),
    ],
)
def test_semantic_equality_ignores_empty_versus_missing(one: object, other: object, equal: bool) -> None:
    assert meta.semantically_equal(one, other) is equal
    assert meta.semantically_equal(other, one) is equal


def test_revisions_compare_as_numbers() -> None:
    assert meta.revision("9") < meta.revision("10")
    assert meta.revision("") == 0
    assert meta.revision_of(Pod(metadata=ObjectMeta(resource_version="17"))) == 17
    with pytest.raises(ValueError, match="invalid literal"):
        meta.revision("x")


def test_controller_reference_names_the_owner_and_blocks_its_deletion() -> None:
    owner = StatefulSet(metadata=ObjectMeta(name="web", uid="u1"))
    reference = meta.owner_reference(owner)
    assert reference == OwnerReference(
        api_version="apps/v1", kind="StatefulSet", name="web", uid="u1", controller=True, block_owner_deletion=True
    )
    plain = meta.owner_reference(owner, controller=False)
    assert plain.controller is None
    assert plain.block_owner_deletion is None


def test_ownership_is_by_uid() -> None:
    owner = StatefulSet(metadata=ObjectMeta(name="web", uid="u1"))
    recreated = StatefulSet(metadata=ObjectMeta(name="web", uid="u2"))
    controlled = Pod(metadata=ObjectMeta(owner_references=[meta.owner_reference(owner)]))
    owned = Pod(metadata=ObjectMeta(owner_references=[meta.owner_reference(owner, controller=False)]))
    assert meta.controller_of(controlled) == meta.owner_reference(owner)
    assert meta.controller_of(owned) is None
    assert [meta.is_controlled_by(p, owner) for p in (controlled, owned)] == [True, False]
    assert [meta.is_owned_by(p, owner) for p in (controlled, owned)] == [True, True]
    assert not meta.is_controlled_by(controlled, recreated)
    assert not meta.is_owned_by(controlled, recreated)


def test_finalizers_are_added_once_and_removed() -> None:
    pod = Pod(metadata=ObjectMeta(finalizers=["a"]))
    assert not meta.add_finalizer(pod, "a")
    assert meta.add_finalizer(pod, "b")
    assert pod.metadata.finalizers == ["a", "b"]
    assert meta.remove_finalizer(pod, "a")
    assert not meta.remove_finalizer(pod, "a")
    assert meta.has_finalizer(pod, "b")
    assert not meta.has_finalizer(pod, "a")


def test_terminating_means_a_deletion_timestamp() -> None:
    assert not meta.is_terminating(Pod())
    assert meta.is_terminating(Pod(metadata=ObjectMeta(deletion_timestamp="2026-11-23T05:12:00Z")))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T05:12:00Z", NOW),
        ("2026-11-23T06:12:00+01:00", NOW),
        ("2026-11-23T05:12:00.25Z", NOW + timedelta(milliseconds=250)),
        ("2026-11-23T05:12:00.123456789Z", NOW + timedelta(microseconds=123456)),
    ],
)
def test_times_parse(text: str, moment: datetime) -> None:
    assert meta.parse_time(text) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T05:12:00", "2026-11-23"])
def test_times_without_offset_or_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|Invalid isoformat"):
        meta.parse_time(text)


def test_times_are_written_in_utc() -> None:
    moment = datetime(2026, 11, 23, 6, 12, 0, 25, tzinfo=timezone(timedelta(hours=1)))
    assert meta.format_time(moment) == "2026-11-23T05:12:00Z"
    assert meta.format_micro_time(moment) == "2026-11-23T05:12:00.000025Z"


def test_transition_time_moves_only_with_the_status() -> None:
    conditions: list[PodCondition] = []
    later = NOW + timedelta(seconds=90)
    assert meta.set_condition(conditions, PodCondition(type="Ready", status="False", reason="A"), NOW)
    assert not meta.set_condition(conditions, PodCondition(type="Ready", status="False", reason="A"), later)
    assert meta.set_condition(conditions, PodCondition(type="Ready", status="False", reason="B"), later)
    assert conditions == [
        PodCondition(type="Ready", status="False", reason="B", last_transition_time="2026-11-23T05:12:00Z")
    ]
    assert meta.set_condition(conditions, PodCondition(type="Ready", status="True"), later)
    assert conditions[0].last_transition_time == "2026-11-23T05:13:30Z"


def test_conditions_of_every_kind_are_found_by_type() -> None:
    conditions = [NamespaceCondition(type="A", status="True"), NamespaceCondition(type="B", status="False")]
    found = meta.get_condition(conditions, "B")
    assert found is conditions[1]
    assert meta.get_condition(conditions, "C") is None


@pytest.mark.parametrize(
    ("pod", "ready", "running_and_ready"),
    [
        (Pod(), False, False),
        (pod_with_ready("True", None), True, True),
        (pod_with_ready("True", None, phase="Pending"), True, False),
        (pod_with_ready("False", None), False, False),
        (pod_with_ready("Unknown", None), False, False),
    ],
)
def test_readiness_reads_the_condition_and_running_the_phase(pod: Pod, ready: bool, running_and_ready: bool) -> None:
    assert meta.is_pod_ready(pod) is ready
    assert meta.is_running_and_ready(pod) is running_and_ready


@pytest.mark.parametrize(
    ("pod", "min_ready_seconds", "seconds"),
    [
        (pod_with_ready("False", "2026-11-23T05:00:00Z"), 0, math.inf),
        (pod_with_ready("True", None), 0, 0),
        (pod_with_ready("True", None), 10, math.inf),
        (pod_with_ready("True", "2026-11-23T05:11:50Z"), 10, 0),
        (pod_with_ready("True", "2026-11-23T05:11:51Z"), 10, 1),
        (pod_with_ready("True", "2026-11-23T05:12:00Z"), 30, 30),
    ],
)
def test_available_means_ready_for_min_ready_seconds(pod: Pod, min_ready_seconds: int, seconds: float) -> None:
    assert meta.seconds_until_available(pod, min_ready_seconds, NOW) == seconds
    assert meta.is_pod_available(pod, min_ready_seconds, NOW) is (seconds == 0)
